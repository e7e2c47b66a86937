"""`sluice run` from start to end, as a process: local platforms, a scripted model, real signals."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from bots.sandbox.model_server import Gate, Stream
from core.catalogue import say
from tests.project.conftest import OTHER_DISCORD_TOKEN, Local
from tests.project.program import PATIENCE_S, SLUICE, environment, running, sluice

ENDS_WITHIN_S = 8.0
TOKEN = "1234567:a-token-that-looks-right-and-is-not"


async def test_both_platforms_in_one_process(local: Local, tmp_path: Path) -> None:
    async with running(tmp_path, "--live", settings=local.settings, program=[SLUICE]) as program:
        await program.says("Discord is ready")
        await program.says("Telegram is ready")
        await program.says("The model answers.")
        await local.ask("an echo of this, please")
        assert await local.bot_says("please") == "an echo of this, please"
        assert (tmp_path / "data" / "heartbeat").is_file()
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0
    said = "\n".join(program.said)
    assert local.telegram.token not in said
    assert local.discord.token not in said


async def test_an_answer_that_cannot_finish_is_marked_before_the_end(local: Local, tmp_path: Path) -> None:
    async with running(tmp_path, settings=local.settings) as program:
        await program.says("The model answers.")
        local.model.enqueue(Stream(("The beginning of an answer that never ends.", Gate(asyncio.Event()))))
        await local.ask("a long one")
        await local.bot_says("never ends.")
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0
    marked = await local.bot_says(say("ending.interrupted"))
    assert marked.startswith("The beginning of an answer that never ends.")


async def test_a_second_ctrl_c_ends_at_once(local: Local, tmp_path: Path) -> None:
    async with running(tmp_path, settings=local.settings) as program:
        await program.says("The model answers.")
        local.model.enqueue(Stream(("The beginning of an answer that never ends.", Gate(asyncio.Event()))))
        await local.ask("a long one")
        await local.bot_says("never ends.")
        program.process.send_signal(signal.SIGINT)
        assert "answers have a moment" in await program.says("Stopping")
        program.process.send_signal(signal.SIGINT)
        assert await program.ends(within_s=2.0) == 130


async def test_a_second_sigterm_changes_nothing(local: Local, tmp_path: Path) -> None:
    """A supervisor's reaches the program twice when make passes it on."""
    async with running(tmp_path, settings=local.settings) as program:
        await program.says("The model answers.")
        program.process.send_signal(signal.SIGTERM)
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0


async def test_nothing_that_hangs_holds_up_the_end(local: Local, tmp_path: Path) -> None:
    """A send that Telegram never answers, and a database that somebody else has locked."""
    async with running(tmp_path, "--live", settings=local.settings) as program:
        await program.says("The model answers.")
        local.telegram.fault("hang_before", route="sendMessage")
        held = asyncio.Event()
        local.telegram.subscribe(lambda event: held.set() if event.get("status") == 0 else None)
        local.model.enqueue(Stream(("The beginning of an answer that never ends.", Gate(asyncio.Event()))))
        await local.ask("a long one")
        await asyncio.wait_for(held.wait(), 20)
        with closing(sqlite3.connect(tmp_path / "data" / "sluice.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            program.process.send_signal(signal.SIGTERM)
            assert await program.ends(ENDS_WITHIN_S) == 0
    assert not any("Traceback" in line for line in program.said)


async def test_one_wrong_token_leaves_the_other_platform_running(local: Local, tmp_path: Path) -> None:
    settings = local.settings | {"DISCORD_TOKEN": OTHER_DISCORD_TOKEN}
    async with running(tmp_path, settings=settings) as program:
        refusal = await program.says("Discord is not connected")
        assert "Discord refused the token." in refusal
        await program.says("Telegram is ready")
        await program.says("The model answers.")
        await local.ask("still here?")
        await local.bot_says("still here?")
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0
    assert not any("Traceback" in line for line in program.said)
    assert OTHER_DISCORD_TOKEN not in "\n".join(program.said)


async def test_one_platform_out_of_reach_leaves_the_other_running(local: Local, tmp_path: Path) -> None:
    settings = local.settings | {"TELEGRAM_API_BASE_URL": "http://127.0.0.1:9"}
    async with running(tmp_path, settings=settings) as program:
        assert "TELEGRAM_API_BASE_URL" in await program.says("Telegram is not connected")
        await program.says("Discord is ready")
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0


async def test_no_platform_at_all_is_a_failure(local: Local, tmp_path: Path) -> None:
    settings = local.settings | {"DISCORD_TOKEN": OTHER_DISCORD_TOKEN, "TELEGRAM_TOKEN": ""}
    done = await sluice(tmp_path, "run", settings=settings)
    assert done.code == 1
    assert done.line == "sluice: No platform could be connected. What to do about each stands above."
    assert b"Discord refused the token." in done.out


async def test_a_start_that_fails_tells_of_names_close_to_one_too(local: Local, tmp_path: Path) -> None:
    settings = local.settings | {"DISCORD_TOKEN": OTHER_DISCORD_TOKEN, "TELEGRAM_TOKEN": ""}
    near = {"TELEGRAM_TOKN": "s3cr3t"}
    told = "sluice: TELEGRAM_TOKN is not read. Did you mean TELEGRAM_TOKEN?"
    done = await sluice(tmp_path, "run", settings=settings | near)
    failed, meant = done.err.splitlines()
    assert (done.code, meant) == (1, told)
    assert failed.startswith("sluice: No platform could be connected.")
    for wrong in ({"SLUICE_DATA_DIR": "/dev/null/data"}, {"SLUICE_CONFIG": "wrong.toml"}):
        (tmp_path / "wrong.toml").write_text("[personsa.b]\n")
        done = await sluice(tmp_path, "run", settings=settings | near | wrong)
        assert (done.code, len(done.err.splitlines()), done.err.splitlines()[-1]) == (1, 2, told)
    async with running(tmp_path, settings=local.settings | {"SLUICE_DATADIR": "away"}) as program:
        await program.says("→ SLUICE_DATADIR is not read.")
        await program.says("The model answers.")
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0
    assert sum("SLUICE_DATADIR" in line for line in program.said) == 1


async def test_a_model_that_is_not_there_is_told_at_start(local: Local, tmp_path: Path) -> None:
    settings = local.settings | {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    async with running(tmp_path, settings=settings) as program:
        await program.says("Telegram is ready")
        assert "Check OPENAI_BASE_URL" in await program.says("The model cannot be used.")
        await local.ask("anybody there?")
        await local.bot_says("cannot be reached")
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0
    assert not any("Traceback" in line for line in program.said)


async def test_the_first_admin_claims_the_bot_with_the_printed_code(local: Local, tmp_path: Path) -> None:
    settings = local.settings | {"SLUICE_ALLOW": ""}
    async with running(tmp_path, settings=settings) as program:
        found = re.search(r"/claim (\w+)", await program.says("/claim"))
        assert found is not None
        await local.ask("may I?")
        await local.bot_says("has no admin yet")
        await local.ask(f"/claim {found[1]}")
        await local.bot_says("You are now the admin")
        await local.ask("and now?")
        await local.bot_says("and now?")
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0
    async with running(tmp_path, settings=settings) as program:
        await program.says("The model answers.")
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0
    assert not any("/claim" in line for line in program.said)
    assert "Stopping." in program.said


async def test_a_conversation_survives_a_restart(local: Local, tmp_path: Path) -> None:
    for question in ("My cat is called Miso.", "What is it called?"):
        async with running(tmp_path, "--live", settings=local.settings) as program:
            await program.says("The model answers.")
            await local.ask(question)
            await local.bot_says(question)
            await program.says(": complete, ")
            program.process.send_signal(signal.SIGTERM)
            assert await program.ends(ENDS_WITHIN_S) == 0
        assert not any("Traceback" in line or "ERROR" in line for line in program.said)
    asked = [
        (message["role"], message["content"].strip()) for message in local.model.requests[-1].body["messages"]
    ]
    assert asked == [
        ("user", "My cat is called Miso."),
        ("assistant", "My cat is called Miso."),
        ("user", "What is it called?"),
    ]
    kept = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir() if file.is_file())
    assert b"Miso" not in kept


async def test_a_database_whose_key_is_gone_is_one_line(local: Local, tmp_path: Path) -> None:
    async with running(tmp_path, "--live", settings=local.settings) as program:
        await program.says("The model answers.")
        program.process.send_signal(signal.SIGTERM)
        assert await program.ends(ENDS_WITHIN_S) == 0
    (tmp_path / "data" / "sluice.key").unlink()
    done = await sluice(tmp_path, "run", "--live", settings=local.settings)
    assert done.code == 1
    assert "sluice.key" in done.line
    assert b"Traceback" not in done.out


async def test_without_a_token_the_sandbox_runs(local: Local, tmp_path: Path) -> None:
    settings = {name: value for name, value in local.settings.items() if name.startswith("OPENAI_")}
    settings["SLUICE_HTTP"] = "127.0.0.1:0"
    async with running(tmp_path, settings=settings, program=[SLUICE]) as program:
        found = re.search(r"http://\S+", await program.says("→ Open http://"))
        assert found is not None
        async with aiohttp.ClientSession() as session, session.get(found[0]) as page:
            assert page.status == 200
        program.process.send_signal(signal.SIGINT)
        assert await program.ends(ENDS_WITHIN_S) == 0
    assert list((tmp_path / "data").iterdir()) == []


async def test_it_says_where_its_settings_and_files_are(local: Local, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in local.settings.items()))
    async with running(tmp_path, "--live", settings={}) as program:
        assert await program.says("Settings: ") == f"Settings: {tmp_path}/.env"
        assert await program.says("Data folder: ") == f"Data folder: {tmp_path}/data"


async def test_the_sandbox_says_what_it_did_not_find_and_does_not_use(local: Local, tmp_path: Path) -> None:
    settings = {name: value for name, value in local.settings.items() if name.startswith("OPENAI_")}
    unused = {"SLUICE_ALLOW": "discord:1", "SLUICE_ADMINS": "discord:2", "SLUICE_HTTP": "127.0.0.1:0"}
    async with running(tmp_path, settings=settings | unused) as program:
        assert await program.says("Settings: ") == f"Settings: no .env in {tmp_path}"
        assert await program.says("SLUICE_ALLOW") == (
            "→ SLUICE_ADMINS and SLUICE_ALLOW are not used in the sandbox: it serves everybody."
        )
        assert (await program.says("For your own bots")).endswith(f"into {tmp_path}/.env.")


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (["--live"], {}, "No platform token is set."),
        (
            [],
            {"TELEGRAM_TOKEN": TOKEN},
            "OPENAI_MODEL is not set, and with",
        ),
        ([], {"TELEGRAM_TOKEN": "changeme"}, "TELEGRAM_TOKEN does not look like a token of Telegram"),
        ([], {"DISCORD_TOKEN": "changeme"}, "three parts with a dot between each"),
        ([], {"DISCORD_TOKEN": TOKEN}, "Move it to TELEGRAM_TOKEN."),
        ([], {"SLUICE_HTTP": "8765"}, "SLUICE_HTTP must be HOST:PORT"),
        ([], {"SLUICE_HTTP": "192.0.2.1:8765"}, "Set SLUICE_HTTP to another HOST:PORT."),
        ([], {"SLUICE_DATA_DIR": "/dev/null/data"}, "/dev/null is a file, and a folder is needed"),
        ([], {"SLUICE_ALLOW": "ada"}, "names are never accepted"),
    ],
)
async def test_bad_input_is_one_line(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], words: str
) -> None:
    done = await sluice(tmp_path, "run", *arguments, settings=settings)
    assert done.code == 1
    assert words in done.line
    assert b"Traceback" not in done.out


@pytest.mark.parametrize(
    ("arguments", "settings", "meant"),
    [
        (["--live"], {"DISCORD_TOKE": "s3cr3t"}, "DISCORD_TOKE is not read. Did you mean DISCORD_TOKEN?"),
        (
            [],
            {"TELEGRAM_TOKEN": TOKEN, "OPENAI_MODLE": "s3cr3t"},
            "OPENAI_MODLE is not read. Did you mean OPENAI_MODEL?",
        ),
    ],
)
async def test_whoever_misses_a_setting_is_told_of_a_name_close_to_it(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], meant: str
) -> None:
    done = await sluice(tmp_path, "run", *arguments, settings=settings)
    missing, near = done.err.splitlines()
    assert (done.code, near) == (1, f"sluice: {meant}")
    assert missing.startswith(("sluice: No platform token is set.", "sluice: OPENAI_MODEL is not set"))
    assert "s3cr3t" not in done.err + done.out.decode()


async def test_a_page_that_others_can_reach_is_warned_of(local: Local, tmp_path: Path) -> None:
    settings = {name: value for name, value in local.settings.items() if name.startswith("OPENAI_")}
    async with running(tmp_path, settings=settings | {"SLUICE_HTTP": "0.0.0.0:0"}) as program:
        assert "the address with its key" in await program.says("SLUICE_HTTP")


async def test_a_second_sandbox_says_that_sluice_runs_there_already(local: Local, tmp_path: Path) -> None:
    settings = {name: value for name, value in local.settings.items() if name.startswith("OPENAI_")}
    async with running(tmp_path, settings=settings | {"SLUICE_HTTP": "127.0.0.1:0"}) as program:
        found = re.search(r"http://(\S+)/", await program.says("→ Open http://"))
        assert found is not None
        done = await sluice(tmp_path, "run", settings=settings | {"SLUICE_HTTP": found[1]})
        assert done.code == 1
        assert done.line == (
            f"sluice: Sluice is running at http://{found[1]}/ already. "
            "Open that, or set SLUICE_HTTP to another HOST:PORT."
        )
        done = await sluice(tmp_path, "doctor", "--json", settings=settings | {"SLUICE_HTTP": found[1]})
        page = next(check for check in json.loads(done.out)["checks"] if check["name"] == "Page")
        assert (done.code, page["state"]) == (0, "note")
        assert page["detail"] == (
            f"Sluice is running at http://{found[1]}/, and `sluice run` would be refused here"
        )
        assert page["remedy"] == "If it is another folder's, set SLUICE_HTTP to another HOST:PORT."


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is Linux's")
@pytest.mark.parametrize("where", ["--sandbox", "--live"])
async def test_a_start_that_cannot_be_told_is_one_line(local: Local, tmp_path: Path, where: str) -> None:
    process = await asyncio.create_subprocess_shell(
        f"exec '{SLUICE}' run {where} >/dev/full",
        cwd=tmp_path,
        env=environment(local.settings | {"SLUICE_HTTP": "127.0.0.1:0", "SLUICE_LOG_LEVEL": "DEBUG"}),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert err.decode() == "sluice: The output could not be written: No space left on device.\n"
    assert process.returncode == 1


@pytest.mark.parametrize(("opened", "code"), [(os.pipe, 0), (os.openpty, 1)])
async def test_a_server_goes_on_where_nobody_reads_what_it_says(
    local: Local, tmp_path: Path, opened: Callable[[], tuple[int, int]], code: int
) -> None:
    """A reader that left, and a terminal that was closed. The second is a failure, told at the end."""
    ours, theirs = opened()
    process = await asyncio.create_subprocess_exec(
        SLUICE,
        "run",
        cwd=tmp_path,
        env=environment(local.settings | {"SLUICE_LOG_LEVEL": "DEBUG"}),
        stdout=theirs,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    try:
        with os.fdopen(ours, "rb") as output:
            assert await asyncio.to_thread(lambda: any(b"The model answers." in line for line in output))
        await local.ask("an echo of this, please")
        assert await local.bot_says("please") == "an echo of this, please"
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), ENDS_WITHIN_S)
    except BaseException:
        process.kill()
        raise
    assert (process.returncode, err.decode()) == (code, "")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 200 OK\r\n\r\n", b"SSH-2.0\r\n"])
async def test_a_port_in_use_is_one_line(answer: bytes, tmp_path: Path) -> None:
    """Whoever holds it: one that hangs up, another web server, none at all."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    taken = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    done = await sluice(tmp_path, "run", settings={"SLUICE_HTTP": f"127.0.0.1:{port}"})
    taken.close()
    assert done.code == 1
    assert done.line == (
        f"sluice: The page's address 127.0.0.1:{port} is in use. Set SLUICE_HTTP to another HOST:PORT."
    )
