"""Nothing in the program fetches on its own: what a person's message names is fetched by the guard."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CLIENTS = frozenset(
    {
        "aiohttp", "ftplib", "http.client", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "socket",
        "telnetlib", "urllib.request", "urllib3", "websockets",
    }
)  # fmt: skip
"""Modules that open connections."""

ALLOWED = {
    "bots/discord/backfill.py": "names errors of discord.py's session",
    "bots/discord/connection.py": "the same; asks whether Discord is there",
    "bots/discord/doctor.py": "the same",
    "bots/discord/exchange.py": "listens to discord.py's own requests",
    "bots/doctor.py": "looks whether the page's port is free",
    "bots/telegram/outcomes.py": "names errors of python-telegram-bot's client",
    "bots/telegram/webhook.py": "listens: Telegram brings its updates",
    "bots/embedded_model/weights.py": "fetches the model from the operator's package index, checked by hash",
    "core/adapters/openai_client.py": "asks the operator's providers",
    "core/adapters/openai_completions.py": "the same",
    "core/adapters/fetching/client.py": "the guard",
    "core/adapters/fetching/network.py": "the guard",
}

FETCHING_CALLS = frozenset(
    {
        "download_as_bytearray", "download_to_drive", "download_to_memory", "get_file", "get_from_cdn",
        "open_connection", "to_file", "urlopen", "urlretrieve",
    }
)  # fmt: skip
"""By which the platforms' libraries and the standard one fetch for themselves."""


def _files() -> Iterator[tuple[str, str]]:
    for package in ("bots", "core"):
        for file in sorted((ROOT / package).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            if not name.startswith("bots/sandbox/"):  # plays the platforms
                yield name, file.read_text("utf-8")


@cache
def _fetching(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Modules that open connections, and calls that fetch."""
    modules, calls = set(), set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                modules |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module), names=names):
                modules |= {module, *(f"{module}.{alias.name}" for alias in names)}
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
                calls.add(name)
    return frozenset(modules & CLIENTS), frozenset(calls & FETCHING_CALLS)


def test_only_these_files_open_connections_each_with_its_reason() -> None:
    assert {name for name, source in _files() if _fetching(source)[0]} == set(ALLOWED)


def test_nothing_is_fetched_by_the_platforms_libraries() -> None:
    assert {name: calls for name, source in _files() if (calls := _fetching(source)[1])} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "import httpx",
        "from urllib.request import urlopen",
        "from urllib import request",
        "import http.client as h",
    ],
)
def test_a_planted_client_is_seen(planted: str) -> None:
    assert _fetching(planted)[0]


@pytest.mark.parametrize(
    "planted", ["await message.photo[0].get_file()", "urlopen(url)", "await asset.to_file()"]
)
def test_a_planted_call_is_seen(planted: str) -> None:
    assert _fetching(f"async def f():\n    {planted}")[1]
