"""Alerts that are only noted."""

from __future__ import annotations

from core.ports.alerts import Cause


class NotedAlerts:
    """The port `Alerts`: `raised` holds what is wrong now, `told` each call that changed that."""

    def __init__(self) -> None:
        self.raised: dict[tuple[Cause, str], str | float] = {}
        self.told: list[tuple[str, Cause, str | float]] = []

    def raise_(self, cause: Cause, *, about: str = "", why: str | float = "") -> None:
        if (cause, about) not in self.raised:
            self.told.append(("raised", cause, why))
        self.raised[cause, about] = why

    def clear(self, cause: Cause, *, about: str = "") -> None:
        if self.raised.pop((cause, about), None) is not None:
            self.told.append(("over", cause, about))
