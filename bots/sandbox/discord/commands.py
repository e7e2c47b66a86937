"""A command line as a person fills it in, turned into the data of an interaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bots.sandbox.discord.payloads import user
from bots.sandbox.discord.world import Json, World

_SUBCOMMAND, _SUBCOMMAND_GROUP = 1, 2
_TEXT, _INTEGER, _BOOLEAN, _USER, _CHANNEL, _NUMBER = 3, 4, 5, 6, 7, 10


def command_data(
    world: World,
    commands: Sequence[Json],
    line: str,
    options: Mapping[str, str],
    *,
    focused: str | None = None,
) -> Json:
    """The `data` of an interaction for `line` (`ask`, `persona set`) with `options` by name.

    `focused` names the option being typed, for an autocomplete; nothing is required then. Raises
    `ValueError` for what Discord's own client would not send.
    """
    name, *below = line.split()
    found = next((command for command in commands if command["name"] == name and command["type"] == 1), None)
    if found is None:
        raise ValueError(f"there is no command /{name}")
    data: Json = {"id": found["id"], "name": name, "type": 1, "options": []}
    level, filled = found, data
    for word in below:
        level = next((o for o in level["options"] if o["name"] == word), {})
        if level.get("type") not in (_SUBCOMMAND, _SUBCOMMAND_GROUP):
            raise ValueError(f"there is no command /{line}")
        inner: Json = {"name": word, "type": level["type"], "options": []}
        filled["options"].append(inner)
        filled = inner
    declared = {option["name"]: option for option in level.get("options") or []}
    if any(option["type"] in (_SUBCOMMAND, _SUBCOMMAND_GROUP) for option in declared.values()):
        raise ValueError(f"/{line} needs a subcommand")
    if unknown := options.keys() - declared.keys():
        raise ValueError(f"/{line} has no option {min(unknown)}")
    for key, option in declared.items():
        if key in options:
            filled["options"].append(_option(world, data, option, options[key], typing=focused is not None))
            if key == focused:
                filled["options"][-1]["focused"] = True
        elif option.get("required") and focused is None:
            raise ValueError(f"/{line} needs the option {key}")
    return data


def shown(line: str, options: Mapping[str, str]) -> str:
    """The command as Discord shows it above the answer."""
    return " ".join(["/" + line, *(f"{key}:{value}" for key, value in options.items())])


def _option(world: World, data: Json, option: Json, raw: str, *, typing: bool) -> Json:
    choices = option.get("choices") or []
    chosen = next((c["value"] for c in choices if raw in (c["name"], str(c["value"]))), None)
    if choices and chosen is None and not typing:
        raise ValueError(f"{raw!r} is no choice of {option['name']}")
    value = chosen if chosen is not None else raw if typing else _value(world, data, option, raw)
    return {"name": option["name"], "type": option["type"], "value": value}


def _value(world: World, data: Json, option: Json, raw: str) -> object:
    match option["type"]:
        case t if t == _TEXT:
            longest = option.get("max_length") or 6000
            if not (option.get("min_length") or 0) <= len(raw) <= longest:
                raise ValueError(f"{option['name']} has the wrong length")
            return raw
        case t if t == _INTEGER:
            return int(raw)
        case t if t == _NUMBER:
            return float(raw)
        case t if t == _BOOLEAN:
            return raw.lower() in ("true", "yes", "1")
        case t if t == _USER:
            account = world.person(raw)
            data.setdefault("resolved", {}).setdefault("users", {})[str(account.id)] = user(account)
            return str(account.id)
        case t if t == _CHANNEL:
            return str(world.chat(raw).id)
        case _:
            raise ValueError(f"the sandbox has no options of type {option['type']}")
