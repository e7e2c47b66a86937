"""Discord's payload of a page is its Markdown, trimmed and free of what Discord refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.discord.markdown import DiscordRenderer

RENDERER = DiscordRenderer()


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("  **One**\n\n", "**One**"),
        ("\n```py\n    x = 1\n```\n", "```py\n    x = 1\n```"),
        ("a\tb\r\nc", "a\tb\nc"),
        ("a\x00\x07b\x1b[0m\x7f", "ab[0m"),
        ("\x00 a", "a"),
        ("a\ud83db", "a\N{REPLACEMENT CHARACTER}b"),
        (" \n\t", ""),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
    ],
)
def test_text_is_markdown_trimmed_and_printable(markdown: str, text: str) -> None:
    assert RENDERER.render(markdown).text == text


def test_length_counts_code_points() -> None:
    assert RENDERER.render("𝒳" * 2_000).fill == 1.0
    assert RENDERER.render("𝒳" * 2_001).fill > 1.0
    assert RENDERER.page_units == 2_000


@given(st.text(st.characters()))
def test_any_string_renders_to_something_that_can_be_sent(markdown: str) -> None:
    rendered = RENDERER.render(markdown)
    rendered.text.encode()
    assert rendered == RENDERER.render(markdown)
    assert rendered.text == RENDERER.render(rendered.text).text
