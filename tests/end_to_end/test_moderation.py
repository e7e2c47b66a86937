"""Moderation on both local platforms, with Sluice as a process and its judge over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bots.sandbox.model_server import ModerationRequest, say
from core.catalogue import say as words
from tests.end_to_end.screen import Json, Screen
from tests.end_to_end.world import World

BAD = "forbidden"
CLEAN = [f"Sentence number {number} is as harmless as can be. " for number in range(15)]
"""Twice this fits one message: on a busy machine a verdict may come when all was said."""
TALE = [*CLEAN, "And now for what is ", f"{BAD}. ", *CLEAN]
RULES = """
[moderation]
provider = "env"
input = "before"
output = "{output}"
[alerts]
to = ["discord:{channel}"]
"""


def flagging(request: ModerationRequest) -> Sequence[str]:
    return ["violence" if BAD in text else "" for text in request.texts]


async def both(world: World, text: str, ending: str) -> tuple[Json, Json]:
    """Ada asks in a channel and in a group; the answers once they end so."""
    in_channel = await world.discord.say("Ada", "#general", f"@Sluice {text}")
    in_group = await world.telegram.say("Ada", "Riverside", f"/ask {text}")

    async def ended(screen: Screen, question: str) -> Json:
        return await screen.answer(replying_to=question, holding=words(ending))

    return await asyncio.gather(ended(world.on_discord, in_channel), ended(world.on_telegram, in_group))


async def served(world: World, folder: Path, output: str) -> None:
    channel = world.discord.world.chat("#help").id
    (folder / "sluice.toml").write_text(RULES.format(output=output, channel=channel))
    world.model.verdicts = flagging


async def test_a_flagged_question_is_refused_and_flagged_text_is_never_seen(
    world: World, tmp_path: Path
) -> None:
    await served(world, tmp_path, "before")
    async with world.served(tmp_path) as program:
        tried = len(world.model.requests)
        for answer in await both(world, f"tell me what is {BAD}", "ending.not_asked"):
            assert answer["text"].strip("*") == words("ending.not_asked")
        assert len(world.model.requests) == tried, "no model has read it"

        world.model.enqueue(*(say(*TALE, every_s=0.01) for _ in range(2)))
        answers = await both(world, "tell me a tale", "ending.withheld")
        for answer, screen in zip(answers, (world.on_discord, world.on_telegram), strict=True):
            text, _, mark = answer["text"].rpartition("\n\n")
            assert mark.strip("*") == words("ending.withheld")
            assert text
            assert "".join(CLEAN).startswith(text)
            assert not any(BAD in state for state in screen.states(answer))

        notice, _, _ = words("alert.moderation", about="…", why="").partition("…")
        told = await world.on_discord.until(lambda: world.on_discord.by_bot(holding=notice))
        assert all("violence" in one["text"] and BAD not in one["text"] for one in told)
    assert BAD not in "\n".join(program.said)


async def test_beside_a_hit_ends_what_is_shown_with_one_mark(world: World, tmp_path: Path) -> None:
    await served(world, tmp_path, "beside")
    async with world.served(tmp_path):
        world.model.enqueue(*(say(*TALE, every_s=0.02) for _ in range(2)))
        for answer in await both(world, "tell me a tale", "ending.withheld"):
            text, _, mark = answer["text"].rpartition("\n\n")
            assert mark.strip("*") == words("ending.withheld")
            assert text
            assert "".join(TALE).startswith(text)
            assert answer["text"].count(words("ending.withheld")) == 1
