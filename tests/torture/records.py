"""What has been done, a line of JSON for each piece, so that a long run goes on where it was left off."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


class Records:
    """Of one run; without a file they are only told."""

    def __init__(self, file: Path | None = None, *, quiet: bool = False) -> None:
        self.file = file
        self._quiet = quiet
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)

    def read(self) -> list[Json]:
        """What is there; a last line that was cut short is none."""
        if self.file is None or not self.file.exists():
            return []
        *whole, _ = self.file.read_text().split("\n")
        return [json.loads(line) for line in whole]

    def add(self, one: Json, line: str) -> None:
        """Keep a piece, and tell who watches of it."""
        if self.file is not None:
            with self.file.open("a") as file:
                print(json.dumps(one), file=file)
        self.tell(line)

    def tell(self, line: str) -> None:
        """A line for who watches."""
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)
