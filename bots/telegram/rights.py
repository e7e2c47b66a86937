"""What people are in a group, and so may do there: asked when it matters, then remembered."""

from __future__ import annotations

import logging
from typing import Final

from telegram import Bot, ChatMember, ChatMemberAdministrator
from telegram.error import TelegramError

from bots.telegram.connection import describe
from core.messages import Person, Place, PlaceKind
from core.ports.clock import Clock

_KEPT_S: Final = 300.0

logger = logging.getLogger(__name__)


class Rights:
    """Answers of getChatMember, each for `_KEPT_S` seconds."""

    def __init__(self, bot: Bot, clock: Clock) -> None:
        self._bot = bot
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, ChatMember]] = {}

    async def member(self, place: Place, person: Person) -> ChatMember | None:
        """None in a private chat, and when Telegram does not tell."""
        if place.kind is PlaceKind.PRIVATE:
            return None
        now = self._clock.monotonic()
        self._known = {key: entry for key, entry in self._known.items() if now - entry[0] < _KEPT_S}
        key = (place.chat_id, person.id)
        if key not in self._known:
            try:
                member = await self._bot.get_chat_member(int(place.chat_id), int(person.id))
            except TelegramError as error:
                logger.warning("cannot ask what %s may do in %s: %s", person, place, describe(error))
                return None
            self._known[key] = (now, member)
        return self._known[key][1]


async def hears_all(bot: Bot, chat: int) -> bool:
    """Whether a group tells the bot all that is said, as things are now: privacy mode is changed at BotFather
    while we run, and an administrator hears all. True when Telegram does not say."""
    try:
        us = await bot.get_me()
        if us.can_read_all_group_messages:
            return True
        return isinstance(await bot.get_chat_member(chat, us.id), ChatMemberAdministrator)
    except TelegramError as error:
        logger.info("cannot ask what is heard in %s: %s", chat, describe(error))
        return True
