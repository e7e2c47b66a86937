"""Reaching Discord: where it is, who we are, and the library's process-wide settings."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bots.discord.breaker import Breaker
from bots.discord.exchange import StoppedError, http_trace
from bots.discord.server_time import ServerTime
from core.ports.platform import PlatformError

LOGIN_TIMEOUT_S: Final = 20.0
"""The library itself tries a 5xx again for 25 s."""

GUILDS_COME_WITHIN_S: Final = 2.0
"""One after the other at the gateway, after READY; then what is cached is complete."""

TOKEN_PAGE: Final = "https://discord.com/developers/applications"  # noqa: S105  # a web page


class Client(discord.Client):
    """The library's client with only the events that are used, no caches, and nobody mentioned."""

    def __init__(
        self,
        *,
        message_content: bool,
        breaker: Breaker | None = None,
        server_time: ServerTime | None = None,
    ) -> None:
        """`breaker`: the account's; None: one of its own, for a client that is soon closed. `server_time`: is
        told of each answer's."""
        super().__init__(
            intents=discord.Intents(
                guilds=True, guild_messages=True, dm_messages=True, message_content=message_content
            ),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            http_trace=http_trace(breaker or Breaker(), server_time),
            guild_ready_timeout=GUILDS_COME_WITHIN_S,
        )


GUILDS_OF_A_SHARD: Final = 2_500
"""The gateway closes a connection that would serve more (docs: "Gateway", "Sharding"), and we have one."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What Discord says of our way in: into how many shards it would part this bot, how often we may still
    identify, and in how many seconds all of that is given anew."""

    shards: int
    remaining: int
    reset_after_s: float


async def log_in(client: discord.Client, token: str, api_base_url: str | None) -> Gateway:
    """Ask Discord who we are, where its gateway is, and how often we may still connect. Raises PlatformError.

    The library keeps both addresses in class attributes: they hold for the whole process, so a
    process talks to one Discord. This is the one place that sets them.
    """
    where = urlsplit(api_base_url or Route.BASE).netloc
    try:
        async with asyncio.timeout(LOGIN_TIMEOUT_S):
            Route.BASE = api_base_url or Route.BASE
            await client.login(token)
            shards, gateway, limit = await client.http.get_bot_gateway()
            DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
            return Gateway(shards, limit["remaining"], limit["reset_after"] / 1000)
    except discord.LoginFailure:
        raise PlatformError(
            f"Discord refused the token. Reset it at {TOKEN_PAGE} → Bot, and set DISCORD_TOKEN."
        ) from None
    except discord.HTTPException as problem:
        if problem.status in {404, 405}:  # Discord's own API has what was asked for
            raise _not_discord(where) from None
        raise PlatformError(f"Discord at {where} answered HTTP {problem.status}. Try again later.") from None
    except StoppedError as stopped:
        raise PlatformError(
            f"Discord bans this address. Try again in {stopped.retry_after_s:.0f} s."
        ) from None
    except (aiohttp.ClientError, OSError, discord.GatewayNotFound) as problem:
        raise PlatformError(
            f"Discord at {where} cannot be reached ({type(problem).__name__}). Check the network"
            + (" and DISCORD_API_BASE_URL." if api_base_url else ".")
        ) from None
    except (TypeError, KeyError, ValueError):
        raise _not_discord(where) from None


def _not_discord(where: str) -> PlatformError:
    return PlatformError(
        f"What answers at {where} is not Discord's API. "
        "Check DISCORD_API_BASE_URL: it looks like http://127.0.0.1:9000/api/v10."
    )


def quieten() -> None:
    """Keep chat text and interaction tokens, which the library logs for debugging, out of the log."""
    logging.getLogger("discord").setLevel(logging.WARNING)
    logging.getLogger("discord.client").addFilter(_without_traceback)
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # voice is not used


def _without_traceback(record: logging.LogRecord) -> bool:
    """A lost connection, which the library mends by itself, is one line."""
    if record.exc_info and record.exc_info[0] and "reconnect" in record.msg:
        record.msg = f"{record.getMessage()}: {record.exc_info[0].__name__}"
        record.args, record.exc_info = (), None
    return True
