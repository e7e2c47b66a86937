"""Every question asked and what stands under it on both platforms, from the platforms' own events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from bots.discord.markdown import DiscordRenderer
from bots.telegram.markdown import TelegramRenderer
from core.catalogue import say
from core.streaming.operations import FileContent
from core.streaming.rendering import Renderer
from tests.torture.judge import Law, Shown, Verdict, judged, words_in
from tests.torture.texts import Tale, asked_for, told_in

Json: TypeAlias = dict[str, Any]
Platform: TypeAlias = Literal["discord", "telegram"]
PLATFORMS: Final[tuple[Platform, ...]] = ("discord", "telegram")
RENDERERS: Final[dict[Platform, Renderer]] = {"discord": DiscordRenderer(), "telegram": TelegramRenderer()}
UNSEEN: Final = Verdict(None, "nothing is visible")
_STOP: Final = say("button.stop")
_SORRY: Final = say("reaction.sorry")
_IN_LINE: Final = say("queued", place=1).partition(":")[0]
_JUDGED_EVERY_S: Final = 0.2


@dataclass(slots=True)
class Asked:
    """A question. Times are of the monotonic clock. `chat`: the platform's id; `by_command`: by a slash
    command, which Discord offers once; `message`: the question's own; `sorry`: a reaction under it says that
    there is no answer; `spoilt`: somebody deleted a message of the answer; `words`: the most that were
    visible; `copies`: so many of its messages may stand there twice; `unheard`: those of its messages that
    Telegram took without being able to say so."""

    tale: Tale
    platform: Platform
    place: str
    chat: str
    by_command: bool
    at: float
    first_seen_at: float | None = None
    settled_at: float | None = None
    message: str = ""
    sorry: bool = False
    spoilt: bool = False
    words: int = 0
    copies: int = 0
    unheard: set[str] = field(default_factory=set)
    verdict: Verdict = UNSEEN
    messages: dict[str, Json] = field(default_factory=dict)
    came_at: dict[str, float] = field(default_factory=dict)  # by message of the answer
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        return self.tale.name

    @property
    def taken(self) -> bool:
        """Whether the bot is bound to answer: what a slash command says to a process that dies is lost."""
        return not self.by_command or bool(self.messages)


class Ledger:
    """`told` says all that the model has said of a tale; `file` gives what hangs on a message. `troubled`:
    the platforms fail, and no process is killed, so that nothing but an answer unheard explains a copy."""

    def __init__(
        self,
        told: Callable[[str], str],
        file: Callable[[Platform, str], bytes | None],
        marks: Sequence[str],
        *,
        bare: bool = False,
        troubled: bool = False,
    ) -> None:
        self.asked: dict[str, Asked] = {}
        self.strays: list[str] = []
        self.changed = asyncio.Event()
        self._told = told
        self._file = file
        self._marks = marks
        self._bare = bare
        self._troubled = troubled
        self._last_in: dict[tuple[Platform, str], str] = {}
        self._names: dict[tuple[Platform, str, str], str] = {}
        self._questions: dict[tuple[Platform, str, str], str] = {}  # that are forgotten, by their message
        self._unjudged: set[str] = set()
        self._forgotten: set[str] = set()

    def ask(self, asked: Asked) -> None:
        """Before it is sent, so that no answer can come before it."""
        self.asked[asked.name] = asked
        self._last_in[asked.platform, asked.chat] = asked.name

    def take(self, platform: Platform, event: Json) -> None:
        """An event of a platform."""
        if event["type"] in ("message", "edit"):
            message = event["message"]
            if message["author"]["name"] != "Sluice":
                self._take_reactions(platform, message)
            elif not (message["service"] or message["only_for"] or _is_place_in_line(message)):
                self._stand(platform, message)
        elif event["type"] in ("delete", "delete_bulk"):
            for message in event.get("messages") or [event["message"]]:
                name = self._names.get((platform, message["chat"], message["id"]))
                if name is not None:
                    self.asked[name].messages.pop(message["id"], None)
                    self._unjudged.add(name)
        elif event["type"] == "request" and event["status"] == 0 and platform == "telegram":
            self._take_unheard(event)
        self.changed.set()

    def judge(self) -> None:
        """Bring the verdicts up to date."""
        for name in self._unjudged:
            one = self.asked[name]
            one.verdict = self._judged(one)
            if one.verdict.ending is None:
                one.settled_at = None
                one.settled.clear()
            elif one.settled_at is None:
                one.settled_at = time.monotonic()
                one.settled.set()
        self._unjudged.clear()

    async def keep_judging(self) -> None:
        """For ever, a few times a second: for those who wait for `Asked.settled`."""
        while True:
            self.judge()
            await asyncio.sleep(_JUDGED_EVERY_S)

    async def until(self, seen: Callable[[], bool], within_s: float) -> bool:
        """Wait for something to be so, looked at after each event; whether it came to be."""
        try:
            async with asyncio.timeout(within_s):
                while not seen():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            return seen()
        return True

    def forget(self, names: Sequence[str]) -> None:
        """Let go of questions that are settled: their messages are no longer looked at."""
        for name in names:
            one = self.asked.pop(name)
            self._forgotten.add(name)
            self._questions[one.platform, one.chat, one.message] = name
            self._unjudged.discard(name)
            for message in one.messages:
                self._names.pop((one.platform, one.chat, message), None)

    def shown(self, asked: Asked) -> list[Shown]:
        """The messages of its answer, in their order."""
        return [self._one(asked.platform, message) for _, message in sorted(asked.messages.items(), key=_age)]

    def _take_reactions(self, platform: Platform, message: Json) -> None:
        if any(one["emoji"] == _SORRY for one in message["reactions"]):
            for asked in self.asked.values():
                if (asked.platform, asked.chat, asked.message) == (platform, message["chat"], message["id"]):
                    asked.sorry = True
                    self._unjudged.add(asked.name)

    def ends(self, asked: Asked) -> list[str]:
        """How its messages end, for who looks what is wrong with them."""
        return [f"{one.file.name if one.file else ''} {one.text[-70:]}".strip() for one in self.shown(asked)]

    def _judged(self, asked: Asked) -> Verdict:
        spare = len(asked.unheard) if self._troubled else asked.copies
        law = Law(
            told=self._told(asked.name),
            whole=asked.tale.text,
            renderer=RENDERERS[asked.platform],
            marks=self._marks,
            least=asked.words,
            spare=spare,
            bare=self._bare,
            marked_copies=self._troubled,
        )
        shown = [one for one in self.shown(asked) if one.text or one.file]
        if asked.sorry and not shown and self._bare:
            return Verdict("sorry")
        if asked.spoilt and not any(one.growing for one in shown):  # else the next one would wait behind it
            words = words_in(shown)
            doubled = len(set(words)) < len(words) and not spare
            return Verdict(None, "a word stands twice") if doubled else Verdict("deleted")
        return judged(shown, law)

    def _stand(self, platform: Platform, message: Json) -> None:
        key = (platform, message["chat"], message["id"])
        command = asked_for(message["command"] or "")
        name = told_in(message["text"]) or (command.name if command else None)
        name = name or self._of_file(platform, message)
        guess = self._names.get(key)
        if guess is not None and name not in {None, guess}:
            self.asked[guess].messages.pop(message["id"], None)
            self._unjudged.add(guess)
            del self._names[key]
        name = name or guess or self._replied_to(platform, message) or self._last_in.get(key[:2])
        if name in self._forgotten:
            return
        if name not in self.asked:
            self.strays.append(f"{platform} {message['chat']}: {message['text'][:80]!r}")
            return
        self._names[key] = name
        asked = self.asked[name]
        asked.messages[message["id"]] = message
        asked.came_at.setdefault(message["id"], time.monotonic())
        if asked.first_seen_at is None and message["text"]:
            asked.first_seen_at = time.monotonic()
        asked.words = max(asked.words, len(set(words_in(self.shown(asked)))))
        self._unjudged.add(name)

    def _take_unheard(self, request: Json) -> None:
        name = self._names.get(("telegram", request["chat"], request["message"]))
        if name is not None and request["route"].lower().startswith("send"):
            self.asked[name].unheard.add(request["message"])
            self._unjudged.add(name)

    def _of_file(self, platform: Platform, message: Json) -> str | None:
        return next(
            (
                name
                for file in message["files"]
                if (name := told_in((self._file(platform, file["id"]) or b"").decode()))
            ),
            None,
        )

    def _replied_to(self, platform: Platform, message: Json) -> str | None:
        """Whose answer it says it is: a mark that comes late may be a former question's."""
        question = (platform, message["chat"], message["reply_to"] or "")
        for one in self.asked.values():
            if one.message and (one.platform, one.chat, one.message) == question:
                return one.name
        return self._questions.get(question)

    def _one(self, platform: Platform, message: Json) -> Shown:
        files = [
            FileContent(file["name"], self._file(platform, file["id"]) or b"") for file in message["files"]
        ]
        growing = any(button["label"] == _STOP for button in message["buttons"])
        return Shown(message["id"], message["text"], files[0] if files else None, growing)


def _is_place_in_line(message: Json) -> bool:
    """Who asks next has to wait where the end before it is heard of late: from a platform that fails, or on a
    machine that is busy."""
    return bool(message["text"].startswith(_IN_LINE))


def _age(item: tuple[str, Json]) -> int:
    return int(item[0])
