"""The commands that Discord and Telegram really receive, in files, and valid by the documented rules.

They are read off the wire. The rules are written down here once more, apart from the sandbox's. To renew the
files after a change that is meant, run `RENEW_GOLDEN=1 .venv/bin/pytest tests/golden/test_commands.py`; then
read the diff.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import regex

from core.commands.command import Command
from core.commands.registry import Registry, registry
from core.streaming.operations import MAX_DATA_BYTES, Option, Select
from tests.commands import weir
from tests.discord.support import local_discord
from tests.telegram.harness import calls, local_telegram, started

FOLDER = Path(__file__).parent / "commands"
DISCORD_NAME = regex.compile(r"[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}")
TELEGRAM_NAME = regex.compile(r"[a-z0-9_]{1,32}")
SUBCOMMAND, STRING, INTEGER, BOOLEAN, NUMBER = 1, 3, 4, 5, 10
EVERYTHING = Registry([*registry(), weir.COMMAND])

Json = dict[str, Any]


async def received_by_discord(commands: Registry) -> list[Json]:
    async with local_discord(commands=commands) as bot:
        await bot.platform.start(bot.handle)
        [written] = bot.bodies("PUT", "/commands")
    found: list[Json] = written
    return found


async def received_by_telegram(commands: Registry) -> list[Json]:
    async with local_telegram() as server, started(server, commands=commands):
        return calls(server, "setMyCommands")


def check(name: str, received: list[Json]) -> None:
    golden = FOLDER / f"{name}.json"
    shown = json.dumps(received, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if os.environ.get("RENEW_GOLDEN"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


async def test_what_discord_receives() -> None:
    received = await received_by_discord(registry())
    assert list(broken_on_discord(received)) == []
    check("discord", received)


async def test_what_telegram_receives() -> None:
    received = await received_by_telegram(registry())
    assert list(broken_on_telegram(received)) == []
    received.sort(key=lambda menu: (menu["scope"]["type"], menu.get("language_code", "")))
    check("telegram", received)


async def test_what_a_definition_can_say_keeps_the_rules_too() -> None:
    discord, telegram = await received_by_discord(EVERYTHING), await received_by_telegram(EVERYTHING)
    assert list(broken_on_discord(discord)) == []
    assert list(broken_on_telegram(telegram)) == []


def broken_on_discord(commands: list[Json]) -> Iterator[str]:
    """docs: "Application Commands": structure, naming, options, choices, localization, limits."""
    kinds = Counter(command["type"] for command in commands)
    if kinds[1] > 100 or kinds[3] > 5:
        yield f"too many commands: {kinds}"
    names = Counter((command["type"], command["name"]) for command in commands)
    yield from (f"{name} stands there twice" for name, count in names.items() if count > 1)
    for command in commands:
        where = command["name"]
        if command["type"] == 1:
            yield from _named(where, command)
            yield from _options(where, command.get("options", []), deep=0)
        elif not 1 <= len(where) <= 32 or command.get("description") or command.get("options"):
            yield f"{where}: no entry of a menu"
        yield from _localized(where, command, "name", 32)
        if not command["contexts"] or set(command["contexts"]) - {0, 1, 2}:
            yield f"{where}: contexts"
        if not command["integration_types"] or set(command["integration_types"]) - {0, 1}:
            yield f"{where}: integration types"
        if not str(command.get("default_member_permissions", "0")).isdecimal():
            yield f"{where}: permissions"
        if _size(command) > 8_000:
            yield f"{where}: {_size(command)} characters in all"


def _options(where: str, options: list[Json], *, deep: int) -> Iterator[str]:
    if len(options) > 25:
        yield f"{where}: {len(options)} options"
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        yield f"{where}: a required option behind another"
    if len({option["name"] for option in options}) < len(options):
        yield f"{where}: two options of one name"
    if len({option["type"] == SUBCOMMAND for option in options}) > 1:
        yield f"{where}: subcommands beside options"
    for option in options:
        here = f"{where} {option['name']}"
        yield from _named(here, option)
        if option["type"] == SUBCOMMAND:
            if deep or option.get("required"):
                yield f"{here}: a subcommand cannot stand here"
            yield from _options(here, option.get("options", []), deep=deep + 1)
            continue
        choices = option.get("choices", [])
        if len(choices) > 25 or (choices and option.get("autocomplete")):
            yield f"{here}: choices"
        for choice in choices:
            if not 1 <= len(choice["name"]) <= 100 or not 1 <= len(str(choice["value"])) <= 100:
                yield f"{here}: the choice {choice}"
            yield from _localized(here, choice, "name", 100)
        if "max_length" in option and (option["type"] != STRING or not 1 <= option["max_length"] <= 6_000):
            yield f"{here}: length"
        if {"min_value", "max_value"} & option.keys() and option["type"] not in {INTEGER, NUMBER}:
            yield f"{here}: bounds"


def _named(where: str, named: Json) -> Iterator[str]:
    if not DISCORD_NAME.fullmatch(named["name"]) or named["name"] != named["name"].lower():
        yield f"{where}: name"
    if not 1 <= len(named["description"]) <= 100:
        yield f"{where}: description"
    yield from _localized(where, named, "description", 100)


def _localized(where: str, named: Json, field: str, most: int) -> Iterator[str]:
    for locale, text in (named.get(f"{field}_localizations") or {}).items():
        if not 1 <= len(text) <= most:
            yield f"{where}: {field} in {locale}"


def _size(named: Json) -> int:
    """Names, descriptions and values, of each the longest translation."""
    own = 0
    for field in ("name", "description"):
        texts = [named.get(field) or "", *(named.get(f"{field}_localizations") or {}).values()]
        own += max(map(len, texts))
    return (
        own
        + len(str(named.get("value", "")))
        + sum(_size(below) for field in ("options", "choices") for below in named.get(field, []))
    )


def broken_on_telegram(menus: list[Json]) -> Iterator[str]:
    """core.telegram.org/bots/api: setMyCommands, BotCommand, BotCommandScope."""
    for menu in menus:
        where = f"{menu['scope']['type']} {menu.get('language_code', '')}"
        commands = menu["commands"]
        if len(commands) > 100:
            yield f"{where}: {len(commands)} commands"
        if len(menu.get("language_code", "xx")) != 2:
            yield f"{where}: language"
        for command in commands:
            if not TELEGRAM_NAME.fullmatch(command["command"]):
                yield f"{where}: the name {command['command']}"
            if not 1 <= len(command["description"]) <= 256:
                yield f"{where}: the description of {command['command']}"


def test_the_menu_is_short() -> None:
    """What people see before they know any; the rest is behind it."""
    listed = {command.name for command in registry() if registry().is_listed(command)}
    assert listed <= {"ask", "chat", "new", "model", "settings", "privacy", "help"}


async def test_what_is_listed_can_be_chosen() -> None:
    chosen = Registry(registry(), listed=["about"])
    received = await received_by_discord(chosen)
    assert list(broken_on_discord(received)) == []
    assert [command["name"] for command in received if command["type"] == 1] == ["about", "more", "manage"]
    with pytest.raises(ValueError, match="no command nonsense"):
        Registry(registry(), listed=["nonsense"])


def test_names_are_there_once_and_none_is_a_groups() -> None:
    async def run(call: object) -> None: ...

    for name in ("ask", "more"):
        with pytest.raises(ValueError, match="the same name"):
            Registry([*registry(), Command(name, run)])


@pytest.mark.parametrize("value", ["v" * (MAX_DATA_BYTES - len("data|") + 1), "é" * 30])
def test_a_select_whose_choice_no_button_could_carry_is_refused_at_once(value: str) -> None:
    with pytest.raises(ValueError, match="longer than 64 bytes"):
        Select("data", (Option(value, "Value"),))
