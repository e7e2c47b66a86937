"""Text and entities: what Telegram takes, keeps, finds and refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Bot, MessageEntity
from telegram.error import BadRequest

from bots.sandbox.telegram.server import TelegramServer
from bots.sandbox.telegram.text import (
    MAX_TEXT,
    detected,
    formatted,
    split_by_client,
    utf16_length,
    utf16_slice,
)


@pytest.fixture
def ada(telegram: TelegramServer) -> int:
    """Ada's private chat."""
    return next(int(p["id"]) for p in telegram.snapshot()["people"] if p["name"] == "Ada")


async def test_the_limit_is_in_utf16_units(bot: Bot, ada: int) -> None:
    """2,048 emoji fill a message; one letter more does not fit."""
    full = "🚀" * 2048
    assert (await bot.send_message(ada, full)).text == full
    with pytest.raises(BadRequest, match="Message is too long"):
        await bot.send_message(ada, full + "x")
    with pytest.raises(BadRequest, match="Message text is empty"):
        await bot.send_message(ada, " \n ")


async def test_entities_keep_their_places(bot: Bot, ada: int) -> None:
    """Offsets count UTF-16 units, also over the socket and back."""
    bold = MessageEntity(MessageEntity.BOLD, 3, 4)
    link = MessageEntity(MessageEntity.TEXT_LINK, 8, 4, url="https://example.org/")
    sent = await bot.send_message(ada, "🚀 bold link", entities=[bold, link])
    assert list(sent.parse_entities().values()) == ["bold", "link"]
    assert sent.entities == (bold, link)


@pytest.mark.parametrize(
    ("offset", "length", "reason"),
    [
        (0, 1, "in a middle"),
        (1, 3, "in a middle"),
        (2, 9, "after the end of the text"),
        (-1, 2, "after the end"),
    ],
)
async def test_entities_out_of_place_are_refused(
    bot: Bot, ada: int, offset: int, length: int, reason: str
) -> None:
    """Outside the text, or inside a surrogate pair."""
    with pytest.raises(BadRequest, match=reason):
        await bot.send_message(ada, "🚀🚀🚀", entities=[MessageEntity("bold", offset, length)])


async def test_no_more_than_a_hundred_entities_are_kept(bot: Bot, ada: int) -> None:
    """The rest is dropped without a word."""
    entities = [MessageEntity("bold", 2 * n, 1) for n in range(120)]
    sent = await bot.send_message(ada, "x " * 120, entities=entities)
    assert sent.entities == tuple(entities[:100])


async def test_parse_mode_is_refused_and_not_ignored(bot: Bot, ada: int) -> None:
    """The sandbox parses no Markdown, and says so."""
    with pytest.raises(BadRequest, match="takes entities, no parse_mode"):
        await bot.send_message(ada, "*x*", parse_mode="MarkdownV2")


async def test_a_person_may_write_more_than_one_message_holds(telegram: TelegramServer, bot: Bot) -> None:
    """Their client splits it, and the bot gets the parts in order."""
    text = "word " * 2000
    await telegram.say("Ada", "Ada", text)
    parts = [update.message.text or "" for update in await bot.get_updates() if update.message]
    assert len(parts) == 3
    assert " ".join(parts) == text.strip()


async def test_what_a_person_types_is_cleaned(telegram: TelegramServer, bot: Bot) -> None:
    """Control characters become spaces; a message of nothing else is never sent."""
    await telegram.say("Ada", "Ada", "a\x07b")
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.text == "a b"
    for nothing in ("", " \n", "\x00\x07"):
        with pytest.raises(ValueError, match="no empty message"):
            await telegram.say("Ada", "Ada", nothing)


@given(st.text(st.sampled_from("aé🚀 \n👩‍🚀"), max_size=12_000))
def test_splitting_loses_nothing_but_outer_white_space(text: str) -> None:
    """No part is too long, no character is cut."""
    parts = split_by_client(text)
    assert all(utf16_length(part) <= MAX_TEXT for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_what_telegram_finds_by_itself() -> None:
    """Commands, mentions, addresses and hashtags, as clients and servers mark them."""
    text = "🚀 /ask@a_bot for @Ada_L see https://example.org/a?b=1. #now or mail x@example.org"
    found = [(e["type"], utf16_slice(text, e["offset"], e["length"])) for e in detected(text)]
    assert found == [
        ("bot_command", "/ask@a_bot"),
        ("mention", "@Ada_L"),
        ("url", "https://example.org/a?b=1"),
        ("hashtag", "#now"),
        ("email", "x@example.org"),
    ]


def test_control_characters_and_outer_white_space_go() -> None:
    """Tabs become spaces, carriage returns vanish, entities move along."""
    text, entities = formatted(
        "\n a\tb\r\nc \n", [{"type": "code", "offset": 7, "length": 2}], limit=MAX_TEXT
    )
    assert text == "a b\nc"
    assert entities == [{"type": "code", "offset": 4, "length": 1}]


def test_no_address_is_marked_inside_code() -> None:
    """Code stays code."""
    code = {"type": "code", "offset": 0, "length": 19}
    assert formatted("https://example.org", [code], limit=MAX_TEXT)[1] == [code]
