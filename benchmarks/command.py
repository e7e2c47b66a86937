"""`sluice bench`: plays the benchmarks, prints their tables, and writes figures and picture to files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import cpu, freshness, growth, plot, report, store


def run(which: Sequence[str], *, quick: bool, json_file: Path | None, plot_file: Path | None) -> None:
    """`which`: of freshness, cpu, growth, store. Raises OSError when a file cannot be written."""
    for file in (json_file, plot_file):
        if file is not None:
            file.touch()  # before minutes of work, not behind them
    console, progress = Console(highlight=False), Console(stderr=True, highlight=False)
    figures: dict[str, Any] = {}
    if "freshness" in which:
        results = freshness.run(quick=quick, progress=lambda line: progress.print(line, style="dim"))
        report.show_freshness(results, console)
        figures["freshness"] = [result.as_json() for result in results]
    if "cpu" in which:
        costs = cpu.run(quick=quick)
        console.print(cpu.table(costs), soft_wrap=True)
        figures["cpu"] = cpu.as_dicts(costs)
    if "growth" in which:
        grown = growth.run(quick=quick)
        console.print(growth.table(grown), soft_wrap=True)
        figures["growth"] = growth.as_dicts(grown)
    if "store" in which:
        kept = store.run(quick=quick)
        console.print(store.table(kept), soft_wrap=True)
        figures["store"] = store.as_dicts(kept)
    if json_file is not None:
        json_file.write_text(json.dumps({"python": sys.version.split()[0], **figures}, indent=1), "utf-8")
    if plot_file is not None:
        title = "Eight answers in one Discord channel: the first of them"
        plot_file.write_text(plot.svg(title, plot.panels(plot.plotted())), "utf-8")
