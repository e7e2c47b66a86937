"""Our proxy before `llmock`, and a script that does not come through."""

from __future__ import annotations

import random
from typing import Any

from aiohttp import ClientSession, web

from tests.torture.llmock import Llmock
from tests.torture.texts import Tale


async def test_a_fault_that_could_not_be_scripted_is_scripted_before_the_next_try() -> None:
    """Else the next try would be told something else than the tale."""
    scripts: list[Any] = []

    async def scenario(request: web.Request) -> web.Response:
        scripts.append(await request.json())
        return web.Response(status=500 if len(scripts) == 1 else 201)

    async def completion(request: web.Request) -> web.Response:
        return web.json_response({"told": (await request.json())["model"]})

    app = web.Application()
    app.add_routes([web.post("/_llmock/scenario", scenario), web.post("/v1/chat/completions", completion)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with ClientSession() as session:
            llmock = Llmock(f"http://127.0.0.1:{runner.addresses[0][1]}", session, random.Random(1))
            question = {"messages": [{"role": "user", "content": Tale("q7", "short", 2_000, 0).question}]}
            async with llmock.proxy:
                url = f"{llmock.proxy.base_url}/chat/completions"
                statuses = []
                for _ in range(3):
                    async with session.post(url, json=question) as answer:
                        statuses.append(answer.status)
    finally:
        await runner.cleanup()
    assert statuses == [500, 200, 200]
    assert len(scripts) == 2
    assert llmock.faults.total() == 1
