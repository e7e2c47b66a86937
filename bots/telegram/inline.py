"""Inline mode: `@bot what is a sluice?`, typed in any chat, offers to ask it there with /ask.

The article that is chosen becomes a message of the person's own, `/ask@bot …`. Telegram hands it to the bot
wherever it is a member, privacy mode or not (core.telegram.org/bots/features#privacy-mode): so it is asked,
paced and refused as any command is. To answer by editing the inline message would reach chats without the bot
too. But that is one message and one page, no bot may add a second there, and it can be edited only where
BotFather's inline feedback is set to 100 %: a long answer would have no place to go.
"""

from __future__ import annotations

from typing import Final

from telegram import InlineQuery, InlineQueryResultArticle, InputTextMessageContent

from bots.telegram.outcomes import outcome_of
from core.catalogue import say
from core.streaming.operations import Outcome

KIND: Final = "inline_query"
_COMMAND: Final = "ask"


async def answer(query: InlineQuery, username: str) -> Outcome:
    """Offer the one article, or none while nothing is typed."""
    locale, typed = query.from_user.language_code, query.query.strip()
    article = InlineQueryResultArticle(
        _COMMAND,
        say("inline.ask", locale, question=typed),
        InputTextMessageContent(f"/{_COMMAND}@{username} {typed}"),
        description=say("inline.where", locale),
    )
    offered = [article] if typed else []
    return await outcome_of(query.answer(offered, cache_time=0, is_personal=True), query.id)
