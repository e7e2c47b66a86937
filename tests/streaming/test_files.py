"""The rest of a long block as a file: when, from where to where, and under which name."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.discord.markdown import DiscordRenderer
from bots.telegram.markdown import TelegramRenderer
from core.streaming.answer import Answer, Ending
from core.streaming.files import Block, Files, FileSpan, FileStatus
from core.streaming.operations import FileContent
from core.streaming.pages import Frame, Pages
from core.streaming.rendering import Renderer
from tests.fakes.surface import FakeRenderer
from tests.promise import broken_promise
from tests.streaming.texts import anything, block, split, storm


def words(status: FileStatus) -> str:
    return f"{status.name}, {status.lines}, {'whole' if status.complete else 'grows'}"


FILES = Files(1 << 20, words)


class Reader:
    """Looks at a growing answer, and keeps what it saw."""

    def __init__(self, renderer: Renderer, files: Files = FILES) -> None:
        self.answer = Answer(max_chars=10**9)
        self.pages = Pages(renderer, files)
        self.frames: list[Frame] = []

    def look(self) -> Frame:
        frame = self.pages.frame(self.answer)
        self.pages.accept(frame)
        self.frames.append(frame)
        return frame

    def read(self, deltas: list[str], looks: list[bool]) -> None:
        for number, delta in enumerate(deltas):
            self.answer.append(delta, float(number))
            if looks[number % len(looks)]:
                while (frame := self.look()).closed and not frame.last:
                    pass

    def end(self, ending: Ending = Ending.COMPLETE, mark: str = "") -> None:
        self.answer.end(ending, 1e9, mark=mark)
        while not self.look().last:
            pass

    @property
    def closed(self) -> list[Frame]:
        return [frame for frame in self.frames if frame.closed]

    @property
    def visible(self) -> list[str | FileContent]:
        return [frame.file or frame.body.text for frame in self.closed if frame.body.text]

    @property
    def files(self) -> list[FileContent]:
        return [frame.file for frame in self.frames if frame.file]


def whole(text: str, page_units: int = 700, files: Files = FILES) -> Reader:
    reader = Reader(FakeRenderer(page_units), files)
    reader.read([text[at : at + 7] for at in range(0, len(text), 7)], [True])
    reader.end()
    return reader


def code(lines: int, language: str = "python") -> str:
    return f"```{language}\n" + "".join(f"x[{n}] = {n * n}\n" for n in range(lines)) + "```"


def table(rows: int) -> str:
    return "| n | square |\n|---|--------|" + "".join(f"\n| {n} | {n * n} |" for n in range(rows))


long_code = st.builds(
    lambda fence, language, lines: f"{fence}{language}\n" + "\n".join(lines) + f"\n{fence}",
    st.sampled_from(["```", "~~~", "`````"]),
    st.sampled_from(["", "python", "c++", "nonsense"]),
    st.lists(
        st.sampled_from(["x = 1", "", "    y ```", "| a | b |", "word " * 20, "z" * 90, "## no heading"]),
        min_size=20,
        max_size=400,
    ),
)
long_blocks = st.lists(st.one_of(block, long_code, st.integers(20, 200).map(table)), min_size=1, max_size=5)
long_text = long_blocks.map("\n\n".join)


@settings(max_examples=150, deadline=None)
@given(
    deltas=st.one_of(
        split(long_text), split(st.lists(st.one_of(long_text, storm)).map("".join)), split(anything)
    ),
    looks=st.lists(st.booleans(), min_size=1, max_size=8),
    page_units=st.sampled_from([300, 700, 2_000]),
    refused_at=st.integers(0, 30),
)
def test_spans_tile_the_source_also_where_a_file_is_refused(
    deltas: list[str], looks: list[bool], page_units: int, refused_at: int
) -> None:
    reader = Reader(FakeRenderer(page_units))
    reader.read(deltas[:refused_at], looks)
    reader.pages.keep_to_pages()
    reader.read(deltas[refused_at:], looks)
    reader.end()
    text, closed = reader.answer.text, reader.closed
    assert [frame.start for frame in closed] == [0, *(frame.end for frame in closed[:-1])]
    assert closed[-1].end == len(text)
    assert all(earlier.end <= later.end for earlier, later in pairwise(reader.frames))
    assert all(frame.body.fill <= 1.0 for frame in reader.frames)


RENDERERS: dict[str, Renderer] = {
    "fake": FakeRenderer(700),
    "discord": DiscordRenderer(),
    "telegram": TelegramRenderer(),
}


@pytest.mark.parametrize("platform", RENDERERS)
@settings(max_examples=40, deadline=None)
@given(deltas=split(long_text, most=30), looks=st.lists(st.booleans(), min_size=1, max_size=4))
def test_pages_and_files_are_the_models_text(platform: str, deltas: list[str], looks: list[bool]) -> None:
    reader = Reader(RENDERERS[platform])
    reader.read(deltas, looks)
    reader.end()
    assert broken_promise(reader.answer.text, reader.visible, RENDERERS[platform]) is None


@settings(max_examples=80, deadline=None)
@given(deltas=split(long_text), looks=st.lists(st.booleans(), min_size=1, max_size=8))
def test_it_is_decided_once_and_only_grows(deltas: list[str], looks: list[bool]) -> None:
    reader = Reader(FakeRenderer(700))
    reader.read(deltas, looks)
    reader.end()
    by_page: dict[int, list[Frame]] = {}
    for frame in reader.frames:
        by_page.setdefault(frame.page, []).append(frame)
    for frames in by_page.values():
        growing = [frame.body.text.endswith("grows") for frame in frames]
        assert len(set(growing[:-1])) <= 1
        assert not any(growing) or (all(growing[:-1]) and frames[-1].file is not None)
        lines = [int(frame.body.text.split(", ")[1]) for frame in frames if frame.body.text.endswith("grows")]
        assert lines == sorted(lines)


@settings(max_examples=150, deadline=None)
@given(
    deltas=split(st.one_of(long_code.map(lambda text: text.partition("\n")[2] + "\n\nbehind"), storm)),
    fence=st.sampled_from(["```", "~~~py", "`````", ""]),
    within_line=st.booleans(),
)
def test_where_a_file_ends_does_not_depend_on_the_deltas(
    deltas: list[str], fence: str, within_line: bool
) -> None:
    found = []
    for way in (deltas, ["".join(deltas)], list("".join(deltas))):
        answer, span = Answer(), FileSpan(0, Block(fence, within_line=within_line), 1)
        for delta in way:
            answer.append(delta, 0.0)
            span.read(answer)
        answer.end(Ending.COMPLETE, 1.0)
        span.read(answer)
        found.append((span.end, span.lines, span.content(answer).data))
    assert found[0] == found[1] == found[2]
    assert found[0][0] is not None


@pytest.mark.parametrize("text", [code(55), table(90)])
def test_a_block_on_two_pages_stays_in_the_chat(text: str) -> None:
    reader = whole(f"Look:\n\n{text}\n\nThat was it.")
    assert len(reader.closed) == 2
    assert not reader.files


def test_the_rest_of_long_code_is_a_file_and_the_text_goes_on_behind_it() -> None:
    text = f"Look:\n\n{code(200)}\n\nThat was it."
    reader = whole(text)
    first, second, file, last = reader.closed
    assert first.body.text.startswith("Look:\n\n```python\nx[0] = 0\n")
    assert second.body.text.startswith("```python\n")
    assert file.file == FileContent("code.py", text[second.end : text.rindex("```")].encode())
    assert file.body.text == f"code.py, {file.file.data.count(b'x')}, whole"
    assert last.body.text == "That was it."
    assert last.last


def test_the_rest_of_a_long_table_has_its_head_again() -> None:
    text = f"Look:\n\n{table(200)}\n\nThat was it."
    reader = whole(text)
    [file] = reader.files
    head, rule, row, *_, last = file.data.decode().split("\n")
    assert (file.name, head, rule, last) == (
        "table.md",
        "| n | square |",
        "|---|--------|",
        "| 199 | 39601 |",
    )
    assert text.count(f"\n{row}\n") == 1
    assert reader.closed[-1].body.text == "That was it."


@pytest.mark.parametrize("behind", ["", "\n", "\n\n  "])
def test_a_file_at_the_end_is_the_last_that_there_is(behind: str) -> None:
    reader = Reader(FakeRenderer(700))
    reader.read([code(200) + behind], [False])
    reader.end()
    assert reader.frames[-1].file is not None
    assert len(reader.closed) == 3


def test_code_that_never_closes_is_a_file_with_what_there_is_and_the_mark_stands_behind_it() -> None:
    text = code(200).removesuffix("```") + "x[200] = 40"
    reader = Reader(FakeRenderer(700))
    reader.read([text], [True])
    reader.end(Ending.STOPPED, "⏹ stopped")
    [file] = reader.files
    assert file.data.decode().endswith("\nx[200] = 40")
    assert reader.closed[-1].body.text == "*⏹ stopped*"
    assert broken_promise(text, reader.visible, FakeRenderer(700), mark="⏹ stopped") is None


def test_every_long_block_has_a_file_of_its_own() -> None:
    text = "\n\n".join([code(200), "And in another language:", code(200, "rust"), table(200)])
    assert [file.name for file in whole(text).files] == ["code.py", "code-2.rs", "table-3.md"]


def test_what_only_looks_like_the_end_of_the_code_is_in_the_file() -> None:
    inner = "".join(f"```text {n}\n   ``` no end\n``\n" for n in range(60))
    reader = whole(f"`````md\n{inner}`````\nbehind")
    [file] = reader.files
    assert inner.endswith(file.data.decode())
    assert reader.closed[-1].body.text == "behind"


def test_a_file_over_the_limit_goes_on_in_pages() -> None:
    text = code(400)
    reader = whole(text, files=Files(1_000, words))
    assert not reader.files
    assert broken_promise(text, reader.visible, FakeRenderer(700)) is None


def test_nothing_is_a_file_when_only_the_end_of_the_fence_is_left() -> None:
    for lines in range(20, 80):
        assert all(file.data.strip() for file in whole(code(lines)).files)


@pytest.mark.parametrize(
    ("fence", "name"),
    [
        ("```python", "code.py"),
        ("```Python", "code.py"),
        ("~~~c++", "code.cpp"),
        ("```C#", "code.cs"),
        ("```bash", "code.sh"),
        ("```{.haskell}", "code.txt"),
        ("```src/app.tsx", "code.txt"),
        ("```app.tsx", "code.tsx"),
        ("```py:main.py", "code.py"),
        ("```../../etc/passwd", "code.txt"),
        ("````", "code.txt"),
        ("```brainfuck", "code.txt"),
    ],
)
def test_the_fences_language_names_the_file(fence: str, name: str) -> None:
    assert Block(fence).file_name(1) == name


def test_a_long_line_costs_what_is_new() -> None:
    """An answer is joined and searched piece by piece, also while no line of it ends."""
    sliced = 0

    class Counting(Answer):
        def slice(self, start: int, end: int) -> str:
            nonlocal sliced
            found = super().slice(start, end)
            sliced += len(found)
            return found

    reader = Reader(FakeRenderer(700))
    reader.answer = Counting(max_chars=10**9)
    reader.read([code(100).removesuffix("```"), *["x" * 10] * 3_000], [True] + [False] * 3_000)
    assert reader.pages.file_grows(reader.answer)
    sliced = 0
    for _ in range(3_000):
        reader.answer.append("x" * 10, 0.0)
        assert reader.pages.file_grows(reader.answer)
    assert sliced < 3 * 30_000
