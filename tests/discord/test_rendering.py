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
        ("#### Step **one**: `x` ####", "**Step one: `x`**"),
        ("###### six", "**six**"),
        ("> #### in a quote", "> **in a quote**"),
        ("### three\n## two", "### three\n## two"),
        ("a\n\n---\n\n* * *\n\n___", "a\n\n────────────\n\n────────────\n\n────────────"),
        ("- [ ] a\n  - [x] b\n1. [X] c\n+ d\n> - [ ] e", "- ☐ a\n  - ☑ b\n1. ☑ c\n- d\n> - ☐ e"),
        ("[x](https://a.b) and [ ] and - [ ]", "[x](https://a.b) and [ ] and - [ ]"),
        ("~~~py title=x\n#### no\n- [ ] no\n~~~", "```py\n#### no\n- [ ] no\n```"),
        ("````md\n```py\nx\n```\n````", "```md\n`\u2060`\u2060`py\nx\n`\u2060`\u2060`\n```"),
        ("```\n---\n```\n`#### a`", "```\n---\n```\n`#### a`"),
        ("> **q**\n> > n\n-# small\n||s||\n[^1]: a", "> **q**\n> > n\n-# small\n||s||\n[^1]: a"),
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
