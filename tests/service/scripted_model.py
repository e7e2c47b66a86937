"""A model that says what the test tells it to, when it tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from core.ports.completions import CompletionRequest, Finished, FinishReason, StreamEvent, TextDelta


class Stream:
    """One answer of the scripted model."""

    def __init__(self, request: CompletionRequest) -> None:
        self.request = request
        self.closed = asyncio.Event()  # the caller has let go of it, or it has ended
        self._events: asyncio.Queue[StreamEvent | Exception] = asyncio.Queue()

    @property
    def prompt(self) -> list[str]:
        return [message.content for message in self.request.messages]

    def say(self, *texts: str) -> None:
        for text in texts:
            self._events.put_nowait(TextDelta(text))

    def emit(self, event: StreamEvent | Exception) -> None:
        """Any event; an exception is raised."""
        self._events.put_nowait(event)

    def finish(self, *texts: str, reason: FinishReason = FinishReason.STOP) -> None:
        self.say(*texts)
        self.emit(Finished(reason))

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        try:
            while True:
                event = await self._events.get()
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            self.closed.set()


class ScriptedModel:
    """The port `Completions`. `await opened()` gives the streams as they were asked for, in order."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self._opened: asyncio.Queue[Stream] = asyncio.Queue()

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        stream = Stream(request)
        self.streams.append(stream)
        self._opened.put_nowait(stream)
        events = stream.events()
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    async def opened(self) -> Stream:
        return await self._opened.get()

    async def aclose(self) -> None:
        return None
