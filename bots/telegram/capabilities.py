"""What Telegram can do, as data."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from bots.telegram.entities import TelegramRenderer, reasoning_above
from core.ports.surface import Capabilities
from core.streaming.rate_limits import RateLimit

BOT: Final = "bot"  # everything that the bot does
CHAT: Final = "chat"  # one private chat
GROUP: Final = "group"  # one group, topics included

# A request that left on time may arrive late, and the next one early: so much closer do they lie there.
_JITTER_S: Final = 0.2

_PER_CHAT: Final = RateLimit(3, 3.0 + _JITTER_S)
"""About 1 a second with short bursts tolerated (core.telegram.org/bots/faq, "My bot is hitting limits").

At most 3 in any 3 s stays within a token bucket of 1/s that holds 3, whenever it was drained last. A true
limit without any burst answers 429, which slows the bucket down.
"""

TELEGRAM: Final = Capabilities(
    renderer=TelegramRenderer(),
    rate_limits=MappingProxyType(
        {
            BOT: (RateLimit(30, 1.0 + _JITTER_S),),  # "about 30 messages per second" (FAQ)
            CHAT: (_PER_CHAT,),
            GROUP: (
                _PER_CHAT,
                RateLimit(20, 60.0 + _JITTER_S),
            ),  # "20 messages per minute" (FAQ); edits count
        }
    ),
    reasoning_above=reasoning_above,
    max_file_bytes=50_000_000,  # core.telegram.org/bots/api#senddocument: "up to 50 MB"
    typing_lasts_s=5.0,  # core.telegram.org/bots/api#sendchataction: "5 seconds or less"
)
