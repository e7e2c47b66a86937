"""The REST endpoints of the application itself: who it is, and its gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bots.sandbox.discord.context import Context
from bots.sandbox.discord.gateway import Gateway
from bots.sandbox.discord.http import Call, Route
from bots.sandbox.discord.payloads import user

_IDENTIFIES_A_DAY = 1000


class Application:
    """The application's endpoints."""

    def __init__(self, context: Context, gateway: Gateway) -> None:
        self._world = context.world
        self._gateway = gateway

    def routes(self) -> Sequence[Route]:
        """Every endpoint of this module with its rate limit."""
        return (
            Route("GET", "/gateway", "gateway", self.get_gateway, auth=False),
            Route("GET", "/gateway/bot", "gateway", self.get_gateway_bot),
            Route("GET", "/oauth2/applications/@me", "application", self.get_application),
            Route("GET", "/applications/@me", "application", self.get_application),
        )

    async def get_gateway(self, call: Call) -> tuple[int, Any]:
        """GET the gateway's address."""
        return 200, {"url": self._gateway.url}

    async def get_gateway_bot(self, call: Call) -> tuple[int, Any]:
        """GET the gateway's address, the shards to use and the identifies left."""
        left = max(0, _IDENTIFIES_A_DAY - self._gateway.identified)
        limit = {
            "total": _IDENTIFIES_A_DAY,
            "remaining": left,
            "reset_after": 86_400_000,
            "max_concurrency": 1,
        }
        return 200, {"url": self._gateway.url, "shards": self._gateway.shards, "session_start_limit": limit}

    async def get_application(self, call: Call) -> tuple[int, Any]:
        """GET the application, with the flags of its privileged intents."""
        return 200, {
            "id": str(self._world.application_id),
            "name": self._world.bot.name,
            "icon": None,
            "description": "",
            "summary": "",
            "verify_key": "0" * 64,
            "flags": self._gateway.application_flags,
            "bot_public": True,
            "bot_require_code_grant": False,
            "owner": user(self._world.owner),
            "team": None,
            "bot": user(self._world.bot),
            "approximate_guild_count": 1,
            "approximate_user_install_count": 0,
            "interactions_endpoint_url": None,
            "redirect_uris": [],
            "integration_types_config": {"0": {}, "1": {}},
        }
