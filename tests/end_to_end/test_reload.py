"""A changed `sluice.toml` counts from the next question; a broken one changes nothing and says where.

Sluice as a process, both local platforms, and the model's requests as the witness.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bots.sandbox.model_server import ModelRequest, ModelServer, Refusal, Reply, say
from tests.end_to_end.screen import Json
from tests.end_to_end.world import ENDS_WITHIN_S, World
from tests.project.program import Running, running

KEY = "sk-proj-0123456789abcdefghij"
IN_FORCE = "has been read again and is in force."
_MODELS = """
default_model = "away/big"
default_persona = "guide"
[providers.away]
base_url = "{away}"
api_key_env = "AWAY_KEY"
[models."away/big"]
fallback = ["env/scripted"]
[models."env/scripted"]
[personas.guide]
"""


def _away(request: ModelRequest) -> Reply:
    return say("Away says ", request.prompt)


class _Asking:
    """Ada in a private chat of Discord, and what the model was asked for her."""

    def __init__(self, world: World, away: ModelServer) -> None:
        self.world, self.away = world, away

    async def ask(self, text: str) -> tuple[Json, dict[str, Any]]:
        """The whole answer, and the last request that led to it."""
        question = await self.world.discord.say("Ada", "@Ada", text)
        answer = await self.world.on_discord.answer(replying_to=question)
        requests = [
            request.body
            for request in (*self.away.requests, *self.world.model.requests)
            if request.prompt.endswith(text)
        ]
        return answer, requests[-1]


async def test_a_changed_persona_is_used_by_the_next_question_and_a_broken_file_changes_nothing(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "sluice.toml"
    async with ModelServer(_away, api_key=KEY) as away:
        first = _MODELS.format(away=away.base_url) + 'system_prompt = "Speak as a guide."\n'
        file.write_text(first)
        (tmp_path / ".env").write_text(f"AWAY_KEY={KEY}\n")
        asking = _Asking(world, away)
        async with running(
            tmp_path, "--live", settings=world.settings | {"OPENAI_MODEL": "scripted"}
        ) as program:
            await program.says("The model answers.")
            answer, request = await asking.ask("one")
            assert (answer["text"], request["model"]) == ("Away says one", "big")
            assert _system(request) == "Speak as a guide."

            file.write_text(first.replace("a guide", "a pirate") + "temperature = 0.5\n")
            await program.says(IN_FORCE)
            _, request = await asking.ask("two")
            assert (_system(request), request["temperature"]) == ("Speak as a pirate.", 0.5)

            file.write_text(first.replace("a guide", "a ghost") + "temprature = 9\n")
            line = len(first.splitlines()) + 1
            assert await program.says(f"sluice.toml, line {line}: personas.guide.temprature is not known.")
            await program.says("sluice.toml cannot be used. What it said before stays in force.")
            _, request = await asking.ask("three")
            assert _system(request) == "Speak as a pirate."
            await _stop(program)
    said = "\n".join(program.said)
    assert said.count("temprature") == 1
    assert KEY not in said


async def test_a_provider_that_fails_is_replaced_before_anybody_sees_it_and_exchanged_without_a_restart(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "sluice.toml"
    async with ModelServer(_away, api_key=KEY) as away:
        file.write_text(_MODELS.format(away=away.base_url))
        asking = _Asking(world, away)
        async with running(tmp_path, "--live", settings=world.settings) as program:
            # There is no key yet: the one model of .env answers instead.
            line = await program.says("The model is not what answers.")
            assert "env/scripted does" in line
            answer, request = await asking.ask("one")
            assert (answer["text"], request["model"]) == ("one", "scripted")
            assert ": unauthorized: " in await program.says("env/scripted is asked instead of away/big")

            (tmp_path / ".env").write_text(f"AWAY_KEY={KEY}\n")
            await program.says(IN_FORCE)
            answer, request = await asking.ask("two")
            assert request["model"] == "big"
            await program.says("by away/big: complete")
            away.enqueue(Refusal(500, "Oops"), Refusal(500, "Oops"), Refusal(500, "Oops"))
            answer, request = await asking.ask("three")
            assert (answer["text"], request["model"]) == ("three", "scripted")
            await _stop(program)
    assert KEY not in "\n".join(program.said)


def _system(request: dict[str, Any]) -> str:
    first = request["messages"][0]
    assert first["role"] == "system"
    return str(first["content"])


async def _stop(program: Running) -> None:
    program.process.terminate()
    assert await program.ends(ENDS_WITHIN_S) == 0
