"""Nobody is notified while whole answers stream, nor by what commands say again: names, topics, questions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.discord.world import Permission
from bots.sandbox.limits import load_profile
from bots.sandbox.telegram.server import TelegramServer
from tests.discord.support import library_restored
from tests.fakes.moved_clock import MovedClock
from tests.faults.sites import small_pages
from tests.guard.mentions import Targets, payloads
from tests.guard.service import SPEED, Service, serving

LONGEST = 6_000  # characters of an answer: dozens of small pages
DISCORD = "discord"


@asynccontextmanager
async def platform(which: str) -> AsyncIterator[tuple[DiscordServer | TelegramServer, MovedClock]]:
    clock = MovedClock(speed=SPEED)
    server = (DiscordServer if which == DISCORD else TelegramServer)(
        profile=load_profile(scale=0.01), clock=clock
    )
    await server.start()
    with library_restored(), small_pages():
        try:
            yield server, clock
        finally:
            await server.stop()


def targets_of(server: DiscordServer | TelegramServer) -> list[str]:
    if isinstance(server, DiscordServer):
        world = server.world
        server.grant("Sluice", Permission.MENTION_EVERYONE)
        role = world.add_role("Crew", 0, [world.person("Cleo")])
        world.roles[role.id] = replace(role, mentionable=True)
        return Targets(world.person("Cleo").id, role.id, world.guild_id, world.chat("#bots").id).on_discord()
    return Targets(server._world.find_person("Cleo").id).on_telegram()


def cut(text: str, size: int) -> Iterator[str]:
    rest = iter(text)
    while piece := "".join(islice(rest, size)):
        yield piece


@pytest.mark.parametrize("which", [DISCORD, "telegram"])
async def test_an_answer_of_mentions_notifies_nobody_however_it_is_cut(which: str) -> None:
    """One character a delta, over many pages."""
    async with platform(which) as (server, clock):
        text = "\n\n".join(payloads(targets_of(server)))[:LONGEST]
        async with serving(server, clock, list(cut(text, 3)), every_s=0.002) as service:
            where = "#general" if which == DISCORD else "Riverside"
            called = "@Sluice" if which == DISCORD else "@sluice_bot"
            await server.say("Ben", where, f"{called} a tale?")
            await service.until_answered(1)
        ours = [
            one for one in server.snapshot()["messages"] if one["author"]["name"] == "Sluice" and one["text"]
        ]
        assert len(ours) > 10
        assert sum(one["edited"] for one in ours) > 10
        assert server.pings == []


@pytest.mark.parametrize("which", [DISCORD, "telegram"])
async def test_names_and_questions_that_are_said_again_notify_nobody(which: str) -> None:
    """A person whose name is a mention, a question that is one: in help, threads, panels and refusals."""
    async with platform(which) as (server, clock), serving(server, clock, ["ok"], every_s=0.01) as service:
        names = targets_of(server)
        if isinstance(server, DiscordServer):
            await _commands_on_discord(server, service, names)
        else:
            await _commands_on_telegram(server, service, names)
        ours = [
            one for one in server.snapshot()["messages"] if one["author"]["name"] == "Sluice" and one["text"]
        ]
        assert len(ours) > 5
        assert server.pings == []


async def _commands_on_discord(server: DiscordServer, service: Service, names: list[str]) -> None:
    """Every command, each of its texts a mention."""
    world, ben = server.world, server.world.person("Ben")
    own = f"@everyone {names[11]}"[:32]
    world.users[ben.id] = replace(ben, name=own)
    filled = [
        (command, option) for command, option in _texts(server.menu(own, "#general")) if command != "forget"
    ]
    assert {"ask", "chat"} <= {command for command, _ in filled}
    for number, (command, option) in enumerate(filled):
        await server.invoke(str(ben.id), "#general", command, {option: names[number % 8]})
        await service.until_quiet(server)
    for name in names[:6]:
        await server.invoke(str(ben.id), "#general", "ask", {"prompt": name})
        await service.until_quiet(server)


def _texts(commands: list[dict[str, Any]], above: str = "") -> Iterator[tuple[str, str]]:
    """Each command, and of a group each one in it, with the first text that it takes."""
    for command in commands:
        options = command.get("options") or []
        if below := [one for one in options if one["type"] in {1, 2}]:
            yield from _texts(below, f"{above}{command['name']} ")
            continue
        free = [one["name"] for one in options if one["type"] == 3 and not one.get("choices")]
        if free:
            yield f"{above}{command['name']}", free[0]


async def _commands_on_telegram(server: TelegramServer, service: Service, names: list[str]) -> None:
    world, ben = server._world, server._world.find_person("Ben")
    world.people[ben.id] = replace(ben, name="@cleo @cleo")
    commands = [one["command"] for one in server.menu(str(ben.id), "Riverside")]
    assert {"ask", "help"} <= set(commands)
    for number, command in enumerate([*commands, "nothing", *["ask"] * 6]):
        await server.say(str(ben.id), "Riverside", f"/{command}@sluice_bot {names[number % len(names)]}")
        await service.until_quiet(server)
