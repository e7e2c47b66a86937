"""`sluice`, which tells on SIGUSR1 which of its objects hold a word: run it as a script, in its own process.

`CANARY_REVERSED` is the word back to front, so that looking for it does not bring it along; `FOUND` is the
file that the answer is written to, a line for each object.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

_TEXTS = (str, bytes, bytearray)


def holders(word: str) -> Iterator[str]:
    """What can be reached and holds a text with the word in it, also by way of what the collector does not
    track, as a tuple of texts."""
    gc.unfreeze()  # what it holds since its start counts, too
    gc.collect()
    encoded = word.encode()
    tracked = gc.get_objects()
    known = {id(one) for one in tracked}
    for one in tracked:
        inner = [one]
        while inner:
            for held in gc.get_referents(inner.pop()):
                if isinstance(held, _TEXTS):
                    if (word in held) if isinstance(held, str) else (encoded in held):
                        yield f"{type(one).__module__}.{type(one).__qualname__}: {str(one)[:400]!r}"
                elif id(held) not in known and not gc.is_tracked(held):
                    inner.append(held)


def _tell(_: int, __: FrameType | None) -> None:
    file = Path(os.environ["FOUND"])
    with file.with_suffix(".new").open("w") as found:  # a list of them would be found, too
        for line in holders(os.environ["CANARY_REVERSED"][::-1]):
            found.write(line + "\n")
    file.with_suffix(".new").rename(file)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _tell)
    from bots.cli import program  # as the installed program does

    program()
