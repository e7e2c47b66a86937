"""Nothing that a process writes holds a secret: every module of ours that logs is made to fail."""

from __future__ import annotations

import subprocess
import sys

from tests.settings.canaries import CANARIES, KEY, loggers
from tests.settings.forms import leaks


def _output(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  # this very interpreter, on a module of these tests
        [sys.executable, "-m", "tests.settings.canaries", *arguments],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1  # by the error that nobody caught
    return (done.stdout + done.stderr).decode()


def test_no_secret_is_written_by_any_module_that_fails() -> None:
    output = _output()
    assert [secret for secret in CANARIES if leaks(secret, output)] == []
    names = [logger.name for logger in loggers()]
    assert len(names) > 40
    assert [name for name in names if f" ERROR {name}: failed with" not in output] == []
    for what in (
        "httpx: failed with",
        "Task exception was never retrieved",
        "py.warnings: ",
        "nobody caught this",
        "in the end ***",
        "RuntimeError: ('outer ***', {'Authorization': 'Bearer ***'})",
        "note ***",
        "Stack (most recent call last)",
    ):
        assert what in output, what
    assert output.count("nobody caught this") == len(CANARIES) + 2  # threads, an object's end, the program's


def test_the_check_would_see_them() -> None:
    output = _output("bare")
    assert all(leaks(secret, output) for secret in CANARIES)
    assert KEY in output
