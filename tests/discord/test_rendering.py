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
        ("[a.b](https://a.b/c) and [ ] and - [ ]", "[a.b](https://a.b/c) and [ ] and - [ ]"),
        ("~~~py title=x\n#### no\n- [ ] no\n~~~", "```py\n#### no\n- [ ] no\n```"),
        ("````md\n```py\nx\n```\n````", "```md\n`\u2060`\u2060`py\nx\n`\u2060`\u2060`\n```"),
        ("```\n---\n```\n`#### a`", "```\n---\n```\n`#### a`"),
        ("> **q**\n> > n\n-# small\n||s||\n[^1]: a", "> **q**\n> > n\n-# small\n||s||\n[^1]: a"),
    ],
)
def test_text_is_markdown_trimmed_and_printable(markdown: str, text: str) -> None:
    assert RENDERER.render(markdown).text == text


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (
            "[bank.com](https://evil.example/bank.com)",
            "[bank.com](https://evil.example/bank.com) (evil.example)",
        ),
        (
            "[bank.com](https://bank.com@evil.example)",
            "[bank.com](https://bank.com@evil.example) (evil.example)",
        ),
        ("[b](https://evil.example\\@bank.com)", "[b](https://evil.example\\@bank.com) (evil.example)"),
        ('[b](<https://a_b.c> "bank")', '[b](<https://a_b.c> "bank") (a\\_b.c)'),
        ("[p\u0430y.com](https://p\u0430y.com)", "[p\u0430y.com](https://p\u0430y.com) (xn--py-7kc.com)"),
        ("**[b](HTTPS://EVIL.example)**", "**[b](HTTPS://EVIL.example) (evil.example)**"),
        ("[https://A.b/c](https://a.b/d)", "[https://A.b/c](https://a.b/d)"),
        ("`[b](https://evil.example)`", "`[b](https://evil.example)`"),
        ("[\\[3\\]](https://discord.com/channels/1/2/3)", "[\\[3\\]](https://discord.com/channels/1/2/3)"),
        (
            "[b.com](https://discord.com/channels/1/2/3)",
            "[b.com](https://discord.com/channels/1/2/3) (discord.com)",
        ),
        # A client reads on behind the line's end; here it is no link any more.
        ("[b](\n\nhttps://evil.example)", "[b]\\(\n\nhttps://evil.example)"),
        ('[b](https://evil.example "a\n\nb")', '[b]\\(https://evil.example "a\n\nb")'),
        ("f[0](x) [b](/c)", "f[0](x) [b](/c)"),
    ],
)
def test_a_link_shows_the_host_that_it_opens(markdown: str, text: str) -> None:
    """Once, and in a page that grows as in a whole one."""
    assert RENDERER.render(markdown).text == text
    assert RENDERER.render(text).text == text
    page = RENDERER.page()
    for end in range(len(f"a\n\n{markdown}\n\nb") + 1):
        shown = page(f"a\n\n{markdown}\n\nb"[:end]).text
    assert shown == f"a\n\n{text}\n\nb"


def test_a_long_host_shows_whose_it_is() -> None:
    host = f"{'bank.com.' * 20}evil.example"
    assert RENDERER.render(f"[b](https://{host})").text.endswith(f"(…{host[-60:]})")


def test_nothing_is_seen_otherwise_than_it_reads() -> None:
    """Controls, overrides and isolates go; what emoji, Persian and Indic scripts need stays."""
    tricks = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    shown = RENDERER.render("".join(f"a{chr(code)}" for code in tricks) + "z").text
    assert shown == "a" * 10 + "\ta\n" + "a" * (len(tricks) - 11) + "z"
    kept = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0915\u094d\u200d\u0937 👩\u200d👧 \u200fא"
    assert RENDERER.render(kept).text == kept


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
