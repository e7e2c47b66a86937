"""What each setting does once it is chosen, on both platforms by their real libraries."""

from __future__ import annotations

import pytest

from bots.sandbox.discord.server import DiscordServer
from core.catalogue import say
from core.commands.settings_panel import OPENS
from core.ports.completions import ReasoningDelta
from tests.commands.hands import Hands, plain
from tests.end_to_end.screen import made_as

SILENCE_S = 61 * 60.0


async def test_always_answers_what_does_not_name_the_bot_unless_it_names_another(hands: Hands) -> None:
    hands.private = False
    await hands.choose("when", "always mention reply")
    await hands.say("nobody is named here")
    assert (await hands.asked()).prompt == ["nobody is named here"]


async def test_keywords_are_answered_as_whole_words(hands: Hands) -> None:
    hands.private = False
    await hands.choose("when", "keywords mention reply")
    await hands.choose("keywords", "weir")
    await hands.say("how weird")
    await hands.say("which weir?")
    assert (await hands.asked()).prompt == ["which weir?"]


async def test_commands_only_hears_no_mention(hands: Hands) -> None:
    hands.private = False
    await hands.choose("when", "commands")
    await hands.say("@Sluice @sluice_bot not this")
    await hands.command("ask", "but this")
    assert (await hands.asked()).prompt == ["but this"]


async def test_the_language_of_the_chat_goes_before_the_readers(hands: Hands) -> None:
    hands.private = False
    await hands.choose("language", "pt-BR")
    await hands.command("new")
    await hands.shows(say("new.done", "pt-BR"))


async def test_without_streaming_an_answer_shows_once_it_is_whole(hands: Hands) -> None:
    await hands.choose("streaming", "off")
    stream = await hands.ask("one")
    stream.say(*["A sentence of the answer. "] * 20)
    stream.finish("The end.")
    answer = await hands.shows("A sentence")
    assert hands.screen.states(answer) == [("A sentence of the answer. " * 20 + "The end.")]


async def test_reasoning_stands_above_the_answer(hands: Hands) -> None:
    await hands.choose("reasoning", "on")
    stream = await hands.ask("one")
    stream.emit(ReasoningDelta("Let me think of dams."))
    stream.finish("A weir is a dam.")
    answer = await hands.screen.answer(holding="A weir is a dam.")
    assert answer["text"].index("Let me think of dams.") < answer["text"].index("A weir is a dam.")


async def test_each_question_alone_shows_the_model_nothing_from_before(hands: Hands) -> None:
    await hands.choose("sees", "question")
    await hands.answered("one", "First.")
    assert (await hands.ask("two")).prompt == ["two"]


async def test_a_new_question_interrupts_where_that_is_chosen(hands: Hands) -> None:
    await hands.choose("busy", "interrupt")
    stream = await hands.ask("one")
    stream.say("A beginning that is long enough to be shown. ")
    await hands.shows("A beginning")
    (await hands.ask("two")).finish("Second.")
    await hands.shows("Second.")
    assert hands.screen.by_bot(holding=say("ending.overtaken"))


async def test_a_question_waits_and_is_told_its_place(hands: Hands) -> None:
    stream = await hands.ask("one")
    stream.say("A beginning that is long enough to be shown. ")
    await hands.shows("A beginning")
    await hands.say("two")
    await hands.shows(say("queued", place=1))
    stream.finish("First.")
    assert (await hands.asked()).prompt[-1] == "two"


@pytest.mark.parametrize(
    ("name", "private"),
    [("pause_minutes", False), ("pause_private_minutes", True)],
    ids=["shared", "private"],
)
async def test_after_a_silence_a_conversation_pauses_and_can_go_on(
    hands: Hands, name: str, private: bool
) -> None:
    hands.private = private
    await hands.choose(name, "60")
    await hands.answered("one", "First.")
    await hands.rested()
    hands.clock.move(SILENCE_S)
    stream = await hands.ask("two")
    assert stream.prompt == ["two"]
    stream.finish("Second.")
    await hands.shows("Second.")
    told = await hands.shows(say("paused"))
    [[resume]] = told["rows"]
    await hands.server.press("Ada", hands.chat, told["id"], resume["id"])
    await hands.screen.told("Ada", say("resume.done"))
    assert (await hands.ask("three")).prompt == ["one", "First.", "two", "Second.", "three"]


async def test_a_pause_that_is_switched_off_ends_no_conversation(hands: Hands) -> None:
    hands.private = False
    await hands.choose("pause_minutes", "0")
    await hands.answered("one", "First.")
    await hands.rested()
    hands.clock.move(SILENCE_S)
    assert (await hands.ask("two")).prompt == ["one", "First.", "two"]


async def test_in_a_private_chat_one_sets_ones_own_pause(hands: Hands) -> None:
    await hands.command("settings")
    panel = await hands.shows(say("settings.title", scope=say("scope.chat")))

    def button(what: str) -> str | None:
        now = hands.screen.messages[panel["chat"], panel["id"]]
        found = (one["id"] for row in now["rows"] for one in row if made_as(one).endswith(f":{what}"))
        return next(found, None)

    if hands.platform == "telegram":  # on a page of its own, where any other number can be typed
        opens = await hands.screen.until(lambda: button(f"{OPENS}pause_private_minutes"))
        await hands.server.press("Ada", hands.chat, panel["id"], opens)
    other = await hands.screen.until(lambda: button("pause_private_minutes"))
    await hands.server.press("Ada", hands.chat, panel["id"], other)
    if isinstance(hands.server, DiscordServer):
        server = hands.server
        await hands.screen.until(lambda: server.open_modals("Ada"))
        [form] = server.open_modals("Ada")
        await server.submit("Ada", form["id"], {"pause_private_minutes": "90"})
    else:
        asked = await hands.shows(say("settings.pause.label"))
        await hands.say("90", reply_to=asked["id"])
    words = say("settings.minutes", minutes=90)
    await hands.screen.until(
        lambda: words in plain(hands.screen.messages[panel["chat"], panel["id"]]["text"])
    )
    assert hands.service.chat.choices.pause_s(hands.place) == 90 * 60.0


@pytest.mark.parametrize(("name", "value"), [("usable", "off"), ("roles", "1"), ("managers_only", "on")])
async def test_a_place_can_be_closed_to_all_but_its_managers(hands: Hands, name: str, value: str) -> None:
    hands.private = False
    await hands.choose(name, value)
    mention = "@Sluice" if isinstance(hands.server, DiscordServer) else "@sluice_bot"
    await hands.say(f"{mention} hello", person="Ben")
    await hands.shows(say("refused.narrowed"))
    await hands.answered("hello", "Hello, Ada.")
    assert len(hands.service.model.streams) == 1
