"""Slash commands, from the event to the words."""

from __future__ import annotations

import logging
import re

import pytest

from core.catalogue import LANGUAGES, say
from core.commands.registry import registry
from core.messages import Addressed, PlaceKind
from core.policy.access import Access
from tests.service.conftest import ADA, BEN, Bot, robot, shut


async def test_ask_is_answered(bot: Bot) -> None:
    surface = bot.surface(private_answers=True)
    await bot.command(surface, "ask", {"prompt": "what is a sluice?"})
    stream = await bot.model.opened()
    assert stream.prompt == ["what is a sluice?"]
    stream.finish("A gate.")
    await bot.clock.advance(2.0)
    assert surface.texts == ["A gate."]
    assert not surface.messages["m1"].content.private


@pytest.mark.parametrize("blank", ["", " \u200b"])
async def test_ask_with_a_blank_question_is_helped(bot: Bot, blank: str) -> None:
    surface = bot.surface()
    await bot.command(surface, "ask", {"prompt": blank})
    await bot.clock.advance(2.0)
    assert surface.texts == [say("empty")]


async def test_ask_is_refused_to_strangers() -> None:
    bot = Bot(access=Access())
    surface = bot.surface(private_answers=True)
    await bot.command(surface, "ask", {"prompt": "hello"})
    await bot.clock.advance(2.0)
    assert surface.texts == [say("refused.unclaimed", entries="fake:1")]
    assert surface.messages["m1"].content.private
    assert not bot.model.streams
    await shut(bot)


@pytest.mark.parametrize("name", ["help", "start"])
async def test_help_and_start_are_answered(bot: Bot, name: str) -> None:
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    await bot.command(surface, name)
    await bot.clock.advance(2.0)
    [text] = surface.texts
    assert text.startswith(say(name))


async def test_who_asks_often_in_private_is_answered_and_beyond_that_told_once(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    private = bot.surface("p", PlaceKind.PRIVATE)
    for _ in range(40):
        await bot.command(private, "about")
        await bot.clock.advance(1.2)
    assert private.texts.count(say("notices.silent")) == 1
    assert len(private.texts) == 31
    assert caplog.text.count("fake:1 in fake:p asks too often") == 1
    await bot.clock.advance(60.0)
    await bot.command(private, "about")
    await bot.clock.advance(2.0)
    assert len(private.texts) == 32


async def test_who_asks_often_before_others_sees_one_reaction(bot: Bot) -> None:
    group = bot.surface("g")
    for _ in range(9):
        await bot.command(group, "about")
        await bot.say(group, "", addressed=Addressed.MENTION)
        await bot.clock.advance(1.0)
    assert say("notices.silent") not in group.texts
    assert len(group.reactions) == 1


async def test_an_unknown_command_is_answered_only_where_it_can_be_meant_for_us(bot: Bot) -> None:
    group, private = bot.surface("g"), bot.surface("p", PlaceKind.PRIVATE)
    for surface in (group, private):
        await bot.command(surface, "dance")
    await bot.clock.advance(2.0)
    assert group.texts == []
    assert private.texts == [say("unknown_command")]


async def test_commands_of_bots_are_ignored(bot: Bot) -> None:
    surface = bot.surface()
    await bot.command(surface, "ask", {"prompt": "hello"}, author=robot())
    await bot.clock.advance(2.0)
    assert not surface.calls


async def test_claim_makes_the_first_admin_at_once() -> None:
    bot = Bot(access=Access())
    code = bot.access.claim_code() or ""
    surface = bot.surface(kind=PlaceKind.PRIVATE)
    for attempt, author in (("wrong", ADA), (code, ADA), (code, BEN)):
        await bot.command(surface, "claim", {"code": attempt}, author=author)
        await bot.clock.advance(2.0)
    assert surface.texts == [
        say("claim.wrong"),
        say("claimed", entry="fake:1", other="discord:YOUR-ID, telegram:YOUR-ID"),
        say("claim.closed"),
    ]
    await bot.command(surface, "ask", {"prompt": "hello"})
    assert (await bot.model.opened()).prompt == ["hello"]
    await shut(bot)


async def test_where_everybody_is_served_there_is_nothing_to_claim(bot: Bot) -> None:
    private = bot.surface("p", PlaceKind.PRIVATE)
    await bot.command(private, "claim", {"code": "0123456789abcdef"})
    await bot.clock.advance(2.0)
    assert private.texts == [say("claim.needless")]


async def test_claim_pasted_as_a_private_message_is_the_command() -> None:
    bot = Bot(access=Access())
    private = bot.surface("p", PlaceKind.PRIVATE)
    await bot.say(private, f"/claim {bot.access.claim_code()}", addressed=Addressed.PRIVATE)
    await bot.clock.advance(2.0)
    assert private.texts == [say("claimed", entry="fake:1", other="discord:YOUR-ID, telegram:YOUR-ID")]
    await shut(bot)


async def test_a_code_in_a_plain_message_before_others_is_burnt_too() -> None:
    bot = Bot(access=Access())
    code = bot.access.claim_code() or ""
    await bot.say(bot.surface("g"), f"/claim {code}", addressed=Addressed.NO)
    private = bot.surface("p", PlaceKind.PRIVATE)
    await bot.command(private, "claim", {"code": code}, author=BEN)
    await bot.clock.advance(2.0)
    assert private.texts == [say("claim.wrong")]
    await shut(bot)


async def test_claim_before_others_is_not_taken_and_burns_the_code(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bot = Bot(access=Access())
    code = bot.access.claim_code() or ""
    group, private = bot.surface("g"), bot.surface("p", PlaceKind.PRIVATE)
    await bot.command(group, "claim", {"code": code})
    await bot.command(private, "claim", {"code": code}, author=BEN)
    await bot.clock.advance(2.0)
    assert group.texts == [say("claim.private")]
    assert private.texts == [say("claim.wrong")]
    assert code not in caplog.text
    assert (bot.access.claim_code() or "missing") in caplog.text
    await shut(bot)


async def test_a_fault_in_one_event_is_logged_and_not_raised(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(bot.chat.door, "is_new", broken)
    await bot.command(bot.surface(), "help")
    assert "event 1 in fake:c1 failed" in caplog.text


def test_every_command_has_its_words_and_fits_both_platforms() -> None:
    for command in registry():
        assert re.fullmatch(r"[a-z0-9_]{1,32}", command.name)
        required = [argument.required for argument in command.arguments]
        assert required == sorted(required, reverse=True), "the required ones stand first"
        for language in LANGUAGES:
            assert 1 <= len(command.description(language)) <= 100
            assert all(
                1 <= len(command.description_of(argument, language)) <= 100 for argument in command.arguments
            )
            assert not command.message_menu or 1 <= len(command.menu_entry(language)) <= 32
    assert {command.name for command in registry()} >= {"ask", "help", "start", "claim"}
