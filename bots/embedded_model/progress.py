"""Progress of the embedded model's start, and how a terminal shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Bars

from bots.leaving import writing


class Stage(StrEnum):
    """What is being done. The values are for people."""

    LOOK_UP = "Looking up the embedded model"
    DOWNLOAD = "Downloading the embedded model"
    UNPACK = "Checking and unpacking the embedded model"
    LOAD = "Loading the embedded model"
    READY = "The embedded model is ready"


@dataclass(frozen=True, slots=True)
class Progress:
    """One step forward; `done` and `total` are bytes, and both 0 where nothing is counted."""

    stage: Stage
    done: int = 0
    total: int = 0


OnProgress = Callable[[Progress], None]


def ignore_progress(_progress: Progress) -> None:
    """For callers that show nothing."""


@contextmanager
def shown_progress(console: Console) -> Iterator[OnProgress]:
    """Show progress on the console while inside: a bar in a terminal, else a line per stage.

    A line that cannot be written raises OutputError.
    """
    with Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bars:
        task = bars.add_task("", visible=False, total=None)
        last: Stage | None = None

        def show(progress: Progress) -> None:
            nonlocal last
            counted = progress.total > 0
            bars.update(
                task,
                description=progress.stage,
                completed=progress.done,
                total=progress.total or None,
                visible=counted,
                refresh=progress.stage is not last,
            )
            if progress.stage is not last and not (counted and console.is_terminal):
                with writing():
                    console.print(f"{progress.stage}{'' if progress.stage is Stage.READY else ' …'}")
            last = progress.stage

        yield show
