"""Puts measured figures into the documents, between `<!-- measured: NAME -->` and `<!-- /measured -->`.

.venv/bin/sluice bench --json FIGURES
.venv/bin/python -m benchmarks.documents FIGURES
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.freshness import OURS

PAGE: Final = Path(__file__).parents[1] / "docs" / "pacing.md"
_WHOLE: Final = ("8 answers in one channel", "steady long", "documented")
Figures = Mapping[str, Any]


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """In Markdown; all but the columns of words are aligned to the right."""
    lines = [head, ["---" if one.istitle() else "--:" for one in head], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ratios(results: Sequence[Figures]) -> str:
    head = (
        "Scenario", "Timelines", "Limits", "age s", "floor s", "best s", "age/floor", "age/best",
        "freshest peer s", "age/peer", "lag mean s", "peer's lag s",
        "lag p95 s", "slot s", "edits", "429s", "starved",
    )  # fmt: skip
    return table(head, map(_ratios, results))


def _ratios(result: Figures) -> list[str]:
    ours = result["policies"][OURS]
    peers = [one for name, one in result["policies"].items() if name != OURS and not one["incomplete"]]
    peer = min(peers, key=lambda one: float(one["mean_age_s"]))
    seconds = (ours["mean_age_s"], result["floor"]["mean_age_s"], result["best_mean_age_s"])
    lags = (ours["final_lag_mean_s"], peer["final_lag_mean_s"], ours["final_lag_p95_s"], result["slot_s"])
    shares = (result["to_floor"], result["to_best"])
    rest = (peer["mean_age_s"], result["age_to_peer"], *lags)
    figures = [f"{one:.2f}" for one in (*seconds, *shares, *rest)]
    words = [result["setting"], result["timelines"], result["profile"]]
    return [*words, *figures, f"{ours['edits_per_answer']:.1f}", str(ours["refused"]), str(ours["starved"])]


def policies(results: Sequence[Figures]) -> str:
    """All policies of one scenario."""
    [result] = [one for one in results if (one["setting"], one["timelines"], one["profile"]) == _WHOLE]
    head = (
        "Policy", "age mean s", "age p95 s", "lag mean s", "lag p95 s", "first text s", "edits", "429s",
        "starved", "incomplete",
    )  # fmt: skip
    names = (
        "mean_age_s", "p95_age_s", "final_lag_mean_s", "final_lag_p95_s", "first_text_s", "edits_per_answer"
    )  # fmt: skip

    def rows() -> Iterator[Sequence[str]]:
        for policy, found in result["policies"].items():
            counts = [str(found[name]) for name in ("refused", "starved", "incomplete")]
            yield [policy, *(f"{found[name]:.2f}" for name in names), *counts]

    return table(head, rows())


def write(figures: Figures, page: Path = PAGE) -> None:
    """Raises KeyError when `figures` lacks what the page shows."""
    text = page.read_text("utf-8")
    for name, found in (
        ("ratios", ratios(figures["freshness"])),
        ("policies", policies(figures["freshness"])),
    ):
        mark = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- /measured -->)", re.DOTALL)
        if not mark.search(text):
            raise KeyError(f"{page} has no place for {name}")
        text = mark.sub(lambda match, found=found: f"{match[1]}{found}\n{match[2]}", text)  # type: ignore[misc]
    page.write_text(text, "utf-8")


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1]).read_text("utf-8")))
