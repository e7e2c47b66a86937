"""Bars as tall as their figures, whatever the figures."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageColor

from core.adapters.bar_chart import COLOURS, draw_bars, short
from core.ports.chart import Bar


def pixels_of(png: bytes, colour: str) -> int:
    image = Image.open(io.BytesIO(png)).convert("RGB")
    wanted = ImageColor.getrgb(colour)
    return sum(count for count, found in image.getcolors(image.width * image.height) or () if found == wanted)


def test_a_part_has_an_area_in_proportion_to_its_figure() -> None:
    png = draw_bars([Bar("1", (1_000, 3_000)), Bar("2", (500, 0))])
    prompt, answer = (pixels_of(png, colour) for colour in COLOURS[:2])
    assert answer / prompt == pytest.approx(2.0, rel=0.05)


def test_without_any_figure_there_is_no_bar() -> None:
    png = draw_bars([Bar(str(day), (0, 0)) for day in range(7)])
    assert not any(pixels_of(png, colour) for colour in COLOURS)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 1e12), st.floats(0, 1e12)), max_size=40))
def test_any_figures_make_a_picture(days: list[tuple[float, float]]) -> None:
    image = Image.open(io.BytesIO(draw_bars([Bar(str(i), parts) for i, parts in enumerate(days)])))
    assert image.format == "PNG"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.05, "0.05"), (950, "950"), (1_000, "1k"), (1_250, "1.2k"), (34_400, "34k"),
     (999_990, "1M"), (5_000_000, "5M"), (2.5e9, "2.5G")],
)  # fmt: skip
def test_figures_are_short(value: float, shown: str) -> None:
    assert short(value) == shown


def test_a_sliver_on_top_of_a_tall_bar_is_drawn() -> None:
    assert draw_bars([Bar("1", (0.0, 1.0)), Bar("2", (0.0, 1001.0))])
