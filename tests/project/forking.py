"""A process that has loaded all of Sluice once, and forks a new Sluice from itself for each start.

Each is a process as the shell starts it, with a folder, an environment, streams and signals of its own; only
what `import` does is done already, which is nearly all that a start costs. Between it and the server stands a
process that waits for its end.

A request is one message: JSON with `arguments`, `folder` and `environment`, beside it the descriptors of a
socket to report to and of the three streams. Reported are the process's id and then its exit code.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

LARGEST: Final = 1 << 18  # bytes of a request
_LOADED: Final = (
    "alembic.command",
    "bots.ask",
    "bots.bootstrap.sandbox",
    "bots.config_check",
    "bots.database_check",
    "bots.doctor",
    "bots.keeping",
    "bots.run",
    "bots.serving",
    "core.adapters.store.opening",
    "openai.resources.chat",
    "uvloop",
)


def start(
    server: socket.socket,
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    streams: tuple[int, int, int],
) -> socket.socket:
    """Have a Sluice started with these descriptors as its streams. Returns where it is reported."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)}
    with theirs:
        socket.send_fds(server, [json.dumps(request).encode()], [theirs.fileno(), *streams])
    return ours


def _serve(requests: socket.socket) -> None:
    """Until nobody can ask any more. Returns in each forked process, which is then to become Sluice."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, LARGEST, 4)
        with suppress(ChildProcessError):  # there is none
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not request:
            os._exit(0)
        if os.fork() == 0:
            requests.close()
            _wait_for_one(request, *descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _wait_for_one(request: bytes, reports: int, *streams: int) -> None:
    """Returns in the process that is to become Sluice."""
    pid = os.fork()
    if pid == 0:
        _become(json.loads(request), streams)
        return
    os.closerange(0, reports)
    os.closerange(reports + 1, max(streams) + 1)
    os.write(reports, str(pid).encode())
    _, status = os.waitpid(pid, 0)
    os.write(reports, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(request: dict[str, object], streams: Sequence[int]) -> None:
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(3, max(streams) + 1)
    os.chdir(str(request["folder"]))
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]
    sys.argv = ["sluice", *request["arguments"]]  # type: ignore[misc]


if __name__ == "__main__":
    for name in _LOADED:
        importlib.import_module(name)
    from bots.cli import program
    from core.commands.registry import registry

    registry()
    assert threading.active_count() == 1, "what has threads cannot be forked"
    gc.freeze()  # what is never looked at again stays shared
    _serve(socket.socket(fileno=int(sys.argv[1])))
    program()
