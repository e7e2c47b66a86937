"""The rest of a long block as a file, and the rest of an answer that may take no more messages.

The law: a block (a fence or a table) of which two pages have shown a part and which still goes on is shown
no further. From the end of its second page to its own end, or the answer's, it is a file. That is decided
once, when the second page ends; a platform that refuses the file gets ordinary pages instead, from the
same place on, since nothing of it was shown yet.

A file's content is the text of its span, without the line that closes a fence; a table's begins with the
table's head again, as every page of a fence begins with its language.

Where only so many messages may be sent, the last one carries all that the others have not shown: as a page
where that is enough, else as a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import regex

from core.streaming.answer import Answer
from core.streaming.marks import Cut
from core.streaming.operations import FileContent
from core.streaming.tables import Table

PAGES_SHOWN: Final = 2
"""So many pages show a block before its rest becomes a file."""

_EXTENSIONS: Final = MappingProxyType(
    {
        name: extension
        for extension, names in (
            line.split(":")
            for line in """
                adb:ada|asm:asm assembly nasm|awk:awk|bat:bat batch cmd|c:c|clj:clj clojure|cmake:cmake
                cob:cobol|coffee:coffee coffeescript|cpp:c++ cc cpp cxx h++ hpp|cr:crystal|cs:c# cs csharp
                css:css|csv:csv|cu:cuda|d:d dlang|dart:dart|diff:diff patch|dockerfile:docker dockerfile
                el:elisp emacs-lisp|elm:elm|erl:erl erlang|ex:elixir ex exs|f90:f90 fortran|fs:f# fs fsharp
                glsl:glsl|go:go golang|gql:gql graphql|groovy:groovy|h:h|hs:haskell hs|html:htm html xhtml
                ini:cfg conf ini properties|java:java|jl:jl julia|js:javascript js mjs node|json:json
                jsonl:jsonl ndjson|jsx:jsx|kt:kotlin kt kts|less:less|lisp:common-lisp lisp|log:log|lua:lua
                m:matlab objc objective-c objectivec octave|md:markdown md|mk:make makefile|ml:ml ocaml
                nim:nim|nix:nix|pas:delphi pas pascal|php:php|pl:perl pl|proto:proto protobuf
                ps1:powershell ps1 pwsh|py:ipython py python python3|r:r|rb:rb ruby|rkt:racket|rs:rs rust
                rst:rst|sass:sass|scala:scala|scm:scheme|scss:scss|sh:bash console sh shell shellscript zsh
                sol:sol solidity|sql:mysql plpgsql postgresql sql sqlite|srt:srt|svelte:svelte|svg:svg
                swift:swift|tcl:tcl|tex:latex tex|tf:hcl terraform tf|toml:toml|ts:ts typescript|tsv:tsv
                tsx:tsx|v:verilog|vb:vb vb.net vbnet visual-basic|vhd:vhdl|vim:vim viml vimscript|vue:vue
                wat:wasm wat|xml:xml xsd xsl xslt|yaml:yaml yml|zig:zig
            """.replace("\n", "|")
            .replace(" " * 16, "")
            .strip(" |")
            .split("|")
        )
        for name in names.split()
    }
)
"""What people call a language after a fence, and how the name of a file in it ends."""
_LANGUAGE: Final = regex.compile(r"[\w+#.-]+")


class FileKind(StrEnum):
    """What a file is the rest of."""

    CODE = "code"
    TABLE = "table"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What can be said of a file: its name, what it is the rest of, its lines so far."""

    name: str
    kind: FileKind
    lines: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Files:
    """That files can be sent, and the words beside one: a short line of Markdown, never blank."""

    max_bytes: int
    words: Callable[[FileStatus], str]


@dataclass(frozen=True, slots=True)
class Block:
    """The fence or table in which a page ends, and which goes on behind it."""

    fence: str = ""  # what opened it, as in Marks; empty: a table
    table: Table | None = None
    pages: int = 1  # that have shown a part of it
    within_line: bool = False  # the page ends within one of its lines

    @property
    def opening(self) -> str:
        """Its first lines: what opened the fence, or the head of the table."""
        return f"{self.table.head}\n{self.table.rule}" if self.table else self.fence

    def file_name(self, number: int) -> str:
        """`code.py`, `table.md`; from the second file of an answer on with its number."""
        base = "code" if self.fence else "table"
        return f"{base}-{number}.{self._extension()}" if number > 1 else f"{base}.{self._extension()}"

    def _extension(self) -> str:
        if not self.fence:
            return "md"
        language = _LANGUAGE.match(self.fence.lstrip(self.fence[0]).lower())
        names = (language[0], language[0].rpartition(".")[2]) if language else ()
        return next((_EXTENSIONS[name] for name in names if name in _EXTENSIONS), "txt")


def block_at(text: str, cut: Cut, cuts: Iterable[Cut], before: Block | None) -> Block | None:
    """The block in which a page that is `text[:cut.at]` ends; None where it ends in none that goes on.

    `before`: the block in which the page begins; `cuts`: those of `text`, which tell where a fence closed.
    """
    page, rest = text[: cut.at], text[cut.at :]
    block = Block(cut.marks.fence, cut.marks.table, within_line=not page.endswith("\n"))
    if block.fence:
        closing = _closing(block.fence).search(rest)
        goes_on = bool(rest[: closing.start() if closing else len(rest)].strip())
    else:
        goes_on = block.table is not None and _has_row(block.table, rest)
    if not goes_on:
        return None
    if before is None or before.opening != block.opening:
        return block
    unbroken = all(earlier.marks.fence or earlier.marks.table for earlier in cuts if earlier.at < cut.at)
    return replace(block, pages=before.pages + 1) if unbroken else block


def _has_row(table: Table, rest: str) -> bool:
    """Whether `rest`, which follows within the table, has more of it."""
    line = rest.removeprefix("\n").partition("\n")[0]
    return bool(line.strip()) and (table.column is not None or table.is_row(line))


class FileSpan:
    """The rest of one block, from `start` on. `read` takes in what the answer has got since."""

    def __init__(self, start: int, block: Block, number: int) -> None:
        self.start = start
        self.end: int | None = None  # behind the line that closes a fence; None: it may still grow
        self.lines = 0
        self._block = block
        self._name = block.file_name(number)
        self._content_end = start
        self._line_start = start  # of the first line not read yet
        self._seen = start  # in what comes before, no further line ends
        self._closing = _closing(block.fence) if block.fence else None

    def read(self, answer: Answer) -> None:
        """Costs as much as what is new. A line counts once it has ended."""
        if self.end is not None:
            return
        if not answer.ended and "\n" not in answer.slice(self._seen, answer.length):
            self._seen = answer.length
            return
        lines = answer.slice(self._line_start, answer.length).split("\n")
        for line in lines if answer.ended else lines[:-1]:
            if self._ends_before(line):
                return
            self.lines += bool(self._closing or line)
            self._line_start += len(line) + 1
        self._seen = self._line_start
        if answer.ended:
            self.end = self._content_end = answer.length

    def _ends_before(self, line: str) -> bool:
        at = self._line_start
        if self._closing is not None:
            within = at == self.start and self._block.within_line
            if within or not self._closing.fullmatch(line):
                return False
            self.end, self._content_end = at + len(line), at
        elif at == self.start or (self._block.table and self._block.table.is_row(line)):
            return False  # it starts at the end of a row, or within one
        else:
            self.end = self._content_end = at - 1
        return True

    @property
    def status(self) -> FileStatus:
        kind = FileKind.CODE if self._block.fence else FileKind.TABLE
        return FileStatus(self._name, kind, self.lines, self.end is not None)

    def content(self, answer: Answer) -> FileContent:
        """The file as it is, once `end` is known."""
        head = self._block.opening if self._block.table else ""
        text = head + answer.slice(self.start, self._content_end)
        return FileContent(self._name, text.encode(errors="replace"))


class RestSpan:
    """All of an answer from `start` on, with the marks that are open there opened again. As a FileSpan."""

    def __init__(self, start: int, opened: str) -> None:
        self.start = start
        self.end: int | None = None
        self.lines = 0
        self._opened = opened
        self._seen = start

    def read(self, answer: Answer) -> None:
        self.lines += answer.slice(self._seen, answer.length).count("\n")
        self._seen = answer.length
        self.end = answer.length if answer.ended else None

    @property
    def status(self) -> FileStatus:
        return FileStatus("answer.md", FileKind.ANSWER, self.lines, self.end is not None)

    def content(self, answer: Answer) -> FileContent:
        text = self._opened + answer.slice(self.start, answer.length)
        return FileContent("answer.md", text.encode(errors="replace"))


def _closing(fence: str) -> regex.Pattern[str]:
    """A line that closes it."""
    run = len(fence) - len(fence.lstrip(fence[0]))
    return regex.compile(rf"(?m)^[^\S\n]*{fence[0]}{{{run},}}[^\S\n]*$")
