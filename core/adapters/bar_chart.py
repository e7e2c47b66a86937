"""Bars by day as a PNG, with Pillow. Digits only: its built-in font has no more than ASCII."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from core.ports.chart import Bar

COLOURS: Final = ("#55acee", "#78b159", "#fdcb58")
"""From below: blue, green, yellow. A message names them by these words and by their order."""
_SMOOTH: Final = 2  # drawn so much larger and then reduced: round corners without steps
_SCALE: Final = 2 * _SMOOTH  # twice as large as a chat shows it: sharp on a phone
_WIDTH, _HEIGHT = 400 * _SCALE, 200 * _SCALE
_LEFT, _RIGHT, _TOP, _BOTTOM = 44 * _SCALE, 14 * _SCALE, 22 * _SCALE, 28 * _SCALE
_PAPER, _GRID, _FAINT, _BRIGHT = "#1e1f22", "#35373c", "#949ba4", "#f2f3f5"
_LINES: Final = 4  # at most, above the ground line
_LABELS: Final = 10  # at most, under the bars
_ROUNDED_FROM: Final = 3  # pixels: of less, no corner can be cut off
_ROUND: Final = 0.18  # of a bar's thickness: the radius of its upper corners
_GAP: Final = _SCALE  # between the parts of a bar


def draw_bars(bars: Sequence[Bar]) -> bytes:
    """See `core.ports.chart.DrawChart`."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = ImageDraw.Draw(image)
    small = ImageFont.load_default(12 * _SCALE)
    totals = [sum(bar.parts) for bar in bars]
    step = _step(max(totals, default=0.0))
    top = step * max(1, -(-max(totals, default=0.0) // step))
    ground, height = _HEIGHT - _BOTTOM, _HEIGHT - _BOTTOM - _TOP

    def level(value: float) -> float:
        return ground - height * value / top

    for line in range(round(top / step) + 1):
        y = level(line * step)
        draw.line((_LEFT, y, _WIDTH - _RIGHT, y), fill=_GRID, width=_SCALE)
        draw.text((_LEFT - 6 * _SCALE, y), short(line * step), font=small, fill=_FAINT, anchor="rm")
    slot = (_WIDTH - _LEFT - _RIGHT) / max(1, len(bars))
    thick = min(slot * 0.72, 40 * _SCALE)
    every = -(-len(bars) // _LABELS)
    for index, bar in enumerate(bars):
        today = index == len(bars) - 1
        middle = _LEFT + slot * (index + 0.5)
        drawn = [(part, colour) for part, colour in zip(bar.parts, COLOURS, strict=False) if part > 0]
        below = 0.0
        for number, (part, colour) in enumerate(drawn, 1):
            upper, lower = level(below + part), level(below) - (_GAP if number > 1 else 0)
            box = (middle - thick / 2, upper, middle + thick / 2, max(upper, lower))
            if number == len(drawn):
                tall = box[3] - upper
                radius = min(thick * _ROUND, tall / 2) if tall >= _ROUNDED_FROM else 0
                draw.rounded_rectangle(box, radius, fill=colour, corners=(True, True, False, False))
            else:
                draw.rectangle(box, fill=colour)
            below += part
        if (len(bars) - 1 - index) % every == 0:
            colour = _BRIGHT if today else _FAINT
            draw.text((middle, ground + 8 * _SCALE), bar.label, font=small, fill=colour, anchor="ma")
    for index in _told(totals):
        at = (_LEFT + slot * (index + 0.5), level(totals[index]) - 4 * _SCALE)
        draw.text(at, short(totals[index]), font=small, fill=_BRIGHT, anchor="ms")
    out = io.BytesIO()
    image.reduce(_SMOOTH).save(out, "PNG", optimize=True)
    return out.getvalue()


def _told(totals: Sequence[float]) -> list[int]:
    """Which bars have their figure above them: the highest one, and today's unless it is close to that."""
    if not any(totals):
        return []
    most, today = max(range(len(totals)), key=totals.__getitem__), len(totals) - 1
    return [most, today] if totals[today] and today - most > 2 else [most]


def short(value: float) -> str:
    """A figure in few characters: 950, 1.2k, 34k, 5M."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.9995:
            scaled = value / size
            return f"{scaled:.1f}".removesuffix(".0") + sign if scaled < 9.95 else f"{scaled:.0f}{sign}"
    return f"{value:.2f}".rstrip("0").rstrip(".") if value < 9.95 else f"{value:.0f}"


def _step(most: float) -> float:
    """The distance of the lines: 1, 2 or 5 times a power of ten, so that at most `_LINES` are needed."""
    size = 1e-9
    while True:
        for factor in (1, 2, 5):
            if factor * size * _LINES >= most:
                return max(factor * size, 1e-6)
        size *= 10
