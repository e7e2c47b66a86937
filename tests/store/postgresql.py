"""A PostgreSQL of our own on loopback, for as long as the tests run."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

_MISSING: Final = "PostgreSQL is not installed (Debian: apt-get install postgresql); SQLite alone was tested"
_UNSAFE_BUT_FAST: Final = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=64MB",
)


class MissingError(Exception):
    """This machine has no PostgreSQL."""


@contextmanager
def server() -> Iterator[str]:
    """The address of a server without the name of a database. Raises MissingError."""
    programs = _programs()
    # Not pytest's own folder, which only we may enter: the server refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="sluice-postgresql-"))
    user = _user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    cluster = folder / "cluster"
    try:
        _run(
            [
                programs / "initdb",
                "-D",
                cluster,
                "-U",
                "sluice",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-locale",
                "-N",
            ],
            user,
        )
        port = _free_port()
        settings = [part for setting in (f"port={port}", *_UNSAFE_BUT_FAST) for part in ("-c", setting)]
        command: list[Any] = [programs / "postgres", "-D", cluster, "-h", "127.0.0.1", "-k", "", *settings]
        process = subprocess.Popen(  # noqa: S603  # Debian's program, our arguments
            command, stderr=subprocess.PIPE, text=True, **_as(user)
        )
        try:
            assert process.stderr is not None
            _wait_until_ready(process.stderr)
            yield f"postgresql://sluice:secret-of-the-database@127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            process.wait(timeout=30)
            if process.stderr is not None:
                process.stderr.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if newest:
        return newest[-1].parent
    found = shutil.which("initdb")
    if found is None:
        raise MissingError(_MISSING)
    return Path(found).resolve().parent


def _user() -> pwd.struct_passwd | None:
    """Whom the server runs as, where we are root; else ourselves."""
    if os.getuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}


def _run(command: list[Any], user: pwd.struct_passwd | None) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True, **_as(user))  # noqa: S603  # the same


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _wait_until_ready(lines: IO[str]) -> None:
    said = []
    for line in lines:
        said.append(line)
        if "ready to accept connections" in line:
            threading.Thread(target=_drain, args=(lines,), daemon=True).start()
            return
    raise RuntimeError("PostgreSQL did not start: " + "".join(said))


def _drain(lines: IO[str]) -> None:
    for _ in lines:
        pass
