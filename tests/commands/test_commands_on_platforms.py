"""Commands from a person's hand to what they see, on both platforms by their real libraries."""

from __future__ import annotations

import pytest

from bots.sandbox.discord.server import DiscordServer
from core.catalogue import say
from core.ports.completions import FinishReason
from tests.commands.hands import Hands, on_platform


async def test_about_says_what_this_is(hands: Hands) -> None:
    await hands.command("about")
    await hands.shows(say("about", version="*").split("*")[0])


async def test_ask_takes_a_model_and_a_persona_for_this_question_alone(hands: Hands) -> None:
    await hands.command("ask", "well?", model="large", persona="poet")
    stream = await hands.asked()
    assert (stream.request.model, stream.prompt) == ("near/large", ["Rhyme.", "well?"])
    stream.finish("Swell.")
    await hands.shows("Swell.")
    assert (await hands.ask("and now?")).request.model == "near/small"


async def test_a_file_is_not_read_and_the_text_beside_it_is_answered(hands: Hands) -> None:
    if isinstance(hands.server, DiscordServer):
        await hands.server.say("Ada", hands.chat, "why?", files=(("notes.txt", b"weirs"),))
    else:
        await hands.server.send_file("Ada", hands.chat, "notes.txt", b"weirs", caption="why?")
    stream = await hands.asked()
    assert stream.prompt == ["why?"]
    stream.finish("Because.")
    await hands.shows(say("attachment"))
    await hands.shows("Because.")


async def test_new_begins_a_conversation(hands: Hands) -> None:
    await hands.answered("one", "First.")
    await hands.command("new")
    await hands.shows(say("new.done"))
    assert (await hands.ask("two")).prompt == ["two"]


@pytest.mark.parametrize("private", [True, False], ids=["private", "shared"])
async def test_stop_ends_the_answer_and_keeps_what_is_there(hands: Hands, private: bool) -> None:
    hands.private = private
    stream = await hands.ask("one")
    stream.say("A beginning that is long enough to be shown. ")
    growing = await hands.shows("A beginning")
    await hands.command("stop")
    await hands.screen.until(lambda: say("ending.stopped") in _now(hands, growing))
    await stream.closed.wait()
    assert _now(hands, growing).startswith("A beginning that is long enough to be shown.")


async def test_retry_answers_again_in_the_answers_own_message(hands: Hands) -> None:
    first = await hands.answered("one", "First.")
    await hands.command("retry")
    stream = await hands.asked()
    assert stream.prompt == ["one"]
    stream.finish("Another one.")
    again = await hands.shows("Another one.")
    assert again["id"] == first["id"]


@pytest.mark.parametrize("private", [True, False], ids=["private", "shared"])
@pytest.mark.parametrize("between", ["nothing", "a message", "another page"])
async def test_retry_shows_the_way_to_an_answer_that_stands_further_up(
    hands: Hands, private: bool, between: str
) -> None:
    """On Telegram by a reply to it, where it is not right above the command; on Discord, where the command is
    answered anyway, by a link. No text stands there twice."""
    hands.private = private
    (await hands.ask("one")).finish("First." + (" Word." * 900 if between == "another page" else ""))
    first = await hands.shows("First.")
    await hands.rested()
    if between == "a message":
        if private:
            await hands.command("about")
            await hands.shows(say("about", version="*").split("*")[0])
        else:
            await hands.say("Hear, hear.", person="Ben")
    await hands.rested()
    typed = _typing(hands)
    await hands.command("retry")
    stream = await hands.asked()
    if hands.platform == "discord":
        await hands.shows(say("exchange.begun_at", link="*").split("*")[0])
    stream.finish("Another one.")
    assert (await hands.shows("Another one."))["id"] == first["id"]
    if hands.platform == "discord":
        assert _typing(hands) == typed, "it would stand there after the end: no message comes"
        at = f"{first['chat']}/{first['id']}"
        told = await hands.shows(say("exchange.begun_at", link="*").split("*")[0])
        assert told["only_for"] == hands.screen.person("Ada")
        assert told["text"].endswith(f"https://discord.com/channels/{_guild(hands)}/{at}")
    elif between != "nothing":
        assert (await hands.shows(say("exchange.above")))["reply_to"] == first["id"]
    await hands.rested()
    said = [one["text"] for one in hands.screen.by_bot()]
    assert said.count("Another one.") == 1
    assert said.count(say("exchange.above")) == (hands.platform == "telegram" and between != "nothing")


def _typing(hands: Hands) -> int:
    """How often the bot was seen to type."""
    return sum(event["type"] == "typing" for event in hands.screen.events)


async def test_who_presses_retry_sees_the_answer(hands: Hands) -> None:
    first = await hands.answered("one", "First.")
    await hands.answered("two", "Second.")
    [button] = hands.screen.messages[first["chat"], first["id"]]["buttons"]
    await hands.server.press("Ada", hands.chat, first["id"], button["id"])
    (await hands.asked()).finish("Another one.")
    assert (await hands.shows("Another one."))["id"] == first["id"]
    await hands.rested()
    assert len(hands.screen.by_bot()) == 2


async def test_retry_from_a_messages_menu_is_for_that_answer(hands: Hands) -> None:
    hands.private = False
    first = await hands.answered("one", "First.")
    await hands.answered("two", "Second.")
    await hands.on_message("retry", first["id"])
    stream = await hands.asked()
    assert stream.prompt == ["one"]
    stream.finish("Another one.")
    assert (await hands.shows("Another one."))["id"] == first["id"]


@pytest.mark.parametrize("private", [True, False], ids=["private", "shared"])
async def test_continue_has_a_cut_answer_go_on(hands: Hands, private: bool) -> None:
    hands.private = private
    (await hands.ask("a tale")).finish("It was a dark night, and", reason=FinishReason.LENGTH)
    await hands.screen.until(
        lambda: any(say("ending.length") in one["text"] for one in hands.screen.by_bot())
    )
    await hands.command("continue")
    stream = await hands.asked()
    assert stream.prompt[-2:] == ["It was a dark night, and", say("continue.question")]
    stream.finish("then it dawned.")
    await hands.shows("then it dawned.")


@pytest.mark.parametrize("private", [True, False], ids=["private", "shared"])
async def test_undo_takes_the_last_exchange_back_with_its_messages(hands: Hands, private: bool) -> None:
    """Telegram tells bots of no deletion, so that this is the one way to have it forgotten there."""
    hands.private = private
    await hands.answered("one", "First.")
    second = await hands.answered("two", "Second.")
    await hands.command("undo")
    await hands.shows(say("undo.done"))
    await hands.screen.until(lambda: (second["chat"], second["id"]) not in hands.screen.messages)
    assert (await hands.ask("three")).prompt == ["one", "First.", "three"]


@pytest.mark.parametrize("name", ["summarise", "translate", "explain"])
async def test_a_message_is_asked_about(hands: Hands, name: str) -> None:
    hands.private = False
    message = await hands.say("Weirs are low dams.", person="Ben")
    await hands.on_message(name, message)
    stream = await hands.asked()
    assert "Weirs are low dams." in stream.prompt[-1]
    assert stream.prompt[-1].endswith(say(f"question.{name}"))
    stream.finish("Low dams.")
    told = await hands.shows("Low dams.")
    assert (told["only_for"] == hands.screen.person("Ada")) is (hands.platform == "discord")


async def test_model_and_persona_hold_for_the_conversation_by_name(hands: Hands) -> None:
    await hands.command("persona", name="calm")
    await hands.shows(say("choose.persona.chosen", name="calm", scope=say("scope.chat")))
    await hands.command("model", name="large")
    await hands.shows(say("choose.model.chosen", name="Large one", scope=say("scope.chat")))
    stream = await hands.ask("well?")
    assert (stream.request.model, stream.prompt) == ("near/large", ["Be calm.", "well?"])


async def test_what_one_chose_in_private_is_exported_and_forgotten(hands: Hands) -> None:
    person = f"{hands.platform}:{hands.screen.person('Ada')}"
    await hands.command("model", name="large")
    await hands.shows(say("choose.model.chosen", name="Large one", scope=say("scope.chat")))
    assert (await hands.service.store.export(person))["choices"] == {"model": "near/large"}
    await hands.command("forget")
    export = "/more export" if hands.platform == "discord" else "/export"
    asked = await hands.shows(say("forget.ask", export=export))
    [yes] = [one["id"] for row in asked["rows"] for one in row if one["label"] == say("button.forget")]
    await hands.server.press("Ada", hands.chat, asked["id"], yes)
    await hands.shows(say("forget.done", entries=1))
    assert (await hands.service.store.export(person))["choices"] == {}
    assert (await hands.ask("well?")).request.model == "near/small"


async def test_start_greets_on_telegram() -> None:
    async with on_platform("telegram") as hands:
        await hands.server.say("Ada", "Ada", "/start")
        await hands.shows(say("start"))


async def test_claim_makes_the_first_admin_in_private(hands: Hands) -> None:
    code = hands.service.access.claim_code()
    assert code is not None
    await hands.command("claim", "wrong")
    await hands.shows(say("claim.wrong"))
    await hands.command("claim", code)
    ada = f"{hands.platform}:{hands.screen.person('Ada')}"
    other = "telegram" if hands.platform == "discord" else "discord"
    await hands.shows(say("claimed", entry=ada, other=f"{other}:YOUR-ID"))
    assert hands.service.access.admins_on(hands.platform) == (ada,)


def _guild(hands: Hands) -> str:
    return hands.place.guild_id or "@me"


def _now(hands: Hands, message: dict[str, str]) -> str:
    return str(hands.screen.messages[message["chat"], message["id"]]["text"])
