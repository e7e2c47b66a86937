"""The fixture of what is tested on both platforms alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.commands.hands import PLATFORMS, Hands, on_platform


@pytest.fixture(params=PLATFORMS)
async def hands(request: pytest.FixtureRequest) -> AsyncIterator[Hands]:
    async with on_platform(request.param) as hands:
        yield hands
