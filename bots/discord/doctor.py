"""What `sluice doctor` finds out about the Discord bot: over REST alone, without the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import aiohttp
import discord

from bots.discord.connection import GUILDS_OF_A_SHARD, TOKEN_PAGE, Client, log_in
from core.ports.platform import Check, CheckState, PlatformError

PERMISSIONS: Final = discord.Permissions(
    view_channel=True,
    send_messages=True,
    create_public_threads=True,  # /chat, and answers in threads of their own
    send_messages_in_threads=True,
    read_message_history=True,  # replies
    attach_files=True,  # the rest of a long block of code
    add_reactions=True,  # refusals and places in a queue
)
"""What the features in use need, and nothing else."""

CONTENT_IS_OFF: Final = "the Message Content intent is off: it hears /ask, mentions and direct messages alone"

_VIEW: Final = "View Channel"
_ANSWERING: Final = frozenset({_VIEW, "Send Messages"})
_GUILDS_EXAMINED: Final = 10  # three requests each
_CHANNELS_NAMED: Final = 8
_TIMEOUT_S: Final = 15.0


async def check(token: str, api_base_url: str | None) -> tuple[Check, ...]:
    """Never raises."""
    client = Client(message_content=False)
    found: list[Check] = []
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            gateway = await log_in(client, token, api_base_url)
            found += _account(client)
            found += _shards(gateway.shards)
            found += await _guilds(client)
    except PlatformError as problem:
        detail, _, remedy = str(problem).partition(". ")
        found.append(Check("Discord token", CheckState.BAD, detail, remedy))
    except (discord.DiscordException, aiohttp.ClientError, OSError) as problem:
        detail = f"Discord did not answer every question ({type(problem).__name__})"
        found.append(Check("Discord", CheckState.BAD, detail, "Try again in a minute."))
    finally:
        await client.close()
    return tuple(found)


def _account(client: discord.Client) -> list[Check]:
    application, me = client.application, client.user
    if application is None or me is None:
        return []
    invite = discord.utils.oauth_url(
        application.id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
    )
    flags = application.flags
    checks = [Check("Discord token", CheckState.GOOD, f"{me} (id {me.id})")]
    if flags.gateway_message_content or flags.gateway_message_content_limited:
        checks.append(Check("Discord intents", CheckState.GOOD, "Message Content is on"))
    else:
        remedy = f"Switch it on at {TOKEN_PAGE} → Bot → Message Content Intent."
        checks.append(Check("Discord intents", CheckState.NOTE, CONTENT_IS_OFF, remedy))
    if application.interactions_endpoint_url:
        checks.append(
            Check(
                "Discord interactions",
                CheckState.BAD,
                "the application sends its slash commands to a web address, so they do not arrive here",
                f"Empty the Interactions Endpoint URL at {TOKEN_PAGE} → General Information.",
            )
        )
    checks.append(Check("Discord invite link", CheckState.GOOD, invite))
    return checks


def _shards(recommended: int) -> list[Check]:
    if recommended == 1:
        return []
    detail = (
        f"Discord recommends {recommended} shards for so many servers, Sluice has one: it is closed for good"
        f" once the bot is in more than {GUILDS_OF_A_SHARD:,}"
    )
    remedy = "Before that, take it out of some, or share them out among several bots."
    return [Check("Discord shards", CheckState.NOTE, detail, remedy)]


async def _guilds(client: discord.Client) -> list[Check]:
    guilds = [guild async for guild in client.fetch_guilds(limit=None, with_counts=False)]
    if not guilds:
        remedy = "Open the invite link to add it to one."
        return [Check("Discord servers", CheckState.NOTE, "the bot is in no server", remedy)]
    examined = guilds[:_GUILDS_EXAMINED]
    checks = list(await asyncio.gather(*(_guild(client, guild.id) for guild in examined)))
    if len(guilds) > len(examined):
        detail = f"{len(guilds) - len(examined)} more servers were not looked at"
        checks.append(Check("Discord servers", CheckState.GOOD, detail))
    return checks


async def _guild(client: discord.Client, guild_id: int) -> Check:
    guild = await client.fetch_guild(guild_id, with_counts=False)
    me = await guild.fetch_member(client.user.id if client.user else 0)
    channels = [
        channel
        for channel in await guild.fetch_channels()
        if isinstance(channel, (discord.TextChannel, discord.ForumChannel))
    ]
    lacking = {channel.name: _missing(channel, me) for channel in channels}
    told = [f"#{channel} lacks {', '.join(names)}" for channel, names in lacking.items() if names]
    name = f"Discord server {guild.name}"
    if not told:
        return Check(name, CheckState.GOOD, f"all permissions in {len(channels)} channels")
    if len(told) > _CHANNELS_NAMED:
        told[_CHANNELS_NAMED:] = [f"{len(told) - _CHANNELS_NAMED} more channels lack some"]
    usable = any(_ANSWERING.isdisjoint(names) for names in lacking.values())
    return Check(
        name,
        CheckState.NOTE if usable else CheckState.BAD,
        "; ".join(told),
        "Give the bot's role these permissions, in the server or in the channel.",
    )


def _missing(channel: discord.abc.GuildChannel, me: discord.Member) -> Sequence[str]:
    """The names of the missing permissions, as Discord's settings print them."""
    missing = PERMISSIONS & ~channel.permissions_for(me)
    if missing.view_channel:  # without it there is nothing else
        return [_VIEW]
    return [name.replace("_", " ").title() for name, wanted in missing if wanted]
