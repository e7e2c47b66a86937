"""What another process needs to go on with an interaction's answer, as one line of text.

It holds the interaction's token: whoever has it can answer in the bot's name, so it is kept encrypted and
stands in no log.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields

_VERSION = 1


@dataclass(frozen=True, slots=True)
class InteractionAddress:
    """`began_at`: seconds since the epoch: monotonic clocks mean nothing to another process. `source_id`: the
    message that was pressed, "" for a command. `original_id`: of the first answer, "" where it is not known.
    `follow_ups_left` None: any number. `visible`, `may_send`: of the channel, for the bot account itself."""

    id: str
    application_id: str
    token: str = field(repr=False)
    began_at: float
    source_id: str = ""
    is_form: bool = False
    private: bool = False
    visible: bool = False
    may_send: bool = False
    follow_ups_left: int | None = None
    original_id: str = ""

    def written(self) -> str:
        return json.dumps({"v": _VERSION, **asdict(self)}, separators=(",", ":"))

    @classmethod
    def read(cls, address: str) -> InteractionAddress | None:
        """None for what another version wrote."""
        kept = json.loads(address)
        if kept.pop("v", None) != _VERSION or kept.keys() != {one.name for one in fields(cls)}:
            return None
        return cls(**kept)
