"""The REST endpoints of the guild and its people."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

from bots.sandbox.discord.access import Access
from bots.sandbox.discord.context import Context
from bots.sandbox.discord.errors import ApiError, Refusal
from bots.sandbox.discord.http import Call, Route, snowflake
from bots.sandbox.discord.payloads import IN_GUILD, user


class Guild:
    """Handlers over accounts, members, and what the guild is made of."""

    def __init__(self, context: Context) -> None:
        self._world = context.world
        self._payloads = context.payloads
        self._access = Access(context.world)

    def routes(self) -> Sequence[Route]:
        """Every endpoint of this module with its rate limit."""
        return (
            Route("POST", "/users/@me/channels", "create_dm", self.create_dm),
            Route("GET", "/users/{user_id}", "get_user", self.get_user),
            Route("GET", "/users/@me/guilds", "my_guilds", self.my_guilds),
            Route("GET", "/guilds/{guild_id}", "get_guild", self.get_guild),
            Route("GET", "/guilds/{guild_id}/channels", "get_guild_channels", self.get_guild_channels),
            Route("GET", "/guilds/{guild_id}/roles", "get_roles", self.get_roles),
            Route("GET", "/guilds/{guild_id}/members/{user_id}", "get_member", self.get_member),
        )

    async def create_dm(self, call: Call) -> tuple[int, Any]:
        """POST a direct message channel: the one that exists."""
        target = snowflake(call.fields.get("recipient_id"), "recipient_id")
        for channel in self._world.channels.values():
            if channel.recipient is not None and channel.recipient.id == target:
                return 200, self._payloads.channel(channel)
        raise ApiError(Refusal.UNKNOWN_USER)

    async def get_user(self, call: Call) -> tuple[int, Any]:
        """GET a user, `@me` for the bot."""
        if call.path["user_id"] == "@me":
            return 200, user(self._world.bot) | {"verified": True, "mfa_enabled": False, "locale": "en-US"}
        account = self._world.users.get(call.id("user_id"))
        if account is None:
            raise ApiError(Refusal.UNKNOWN_USER)
        return 200, user(account)

    async def my_guilds(self, call: Call) -> tuple[int, Any]:
        """GET the guilds that the bot is in."""
        guild = self._payloads.guild([])
        partial = {key: guild[key] for key in ("id", "name", "icon", "banner", "features")}
        everyone, *others = self._world.roles.values()
        mine = [role for role in others if role.id in self._world.member_roles[self._world.bot.id]]
        granted = functools.reduce(operator.or_, (role.permissions for role in mine), everyone.permissions)
        return 200, [partial | {"owner": False, "permissions": str(int(granted))}]

    async def get_guild(self, call: Call) -> tuple[int, Any]:
        """GET the guild."""
        self._access.guild(call)
        guild = self._payloads.guild([])
        for only_in_the_gateway in ("members", "channels", "threads", "presences", "voice_states"):
            del guild[only_in_the_gateway]
        return 200, guild

    async def get_guild_channels(self, call: Call) -> tuple[int, Any]:
        """GET every channel of the guild, without threads."""
        self._access.guild(call)
        channels = [c for c in self._world.channels.values() if c.kind in IN_GUILD]
        return 200, [self._payloads.channel(channel) for channel in channels]

    async def get_roles(self, call: Call) -> tuple[int, Any]:
        """GET the roles of the guild."""
        self._access.guild(call)
        return 200, [self._payloads.role(role) for role in self._world.roles.values()]

    async def get_member(self, call: Call) -> tuple[int, Any]:
        """GET a member."""
        self._access.guild(call)
        account = self._world.users.get(call.id("user_id"))
        if account is None:
            raise ApiError(Refusal.UNKNOWN_MEMBER)
        return 200, self._payloads.member_with_user(account)
