"""The end of the process. It comes in time, whatever still hangs: what must outlive it is in the journal."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep
from typing import Final, NoReturn

log = logging.getLogger(__name__)

_TELL_S: Final = 0.3


class RunError(Exception):
    """Sluice cannot run, or not any longer. `args`: lines that say why and what to do."""


class OutputError(Exception):
    """What a command has to say cannot be written. The message is one line that says why."""


@contextmanager
def writing() -> Iterator[None]:
    """Around what writes to standard output, and does nothing else: at the end all of it is written. A reader
    that left (`| head`) is no failure. Raises OutputError."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # the second is what rich's console makes of the first
        pass
    except OSError as error:
        raise OutputError(f"The output could not be written: {error.strerror}.") from None


def leave(code: int) -> NoReturn:
    """End at once. The interpreter would take everything apart first, for half a second and longer where the
    machine is busy; it has no use for that, and whoever stops it has no time."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # as where it was closed before the start: `>&-`
                stream.flush()
        except BrokenPipeError:
            pass  # a reader may leave: `| head`
        except (OSError, ValueError):
            code = code or 1
    os._exit(code)


def leave_within(seconds: float) -> None:
    """End in good order by then, or all the same: from a thread of its own, since it may be the event loop
    that stands still, or whoever reads what is written."""

    def tell() -> None:
        log.warning("something hangs, and is left behind: the next start goes on with it")
        leave(0)

    def overdue() -> None:
        threading.Thread(target=tell, daemon=True).start()
        sleep(_TELL_S)
        os._exit(0)

    timer = threading.Timer(seconds, overdue)
    timer.daemon = True
    timer.start()
