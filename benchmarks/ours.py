"""Sluice's own policy: the real scheduler, views and renderers, woken as the real driver wakes them.

It starts from the limits that the adapters document, whatever the scenario's platform enforces.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from benchmarks import scenarios
from benchmarks.scenarios import Scenario, Stream, text_of
from benchmarks.simulator import Request
from bots.discord.capabilities import CHANNEL, COMMAND
from bots.telegram.capabilities import TELEGRAM
from core.ports.surface import Capabilities
from core.service.account import TICK_S
from core.streaming.answer import Answer, Ending
from core.streaming.meters import NEVER
from core.streaming.operations import BucketKey, Button, OperationKind, Outcome
from core.streaming.scheduler import EditScheduler, Operation
from core.streaming.view_settings import ViewSettings
from core.streaming.ways import Way

_STOP: Final = Button("stop", "Stop")


class WatchedAnswer(Answer):
    """Notes how far it is shown."""

    def __init__(self, stream: int, changes: list[tuple[int, int]]) -> None:
        super().__init__()
        self._stream = stream
        self._changes = changes
        self._upto = 0

    def shown(self, reader: object, offset: int) -> None:
        super().shown(reader, offset)
        if offset > self._upto:
            self._upto = offset
            self._changes.append((self._stream, offset))


class Sluice:
    """Each answer is asked for as the run begins."""

    def __init__(self, scenario: Scenario) -> None:
        self._changes: list[tuple[int, int]] = []
        self._operations: dict[int, Operation] = {}
        self._streams: dict[int, int] = {}  # by view
        self._last_tick = -NEVER
        self._due = NEVER
        self._answers = [WatchedAnswer(number, self._changes) for number in range(len(scenario.streams))]
        self._source = text_of(max(_length(stream) for stream in scenario.streams))
        self._scheduler = EditScheduler({})
        began = min(stream.timeline.deltas[0][0] for stream in scenario.streams) - 0.5
        for number, stream in enumerate(scenario.streams):
            capabilities = _capabilities(scenario, stream.ways[0])
            self._scheduler.pacer.add_limits(capabilities.rate_limits)
            settings = ViewSettings(
                renderer=capabilities.renderer,
                ways=tuple(_way(scenario, way) for way in stream.ways),
                stop=_STOP,
                typing_lasts_s=capabilities.typing_lasts_s,
            )
            self._streams[self._scheduler.show(self._answers[number], settings, began)] = number

    def arrived(self, stream: int, characters: int, now: float) -> None:
        answer = self._answers[stream]
        answer.append(self._source[answer.length : answer.length + characters], now)
        if self._scheduler.changed(answer):
            self._wake(now)

    def ended(self, stream: int, now: float) -> None:
        self._answers[stream].end(Ending.COMPLETE, now)
        if self._scheduler.changed(self._answers[stream]):
            self._wake(now)

    def requests(self, now: float) -> list[Request]:
        if now < self._due:
            return []
        self._last_tick = now
        operations = self._scheduler.operations_to_perform(now)
        self._due = self._scheduler.next_deadline()
        for view in self._scheduler.take_over():
            self._scheduler.forget(view)
            del self._streams[view]
        self._operations.update((operation.id, operation) for operation in operations)
        return [
            Request(one.id, self._streams[one.view], one.kind, one.keys, one.message_id) for one in operations
        ]

    def next_deadline(self) -> float:
        return self._due

    def performed(self, request: Request, outcome: Outcome, now: float) -> None:
        self._scheduler.performed(self._operations.pop(request.id), outcome, now)
        self._wake(now)

    def newly_visible(self) -> Sequence[tuple[int, int]]:
        changes = list(self._changes)
        self._changes.clear()
        return changes

    def _wake(self, now: float) -> None:
        self._due = min(self._due, max(now, self._last_tick + TICK_S))


def _way(scenario: Scenario, way: scenarios.Way) -> Way:
    able = _capabilities(scenario, way)
    return Way(partial(_buckets, way), able.nonces, able.first_in_place)


def _buckets(way: scenarios.Way, kind: OperationKind, page: int) -> tuple[BucketKey, ...] | None:
    return way.get(kind)


def _capabilities(scenario: Scenario, way: scenarios.Way) -> Capabilities:
    if scenario.platform == "telegram":
        return TELEGRAM
    return COMMAND if way[OperationKind.SEND][-1].family == "interaction" else CHANNEL


def _length(stream: Stream) -> int:
    return sum(characters for _, characters in stream.timeline.deltas)
