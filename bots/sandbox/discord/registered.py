"""The application's global commands: registered over REST, offered to people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bots.sandbox.discord.command_rules import CHAT_INPUT, ON_MESSAGE, ON_USER, check_command
from bots.sandbox.discord.context import Context
from bots.sandbox.discord.errors import ApiError, FormErrors, Refusal
from bots.sandbox.discord.http import Call, Route
from bots.sandbox.discord.models import Json

_COMMANDS: Final = "/applications/{application_id}/commands"
_COMMAND: Final = _COMMANDS + "/{command_id}"
_MOST: Final = {CHAT_INPUT: 100, ON_USER: 5, ON_MESSAGE: 5}
_NEW_A_DAY: Final = 200
_INSTALLS: Final = [0, 1]  # in a guild, by a person for themselves: what the application is set up for
_DAY_S: Final = 86_400.0


class RegisteredCommands:
    """The endpoints of global commands; `all` are the registered ones, in order."""

    def __init__(self, context: Context) -> None:
        self._world = context.world
        self._clock = context.clock
        self._report = context.report
        self._made_at: list[float] = []
        self.all: list[Json] = []

    def routes(self) -> Sequence[Route]:
        """Every endpoint of this module with its rate limit."""
        return (
            Route("GET", _COMMANDS, "get_commands", self.get_commands),
            Route("PUT", _COMMANDS, "put_commands", self.put_commands),
            Route("POST", _COMMANDS, "post_command", self.post_command),
            Route("GET", _COMMAND, "get_command", self.get_command),
            Route("PATCH", _COMMAND, "patch_command", self.patch_command),
            Route("DELETE", _COMMAND, "delete_command", self.delete_command),
        )

    async def get_commands(self, call: Call) -> tuple[int, Any]:
        """GET the commands; their translations only when asked for, as Discord does."""
        self._own(call)
        if call.query.get("with_localizations", "").lower() in ("1", "true"):
            return 200, self.all
        return 200, [_without_translations(command) for command in self.all]

    async def put_commands(self, call: Call) -> tuple[int, Any]:
        """PUT all commands at once; one that existed keeps its id."""
        self._own(call)
        if not isinstance(call.body, list) or not all(isinstance(raw, dict) for raw in call.body):
            raise ApiError(Refusal.INVALID_JSON)
        errors = FormErrors()
        for index, raw in enumerate(call.body):
            check_command(errors, f"{index}.", raw)
            if _key(raw) in map(_key, call.body[:index]):
                message = "Application command names must be unique"
                errors.add(f"{index}.name", "APPLICATION_COMMANDS_DUPLICATE_NAME", message)
        errors.check()
        self._replace(call.body, {_key(command): command for command in self.all})
        return 200, self.all

    async def post_command(self, call: Call) -> tuple[int, Any]:
        """POST one command, in place of the one of the same name and type."""
        self._own(call)
        errors = FormErrors()
        check_command(errors, "", call.fields)
        errors.check()
        known = {_key(command): command for command in self.all}
        status = 200 if _key(call.fields) in known else 201
        kept: list[Json] = [command for command in self.all if _key(command) != _key(call.fields)]
        self._replace([*kept, call.fields], known)
        return status, self.all[-1]

    async def get_command(self, call: Call) -> tuple[int, Any]:
        """GET one command, with its translations."""
        return 200, self._command(call)

    async def patch_command(self, call: Call) -> tuple[int, Any]:
        """PATCH what the body names; the type of a command never changes."""
        old = self._command(call)
        new = old | {key: value for key, value in call.fields.items() if key != "type"}
        errors = FormErrors()
        check_command(errors, "", new)
        errors.check()
        self.all = [self._entry(new, old) if command is old else command for command in self.all]
        self._tell()
        return 200, self._command(call)

    async def delete_command(self, call: Call) -> tuple[int, Any]:
        """DELETE one command."""
        self.all.remove(self._command(call))
        self._tell()
        return 204, None

    def _replace(self, wanted: Sequence[Json], known: dict[tuple[int, str], Json]) -> None:
        for kind, most in _MOST.items():
            if sum(raw.get("type", CHAT_INPUT) == kind for raw in wanted) > most:
                raise ApiError(Refusal.TOO_MANY_COMMANDS)
        now = self._clock()
        made = [at for at in self._made_at if now - at < _DAY_S]
        new = sum(_key(raw) not in known for raw in wanted)
        if len(made) + new > _NEW_A_DAY:
            oldest = made[0] if made else now
            raise ApiError(Refusal.TOO_MANY_NEW_COMMANDS, retry_after=oldest + _DAY_S - now)
        self._made_at = [*made, *([now] * new)]
        self.all = [self._entry(raw, known.get(_key(raw))) for raw in wanted]
        self._tell()

    def _entry(self, raw: Json, known: Json | None) -> Json:
        kind = raw.get("type", CHAT_INPUT)
        permissions = raw.get("default_member_permissions")
        entry: Json = {
            "id": str(self._world.snowflake()),
            "application_id": str(self._world.application_id),
            "version": str(self._world.snowflake()),
            "type": kind,
            "name": raw["name"],
            "name_localizations": raw.get("name_localizations"),
            "description": raw.get("description") or "",
            "description_localizations": raw.get("description_localizations"),
            "options": raw.get("options") or [],
            "default_member_permissions": None if permissions is None else str(permissions),
            "dm_permission": raw.get("dm_permission", True),
            "contexts": raw.get("contexts"),
            "integration_types": raw.get("integration_types") or _INSTALLS,
            "nsfw": bool(raw.get("nsfw")),
        }
        if known is None:
            return entry
        entry["id"] = known["id"]
        return known if entry | {"version": known["version"]} == known else entry

    def _command(self, call: Call) -> Json:
        self._own(call)
        for command in self.all:
            if command["id"] == str(call.id("command_id")):
                return command
        raise ApiError(Refusal.UNKNOWN_COMMAND)

    def _own(self, call: Call) -> None:
        if call.id("application_id") != self._world.application_id:
            raise ApiError(Refusal.MISSING_ACCESS)

    def _tell(self) -> None:
        self._report({"type": "commands", "commands": self.all})


def _key(raw: Json) -> tuple[int, str]:
    return raw.get("type", CHAT_INPUT), str(raw.get("name"))


def _without_translations(thing: Json) -> Json:
    """A command, or an option or choice in it, as a client gets it that asked for no translations."""
    bare = {key: value for key, value in thing.items() if not key.endswith("_localizations")}
    for below in ("options", "choices"):
        if below in bare:
            bare[below] = [_without_translations(inner) for inner in bare[below]]
    return bare
