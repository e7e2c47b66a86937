"""The REST endpoints of the application itself: who it is, its gateway and its commands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from bots.sandbox.discord.context import Context
from bots.sandbox.discord.errors import ApiError, Refusal, invalid
from bots.sandbox.discord.gateway import Gateway
from bots.sandbox.discord.http import Call, Route
from bots.sandbox.discord.payloads import user
from bots.sandbox.discord.world import Json

_COMMANDS = "/applications/{application_id}/commands"
_NAME = re.compile(r"[-_'\w]{1,32}")
_COMMAND_LIMIT = 100
_OPTION_LIMIT = 25
_IDENTIFIES_A_DAY = 1000
_LOCALES = frozenset(  # docs: "Reference, Locales"
    {
        *(
            "id",
            "da",
            "de",
            "en-GB",
            "en-US",
            "es-ES",
            "es-419",
            "fr",
            "hr",
            "it",
            "lt",
            "hu",
            "nl",
            "no",
            "pl",
        ),
        *("pt-BR", "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th", "zh-CN", "ja"),
        *("zh-TW", "ko"),
    }
)


class Application:
    """The application's endpoints; `commands` are the globally registered ones, in order."""

    def __init__(self, context: Context, gateway: Gateway) -> None:
        self._world = context.world
        self._gateway = gateway
        self._report = context.report
        self.commands: list[Json] = []

    def routes(self) -> Sequence[Route]:
        """Every endpoint of this module with its rate limit."""
        return (
            Route("GET", "/gateway", "gateway", self.get_gateway, auth=False),
            Route("GET", "/gateway/bot", "gateway", self.get_gateway_bot),
            Route("GET", "/oauth2/applications/@me", "application", self.get_application),
            Route("GET", "/applications/@me", "application", self.get_application),
            Route("GET", _COMMANDS, "get_commands", self.get_commands),
            Route("PUT", _COMMANDS, "put_commands", self.put_commands),
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
        return 200, {"url": self._gateway.url, "shards": 1, "session_start_limit": limit}

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
            "integration_types_config": {"0": {}},
        }

    async def get_commands(self, call: Call) -> tuple[int, Any]:
        """GET the global commands; their translations only when asked for."""
        self._own(call)
        asked = call.query.get("with_localizations", "").lower() in ("1", "true")
        return 200, self.commands if asked else [_untranslated(command) for command in self.commands]

    async def put_commands(self, call: Call) -> tuple[int, Any]:
        """PUT all global commands at once; one that existed keeps its id."""
        self._own(call)
        if not isinstance(call.body, list):
            raise ApiError(Refusal.INVALID_JSON)
        if len(call.body) > _COMMAND_LIMIT:
            raise ApiError(Refusal.INVALID_FORM_BODY)
        ids = {(command["type"], command["name"]): command["id"] for command in self.commands}
        self.commands = [self._command(str(index), raw, ids) for index, raw in enumerate(call.body)]
        self._report({"type": "commands", "commands": self.commands})
        return 200, self.commands

    def _command(self, where: str, raw: Json, ids: dict[tuple[int, str], str]) -> Json:
        kind = raw.get("type", 1)
        name = str(raw.get("name", ""))
        if kind == 1:
            _check_named(where, raw)
        known = ids.get((kind, name)) or str(self._world.snowflake())
        return {
            "id": known,
            "application_id": str(self._world.application_id),
            "version": str(self._world.snowflake()),
            "type": kind,
            "name": name,
            "name_localizations": raw.get("name_localizations"),
            "description": raw.get("description", ""),
            "description_localizations": raw.get("description_localizations"),
            "options": raw.get("options") or [],
            "default_member_permissions": raw.get("default_member_permissions"),
            "dm_permission": raw.get("dm_permission", True),
            "contexts": raw.get("contexts"),
            "integration_types": raw.get("integration_types") or [0],
            "nsfw": bool(raw.get("nsfw")),
        }

    def _own(self, call: Call) -> None:
        if call.id("application_id") != self._world.application_id:
            raise ApiError(Refusal.MISSING_ACCESS)


def _untranslated(named: Json) -> Json:
    """A command or option without its translations, and so those below it."""
    kept = {key: value for key, value in named.items() if not key.endswith("_localizations")}
    if "options" in kept:
        kept["options"] = [_untranslated(option) for option in kept["options"]]
    return kept


def _check_named(where: str, raw: Json) -> None:
    """Check name and description of a command or option, and those below it."""
    name = str(raw.get("name", ""))
    if not _NAME.fullmatch(name) or name != name.lower():
        message = "Command name is invalid"
        raise invalid(f"{where}.name", "APPLICATION_COMMAND_INVALID_NAME", message)
    if not 1 <= len(raw.get("description") or "") <= 100:
        raise invalid(f"{where}.description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    for locale, words in (raw.get("description_localizations") or {}).items():
        field = f"{where}.description_localizations.{locale}"
        if locale not in _LOCALES:
            raise invalid(field, "ENUM_TYPE_COERCE", f'Value "{locale}" is not a valid enum value.')
        if not 1 <= len(words) <= 100:
            raise invalid(field, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    options = raw.get("options") or []
    if len(options) > _OPTION_LIMIT:
        raise invalid(f"{where}.options", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for index, option in enumerate(options):
        _check_named(f"{where}.options.{index}", option)
