"""Reading tables so that every problem is found in one pass, each with its line and what to do about it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.configuration.locator import KeyPath
from core.settings import may_be_secret, name_may_be_secret, shown, shown_name
from core.variables import SettingsError

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SECRET_NAME: Final = re.compile(
    r"(?:^|[_-])(?:key|apikey|token|secret|password|authorization|cookie)$", re.IGNORECASE
)
_NEAR: Final = 0.7  # of difflib's ratio: keys are short, and one letter is much of them


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `path`: the keys that lead there, as TOML writes them; empty: the file."""

    file: str
    line: int | None
    path: str
    found: str
    remedy: str

    def __str__(self) -> str:
        line = f", line {self.line}" if self.line else ""
        where = f"{self.path} " if self.path else ""
        return f"{self.file}{line}: {where}{self.found}. {self.remedy}"


class ConfigurationError(SettingsError):
    """The file cannot be used. `found`: every problem, in the order of their lines."""

    def __init__(self, found: Sequence[Problem]) -> None:
        self.found = tuple(sorted(found, key=lambda problem: problem.line or 0))
        super().__init__(tuple(map(str, self.found)))


class Report:
    """Collects what is wrong, and what is only worth saying."""

    def __init__(self, file: Path | None, lines: Mapping[KeyPath, int]) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._file = str(file or ".env")
        self._lines = lines

    def problem(self, path: KeyPath, found: str, remedy: str) -> None:
        self.problems.append(self._at(path, found, remedy))

    def warning(self, path: KeyPath, found: str, remedy: str) -> None:
        self.warnings.append(self._at(path, found, remedy))

    def _at(self, path: KeyPath, found: str, remedy: str) -> Problem:
        line = next(
            (self._lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._lines), None
        )
        return Problem(self._file, line, written(path), found, remedy)


class Section:
    """One table. Take each key that it may have, then `close` it: what was not taken is unknown.

    A key that is wrong counts as absent once it is reported.
    """

    def __init__(self, report: Report, path: KeyPath, values: Mapping[str, Any]) -> None:
        self.path = path
        self._report = report
        self._values = values
        self._known: list[str] = []
        self._refused: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def names(self) -> tuple[str, ...]:
        """Every key that stands here."""
        return tuple(self._values)

    def at(self, key: str, place: int | None = None) -> KeyPath:
        return (*self.path, key) if place is None else (*self.path, key, place)

    def problem(self, key: str, found: str, remedy: str) -> None:
        self._report.problem(self.at(key), found, remedy)

    def warning(self, key: str, found: str, remedy: str) -> None:
        self._report.warning(self.at(key), found, remedy)

    def text(self, key: str, *, longest: int = 100, lines: bool = False) -> str | None:
        """Not blank, no longer than so many characters, and on one line unless it may have more."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.problem(key, f"is {shown(value)}", 'Write a text in quotes, such as "so".')
        elif not value.strip():
            self.problem(key, "is empty", "Write something, or take the line out.")
        elif len(value) > longest:
            self.problem(key, f"has {len(value):,} characters", f"Write at most {longest:,}.")
        elif not lines and not value.isprintable():
            self.problem(key, "holds a line end or a control character", "Write it on one line.")
        else:
            return value.strip()
        return None

    def one_of(self, key: str, choices: Collection[str]) -> str | None:
        value = self._take(key)
        if value is None or (isinstance(value, str) and value in choices):
            return value
        self.problem(key, f"is {shown(value)}", f"Write {_or(choices)}.{nearest(value, choices)}")
        return None

    def whole(self, key: str, *, least: int, most: int = 1_000_000_000) -> int | None:
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            upper = f" to {most:,}" if most < 1_000_000_000 else " on"
            self.problem(key, f"is {shown(value)}", f"Write a whole number from {least:,}{upper}.")
            return None
        return value

    def number(self, key: str, *, least: float, most: float) -> float | None:
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self.problem(key, f"is {shown(value)}", f"Write a number from {least:g} to {most:,.10g}.")
            return None
        return float(value)

    def says(self, key: str, word: str) -> bool:
        """Whether just this word stands there. If not, it may be something else."""
        return self._values.get(key) == word and self._take(key) == word

    def switch(self, key: str) -> bool | None:
        value = self._take(key)
        if value is None or isinstance(value, bool):
            return value
        self.problem(key, f"is {shown(value)}", "Write true or false, without quotes.")
        return None

    def texts(
        self, key: str, *, fits: re.Pattern[str] | None = None, like: str, choices: Collection[str] = ()
    ) -> tuple[str, ...] | None:
        """A list of texts, each once. `like`: how such a text looks, for people."""
        values = self._take(key)
        if values is None:
            return None
        if not isinstance(values, list):
            self.problem(key, f"is {shown(values)}", f'Write a list in brackets, such as ["{like}"].')
            return None
        good: list[str] = []
        for place, value in enumerate(values):
            path = self.at(key, place)
            if not isinstance(value, str) or not value.strip():
                self._report.problem(path, f"is {shown(value)}", f'Write a text in quotes, such as "{like}".')
            elif choices and value not in choices:
                remedy = f"Write {_or(choices)}.{nearest(value, choices)}"
                self._report.problem(path, f"is {shown(value)}", remedy)
            elif fits is not None and not fits.fullmatch(value):
                self._report.problem(path, f"is {shown(value)}", f'Write it as "{like}".')
            elif value not in good:
                good.append(value)
        return tuple(good)

    def table(self, key: str) -> Section:
        """The table under a key; an empty one where there is none."""
        value = self._take(key)
        if value is not None and not isinstance(value, dict):
            self.problem(key, f"is {shown(value)}", f"Write a table: {_header(self.at(key))}.")
            value = None
        return Section(self._report, self.at(key), value or {})

    def each(self) -> Iterator[tuple[str, Section]]:
        """Every key of this table as a table of its own, with the names that the owner gave."""
        for name in self._values:
            yield name, self.table(name)

    def pairs(self) -> Iterator[tuple[str, Any]]:
        """Every key with its value as it stands."""
        for name in self._values:
            yield name, self._take(name)

    def refuse(self, key: str, found: str, remedy: str) -> None:
        """Report a key that must not stand here, whatever its value."""
        self._refused.add(key)
        self.problem(key, found, remedy)

    def close(self, elsewhere: Mapping[str, str] | None = None) -> None:
        """Report what was not taken. `elsewhere`: where keys that are known in another table belong."""
        for key in self._values:
            if key in self._known or key in self._refused:
                continue
            near = difflib.get_close_matches(key, self._known, n=1, cutoff=_NEAR)
            if is_secret_name(key) and not near:
                self.problem(key, "looks like a secret", "Secrets stand in .env, never in this file.")
            elif near:
                self.problem(key, "is not known", f"Did you mean {near[0]}?")
            elif elsewhere and key in elsewhere:
                self.problem(key, "is not known here", f"It belongs into {elsewhere[key]}.")
            else:
                self.problem(key, "is not known", f"Take it out; there is {_or(self._known)}.")

    def _take(self, key: str) -> Any:
        if key not in self._known:
            self._known.append(key)
        return self._values.get(key)


def is_secret_name(name: str) -> bool:
    """Whether what stands under this name is likely a secret."""
    return _SECRET_NAME.search(name) is not None


def written(path: KeyPath) -> str:
    """A path as TOML writes it, with an element's place counted from 1, and no name that may be a secret."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part + 1}]"
        else:
            key = part if _BARE_KEY.fullmatch(part) else f'"{part[:80]}"'
            key = f"({shown_name(part)})" if name_may_be_secret(part) else key
            words += f".{key}" if words else key
    return words.encode("ascii", "backslashreplace").decode() if not words.isprintable() else words


def _header(path: KeyPath) -> str:
    return f"[{written(path)}]"


def add_table(kind: str, name: str) -> str:
    """`Add [models."provider/model"]`, for a remedy; without the name where it may be a secret."""
    return f"Add a table of that name to [{kind}]" if may_be_secret(name) else f"Add {_header((kind, name))}"


def nearest(word: object, known: Collection[str]) -> str:
    """`Did you mean …?` with a space before it, or nothing."""
    near = difflib.get_close_matches(str(word), list(known), n=1, cutoff=_NEAR)
    return f" Did you mean {shown_name(near[0])}?" if near else ""


def _or(words: Collection[str]) -> str:
    *most, last = sorted(words) or [""]
    return f"{', '.join(most)} or {last}" if most else last
