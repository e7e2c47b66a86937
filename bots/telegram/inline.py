"""Inline mode: `@bot what is a sluice?`, typed in any chat, offers to ask it there with /ask.

The article that is chosen becomes a message of the person's own, `/ask@bot …`. Telegram hands it to the bot
wherever it is a member, privacy mode or not (core.telegram.org/bots/features#privacy-mode): so it is asked,
paced and refused as any command is. The core
says what to offer, and to whom. To answer by editing the inline message would reach chats without the bot
too. But that is one message and one page, no bot may add a second there, and it can be edited only where
BotFather's inline feedback is set to 100 %: a long answer would have no place to go.
"""

from __future__ import annotations

from typing import Final

from telegram import InlineQuery, InlineQueryResultArticle, InputTextMessageContent

from bots.telegram.events import PLATFORM, person_of
from bots.telegram.outcomes import outcome_of
from core.messages import Place, PlaceKind, Suggesting
from core.ports.surface import Suggest
from core.streaming.operations import Outcome

KIND: Final = "inline_query"
_COMMAND: Final = "ask"


async def answer(query: InlineQuery, username: str, suggest: Suggest) -> Outcome:
    """Offer the one article, or none while nothing is typed, or where the core offers none."""
    author = person_of(query.from_user)
    own = Place(PLATFORM, author.id, PlaceKind.PRIVATE)  # Telegram does not say where it is typed
    choices = await suggest(Suggesting(own, author, _COMMAND, "", query.query.strip(), inline=True))
    offered = [
        InlineQueryResultArticle(
            _COMMAND,
            choice.label,
            InputTextMessageContent(f"/{_COMMAND}@{username} {choice.value}"),
            description=choice.about,
        )
        for choice in choices
    ]
    return await outcome_of(query.answer(offered, cache_time=0, is_personal=True), query.id)
