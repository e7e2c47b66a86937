"""Whoever has something asked is weighed as who they are when it is asked, whichever way it came.

The places where a turn is made are read from the code: a new one is missed here first.
"""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from core.catalogue import say
from core.configuration import Budgets, Limits
from core.messages import Addressed, MessageRef, Person, Place, PlaceKind, Quote
from core.policy.access import Access, Permits
from core.policy.budgets import Refused
from core.ports.completions import FinishReason
from core.ports.reading import Seen
from core.service.spending import Reservation
from tests.fakes.mortal import Life
from tests.fakes.reading import FakeReading
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, Bot, shut
from tests.service.scripted_model import Stream
from tests.service.test_recovery import killed, started

ROOT: Final = Path(__file__).parents[2]
MAKES_TURNS: Final = {
    ("core/service/beginnings.py", "begin"),  # of whatever was asked by `ask`, below
    ("core/service/continuing.py", "_go_on_from"),
    ("core/service/exchanges.py", "_retry"),
    ("core/service/recovery.py", "_turn"),
}
ASKS: Final = {
    ("core/service/listening.py", "take"),
    ("core/commands/about_message.py", "ask_about"),
    ("core/commands/declared/ask.py", "run"),
    ("core/commands/declared/catchup.py", "_catch_up"),
    ("core/commands/declared/chat.py", "_begin_there"),
    ("core/commands/declared/chat.py", "_begin_here"),
}
EVA: Final = Person("fake", "5", "Eva", manages_messages=True)
"""Whoever does it; she may do it with others' answers, too."""
OTHER: Final = Person("fake", "6", "Otto")
QUOTE: Final = Quote(MessageRef("t1", "x1"), "Otto", "a weir", author_id="6")

Way: TypeAlias = Callable[[Bot, FakeSurface, MessageRef], Awaitable[object]]
"""Of what somebody does in a thread, given a cut answer to another that stands there. What `/chat` asks is
not among them: it comes by `ask`, too, and begins a conversation, where nothing is before it."""


def _saying(addressed: Addressed) -> Way:
    return lambda bot, there, _: bot.say(there, "and?", author=EVA, addressed=addressed)


def _command(name: str, **given: str) -> Way:
    return lambda bot, there, _: bot.command(there, name, given, author=EVA)


def _on_message(name: str) -> Way:
    return lambda bot, there, _: bot.command(there, name, author=EVA, target=QUOTE)


def _on_answer(name: str) -> Way:
    def do(bot: Bot, there: FakeSurface, answer: MessageRef) -> Awaitable[object]:
        target = Quote(answer, "Sluice", "Once", by_us=True)
        return bot.command(there, name, author=EVA, target=target)

    return do


def _button(key: str) -> Way:
    return lambda bot, there, answer: bot.press_label(there, answer, say(key), author=EVA)


WAYS: Final[dict[str, Way]] = {
    "mention": _saying(Addressed.MENTION),
    "reply": lambda bot, there, answer: bot.reply(there, "and?", answer, author=EVA),
    "private message": _saying(Addressed.PRIVATE),
    "ask": _command("ask", prompt="and?"),
    "catchup": _command("catchup"),
    **{f"menu: {name}": _on_message(name) for name in ("summarise", "translate", "explain")},
    "menu: retry": _on_answer("retry"),
    "reply with continue": lambda bot, there, answer: bot.command(
        there, "continue", author=EVA, quote=Quote(answer, "Sluice", "Once", by_us=True)
    ),
    "button: retry": _button("button.retry"),
    "button: continue": _button("button.continue"),
}


def _calls(named: str) -> Iterator[tuple[str, str, ast.Call]]:
    """Every call of this in the code: the file, the function that it stands in, itself."""
    for folder in ("core", "bots"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for function in ast.walk(ast.parse(file.read_text())):
                if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and ast.unparse(call.func) == named:
                        yield str(file.relative_to(ROOT)), function.name, call


def test_turns_are_made_nowhere_else() -> None:
    assert {(file, name) for file, name, _ in _calls("Turn")} == MAKES_TURNS
    asks = [
        *_calls("self._take_question"),
        *_calls("self.ask"),
        *_calls("chat.ask"),
        *_calls("call.services.chat.ask"),
    ]
    assert {(file, name) for file, name, _ in asks} == ASKS


def test_a_model_is_asked_for_turns_nowhere_else() -> None:
    """A summary and a judge come with a turn."""
    asks = {(file, name) for file, name, _ in _calls("self._completions.stream")}
    assert asks == {
        ("core/service/generation.py", "_stream"),
        ("core/service/summaries.py", "_ask"),
        ("core/adapters/moderation.py", "check"),
    }


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    bot = Bot(access=Access(allow_everybody=True), life=Life())
    yield bot
    if bot.life is not None and not bot.life.is_over:
        await shut(bot)


async def waiting(bot: Bot, there: FakeSurface, way: Way) -> Stream:
    """Eva does it while another's question is answered, behind which it waits: the stream of that one."""
    there.reading = FakeReading(Seen(MessageRef("t1", "x2"), ADA, "a lock", bot.clock.wall()))
    cut = await bot.asked(there, "a tale?")
    cut.finish("Once", reason=FinishReason.LENGTH)
    await bot.clock.advance(2.0)
    answer = MessageRef("t1", list(there.messages)[-1])
    before = await bot.asked(there, "meanwhile?", author=OTHER)
    await way(bot, there, answer)
    await bot.clock.advance(2.0)
    assert len(bot.model.streams) == 2
    return before


def payers(bot: Bot) -> list[tuple[Person, Place]]:
    """Who is weighed for tokens from now on, and where."""
    found: list[tuple[Person, Place]] = []
    reserve = bot.spending.reserve

    async def reserved(
        person: Person, place: Place, model: str, *, prompt: int, answer: int, beside: bool = False
    ) -> Reservation | Refused:
        found.append((person, place))
        return await reserve(person, place, model, prompt=prompt, answer=answer, beside=beside)

    bot.spending.reserve = reserved  # type: ignore[method-assign]
    return found


async def after(bot: Bot, there: FakeSurface, way: Way, change: str) -> Bot:
    """Something changes while it waits, and then its turn comes, perhaps in the next process."""
    before = await waiting(bot, there, way)
    if change == "killed and denied":
        await killed(bot)
        bot = await started(bot, there)
        before = await bot.model.opened()
    match change:
        case "denied" | "killed and denied":
            bot.access.add(Permits(deny=frozenset({"fake:user:5"})))
        case "narrowed":
            await bot.chat.choices.choose("chat:fake:t1", "usable", "off")
        case "spent":
            bot.live.swap(replace(bot.live.current, budgets=Budgets(user=Limits(0))))
    before.finish("So.")
    await bot.clock.advance(5.0)
    return bot


@pytest.mark.parametrize("name", WAYS)
async def test_who_does_it_pays_as_who_they_are(bot: Bot, name: str) -> None:
    there = bot.surface("t1", PlaceKind.THREAD)
    before = await waiting(bot, there, WAYS[name])
    weighed = payers(bot)
    before.finish("So.")
    await bot.clock.advance(5.0)
    assert len(bot.model.streams) == 3
    assert weighed == [(EVA, there.place)]


@pytest.mark.parametrize("change", ["denied", "narrowed", "spent", "killed and denied"])
@pytest.mark.parametrize("name", WAYS)
async def test_who_may_not_by_then_asks_nothing(bot: Bot, name: str, change: str) -> None:
    there = bot.surface("t1", PlaceKind.THREAD)
    streams = len((now := await after(bot, there, WAYS[name], change)).model.streams)
    assert streams == (1 if change.startswith("killed") else 2)
    assert not now.chat.answering
    if now is not bot:
        await shut(now)
