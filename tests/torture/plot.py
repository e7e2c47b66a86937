"""A picture of a soak: memory, open files, threads and tasks over time. An SVG, drawn here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.torture.soak import Sample, per_hour, warm

WIDTH: Final = 640
HEIGHT: Final = 110  # of one row's axes, in pixels
GAP: Final = 46
LEFT: Final = 16
TOP: Final = 56
_ROWS: Final = (
    ("rss_kb", "resident memory", 1_000, "MB"),
    ("files", "open files", 1, ""),
    ("threads", "threads", 1, ""),
    ("tasks", "asyncio tasks", 1, ""),
)
_STYLE: Final = """
text{fill:#24292f}.faint{fill:#6e7781}.page{fill:#ffffff}.axis{stroke:#8c959f;fill:none}
.line{stroke:#0969da;stroke-width:1.5;fill:none}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#8d96a0}.page{fill:#0d1117}.line{stroke:#58a6ff}}
"""


def svg(samples: Sequence[Sample], streams: int) -> str:
    """The longest life among the samples, of so many `streams`; each axis begins at zero."""
    life = max((one.life for one in samples), key=[one.life for one in samples].count)
    drawn = [one for one in samples if one.life == life]
    width, height = WIDTH + 2 * LEFT, TOP + len(_ROWS) * (HEIGHT + GAP)
    minutes = drawn[-1].at_s / 60
    title = f"{streams} answers at once for {minutes:.0f} minutes"
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{title}" font-family="system-ui, sans-serif" font-size="12">'
        ),
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}" rx="6"/>',
        f'<text x="{LEFT}" y="26" font-size="15" font-weight="600">{title}</text>',
    ]
    for number, row in enumerate(_ROWS):
        y = TOP + number * (HEIGHT + GAP)
        parts.append(f'<g transform="translate({LEFT} {y})">{_row(drawn, *row)}</g>')
    return "\n".join([*parts, "</svg>", ""])


def _row(drawn: Sequence[Sample], of: str, name: str, unit: int, word: str) -> str:
    word = f" {word}" if word else ""
    values = [getattr(one, of) / unit for one in drawn]
    most = max(values) * 1.1
    points = [
        (one.at_s / drawn[-1].at_s * WIDTH, HEIGHT * (1 - value / most))
        for one, value in zip(drawn, values, strict=True)
    ]
    slope = per_hour(warm(drawn), of)
    grows = "" if slope is None else f", {slope / unit:+.2f}{word} an hour once warm"
    path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return (
        f'<text y="-6">{name}: {values[-1]:.0f}{word}<tspan class="faint">{grows}</tspan></text>'
        f'<path class="axis" d="M0 0 V{HEIGHT} H{WIDTH}"/><path class="line" d="{path}"/>'
    )
