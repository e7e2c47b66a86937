"""What was used, and what is kept, on the real process: from the provider's count to the words in a chat."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bots.sandbox.limits import load_profile
from core.catalogue import say
from tests.end_to_end.world import opened

CONFIGURATION = """
default_model = "env/scripted"
operator = "Ada, ada@example.org"

[models."env/scripted"]
name = "The scripted one"
prompt_price = 1_000
completion_price = 2_000
currency = "EUR"

[defaults]
retention_days = 30
"""


async def test_what_was_used_is_told_with_its_price_and_what_is_kept_can_be_had(tmp_path: Path) -> None:
    (tmp_path / "sluice.toml").write_text(CONFIGURATION, encoding="utf-8")
    async with opened(load_profile()) as world, world.served(tmp_path):
        # The second is begun only once the first is over, and so is booked.
        for question in ("the first question", "the second question"):
            await world.telegram.say("Ada", "Ada", question)
            await world.on_telegram.answer(holding=question)
        await world.telegram.say("Ada", "Ada", "/usage")
        told = await world.on_telegram.answer(holding=say("usage.of.me"))
        assert re.search(r"Today: €[\d.]+, [12] requests?, [\d,]+ tokens in", told["text"])
        assert [file["picture"] for file in told["files"]] == [True]

        await world.telegram.say("Ada", "Ada", "/privacy")
        policy = await world.on_telegram.answer(holding="What I keep about you")
        assert say("privacy.provider", hosts="127.0.0.1") in policy["text"]
        assert say("privacy.operator", operator="Ada, ada@example.org") in policy["text"]
        assert say("privacy.days", days=30) in policy["text"]

        await world.telegram.say("Ada", "Ada", "/export")
        export = await world.on_telegram.answer(holding="All that is kept about you")
        [file] = export["files"]
        content = json.loads(world.telegram.file(file["id"]) or b"")
        [used] = content["usage"]
        assert (used["model"], used["requests"]) == ("env/scripted", 2)
        assert used["cost"] == used["prompt_tokens"] * 1_000 + used["completion_tokens"] * 2_000
        assert world.refusals == []
