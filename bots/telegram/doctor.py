"""What `sluice doctor` says about a Telegram bot."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from telegram import User, WebhookInfo
from telegram.error import TelegramError

from bots.telegram.connection import Connection, describe
from core.ports.platform import Check, CheckState, PlatformError
from core.settings import TelegramWebhook

_NAME: Final = "Telegram webhook"
_LATELY_S: Final = 3600.0
_REMEDIES: Final = (  # by what stands in Telegram's words, the first that does
    ("403", "Set TELEGRAM_WEBHOOK_SECRET to one value for every Sluice of this token, and start it again."),
    ("404", "Let the proxy hand on the path of TELEGRAM_WEBHOOK_URL as it is."),
    ("503", "Look into Sluice's log: it was stopping, or could not write its journal."),
    ("wrong response", "Let the proxy hand on POST requests to TELEGRAM_WEBHOOK_LISTEN, unchanged."),
    ("ssl", "Give the proxy a certificate that is valid for this name, with its intermediate ones."),
    ("certificate", "Give the proxy a certificate that is valid for this name, with its intermediate ones."),
    ("resolve", "Check the name in TELEGRAM_WEBHOOK_URL and its DNS entry."),
    ("", "See that the proxy runs, and that the internet reaches it: firewall, port, DNS entry."),
)


async def examine(
    token: str, base_url: str | None, webhook: TelegramWebhook | None = None, *, now: float
) -> tuple[Check, ...]:
    """One line for each finding, asked over a connection of its own. `now`: Unix time. Never raises."""
    try:
        connection = Connection(token, base_url)
        await connection.open()
    except PlatformError as error:
        detail, _, remedy = str(error).partition(". ")
        return (Check("Telegram token", CheckState.BAD, detail, remedy),)
    try:
        us = connection.bot.bot
        return (
            Check("Telegram token", CheckState.GOOD, f"@{us.username} ({us.id})"),
            _privacy(us),
            await _webhook(connection, webhook, now),
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


async def _webhook(connection: Connection, wanted: TelegramWebhook | None, now: float) -> Check:
    try:
        info = await connection.bot.get_webhook_info()
    except TelegramError as error:
        return Check(_NAME, CheckState.BAD, describe(error), "Run the check again.")
    if wanted is None:
        if not info.url:
            return Check(_NAME, CheckState.GOOD, "none, as polling needs it")
        remedy = "Nothing to do if no other program uses this token: `sluice run` removes the webhook."
        return Check(_NAME, CheckState.NOTE, "one is set", remedy)
    if info.url != wanted.url:
        found = f"another one is set, at {_host(info.url)}" if info.url else "not set yet"
        remedy = f"Start Sluice: it sets {wanted.url}. If it runs, another program uses this token."
        return Check(_NAME, CheckState.NOTE, found, remedy)
    return _delivery(info, now)


def _delivery(info: WebhookInfo, now: float) -> Check:
    """How Telegram fares with ours. It remembers its last failure for good: an old one tells nothing, unless
    updates still wait."""
    where, waiting = f"set, at {_host(info.url)}", info.pending_update_count
    waits = f"; {waiting} {'update waits' if waiting == 1 else 'updates wait'}" if waiting else ""
    ago_s = now - info.last_error_date.timestamp() if info.last_error_date else None
    if ago_s is None or (ago_s > _LATELY_S and not waiting):
        return Check(_NAME, CheckState.GOOD, where + waits)
    words = describe(TelegramError(info.last_error_message or "no reason given"))
    detail = f"{where}; Telegram failed {max(ago_s, 0.0) / 60:.0f} min ago: {words}{waits}"
    remedy = next(remedy for part, remedy in _REMEDIES if part in words.lower())
    return Check(_NAME, CheckState.BAD if waiting else CheckState.NOTE, detail, remedy)


def _host(url: str) -> str:
    """Another program's path may hold its token."""
    return urlsplit(url).hostname or "an address that cannot be read"
