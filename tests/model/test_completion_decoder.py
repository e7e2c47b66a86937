"""The decoder alone: what many servers send, cut anywhere, and every way it can break."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.completion_decoder import CompletionDecoder
from core.ports.completions import ModelError, ModelErrorKind, StreamEvent, TextDelta, Usage
from tests.model.chunking import cut_at, cuts
from tests.model.transcripts import TRANSCRIPTS, chunk, sse


def _decode(chunks: list[bytes]) -> tuple[list[StreamEvent], ModelError | None]:
    decoder = CompletionDecoder()
    events: list[StreamEvent] = []
    try:
        for piece in chunks:
            events.extend(decoder.feed(piece))
        events.extend(decoder.end())
    except ModelError as error:
        return events, error
    return events, None


@pytest.mark.parametrize("maker", TRANSCRIPTS)
def test_what_servers_send(maker: str) -> None:
    """Every make's body gives its events."""
    transcript = TRANSCRIPTS[maker]
    assert _decode([transcript.body]) == (list(transcript.events), None)


@given(st.sampled_from(sorted(TRANSCRIPTS)), st.data())
def test_any_chunking_gives_the_same_deltas(maker: str, data: st.DataObject) -> None:
    """Wherever the network cuts the body."""
    transcript = TRANSCRIPTS[maker]
    chunks = cut_at(transcript.body, data.draw(cuts(len(transcript.body))))
    assert _decode(chunks) == (list(transcript.events), None)


@given(st.sampled_from(sorted(TRANSCRIPTS)), st.data())
def test_a_truncated_body_never_passes_for_a_whole_one(maker: str, data: st.DataObject) -> None:
    """Cut short, it either has its ending already or raises, and its text is a prefix of the whole."""
    transcript = TRANSCRIPTS[maker]
    body = transcript.body[: data.draw(st.integers(0, len(transcript.body)))]
    events, error = _decode([body])
    whole = "".join(event.text for event in transcript.events if isinstance(event, TextDelta))
    shown = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert whole.startswith(shown)
    assert error is not None or shown == whole


@given(st.binary(max_size=200))
def test_noise_raises_nothing_but_model_errors(body: bytes) -> None:
    """Bytes that mean nothing are a clear ending too."""
    _, error = _decode([body])
    assert error is not None
    _, error = _decode([b"data: " + body + b"\n\n"])
    assert error is not None


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (rb"a\ud83d", "a\ufffd"),
        (rb"\uDE00b", "\ufffdb"),
        (rb"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (rb"C:\\ud83d \" \u00e9", 'C:\\ud83d " é'),
    ],
)
def test_half_a_surrogate_pair_does_not_end_the_answer(escaped: bytes, text: str) -> None:
    """Gateways that cut text between UTF-16 units escape the halves."""
    body = b'data: {"choices": [{"delta": {"content": "' + escaped + b'"}, "finish_reason": "stop"}]}\n\n'
    events, error = _decode([body])
    assert error is None
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == text


@pytest.mark.parametrize("cut", range(1, 4))
def test_an_emoji_whose_halves_come_in_two_deltas_is_whole(cut: int) -> None:
    units = [rb"\ud83d", rb"\ude00", rb"\ud83d", rb"\udc4b"]
    deltas = [b"".join(units[:cut]), b"".join(units[cut:])]
    body = b"".join(b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % one for one in deltas)
    events, error = _decode([body + sse(chunk({}, finish_reason="stop"))])
    assert error is None
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "😀👋"


_TEXT = sse(chunk({"content": "half"}), done=False)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (_TEXT, ModelErrorKind.BROKEN_STREAM),
        (_TEXT + b'data: {"choices": [{"del\n\n', ModelErrorKind.BROKEN_STREAM),
        (_TEXT + b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n', ModelErrorKind.BROKEN_STREAM),
        (_TEXT + sse(chunk({"content": 7})), ModelErrorKind.BROKEN_STREAM),
        (_TEXT + b"data: " + b"x" * (2 << 20), ModelErrorKind.BROKEN_STREAM),
        (_TEXT + sse({"error": {"message": "boom", "code": None}}), ModelErrorKind.SERVER),
        (_TEXT + sse({"error": "boom"}), ModelErrorKind.SERVER),
        (_TEXT + sse({"error": {"message": "Rate limited", "code": 429}}), ModelErrorKind.RATE_LIMITED),
        (_TEXT + sse({"error": {"code": "rate_limit_exceeded"}}), ModelErrorKind.RATE_LIMITED),
        (_TEXT + sse({"error": {"code": 502}, **chunk({}, "error")}), ModelErrorKind.SERVER),
        (_TEXT + sse({"object": "error", "message": "boom", "code": 500}), ModelErrorKind.SERVER),
        (_TEXT + sse(chunk({}, "abort")), ModelErrorKind.SERVER),
    ],
)
def test_a_fault_keeps_the_text_before_it(body: bytes, kind: ModelErrorKind) -> None:
    """What came is yielded, then the cause is raised."""
    events, error = _decode([body])
    assert events == [TextDelta("half")]
    assert error is not None
    assert error.kind is kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", ModelErrorKind.BROKEN_STREAM),
        (b": only a comment\n\n", ModelErrorKind.BROKEN_STREAM),
        (b"dat", ModelErrorKind.BROKEN_STREAM),
        (b"<!doctype html><title>Welcome</title>", ModelErrorKind.NOT_AN_API),
        (b'{"status": "ok"}', ModelErrorKind.NOT_AN_API),
        (b'{"message": {"content": "a"}}\n{"message": {"content": "b"}}\n', ModelErrorKind.NOT_AN_API),
        (b'{"error": {"message": "no", "code": "invalid_api_key"}}', ModelErrorKind.UNAUTHORIZED),
        (sse(chunk({"role": "assistant"}), chunk({}, "stop")), ModelErrorKind.EMPTY),
        (sse(chunk({"content": " \n"}, "stop")), ModelErrorKind.EMPTY),
        (sse(chunk({"reasoning_content": "hm"}), chunk({}, "length")), ModelErrorKind.EMPTY),
        (sse(chunk({"tool_calls": [{"id": "1"}]}), chunk({}, "tool_calls")), ModelErrorKind.EMPTY),
        (b"data: [DONE]\n\n", ModelErrorKind.EMPTY),
    ],
)
def test_no_text_is_an_error_that_says_why(body: bytes, kind: ModelErrorKind) -> None:
    """No answer ends in silence."""
    _, error = _decode([body])
    assert error is not None
    assert error.kind is kind


def test_nothing_counts_after_done() -> None:
    """What follows [DONE] is no part of the answer."""
    events, error = _decode([sse(chunk({"content": "a"}, "stop")) + sse(chunk({"content": "b"}))])
    assert error is None
    assert TextDelta("b") not in events


@pytest.mark.parametrize("count", [-1, 10**12, 10**30])
def test_counts_that_cannot_be_are_none(count: int) -> None:
    """Below nothing they would give others' budgets back, and beyond what a store holds none is counted."""
    for usage in (
        {"prompt_tokens": count, "completion_tokens": 3},
        {"prompt_tokens": 3, "completion_tokens": count},
    ):
        events, error = _decode([sse(chunk({"content": "hi"}, "stop"), {"choices": [], "usage": usage})])
        assert error is None
        assert not any(isinstance(event, Usage) for event in events)
