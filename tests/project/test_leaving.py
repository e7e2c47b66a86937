"""The end of the process, whatever became of what it writes to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_LEAVES = "import sys; from bots.leaving import leave; {told}; leave(0)"
_BUFFERED = {**os.environ, "PYTHONUNBUFFERED": ""}  # so that it is `leave` that writes
_TELLS = "print('ready', file=sys.{name}, end='')"


def _leave(told: str, redirected: str) -> int:
    """The exit code of a process that leaves, started by a shell with its streams `redirected`."""
    command = ["sh", "-c", f'exec "$@" {redirected}', "sh", sys.executable, "-c", _LEAVES.format(told=told)]
    return subprocess.run(command, check=False, timeout=60, env=_BUFFERED).returncode  # noqa: S603 - our own


@pytest.mark.parametrize(("name", "number"), [("stdout", 1), ("stderr", 2)])
def test_a_stream_that_was_closed_before_the_start_holds_up_no_end(name: str, number: int) -> None:
    assert _leave(f"assert sys.{name} is None", f"{number}>&-") == 0


@pytest.mark.parametrize(("name", "number"), [("stdout", 1), ("stderr", 2)])
def test_what_could_not_be_written_is_a_failure(name: str, number: int, tmp_path: Path) -> None:
    no_room = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
    assert _leave(no_room + _TELLS.format(name=name), f"{number}>{tmp_path}/told") == 1


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_reader_that_left_is_none(name: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = [sys.executable, "-c", _LEAVES.format(told=_TELLS.format(name=name))]
    try:
        streams = {name: writing}
        process = subprocess.Popen(program, env=_BUFFERED, **streams)  # type: ignore[call-overload]  # noqa: S603
        assert process.wait(60) == 0
    finally:
        os.close(writing)


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
