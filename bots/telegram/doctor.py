"""What `sluice doctor` says about a Telegram bot."""

from __future__ import annotations

from telegram import User
from telegram.error import TelegramError

from bots.telegram.connection import Connection, describe
from core.ports.platform import Check, CheckState, PlatformError


async def examine(token: str, base_url: str | None) -> tuple[Check, ...]:
    """One line for each finding, asked over a connection of its own. Never raises."""
    try:
        connection = Connection(token, base_url)
        await connection.open()
    except PlatformError as error:
        return (Check("Telegram token", CheckState.BAD, "not usable", str(error)),)
    try:
        us = connection.bot.bot
        return (
            Check("Telegram token", CheckState.GOOD, f"@{us.username} ({us.id})"),
            _privacy(us),
            await _webhook(connection),
        )
    finally:
        await connection.close()


def privacy_words(us: User) -> str:
    """What the bot hears in groups."""
    if us.can_read_all_group_messages:
        return "privacy mode off: hears all messages in groups"
    return "privacy mode on: in groups it hears /ask, replies to it and mentions"


def _privacy(us: User) -> Check:
    if us.can_read_all_group_messages:
        return Check("Telegram groups", CheckState.GOOD, privacy_words(us))
    remedy = (
        "To let it hear all: @BotFather → /setprivacy → Disable, "
        "then add it to the group again or make it admin."
    )
    return Check("Telegram groups", CheckState.NOTE, privacy_words(us), remedy)


async def _webhook(connection: Connection) -> Check:
    try:
        info = await connection.bot.get_webhook_info()
    except TelegramError as error:
        return Check("Telegram webhook", CheckState.BAD, describe(error), "Run the check again.")
    if not info.url:
        return Check("Telegram webhook", CheckState.GOOD, "none, as polling needs it")
    remedy = "Nothing to do if no other program uses this token: `sluice run` removes the webhook."
    return Check("Telegram webhook", CheckState.NOTE, "one is set", remedy)
