"""What was said before a restart is known after it, on both platforms, with the installed program."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.world import ENDS_WITHIN_S, World


async def test_conversations_go_on_after_a_restart(world: World, tmp_path: Path) -> None:
    for question in ("My cat is called Miso.", "What is it called?"):
        async with world.served(tmp_path) as program:
            in_discord = await world.discord.say("Ada", "@Ada", question)
            in_telegram = await world.telegram.say("Ada", "Ada", question)
            await world.on_discord.answer(replying_to=in_discord, holding=question)
            await world.on_telegram.answer(replying_to=in_telegram, holding=question)
            program.process.terminate()
            assert await program.ends(ENDS_WITHIN_S) == 0
    for request in world.model.requests[-2:]:
        assert [(message["role"], message["content"].strip()) for message in request.body["messages"]] == [
            ("user", "My cat is called Miso."),
            ("assistant", "My cat is called Miso."),
            ("user", "What is it called?"),
        ]
