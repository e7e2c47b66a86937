"""What a command loads before it is known to be needed: each of these libraries takes up to a second."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from typing import Final

HEAVY: Final = (
    "aiohttp",
    "alembic",
    "asyncio",
    "core",
    "discord",
    "openai",
    "rich",
    "sqlalchemy",
    "telegram",
)
MODULES: Final = {  # in this order: what the one before has loaded is there for the next
    "bots.cli": set[str](),
    "bots.run": {"asyncio", "core", "rich"},
    "bots.config_check": {"asyncio", "core", "rich"},
    "bots.doctor": {"asyncio", "core", "rich", "aiohttp"},
    "bots.ask": {"asyncio", "core", "rich", "aiohttp", "openai"},
    "bots.serving": {"asyncio", "core", "rich", "aiohttp", "openai"},
    "core.adapters.store.opening": {"asyncio", "core", "rich", "aiohttp", "openai", "sqlalchemy"},
}
LOAD: Final = """
import importlib, json, sys
*modules, heavy = map(json.loads, sys.argv[1:])
for module in modules:
    importlib.import_module(module)
    print(json.dumps([name for name in heavy if name in sys.modules]))
"""


async def test_nothing_is_loaded_that_may_not_be_needed() -> None:
    arguments = (json.dumps(one) for one in (*MODULES, HEAVY))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", LOAD, *arguments, stdout=PIPE)
    out, _ = await process.communicate()
    loaded = dict(zip(MODULES, map(set, map(json.loads, out.splitlines())), strict=True))
    assert loaded == MODULES
