"""The end of the process, whatever became of what it writes to."""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

import pytest

from bots.leaving import leave


class _Refusing(io.StringIO):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def flush(self) -> None:
        raise self._error


def _exit(code: int) -> NoReturn:
    raise SystemExit(code)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
@pytest.mark.parametrize(
    ("stream", "ends_with"),
    [(None, 0), (_Refusing(BrokenPipeError()), 0), (_Refusing(OSError(28, "no space left")), 1)],
    ids=["closed before the start", "reader left", "disk full"],
)
def test_what_cannot_be_written_to_holds_up_no_end(
    name: str, stream: io.StringIO | None, ends_with: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "_exit", _exit)
    monkeypatch.setattr(sys, name, stream)
    with pytest.raises(SystemExit) as ended:
        leave(0)
    assert ended.value.code == ends_with
