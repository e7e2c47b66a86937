"""What every part of the local Discord shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bots.sandbox.discord.models import Json
from bots.sandbox.discord.payloads import Payloads
from bots.sandbox.discord.world import World
from bots.sandbox.limits import Clock, PlatformLimits


@dataclass(frozen=True)
class Context:
    """The state, its JSON form, the limits, the clock (seconds, monotonic) and who hears of events."""

    world: World
    payloads: Payloads
    limits: PlatformLimits
    clock: Clock
    token: str
    report: Callable[[Json], None]
