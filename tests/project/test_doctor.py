"""`sluice doctor`: what is good is said to be good, and each failure names the one thing to do."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Any

import pytest

from bots.data_dir_check import check_data_dir
from core.adapters.store.location import Location
from core.adapters.store.opening import open_store
from core.messages import Person
from core.policy.access import Access
from core.ports.platform import CheckState
from tests.model.test_embedded_model import DATA_DIR
from tests.project.conftest import OTHER_DISCORD_TOKEN, Local
from tests.project.program import PATIENCE_S, SLUICE, Finished, environment, sluice


def _checks(done: Finished) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in json.loads(done.out)["checks"]}


def _not_looked_at(done: Finished) -> dict[str, str]:
    """What was not, and why."""
    return {
        check["name"]: check["detail"].removeprefix("not looked at: ")
        for check in json.loads(done.out)["checks"]
        if check["state"] == "note" and check["detail"].startswith("not looked at: ")
    }


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-"])
async def test_a_stream_closed_before_the_start_changes_nothing(
    closed: str, local: Local, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_shell(
        f"'{SLUICE}' doctor {closed}",
        cwd=tmp_path,
        env=environment(local.settings),
        stdout=DEVNULL,
        stderr=PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert (process.returncode, err) == (0, b"")


async def test_a_good_configuration(local: Local, tmp_path: Path) -> None:
    done = await sluice(tmp_path, "doctor", "--json", settings=local.settings, installed=True)
    checks = _checks(done)
    assert (done.code, json.loads(done.out)["good"], done.err) == (0, True, "")
    assert {check["state"] for check in checks.values()} <= {"good", "note"}
    assert checks["Configuration"]["detail"] == "Discord and Telegram"
    assert "first token after" in checks["Model"]["detail"]
    assert "@sluice_bot" in checks["Telegram token"]["detail"]
    assert any("applications.commands" in check["detail"] for check in checks.values())
    assert local.telegram.token not in done.out.decode()
    assert local.discord.token not in done.out.decode()


async def test_the_table_for_people(local: Local, tmp_path: Path) -> None:
    done = await sluice(tmp_path, "doctor", settings=local.settings | {"COLUMNS": "80"})
    assert (done.code, done.err) == (0, "")
    assert "✓ Telegram token" in " ".join(done.out.decode().split())
    link = done.out.decode().splitlines()[-1]  # whole, however narrow the window
    assert link.startswith("Discord invite link: https://discord.com/oauth2/authorize?")
    assert "scope=bot+applications.commands" in link
    assert "permissions=" in link


@pytest.mark.parametrize(
    ("broken", "name", "remedy"),
    [
        ({"TELEGRAM_TOKEN": "1234567:a-token-that-looks-right-and-is-not"}, "Telegram token", "@BotFather"),
        ({"DISCORD_TOKEN": OTHER_DISCORD_TOKEN}, "Discord token", "Reset it"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "Model", "Check OPENAI_BASE_URL"),
        ({"OPENAI_MODEL": "nobody-knows-it"}, "Model", "Check OPENAI_MODEL"),
        ({"OPENAI_MODEL": "", "OPENAI_BASE_URL": ""}, "Model", "OPENAI_MODEL=embedded"),
        ({"SLUICE_DATA_DIR": "/dev/null/data"}, "Data folder", "SLUICE_DATA_DIR"),
        ({"SLUICE_HTTP": "8765"}, "Configuration", "HOST:PORT"),
        ({"DISCORD_TOKEN": "changeme"}, "Configuration", "three parts"),
        ({"TELEGRAM_API_BASE_URL": "http://127.0.0.1:9"}, "Telegram token", "Check the network"),
    ],
)
async def test_a_broken_configuration(
    local: Local, tmp_path: Path, broken: dict[str, str], name: str, remedy: str
) -> None:
    done = await sluice(tmp_path, "doctor", "--json", settings=local.settings | broken)
    check = _checks(done)[name]
    assert (done.code, check["state"]) == (1, "bad")
    assert remedy in f"{check['detail']} {check['remedy']}"
    assert "Traceback" not in done.err


async def test_all_that_is_missing_or_wrong_is_told_in_one_run(local: Local, tmp_path: Path) -> None:
    """Whatever is found first, what does not hang on it is looked at all the same."""
    (tmp_path / "sluice.toml").write_text('default_model = "home/a"\ndefault_personality = "poet"\n')
    wrong = {
        "DISCORD_TOKEN": OTHER_DISCORD_TOKEN,
        "TELEGRAM_TOKEN": "changeme",
        "OPENAI_TEMPERATURE": "hot",
        "SLUICE_ALLOW": "ada",
        "DATABASE_URL": "mysql://host/sluice",
        "SLUICE_DATA_DIR": "/dev/null/data",
    }
    done = await sluice(tmp_path, "doctor", "--json", settings=local.settings | wrong)
    bad = [check for check in json.loads(done.out)["checks"] if check["state"] == "bad"]
    said = [f"{check['name']}: {check['detail']}. {check['remedy']}" for check in bad]
    for words in (
        "Configuration: OPENAI_TEMPERATURE must be",
        'Configuration: SLUICE_ALLOW: "ada" is not understood',
        "Configuration: DATABASE_URL is not the address",
        "Configuration: TELEGRAM_TOKEN does not look like a token of Telegram",
        "default_personality",
        "Discord token: Discord refused the token",
        "Data folder: /dev/null is a file, and a folder is needed",
    ):
        assert sum(words in line for line in said) == 1, (words, said)
    assert all(check["remedy"] for check in bad if check["name"] != "Configuration")
    assert done.code == 1
    assert "changeme" not in done.out.decode()


async def test_a_missing_key_hides_nothing_else(local: Local, tmp_path: Path) -> None:
    """Neither the platforms nor the folder need a model."""
    missing = {"OPENAI_BASE_URL": "", "OPENAI_API_KEY": ""}
    done = await sluice(tmp_path, "doctor", "--json", settings=local.settings | missing)
    checks = json.loads(done.out)["checks"]
    bad = [check["detail"] for check in checks if check["state"] == "bad"]
    assert bad == ["OPENAI_API_KEY is not set"]
    good = {check["name"] for check in checks if check["state"] == "good"}
    assert {"Discord token", "Telegram token", "Data folder", "Database"} <= good
    assert _not_looked_at(done) == {"Model": "OPENAI_API_KEY must be right first"}


async def test_nothing_is_fetched_for_a_first_try_that_cannot_be_made(local: Local, tmp_path: Path) -> None:
    """Neither where a token is wrong, nor where nothing says which model it would be for."""
    nowhere = {"PIP_NO_INDEX": "1", "XDG_CACHE_HOME": str(tmp_path / "caches")}
    local_telegram = {"TELEGRAM_API_BASE_URL": local.telegram.url, "TELEGRAM_TOKEN": local.telegram.token}
    for settings, model, state in (
        ({"TELEGRAM_TOKEN": "changeme"}, "OPENAI_MODEL is not set", "bad"),
        ({"TELEGRAM_TOKEN": "changeme", "OPENAI_MODEL": "embedded"}, "the demo model (94 MB) is", "note"),
        (
            {**local_telegram, "SLUICE_ALLOW": "ada", "OPENAI_MODEL": "embedded"},
            "the demo model (94 MB)",
            "note",
        ),
        ({"SLUICE_HTTP": "8765"}, "the demo model (94 MB) is fetched once nothing else is wrong", "note"),
    ):
        done = await sluice(tmp_path, "doctor", "--json", settings=nowhere | settings)
        check = _checks(done)["Model"]
        assert (done.code, check["state"], done.err) == (1, state, ""), check
        assert model in check["detail"]


async def test_what_is_not_looked_at_says_why(local: Local, tmp_path: Path) -> None:
    wrong = {
        "DISCORD_TOKEN": "changeme",
        "TELEGRAM_API_BASE_URL": "anywhere",
        "OPENAI_BASE_URL": "anywhere",
        "SLUICE_CONFIG": "nothing.toml",
        "SLUICE_DATA_DIR": "~nobody-of-that-name/x",
        "SLUICE_KEY_FILE": "~nobody-of-that-name/x",
    }
    done = await sluice(tmp_path, "doctor", "--json", settings=local.settings | wrong)
    assert done.code == 1
    database = "SLUICE_DATA_DIR and SLUICE_KEY_FILE must be right first"
    assert _not_looked_at(done) == {
        "Configuration file": "SLUICE_CONFIG must be right first",
        "Data folder": "SLUICE_DATA_DIR must be right first",
        "Database": database,
        "Key file": database,
        "Discord": "DISCORD_TOKEN must be right first",
        "Telegram": "TELEGRAM_API_BASE_URL must be right first",
        "Model": "OPENAI_BASE_URL and SLUICE_CONFIG must be right first",
    }
    assert "changeme" not in done.out.decode()


async def test_in_the_sandbox_and_with_a_wrong_file_too(tmp_path: Path) -> None:
    (tmp_path / "sluice.toml").write_text("[defaults]\nbusy = 'no'\n")
    done = await sluice(tmp_path, "doctor", "--json", settings={"SLUICE_HTTP": "8765"})
    assert _not_looked_at(done) == {
        "Page": "SLUICE_HTTP must be right first",
        "Model": "sluice.toml must be right first",
    }
    unread = {"DISCORD_BOT_TOKEN_FILE": "nothing", "OPENAI_MODEL": "any", "OPENAI_BASE_URL": "anywhere"}
    done = await sluice(tmp_path, "doctor", "--json", settings=unread)
    assert _not_looked_at(done)["Discord"] == "DISCORD_TOKEN must be right first"
    (tmp_path / ".env").write_bytes(b"\xff")
    done = await sluice(tmp_path, "doctor", "--json")
    assert (done.code, _not_looked_at(done)) == (1, {"Everything else": "the settings are not known"})


async def test_a_token_that_cannot_be_one_is_no_sandbox(tmp_path: Path) -> None:
    """It is named before anything is asked of anybody, and nobody is told that all is set for the sandbox."""
    settings = {"DISCORD_TOKEN": "changeme", "OPENAI_MODEL": "embedded"}
    done = await sluice(tmp_path, "doctor", "--json", settings=settings | {"SLUICE_DATA_DIR": str(DATA_DIR)})
    checks = json.loads(done.out)["checks"]
    assert [check["name"] for check in checks if check["state"] == "bad"] == ["Configuration"]
    assert "sandbox" not in done.out.decode()


async def test_both_platforms_out_of_reach_are_worded_alike(local: Local, tmp_path: Path) -> None:
    away = {
        "DISCORD_API_BASE_URL": "http://127.0.0.1:9/api/v10",
        "TELEGRAM_API_BASE_URL": "http://127.0.0.1:9",
    }
    checks = _checks(await sluice(tmp_path, "doctor", "--json", settings=local.settings | away))
    for name in ("Discord", "Telegram"):
        check = checks[f"{name} token"]
        assert check["detail"].startswith(f"{name} at 127.0.0.1:9 cannot be reached (")
        assert checks[name]["detail"] == "not looked at: the token must be accepted first"
        assert check["remedy"] == f"Check the network and {name.upper()}_API_BASE_URL."


async def test_a_bot_in_so_many_servers_that_one_shard_will_not_do_is_a_note(
    local: Local, tmp_path: Path
) -> None:
    local.discord.be_in_more_guilds(1_500)
    done = await sluice(tmp_path, "doctor", "--json", settings=local.settings)
    check = _checks(done)["Discord shards"]
    assert (done.code, check["state"], "recommends 2 shards" in check["detail"]) == (0, "note", True)
    assert "several bots" in check["remedy"]


async def test_a_bot_that_nobody_owns_is_told_how_to_claim_it(local: Local, tmp_path: Path) -> None:
    settings = local.settings | {"SLUICE_ALLOW": ""}
    unclaimed = _checks(await sluice(tmp_path, "doctor", "--json", settings=settings))["Configuration"]
    assert (unclaimed["state"], "/claim" in unclaimed["remedy"]) == ("note", True)
    access = Access(admins_file=tmp_path / "data" / "admins.json")
    access.claim(Person("telegram", "1", "Ada"), access.claim_code() or "")
    claimed = _checks(await sluice(tmp_path, "doctor", "--json", settings=settings))["Configuration"]
    assert (claimed["state"], claimed["detail"]) == ("good", "Discord and Telegram")
    (tmp_path / "data" / "admins.json").write_text("[]")
    broken = _checks(await sluice(tmp_path, "doctor", "--json", settings=settings))["Configuration"]
    assert (broken["state"], "admins.json does not name" in broken["detail"]) == ("bad", True)


async def test_it_says_which_settings_and_which_folder(local: Local, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in local.settings.items()))
    checks = _checks(await sluice(tmp_path, "doctor", "--json"))
    assert (checks["Settings"]["state"], checks["Settings"]["detail"]) == ("good", f"{tmp_path}/.env")
    (tmp_path / ".env").unlink()
    checks = _checks(await sluice(tmp_path, "doctor", "--json", settings=local.settings))
    detail = f"no .env in {tmp_path}: the environment says all"
    assert (checks["Settings"]["state"], checks["Settings"]["detail"]) == ("good", detail)
    assert checks["Data folder"]["detail"] == f"{tmp_path}/data can be written"


async def test_a_folder_without_settings_is_named(tmp_path: Path) -> None:
    done = await sluice(tmp_path, "doctor", "--json", settings={"SLUICE_HTTP": "8765"})
    settings = _checks(done)["Settings"]
    assert (settings["state"], settings["detail"]) == ("note", f"no .env in {tmp_path}")
    assert "the folder that holds it" in settings["remedy"]


async def test_nothing_configured_is_good(tmp_path: Path) -> None:
    settings = {"SLUICE_DATA_DIR": str(DATA_DIR.resolve()), "SLUICE_HTTP": "127.0.0.1:0"}
    done = await sluice(tmp_path, "doctor", "--json", settings=settings)
    checks = _checks(done)
    assert done.code == 0
    assert "would start the sandbox" in checks["Configuration"]["detail"]
    assert (checks["Settings"]["state"], checks["Settings"]["remedy"]) == ("good", "")
    assert checks["Settings"]["detail"] == f"no .env in {tmp_path}: the sandbox needs none"
    assert "embedded" in checks["Model"]["detail"]


async def test_a_fallback_that_answers_is_a_note_and_the_file_is_named(local: Local, tmp_path: Path) -> None:
    (tmp_path / "sluice.toml").write_text(
        'default_model = "away/a"\n[providers.away]\nbase_url = "http://127.0.0.1:9/v1"\n'
        '[models."away/a"]\nfallback = ["env/scripted"]\n[personas.poet]\n'
    )
    done = await sluice(tmp_path, "doctor", "--json", settings=local.settings)
    checks = _checks(done)
    assert done.code == 0
    assert checks["Configuration file"]["detail"] == f"{tmp_path}/sluice.toml: 2 models, 1 personas"
    assert (checks["Model"]["state"], "env/scripted does" in checks["Model"]["detail"]) == ("note", True)


async def test_a_provider_of_the_file_that_fails_is_named(local: Local, tmp_path: Path) -> None:
    (tmp_path / "sluice.toml").write_text(
        'default_model = "away/a"\n[providers.away]\nbase_url = "http://127.0.0.1:9/v1"\n[models."away/a"]'
    )
    check = _checks(await sluice(tmp_path, "doctor", "--json", settings=local.settings))["Model"]
    assert (check["state"], check["remedy"]) == (
        "bad",
        "Check base_url of [providers.away], and that the server runs.",
    )


def test_a_data_folder_that_others_may_read_is_a_note(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert check_data_dir(folder).state is CheckState.GOOD
    (folder / "sluice.db").touch(0o600)
    folder.chmod(0o755)
    assert check_data_dir(folder).state is CheckState.GOOD
    (folder / "sluice.db").chmod(0o644)
    found = check_data_dir(folder)
    assert (found.state, found.remedy) == (CheckState.NOTE, f"Run: chmod 700 {folder}")
    folder.chmod(0o700)
    assert check_data_dir(folder).state is CheckState.GOOD


@pytest.mark.parametrize("make", [True, False])
@pytest.mark.parametrize("folder", ["notes", "notes/data"])
def test_a_file_in_the_place_of_the_data_folder_is_called_one(
    tmp_path: Path, folder: str, *, make: bool
) -> None:
    (tmp_path / "notes").touch()
    found = check_data_dir(tmp_path / folder, make=make)
    assert (found.state, found.detail, found.remedy) == (
        CheckState.BAD,
        f"{tmp_path}/notes is a file, and a folder is needed there",
        "Set SLUICE_DATA_DIR to a folder.",
    )


async def test_database_and_key_are_looked_at_and_nothing_is_made(local: Local, tmp_path: Path) -> None:
    done = await sluice(tmp_path, "doctor", "--json", settings=local.settings)
    checks = _checks(done)
    assert (done.code, checks["Database"]["state"], checks["Key file"]["state"]) == (0, "good", "good")
    assert checks["Data folder"]["state"] == "good"
    assert not (tmp_path / "data").exists()
    async with open_store(Location(tmp_path / "data")):
        pass
    (tmp_path / "data" / "sluice.key").unlink()
    done = await sluice(tmp_path, "doctor", "--json", settings=local.settings)
    assert (done.code, _checks(done)["Key file"]["state"]) == (1, "bad")
