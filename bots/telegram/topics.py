"""Topics that the bot opens in a forum."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from telegram import Bot
from telegram.error import BadRequest, RetryAfter, TelegramError

from bots.telegram.connection import describe
from bots.telegram.outcomes import seconds
from core.messages import Place, PlaceKind
from core.ports.surface import NoThread, NotOpened

_MANAGE_TOPICS: Final = "Manage Topics"
"""As the clients call the administrator's right `can_manage_topics`."""

logger = logging.getLogger(__name__)


async def open_topic(bot: Bot, forum: Place, name: str) -> Place | NotOpened:
    """Only Telegram knows whether a group is a forum (core.telegram.org/bots/api#createforumtopic)."""
    try:
        topic = await bot.create_forum_topic(int(forum.chat_id), name)
    except RetryAfter as error:
        return NotOpened(NoThread.FAILED, retry_after_s=seconds(error.retry_after))
    except TelegramError as error:
        words = str(error).lower()
        if isinstance(error, BadRequest) and "not a forum" in words:
            return NotOpened(NoThread.NONE)
        if "not enough rights" in words or "chat_admin_required" in words:
            return NotOpened(NoThread.PERMISSION, _MANAGE_TOPICS)
        logger.info("%s: no topic was opened: %s", forum, describe(error))
        return NotOpened(NoThread.FAILED)
    return replace(forum, kind=PlaceKind.THREAD, topic_id=str(topic.message_thread_id))
