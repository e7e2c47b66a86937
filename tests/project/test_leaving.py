"""The end of the process, whatever became of what it writes to."""

from __future__ import annotations

import io
import os
import subprocess
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


def test_a_reader_that_stands_still_holds_up_no_end() -> None:
    """What is written to a full pipe waits, and so would all that wants to write then."""
    program = "import logging, sys; from bots.leaving import leave_within; "
    program += "logging.basicConfig(stream=sys.stdout); leave_within(0.1); print('x' * 1_000_000)"
    arguments = [sys.executable, "-c", program]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own
        try:
            assert process.wait(20.0) == 0
        finally:
            process.kill()
