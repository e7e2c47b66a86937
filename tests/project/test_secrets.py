"""The real process on the local platforms, at DEBUG and with faults: no secret anywhere that it writes."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.project.conftest import Local
from tests.project.program import SLUICE, running, sluice
from tests.settings.forms import leaks

ENDS_WITHIN_S = 8.0
KEY = "canary-key-Qz7xV2mLp0sT"
DEBUG = {"SLUICE_LOG_LEVEL": "DEBUG", "PYTHONASYNCIODEBUG": "1", "OPENAI_LOG": "debug"}


async def test_no_secret_leaves_a_process_that_is_troubled(local: Local, tmp_path: Path) -> None:
    """Failing sends, a provider that names the key in its error, an export: seen in all that comes of it."""
    secrets = (local.telegram.token.partition(":")[2], local.discord.token, KEY)
    settings = local.settings | DEBUG | {"OPENAI_API_KEY": KEY}
    local.model._api_key = "another-key"  # so that the model refuses ours, and names it
    async with running(tmp_path, "--live", settings=settings, program=[SLUICE]) as program:
        await program.says("Telegram is ready")
        await program.says("The model cannot be used")
        for kind in ("drop_before", "html", "status", "limited"):
            local.telegram.fault(kind, route="send*", times=1)
        local.discord.fault("status", status=500, route="/channels/*", times=2)
        await local.ask("why?")
        await local.discord.say("Ben", "#general", "@Sluice why?")
        await local.bot_says("model")
        await local.ask("/export")
        titles = _titles(program.process.pid)
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0
    output = "\n".join(program.said)
    assert "DEBUG" in output
    chats = str([local.telegram.snapshot()["messages"], local.discord.snapshot()["messages"]])
    stored = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir() if file.is_file())
    every = [one for chat in local.telegram._world.chats.values() for one in chat.messages.values()]
    sent = [one.document.content for one in every if one.document]
    for secret in secrets:
        assert not leaks(secret, output)
        assert not leaks(secret, chats)
        assert secret not in b"".join([titles, stored, *sent]).decode(errors="replace")


def _titles(pid: int) -> bytes:
    """How a process is called, for everybody on the machine."""
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "comm"))


async def test_secrets_come_from_files(local: Local, tmp_path: Path) -> None:
    """As Docker gives them: with a line's end."""
    settings = dict(local.settings)
    for name in ("DISCORD_TOKEN", "TELEGRAM_TOKEN"):
        (tmp_path / name.lower()).write_text(settings.pop(name) + "\n")
        settings[f"{name}_FILE"] = str(tmp_path / name.lower())
    async with running(tmp_path, "--live", settings=settings) as program:
        await program.says("Discord is ready")
        await program.says("Telegram is ready")
        await program.says("The model answers.")
        assert not any("_FILE" in line for line in program.said)
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0


async def test_a_wrong_file_is_one_line_that_shows_nothing_of_it(tmp_path: Path) -> None:
    done = await sluice(tmp_path, "run", settings={"TELEGRAM_TOKEN_FILE": "7123456789:AAmistaken-for-a-file"})
    assert done.code == 1
    assert done.line.startswith("sluice: TELEGRAM_TOKEN_FILE names a file that cannot be read (No such file")
    assert "AAmistaken" not in done.err


async def test_env_that_everybody_may_read_is_told_of(local: Local, tmp_path: Path) -> None:
    """By the start and by the doctor, until it is closed."""
    env = tmp_path / ".env"
    env.parent.chmod(0o755)
    env.write_text("".join(f"{name}={value}\n" for name, value in local.settings.items()))
    env.chmod(0o644)
    async with running(tmp_path, "--live", settings={}) as program:
        assert await program.says("→ Every user of this machine can read .env. Run: chmod 600 .env")
    examined = await sluice(tmp_path, "doctor", "--json")
    assert b"Every user of this machine can read .env" in examined.out
    env.chmod(0o600)
    assert b"can read .env" not in (await sluice(tmp_path, "doctor", "--json")).out
