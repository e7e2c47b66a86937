"""When a case's faults begin: at a position of the model's stream, or at an operation that people see."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.fakes.model_faults import BEFORE_DONE
from tests.faults.cases import At, Fault, Moment, Point


class Points:
    """`begin`: told of each fault that is not the model's own, as its point is reached."""

    def __init__(self, faults: Iterable[Fault], begin: Callable[[Fault], None]) -> None:
        self._waiting = [one for one in faults if one.of_model is None]
        self._begin = begin
        self._model_over = self._final = False

    def reached(self, point: Point) -> None:
        self._model_over |= point == BEFORE_DONE
        due = [one for one in self._waiting if one.point == point]
        self._waiting = [one for one in self._waiting if one.point != point]
        for fault in due:
            self._begin(fault)

    def committed(self, number: int) -> None:
        """This operation is about to be asked for."""
        self.reached(Moment(At.COMMITTED, number))
        if self._model_over and not self._final:
            self._final = True
            self.reached(Moment(At.FINAL))

    def taken(self, number: int) -> None:
        """It was done, and nobody has heard of that."""
        self.reached(Moment(At.IN_FLIGHT, number))
