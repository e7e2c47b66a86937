"""Texts as models write them, and as nobody should."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

WORDS = """
the a water gate opens slowly, and then closes again. Ist das gut? 水门打开。然后，关闭！ नमस्ते мир
👩‍👩‍👧‍👦 🇧🇷🇵🇹 été عربى snake_case 2*3 C++ I/O a|b x<y f(x)[0] \\* 😀
"""
words = st.sampled_from(WORDS.split())
plain = st.lists(words, min_size=1, max_size=40).map(" ".join)
inline = st.one_of(
    plain,
    plain.map(lambda text: f"**{text}**"),
    plain.map(lambda text: f"*{text}*"),
    plain.map(lambda text: f"~~{text}~~"),
    plain.map(lambda text: f"||{text}||"),
    plain.map(lambda text: f"_{text}_"),
    plain.map(lambda text: f"**bold *and {text}* more**"),
    words.map(lambda text: f"`{text}`"),
    st.just("[a link](https://example.org/path_(x)?q=1)"),
    st.just("https://example.org/a_b/c?d=e"),
    st.just("<https://example.org>"),
    st.just("**never closed"),
    st.just("`never closed"),
    st.just("$\\frac{a}{b * c}$"),
    st.just("\\( x_1 * y \\)"),
    st.just("$5 or $6"),
)
paragraph = st.lists(inline, min_size=1, max_size=8).map(" ".join)
code = st.builds(
    lambda language, lines: "```" + language + "\n" + "\n".join(lines) + "\n```",
    st.sampled_from(["", "python", "c++"]),
    st.lists(
        st.sampled_from(["x = 1", "    return y * 2", "", "# a comment", "if a || b:", "word " * 30]),
        min_size=1,
        max_size=60,
    ),
)
table = st.one_of(
    st.integers(1, 40).map(
        lambda rows: (
            "| name | value |\n|------|-------|\n" + "\n".join(f"| row {n} | {n * n} |" for n in range(rows))
        )
    ),
    st.integers(1, 20).map(
        lambda rows: (
            "| name | what it is | [why](https://a.b) |\n|:--|---|--:|\n"
            + "\n".join(f"| **row** {n} | {'some words ' * (n % 5)}| `{n}` |" for n in range(rows))
        )
    ),
    st.integers(1, 20).map(
        lambda rows: "n | n²\n-: | -:\n" + "\n".join(f"{n} | ${n}^2 = {n * n}$" for n in range(rows))
    ),
)
displayed = st.sampled_from(["$$\n\\sum_{i=1}^n i^2\n$$", "\\[\na * b_1 = c\n\\]"])
block = st.one_of(
    paragraph,
    code,
    table,
    displayed,
    paragraph.map(lambda text: f"# {text[:40]}"),
    st.lists(paragraph, min_size=1, max_size=5).map(lambda items: "\n".join(f"- {item}" for item in items)),
    st.lists(paragraph, min_size=1, max_size=3).map(lambda items: "\n".join(f"> {item}" for item in items)),
)
markdown = st.lists(block, min_size=1, max_size=12).map("\n\n".join)
"""What a well-behaved model writes."""

storm = st.one_of(
    st.text(alphabet=st.sampled_from("_*[]()`~|\\<>#- \n\tab"), max_size=600),
    st.text(max_size=300),
    st.integers(1, 1_000).map(lambda n: "e" + "\u0301" * n),
    st.integers(1, 900).map(lambda n: "`" * n),
    st.lists(st.sampled_from(["```", "~~~", "````", "```py"]), max_size=30).map("\n".join),
    st.just("x" * 5_000),
    st.just("👩‍👩‍👧‍👦" * 300),
    st.just("\u202e" + "abc " * 100),
)
"""What a broken or hostile one may."""

anything = st.lists(st.one_of(markdown, storm), min_size=1, max_size=3).map("".join)


@st.composite
def split(draw: st.DrawFn, texts: st.SearchStrategy[str] = anything, most: int = 60) -> list[str]:
    """A text in deltas, of any sizes."""
    text = draw(texts)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=most)))
    ends = [0, *cuts, len(text)]
    return [text[a:b] for a, b in pairwise(ends) if a != b]


closed = st.lists(
    st.sampled_from(
        [
            *("the gate **opens slowly** and", "*it* closes,", "costs $5 and $6, so", "where $x^2 + y_1$ is"),
            *("or \\(a_1 * b\\) for", "see [a link](https://a.b/c) or", "use `a || b` if a || b then"),
            *("hidden ||the butler|| here", "a | b, ~5 or ~~6~~", "![pic](https://a.b) and", "line<br>break"),
        ]
    ),
    min_size=1,
    max_size=6,
).map(" ".join)
closed_block = st.one_of(
    *(closed, table, displayed, code, closed.map(lambda text: f"#### {text[:9]}")),
    st.lists(closed, min_size=1, max_size=4).map(lambda items: "\n".join(f"- [ ] {item}" for item in items)),
    *(closed.map(lambda text: f"> {text}"), st.just("---")),
)
well_formed = st.lists(closed_block, min_size=1, max_size=5).map("\n\n".join)
"""Every mark that opens closes."""
