"""What people see on one platform, from its events: as it stands, as it stood, and to wait for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")
PATIENCE_S = 45.0


class Screen:
    """Takes a platform's snapshot and events in. Messages stand under (chat, id), in order of sending."""

    def __init__(self, snapshot: Json) -> None:
        self.platform = str(snapshot["platform"])
        self.bot = str(snapshot["bot"]["id"])
        self.messages: dict[tuple[str, str], Json] = {}
        self.events: list[Json] = []
        self._people = {person["name"]: str(person["id"]) for person in snapshot["people"]}
        self._states: defaultdict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
        self._changed = asyncio.Event()
        for message in snapshot["messages"]:
            self._stand(message)

    def take(self, event: Json) -> None:
        """An event of the server."""
        self.events.append(event)
        if event["type"] in {"message", "edit"}:
            self._stand(event["message"])
        elif event["type"] == "delete":
            self.messages.pop(_key(event["message"]), None)
        elif event["type"] == "delete_bulk":
            for message in event["messages"]:
                self.messages.pop(_key(message), None)
        self._changed.set()

    async def until(self, seen: Callable[[], T | None]) -> T:
        """What `seen` returns, as soon as it is true."""
        while not (found := seen()):
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), PATIENCE_S)
            except TimeoutError:
                shown = [(m["author"]["name"], m["text"]) for m in self.messages.values()]
                raise AssertionError(f"nothing more happens in {self.platform}: {shown}") from None
        return found

    def person(self, name: str) -> str:
        """The id of somebody."""
        return self._people[name]

    def states(self, message: Json) -> list[str]:
        """Every text that a message showed, in order."""
        return [text for _, text in self._states[_key(message)]]

    def streamed_s(self, message: Json) -> float:
        """From the first text of a message to its last change."""
        times = [at for at, _ in self._states[_key(message)]]
        return times[-1] - times[0]

    def is_done(self, message: Json) -> bool:
        """Whether the figures of this answer say that all of it is there."""
        return any(
            event["type"] == "figures" and event["done"] and event["message"] == message["id"]
            for event in self.events
        )

    def by_bot(self, *, replying_to: str | None = None, holding: str = "") -> list[Json]:
        """The bot's messages that everybody sees, with text: all, or replies, or those with these words."""
        return [
            message
            for message in self.messages.values()
            if message["author"]["bot"]
            and message["text"]
            and not message["only_for"]
            and holding in message["text"]
            and (replying_to is None or message["reply_to"] == replying_to)
        ]

    async def answer(
        self, *, replying_to: str | None = None, holding: str = "", button: bool = False
    ) -> Json:
        """The first such message of the bot; waits for it, and for a button under it."""
        return await self.until(
            lambda: next(
                (
                    message
                    for message in self.by_bot(replying_to=replying_to, holding=holding)
                    if message["buttons"] or not button
                ),
                None,
            )
        )

    async def told(self, name: str, words: str) -> None:
        """Wait until somebody alone is told what begins so: an ephemeral message, or what a press answers."""
        person = self.person(name)

        def is_told() -> bool:
            ephemeral = any(
                message["only_for"] == person and message["text"].startswith(words)
                for message in self.messages.values()
            )
            toast = any(
                event["type"] == "answer" and event["to"] == person and event["text"] == words
                for event in self.events
            )
            return ephemeral or toast

        await self.until(is_told)

    def _stand(self, message: Json) -> None:
        self.messages[_key(message)] = message
        states = self._states[_key(message)]
        if message["text"] and (not states or states[-1][1] != message["text"]):
            states.append((asyncio.get_running_loop().time(), message["text"]))


def _key(message: Json) -> tuple[str, str]:
    return str(message["chat"]), str(message["id"])


def made_as(control: Json) -> str:
    """The data of a control as its command made it, without what signs it; with its value on Telegram."""
    data, mark, value = str(control["id"]).partition("|")
    return data.rpartition(".")[0] + mark + value
