"""Commands as people meet them: offered in their language, filled in, turned into an interaction's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bots.sandbox.discord.command_rules import (
    ATTACHMENT,
    BOOLEAN,
    CHANNEL,
    CHAT_INPUT,
    GROUP,
    INTEGER,
    NUMBER,
    ON_MESSAGE,
    ON_USER,
    ROLE,
    STRING,
    SUBCOMMAND,
    USER,
)
from bots.sandbox.discord.models import Channel, File, Json, Message, User
from bots.sandbox.discord.payloads import Payloads, user
from bots.sandbox.discord.world import Permission, World

_ELSE: Final = {"en-US": "en-GB", "en-GB": "en-US", "es-419": "es-ES"}  # docs: "Localization, Fallback"
_IN_GUILD, _IN_DM, _AMONG_FRIENDS = 0, 1, 2
_FOR_GUILDS, _FOR_PEOPLE = 0, 1
_LONGEST: Final = 6000


@dataclass(frozen=True)
class Filled:
    """A command line as a person fills it in.

    `line` is `ask` or `persona set`; `options` are by name, ids or names for people and channels;
    `files` are name and content, by option; `focused` names the option being typed, for an autocomplete;
    for `users_own` see `offered`.
    """

    line: str
    options: Mapping[str, str]
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    focused: str | None = None
    users_own: bool = False

    @property
    def shown(self) -> str:
        """The command as Discord shows it above the answer."""
        given = [*self.options.items(), *((key, name) for key, (name, _) in self.files.items())]
        return " ".join(["/" + self.line, *(f"{key}:{value}" for key, value in given)])


def offered(world: World, command: Json, person: User, channel: Channel, *, users_own: bool = False) -> bool:
    """Whether Discord offers a command to a person in a channel.

    `users_own`: the application is there only because this person installed it for themselves.
    """
    if not _reaches(command, channel, users_own=users_own):
        return False
    if not channel.in_guild:
        return True
    held = world.permissions(person, channel)
    wanted = command.get("default_member_permissions")
    if not held & Permission.USE_APPLICATION_COMMANDS:
        return False
    if wanted is None or users_own or held & Permission.ADMINISTRATOR:
        return True
    return int(wanted) != 0 and held & int(wanted) == int(wanted)


def _reaches(command: Json, channel: Channel, *, users_own: bool) -> bool:
    """Whether the way in which the application is installed, and the place, fit a command."""
    installs, contexts = command["integration_types"], command.get("contexts")
    if not users_own and _FOR_GUILDS not in installs:
        return False
    if channel.kind == "friends" and _FOR_PEOPLE not in installs:
        return False
    if contexts is not None:
        return context_of(channel) in contexts
    return channel.in_guild or bool(command.get("dm_permission", True))


def context_of(channel: Channel) -> int:
    """Where a channel is, as commands and interactions number it."""
    if channel.in_guild:
        return _IN_GUILD
    return _AMONG_FRIENDS if channel.kind == "friends" else _IN_DM


def translated(thing: Json, locale: str) -> Json:
    """A command, option or choice as a client in this language shows it: `label` and `about` are added."""
    found = {key: value for key, value in thing.items() if not key.endswith("_localizations")}
    found["label"] = _in_language(thing, "name", locale)
    found["about"] = _in_language(thing, "description", locale)
    for below in ("options", "choices"):
        if found.get(below):
            found[below] = [translated(inner, locale) for inner in found[below]]
    return found


class CommandLine:
    """Turns what a person fills in or chooses into the `data` of an interaction."""

    def __init__(self, world: World, payloads: Payloads) -> None:
        self._world = world
        self._payloads = payloads

    def data(self, commands: Sequence[Json], filled: Filled, person: User, channel: Channel) -> Json:
        """The `data` of a slash command or its autocomplete. Raises `ValueError` where a client refuses."""
        name, *below = filled.line.split()
        found = _named(commands, name, CHAT_INPUT)
        self._need_offered(found, person, channel, users_own=filled.users_own)
        data: Json = {"id": found["id"], "name": name, "type": CHAT_INPUT, "options": []}
        level, target = found, data
        for word in below:
            level = next((o for o in level["options"] if o["name"] == word), {})
            if level.get("type") not in (SUBCOMMAND, GROUP):
                raise ValueError(f"there is no command /{filled.line}")
            inner: Json = {"name": word, "type": level["type"], "options": []}
            target["options"].append(inner)
            target = inner
        self._fill(data, target, level, filled, channel)
        return data

    def menu_data(
        self, commands: Sequence[Json], name: str, target: Message | User, person: User, channel: Channel
    ) -> Json:
        """The `data` of a command of the context menu of a message or a person."""
        kind = ON_MESSAGE if isinstance(target, Message) else ON_USER
        found = _named(commands, name, kind)
        self._need_offered(found, person, channel)
        data: Json = {"id": found["id"], "name": name, "type": kind, "target_id": str(target.id)}
        if isinstance(target, Message):
            _resolve(data, "messages", target.id, self._payloads.message(target))
        else:
            self._resolve_person(data, target, channel)
        return data

    def resolve(self, data: Json, kind: int, raw: str, channel: Channel) -> str:
        """The id of a person, channel or role named in a select or option, put among the resolved ones."""
        if kind == USER:
            account = self._world.person(raw)
            self._resolve_person(data, account, channel)
            return str(account.id)
        if kind == CHANNEL:
            place = self._world.chat(raw)
            payload = self._payloads.channel(place) | {"permissions": "0"}
            _resolve(data, "channels", place.id, payload)
            return str(place.id)
        role = next((r for r in self._world.roles.values() if raw in (str(r.id), r.name)), None)
        if role is None:
            raise KeyError(f"there is no role {raw!r}")
        _resolve(data, "roles", role.id, self._payloads.role(role))
        return str(role.id)

    def _need_offered(
        self, command: Json, person: User, channel: Channel, *, users_own: bool = False
    ) -> None:
        if not offered(self._world, command, person, channel, users_own=users_own):
            raise PermissionError(f"{command['name']} is not offered to {person.name} here")

    def _fill(self, data: Json, target: Json, level: Json, filled: Filled, channel: Channel) -> None:
        declared = {option["name"]: option for option in level.get("options") or []}
        if any(option["type"] in (SUBCOMMAND, GROUP) for option in declared.values()):
            raise ValueError(f"/{filled.line} needs a subcommand")
        given = filled.options.keys() | filled.files.keys()
        if unknown := given - declared.keys():
            raise ValueError(f"/{filled.line} has no option {min(unknown)}")
        for key, option in declared.items():
            if key in given:
                value = self._value(data, option, filled, channel)
                entry = {"name": key, "type": option["type"], "value": value}
                target["options"].append(entry | ({"focused": True} if key == filled.focused else {}))
            elif option.get("required") and filled.focused is None:
                raise ValueError(f"/{filled.line} needs the option {key}")

    def _value(self, data: Json, option: Json, filled: Filled, channel: Channel) -> object:
        name, kind = option["name"], option["type"]
        if kind == ATTACHMENT:
            return self._attachment(data, filled.files[name], channel)
        raw = filled.options[name]
        choices = option.get("choices") or []
        chosen = next((c["value"] for c in choices if raw in (c["name"], str(c["value"]))), None)
        if chosen is not None or filled.focused is not None:
            return raw if chosen is None else chosen
        if choices:
            raise ValueError(f"{raw!r} is no choice of {name}")
        match kind:
            case t if t == STRING:
                if not (option.get("min_length") or 0) <= len(raw) <= (option.get("max_length") or _LONGEST):
                    raise ValueError(f"{name} has the wrong length")
                return raw
            case t if t in (INTEGER, NUMBER):
                return _number(option, raw)
            case t if t == BOOLEAN:
                return raw.lower() in ("true", "yes", "1")
            case t if t in (USER, CHANNEL, ROLE):
                return self.resolve(data, kind, raw, channel)
            case _:
                raise ValueError(f"the sandbox has no options of type {kind}")

    def _attachment(self, data: Json, upload: tuple[str, bytes], channel: Channel) -> str:
        file = File(self._world.snowflake(), *upload)
        self._world.uploads[file.id] = file
        _resolve(data, "attachments", file.id, self._payloads.attachment(file, channel) | {"ephemeral": True})
        return str(file.id)

    def _resolve_person(self, data: Json, account: User, channel: Channel) -> None:
        _resolve(data, "users", account.id, user(account))
        if channel.in_guild:
            permissions = str(self._world.permissions(account, channel))
            member = self._payloads.member(account) | {"permissions": permissions}
            _resolve(data, "members", account.id, member)


def _named(commands: Sequence[Json], name: str, kind: int) -> Json:
    for command in commands:
        if (command["name"], command["type"]) == (name, kind):
            return command
    raise ValueError(f"there is no command {'/' if kind == CHAT_INPUT else ''}{name}")


def _resolve(data: Json, kind: str, key: int, payload: Json) -> None:
    data.setdefault("resolved", {}).setdefault(kind, {})[str(key)] = payload


def _number(option: Json, raw: str) -> float:
    name, whole = option["name"], option["type"] == INTEGER
    try:
        value = int(raw) if whole else float(raw)
    except ValueError:
        raise ValueError(f"{name} must be a {'whole ' if whole else ''}number") from None
    least, most = option.get("min_value"), option.get("max_value")
    if (least is not None and value < least) or (most is not None and value > most):
        raise ValueError(f"{name} must be between {least} and {most}")
    return value


def _in_language(thing: Json, key: str, locale: str) -> str:
    texts = thing.get(f"{key}_localizations") or {}
    return texts.get(locale) or texts.get(_ELSE.get(locale, "")) or thing.get(key) or ""
