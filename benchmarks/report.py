"""Tables of results, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.freshness import OURS, Result

_COLUMNS: Final = (
    "mean age", "p95 age", "lag mean", "lag p95", "first text", "edits", "429s", "starved", "incomplete"
)  # fmt: skip


def show_freshness(results: Sequence[Result], console: Console) -> None:
    """A table for each scenario, then the ratios of all of them."""
    for result in results:
        console.print(_policies(result))
    console.print(_ratios(results))
    console.print(
        "Ages, lags and first texts in seconds, edits for each answer. Floor: no schedule can be fresher. "
        "Best: the freshest schedule found by any means that knows the future. Peer: the freshest one that "
        "completes every answer.",
        style="dim",
    )


def _policies(result: Result) -> Table:
    table = Table(
        title=f"{result.setting}, {result.timelines}, {result.profile} limits", title_justify="left"
    )
    table.add_column("policy")
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    for name, found in result.policies.items():
        lags = (found.final_lag_mean_s, found.final_lag_p95_s)
        times = (found.mean_age_s, found.p95_age_s, *lags, found.first_text_s)
        counts = (found.refused, found.starved, found.incomplete)
        cells = [*(f"{one:.2f}" for one in times), f"{found.edits_per_answer:.1f}", *map(str, counts)]
        table.add_row(name, *cells, style="bold" if name == OURS else "")
    table.add_row("best schedule found", f"{result.best_mean_age_s:.2f}", style="dim")
    table.add_row("floor", f"{result.floor.mean_age_s:.2f}", style="dim")
    return table


def _ratios(results: Sequence[Result]) -> Table:
    table = Table(title="Sluice beside what is possible and beside the freshest peer", title_justify="left")
    for column in ("scenario", "timelines", "limits"):
        table.add_column(column)
    for column in ("age/floor", "age/best", "age/peer", "lag/peer", "lag p95", "slot", "429s", "starved"):
        table.add_column(column, justify="right")
    for result in results:
        ours = result.ours
        ratios = (result.to_floor, result.to_best, result.age_to_peer, result.lag_to_peer)
        cells = [*(f"{one:.2f}" for one in (*ratios, ours.final_lag_p95_s, result.slot_s))]
        table.add_row(
            result.setting, result.timelines, result.profile, *cells, str(ours.refused), str(ours.starved)
        )
    return table
