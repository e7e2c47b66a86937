"""What a version before budgets had counted in a file is counted in the ledger, once; then the file goes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from core.policy import private_file
from core.policy.budgets import EVERYBODY, Span, span_name
from core.ports.clock import Clock
from core.ports.ledger import Amount, Ledger, Line

log = logging.getLogger(__name__)

_DAY_S: Final = 86_400


async def carry_over(file: Path, ledger: Ledger, clock: Clock, daily_tokens: int | None) -> None:
    """Raises StoreError. A file that cannot be read counts as a day that is used up."""
    now = clock.wall()
    try:
        match private_file.read(file):
            case None:
                return
            case {"day": int(day), "tokens": int(tokens)} if tokens >= 0:
                spent = tokens if day >= now // _DAY_S else 0
            case _:
                raise private_file.UnreadableFileError(f"{file} does not hold a count")
    except private_file.UnreadableFileError as error:
        spent = daily_tokens or 0
        log.error("%s: today counts as used up", error)
    if spent:
        lines = [Line(EVERYBODY, span_name(span, now)) for span in Span]
        await ledger.settle(lines, Amount(spent))
    try:
        file.unlink()  # noqa: ASYNC240  # once in a lifetime
    except OSError as error:
        log.error(
            "%s is counted and cannot be deleted (%s): each start counts it again", file, error.strerror
        )
