"""What Discord can do, as data.

Discord publishes the account's limit alone. The others are what third parties observed
(github.com/discord/discord-api-docs/issues/2701 for interactions) and only the start: the
headers of each answer teach the real ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bots.discord.markdown import DiscordRenderer, reasoning_above
from core.messages import MessageRef, Place
from core.ports.surface import Capabilities
from core.streaming.meters import RateLimit
from core.streaming.operations import BucketKey

MAX_FILE_BYTES: Final = 10 << 20
"""Of an attachment, where nothing raises it (docs: "Uploading Files")."""

TOKEN_LIFE_S: Final = 15 * 60.0
"""An interaction's token is good for this long after its start (docs: "Interactions, Followup Messages")."""
FOLLOW_UPS: Final = 5
"""So many an app may send by one token that is there only because somebody installed it for themselves."""
LAST_REQUEST_AFTER_S: Final = TOKEN_LIFE_S - 30.0
"""Later no request is begun by the token: it takes up to 15 s, and came late to us."""
LAST_WORD_AFTER_S: Final = 14 * 60.0 - 10.0
"""When an answer ends that has no other way: its last pages are there by minute 14, and well before the
last request also where there are many of them."""

ACCOUNT: Final = BucketKey("account")

RATE_LIMITS: Final[Mapping[str, tuple[RateLimit, ...]]] = MappingProxyType(
    {
        "account": (RateLimit(50, 1.0),),  # docs: "Rate Limits", global; interactions are exempt
        "send": (RateLimit(5, 5.0, headers=True),),  # observed, for each channel
        "edit": (RateLimit(5, 5.0, headers=True),),  # observed, for each channel, apart from sends
        "delete": (RateLimit(5, 1.0, headers=True),),  # observed, for each channel
        "typing": (
            RateLimit(1, 5.0),
        ),  # one call shows it to all of a channel for 10 s; 5 in 5 s were observed
        "interaction": (RateLimit(5, 2.0, headers=True), RateLimit(30, 60.0)),  # observed, for each token
    }
)


def link_of(place: Place, ref: MessageRef) -> str:
    """Of a message (what "Copy Message Link" gives)."""
    return f"https://discord.com/channels/{place.guild_id or '@me'}/{ref.chat_id}/{ref.message_id}"


CHANNEL: Final = Capabilities(
    renderer=DiscordRenderer(),
    rate_limits=RATE_LIMITS,
    reasoning_above=reasoning_above,
    max_file_bytes=MAX_FILE_BYTES,
    typing_lasts_s=10.0,  # docs: "Trigger Typing Indicator"
    nonces=True,
    command_groups=True,
    message_menus=True,
    link_of=link_of,
    client_text_limits=(2_000, 4_000),  # without and with Nitro
)

KEPT: Final = dataclasses.replace(CHANNEL, keeps_events=True)
"""For a message that the journal keeps until it is dealt with."""
INTERACTION: Final = dataclasses.replace(
    CHANNEL, reactions=False, private_answers=True, typing_lasts_s=TOKEN_LIFE_S, nonces=False
)
"""`typing` is the deferral ("is thinking…"), which stands until the first text."""
COMMAND: Final = dataclasses.replace(INTERACTION, first_in_place=True)
"""A press has no such place: what it was pressed under stands there."""
