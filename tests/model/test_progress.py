"""Progress as a person sees it."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from bots.embedded_model.progress import Progress, Stage, shown_progress

_STEPS = (
    Progress(Stage.LOOK_UP),
    *(Progress(Stage.DOWNLOAD, done, 100_000_000) for done in range(0, 100_000_001, 10_000_000)),
    Progress(Stage.UNPACK),
    Progress(Stage.LOAD),
    Progress(Stage.READY),
)


@pytest.mark.parametrize("terminal", [False, True])
def test_every_stage_is_told_once(terminal: bool) -> None:
    """A line per stage; in a terminal the download is a bar with its figures instead."""
    out = StringIO()
    with shown_progress(Console(file=out, force_terminal=terminal, width=100)) as show:
        for step in _STEPS:
            show(step)
    told = out.getvalue()
    assert "0.0/100.0 MB" in told or not terminal
    for stage in Stage:
        assert told.count(stage) == 1 or (terminal and stage is Stage.DOWNLOAD and stage in told)
