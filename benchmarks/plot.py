"""A picture of freshness: for each policy, how much text the model had produced and how much was visible.

An SVG in small multiples, drawn here: it needs no library, prints sharply and reads on light and dark pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate
from typing import Final

from benchmarks.freshness import OURS, policies
from benchmarks.measures import Measures, Shown, measure
from benchmarks.scenarios import PACES, SETTINGS, Scenario, Timeline, scenario
from benchmarks.simulator import play

COLUMNS: Final = 4
WIDTH, HEIGHT = 236, 150  # of one panel's axes, in pixels
MARGIN: Final = 16
TITLE_H, FOOT_H = 46, 26
AFTER_S: Final = 14.0
"""So long after the model's end is drawn: what comes later has left the picture."""
SHOWN_IN_PLOT: Final = ("8 answers in one channel", "steady long", "documented")

_STYLE: Final = """
text{fill:#24292f}.faint{fill:#6e7781}.page{fill:#ffffff}
.axis{stroke:#8c959f;stroke-width:1;fill:none}.produced{stroke:#8c959f;stroke-width:1.5;fill:none}
.hidden{fill:#8c959f;fill-opacity:.18;stroke:none}
.visible{stroke:#cf222e;stroke-width:1.5;fill:none}.ours{stroke:#0969da;stroke-width:2}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#8d96a0}.page{fill:#0d1117}
.visible{stroke:#ff7b72}.ours{stroke:#58a6ff}}
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """One policy: an answer of the scenario, and what all its answers are judged by."""

    name: str
    timeline: Timeline
    shown: Sequence[Shown]
    measures: Measures


def panels(played: Scenario, stream: int = 0) -> list[Panel]:
    found = []
    for name, policy in policies(played):
        record = play(played, policy)
        timeline = played.streams[stream].timeline
        found.append(Panel(name, timeline, record.shown[stream], measure(played, record)))
    return found


def plotted() -> Scenario:
    setting, pace, profile = SHOWN_IN_PLOT
    return scenario(
        next(one for one in SETTINGS if one.name == setting),
        next(one for one in PACES if one.name == pace),
        profile,
    )


def svg(title: str, drawn: Sequence[Panel]) -> str:
    rows = -(-len(drawn) // COLUMNS)
    cell_w, cell_h = WIDTH + 2 * MARGIN, HEIGHT + TITLE_H + FOOT_H
    width, height = COLUMNS * cell_w + MARGIN, rows * cell_h + 64
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="12">'
        ),
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}" rx="6"/>',
        f'<text x="{MARGIN}" y="26" font-size="15" font-weight="600">{escape(title)}</text>',
        _legend(width),
    ]
    for number, panel in enumerate(drawn):
        x = MARGIN + (number % COLUMNS) * cell_w
        y = 48 + (number // COLUMNS) * cell_h
        parts.append(f'<g transform="translate({x} {y})">{_panel(panel)}</g>')
    return "\n".join([*parts, "</svg>", ""])


def _legend(width: int) -> str:
    x = width - 330
    return (
        f'<line class="produced" x1="{x}" y1="22" x2="{x + 24}" y2="22"/>'
        f'<text x="{x + 30}" y="26">produced by the model</text>'
        f'<line class="visible ours" x1="{x + 180}" y1="22" x2="{x + 204}" y2="22"/>'
        f'<text x="{x + 210}" y="26">visible in the chat</text>'
    )


def _panel(panel: Panel) -> str:
    begins, ends = panel.timeline.deltas[0][0], panel.timeline.ended_at
    span_s = ends - begins + AFTER_S
    total = sum(characters for _, characters in panel.timeline.deltas)

    def place(at: float, characters: int) -> tuple[float, float]:
        return (at - begins) / span_s * WIDTH, TITLE_H + HEIGHT * (1 - characters / total)

    lengths = accumulate(characters for _, characters in panel.timeline.deltas)
    produced = [(begins, 0), *zip((at for at, _ in panel.timeline.deltas), lengths, strict=True)]
    produced = [*produced[::4], produced[-1], (begins + span_s, total)]
    visible = [(begins, 0)]
    for at, upto in panel.shown:
        if at <= begins + span_s:
            visible += [(at, visible[-1][1]), (at, upto)]
    visible.append((begins + span_s, visible[-1][1]))
    over, under = ([place(*point) for point in line] for line in (produced, visible))
    judged = panel.measures
    ours = " ours" if panel.name == OURS else ""
    late = "" if not judged.incomplete else f", {judged.incomplete} never complete"
    end_x = place(ends, 0)[0]
    return (
        f'<text y="16" font-weight="600">{escape(panel.name)}</text>'
        f'<text class="faint" y="33">age {judged.mean_age_s:.1f} s, final lag '
        f"{judged.final_lag_mean_s:.1f} s, {judged.refused} refusals{late}</text>"
        f'<path class="hidden" d="{_line(over)} {_line(under[::-1]).replace("M", "L", 1)} Z"/>'
        f'<path class="axis" d="M0 {TITLE_H} V{TITLE_H + HEIGHT} H{WIDTH}"/>'
        f'<path class="axis" stroke-dasharray="2 3" d="M{end_x:.1f} {TITLE_H} V{TITLE_H + HEIGHT}"/>'
        f'<path class="produced" d="{_line(over)}"/><path class="visible{ours}" d="{_line(under)}"/>'
        f'<text class="faint" x="{end_x:.1f}" y="{TITLE_H + HEIGHT + 16}" text-anchor="middle">'
        f"model ends, {ends - begins:.0f} s</text>"
    )


def _line(points: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
