"""What Telegram can do, as data."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from bots.telegram.links import link_of
from bots.telegram.markdown import TelegramRenderer, reasoning_above
from core.ports.surface import Capabilities
from core.streaming.meters import RateLimit

BOT: Final = "bot"  # everything that the bot does
DRAFT: Final = "draft"  # the drafts of one private chat
CHAT: Final = "chat"  # one private chat
GROUP: Final = "group"  # one group, topics included

_PER_CHAT: Final = RateLimit(3, 3.0, refills=True)
"""About 1 a second with short bursts tolerated (core.telegram.org/bots/faq, "My bot is hitting limits"). A
true limit with a smaller burst or none answers 429, which teaches it."""

TELEGRAM: Final = Capabilities(
    renderer=TelegramRenderer(),
    rate_limits=MappingProxyType(
        {
            BOT: (RateLimit(30, 1.0, refills=True),),  # "about 30 messages per second" (FAQ)
            CHAT: (_PER_CHAT,),
            DRAFT: (RateLimit(5, 5.0, refills=True),),  # an assumption: Telegram says only that there is one
            GROUP: (_PER_CHAT, RateLimit(20, 60.0)),  # "20 messages per minute" (FAQ); edits count
        }
    ),
    selects=False,
    reasoning_above=reasoning_above,
    max_file_bytes=50_000_000,  # core.telegram.org/bots/api#senddocument: "up to 50 MB"
    client_text_limits=(4_096,),  # core.telegram.org/bots/api#message
    link_of=link_of,
    counts_messages=True,  # in a supergroup by itself, else over all chats of the account
    keeps_events=True,
    typing_lasts_s=5.0,  # core.telegram.org/bots/api#sendchataction: "5 seconds or less"
)
