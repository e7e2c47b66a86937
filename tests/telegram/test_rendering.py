"""The renderer: total, deterministic, valid for Telegram, faithful to the model, and pinging nobody."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from telegramify_markdown import convert

from bots.sandbox.telegram.text import formatted
from bots.telegram.entities import Entity, utf16_length
from bots.telegram.markdown import TelegramRenderer
from core.streaming.marks import NO_MARKS
from core.streaming.pages import compose

RENDERER = TelegramRenderer()

_MARKS = st.sampled_from(
    [
        *("*", "**", "_", "__", "~~", "`", "```", "~~~", "|", "||", ">", "#", "- ", "1. ", " ", "    "),
        *("[", "](", ")", "![", "<", ">", "\\", "\\(", "\\)", "\\[", "\\]", "$", "$$", "@ab", "@", "/x"),
        *("\n", "\n\n", "\t", "\r", "\r\n", "\n> ", "\n- [x] ", "😀", "é", "\ud83d", "\u2060", "\ufdd0"),
        *("](https://a.b)", "[1](https://t.me/c/1/2)", "\u202e", "\u2066", "\u0085"),
        *("<tg-spoiler>", "<b>", "https://a.b", "tg://user?id=1", "tg://emoji?id=5368324170671202286"),
        *("\\frac{a}{b}", "\\begin{x}", "\\alpha", "```py\n", "\n|a|b|\n|-|-|\n", "\u200b", "&lt;", "&#0;"),
    ]
)
MARKDOWN = st.lists(_MARKS | st.text(max_size=5), max_size=25).map("".join)


def entities_of(markdown: str) -> list[tuple[str, str]]:
    """Each entity's type and the text under it."""
    rendered = RENDERER.render(markdown)
    raw = rendered.text.encode("utf-16-le")
    return [
        (entity.type, raw[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le"))
        for entity in rendered.entities
        if isinstance(entity, Entity)
    ]


def assert_legal(entities: list[Entity]) -> None:
    """As core.telegram.org/bots/api#messageentity allows them to stand in one another."""
    for one, other in combinations(entities, 2):
        a, b = (range(e.offset, e.offset + e.length) for e in (one, other))
        if a.stop <= b.start or b.stop <= a.start:
            continue
        assert a.start <= b.start < b.stop <= a.stop, (one, other)
        types = {one.type, other.type}
        assert not types & {"code", "pre"} or one.type == "blockquote", (one, other)
        assert types not in ({"blockquote"}, {"text_link"}), (one, other)


@settings(max_examples=400, deadline=None)
@given(MARKDOWN)
@example("||a **b|| c**")
@example("**a `b** c`")
@example("> a\n> > b\n\n`c`")
@example("\u200b")
@example("```\n\n```")
def test_any_markdown_gives_what_telegram_takes_unchanged(markdown: str) -> None:
    """No error, the same twice, and the server's own cleaning finds nothing left to do."""
    rendered = RENDERER.render(markdown)
    assert RENDERER.render(markdown) == rendered
    hash(rendered.entities)
    given_entities = [
        {"type": e.type, "offset": e.offset, "length": e.length}
        | ({"url": e.url} if e.url else {})
        | ({"language": e.language} if e.language else {})
        for e in rendered.entities
        if isinstance(e, Entity)
    ]
    assert all(isinstance(entity["length"], int) and entity["length"] > 0 for entity in given_entities)
    assert_legal([entity for entity in rendered.entities if isinstance(entity, Entity)])
    text, kept = formatted(rendered.text, given_entities, limit=10**6)
    assert text == rendered.text
    assert not any(entity["type"] in {"mention", "text_mention"} for entity in kept)


@settings(max_examples=200, deadline=None)
@given(MARKDOWN)
def test_fill_is_the_share_of_the_tighter_limit(markdown: str) -> None:
    """1.0 is a full page: 4,096 UTF-16 units or 100 entities."""
    rendered = RENDERER.render(markdown)
    units = len(rendered.text.encode("utf-16-le")) // 2
    assert utf16_length(rendered.text) == units
    assert rendered.fill == max(units / 4096, len(rendered.entities) / 100)


@pytest.mark.parametrize(
    ("markdown", "text", "entities"),
    [
        ("# Title\nbody", "Title\nbody", [("bold", "Title"), ("underline", "Title")]),
        (
            "a **b** *c* ~~d~~ `e`",
            "a b c d e",
            [("bold", "b"), ("italic", "c"), ("strikethrough", "d"), ("code", "e")],
        ),
        ("😀 **é😀** x", "😀 é😀 x", [("bold", "é😀")]),
        ("- a\n- [ ] b\n- [x] c", "• a\n☐ b\n☑ c", []),
        ("[x](https://a.org/)", "x (a.org)", [("text_link", "x")]),
        ("[a.org](https://a.org/b) c", "a.org c", [("text_link", "a.org")]),
        ("[bank](https://bank@a.org/)**b**", "bank (a.org)b", [("text_link", "bank"), ("bold", "b")]),
        ("**[😀](https://a.org)**", "😀 (a.org)", [("bold", "😀"), ("text_link", "😀")]),
        ("> [x](https://a.org)", "x (a.org)", [("blockquote", "x (a.org)"), ("text_link", "x")]),
        ("[1](https://t.me/c/1/2)", "1", [("text_link", "1")]),
        ("[x](https://t.me/c/1/2)", "x (t.me)", [("text_link", "x")]),
        ("> q\n> > r", "q\nr", [("blockquote", "q\nr")]),
        ("**open", "**open", []),
        ("a ||b **c** d|| e", "a b c d e", [("spoiler", "b c d"), ("bold", "c")]),
        ("**a `b` c**", "a b c", [("bold", "a "), ("code", "b"), ("bold", " c")]),
        ("[`a`](https://a.org/) `b`", "a (a.org) b", [("text_link", "a"), ("code", "b")]),
        ("> `a` **b**", "a b", [("blockquote", "a b"), ("code", "a"), ("bold", "b")]),
        ("~5 or ~6 and ~~7~~", "~5 or ~6 and 7", [("strikethrough", "7")]),
        ("$a$ \\(b\\)", "$a$ (b)", []),
        ("1. 1. 1. 1. 1. 1. 1. a", "1. \n  1. \n    1. \n      1. \n        1. \n          1. 1. a", []),
        ("  \n\n  **b**  \n", "b", [("bold", "b")]),
    ],
)
def test_marks_become_entities(markdown: str, text: str, entities: list[tuple[str, str]]) -> None:
    """The usual Markdown of models, open marks shown literally."""
    assert RENDERER.render(markdown).text == text
    assert entities_of(markdown) == entities


def test_code_is_exact() -> None:
    """In code, neither bars nor tags nor backslashes nor `@` mean anything; tabs keep their width."""
    code = "if a || b {\n    @tag <div> \\[\\alpha\\] \\n\n}"
    fenced = "```go\n" + code.replace("    ", "\t") + "\n```"
    assert entities_of(fenced) == [("pre", code)]
    assert [e.language for e in RENDERER.render(fenced).entities if isinstance(e, Entity)] == ["go"]
    assert entities_of("`a || b @x <b> \\(c\\)`") == [("code", "a || b @x <b> \\(c\\)")]
    assert entities_of("```py\n    return x\n```") == [("pre", "    return x")]


def test_nothing_that_the_model_wrote_is_hidden() -> None:
    """HTML in prose and double bars stay visible; the converter alone would drop and hide them."""
    assert RENDERER.render("use the <div> tag").text == "use the <div> tag"
    assert RENDERER.render("<p>\nwords\n</p>").text == "<p>\nwords\n</p>"
    page = compose("a || b || c", NO_MARKS, NO_MARKS, RENDERER.maths)
    assert RENDERER.render(page).text == "a || b || c"
    assert entities_of(page) == []
    sources = "as [1] says\n\n[1]: https://a.org\n[^2]: https://b.org"
    assert RENDERER.render(sources).text == sources


@pytest.mark.parametrize(
    "text",
    ["@durov hi", "see (@Durov_1)", "**@durov**", "@@durov", "[@durov](https://a.org)", "²@durov", "é@durov"],
)
def test_a_name_in_an_answer_pings_nobody(text: str) -> None:
    """A word joiner stands behind each `@` that Telegram would make a mention of."""
    assert "@\u2060" in RENDERER.render(text).text


def test_a_mail_address_stays_exact_and_a_user_link_is_dropped() -> None:
    """Only what Telegram would take for a mention is touched."""
    assert RENDERER.render("me@example.org").text == "me@example.org"
    assert entities_of("[Ada](tg://user?id=5) [x](javascript:a) [y](http://[)") == []


def test_nothing_is_seen_otherwise_than_it_reads() -> None:
    """Controls, overrides and isolates go; what emoji, Persian and Indic scripts need stays."""
    tricks = [
        *range(9),
        *range(0xE, 0x20),
        *range(0x7F, 0xA0),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ]
    assert RENDERER.render("".join(f"a{chr(code)}" for code in tricks)).text == "a" * len(tricks)
    kept = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0915\u094d\u200d\u0937 👩\u200d👧 \u200fא"
    assert RENDERER.render(kept).text == kept


def test_what_telegram_calls_empty_is_blank() -> None:
    """So that the core can say something instead of a refused send."""
    for markdown in ("", " \n\t", "\u200b\u2060", "\u2800", "\x00\x07"):
        assert RENDERER.render(markdown).text == ""


@pytest.mark.parametrize("storm", ["$" * 4_000, "$a$1 " * 800, "~a~ " * 900, "1. > " * 800])
def test_the_converter_is_not_given_what_takes_it_long(storm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads all again for each price and each single tilde, and indents each list within a list."""
    given_texts: list[str] = []

    def recorded(text: str, **settings: Any) -> Any:
        given_texts.append(text)
        return convert(text, **settings)

    monkeypatch.setattr("bots.telegram.markdown.convert", recorded)
    RENDERER.render(storm)
    [text] = given_texts
    assert not re.search(r"(?<!\\)\$|(?<![\\~])~(?!~)|^(?:(?:[0-9]+\.|>) ){7}", text)
    assert len(text) <= len(storm) + 2
