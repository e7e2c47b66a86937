"""Server-sent events, from bytes to the payload of each event.

Follows the parsing rules of the WHATWG HTML standard (section 9.2.6) for `data`; `event`, `id` and
`retry` mean nothing to a chat completion and are skipped, as are comments. It works on bytes, so a
chunk may end anywhere, also inside a UTF-8 character.
"""

from __future__ import annotations

_BOM = b"\xef\xbb\xbf"


class EventTooLongError(ValueError):
    """One event is larger than the splitter was told to hold. Give up on the stream."""


class EventSplitter:
    """Feed it the body as it comes; it returns the data of every event that is complete.

    `max_event_bytes` bounds what a hostile or broken server can make us hold: a megabyte is about a
    thousand times the largest chunk that a chat completion sends.
    """

    def __init__(self, *, max_event_bytes: int = 1 << 20) -> None:
        self._max_event_bytes = max_event_bytes
        self._line = bytearray()  # the line that has not ended yet
        self._data: list[bytes] = []  # the data lines of the event that has not ended yet
        self._data_bytes = 0
        self._after_cr = False  # a CR ended the last line: an LF that follows belongs to it
        self._at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes; return the data of the events that they complete, in order."""
        if not (self._line or self._data) and (events := _whole_events(chunk)):
            self._at_start = self._after_cr = False
            return events
        if self._data_bytes + len(self._line) > self._max_event_bytes:
            raise EventTooLongError(f"an event of more than {self._max_event_bytes} bytes")
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        self._line += chunk
        events = []
        if b"\n" in chunk or b"\r" in chunk:
            lines = bytes(self._line).splitlines(keepends=True)
            self._line.clear()
            if not lines[-1].endswith((b"\n", b"\r")):
                self._line += lines.pop()
            self._after_cr = chunk.endswith(b"\r")
            events = [event for line in lines if (event := self._take(line)) is not None]
        return events

    def flush(self) -> list[bytes]:
        """At the end of the body: the data of an event that lacks its blank line.

        The standard would drop it, but some servers end right after `data: [DONE]`.
        """
        events = [self._take(bytes(self._line)), self._take(b"")]
        self._line.clear()
        return [event for event in events if event is not None]

    def _take(self, line: bytes) -> bytes | None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        line = line.rstrip(b"\r\n")
        if not line:
            if not self._data:
                return None
            event = b"\n".join(self._data)
            self._data.clear()
            self._data_bytes = 0
            return event
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._data_bytes += len(value) + 1  # its line end: empty lines are held, too
        return None


def _whole_events(chunk: bytes) -> list[bytes]:
    """The data of a chunk that is nothing but whole events in the form that nearly all servers send, for
    which the rules above need not be gone through line by line; empty for any other chunk."""
    if not (chunk.startswith(b"data: ") and chunk.endswith(b"\n\n")) or b"\r" in chunk:
        return []
    events = chunk[6:-2].split(b"\n\ndata: ")
    return events if chunk.count(b"\n") == 2 * len(events) else []
