"""What a file that is read again changes in the parts that stand: real files, the real wiring, no network."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots.bootstrap.app import App, build_app
from bots.bootstrap.configuration import EMBEDDED, commands_of, read_configuration, warnings_about
from bots.bootstrap.kept import Kept
from bots.bootstrap.models import Model, open_model
from bots.bootstrap.watching import watch_configuration
from bots.embedded_model.progress import ignore_progress
from core.adapters.memory_journal import MemoryJournal
from core.adapters.memory_ledger import MemoryLedger
from core.adapters.memory_store import MemoryStore
from core.commands.registry import registry
from core.configuration import Configuration, ConfigurationError, Live
from core.messages import Person, Place, PlaceKind
from core.service.watching import Watch
from core.settings import Settings, read_settings
from tests.fakes.clock import FakeClock

KEY = "sk-proj-0123456789abcdefghij"
ADA = Person("discord", "1", "Ada")
PLACE = Place("discord", "77", PlaceKind.PRIVATE)
_FILE = 'default_model = "home/a"\n[providers.home]\nbase_url = "http://127.0.0.1:9/v1"\n[models."home/a"]\n'


class Standing:
    def __init__(self, settings: Settings, model: Model, app: App, file: Path) -> None:
        self.settings, self.model, self.app, self.file = settings, model, app, file
        self._watch: Watch[Configuration] = watch_configuration(settings, model, app, FakeClock())

    async def write(self, text: str) -> None:
        self.file.write_text(text)
        for _ in range(2):
            await self._watch.look()


@pytest.fixture
async def standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Standing]:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "sluice.toml"
    file.write_text(_FILE)
    settings = read_settings({})
    live = Live(read_configuration(settings))
    clock = FakeClock()
    kept = Kept(MemoryStore(), MemoryJournal(clock=clock), MemoryLedger())
    async with open_model(settings, live, ignore_progress) as model:
        yield Standing(settings, model, build_app(settings, model, clock, kept=kept, sandbox=False), file)


async def test_permissions_count_at_once(standing: Standing) -> None:
    access = standing.app.access
    await standing.app.chat.approvals.known()
    assert not access.allows(ADA, PLACE)
    await standing.write(_FILE + '[access]\nallow = ["discord:1"]\n')
    assert access.allows(ADA, PLACE)
    await standing.write(_FILE + "[access]\nallow = ['discord:1'\n")
    assert access.allows(ADA, PLACE)
    await standing.write(_FILE)
    assert not access.allows(ADA, PLACE)


async def test_keys_come_from_env_when_it_changes_and_stay_out_of_the_log(
    standing: Standing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await standing.write(_FILE.replace("[models", 'api_key_env = "HOME_KEY"\n[models'))
    assert "HOME_KEY, which is not set" in caplog.text
    (tmp_path / ".env").write_text(f"HOME_KEY={KEY}\n")
    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    try:
        await standing.write(standing.file.read_text())
        assert standing.model.live.current.providers["home"].api_key == KEY
        record = logging.LogRecord("any", logging.INFO, "", 0, "sent %s", (KEY,), None)
        handler.filter(record)
        assert record.getMessage() == "sent ***"
    finally:
        logging.getLogger().removeHandler(handler)


async def test_the_demo_model_begins_with_the_program(
    standing: Standing, caplog: pytest.LogCaptureFixture
) -> None:
    assert EMBEDDED.id not in standing.model.live.current.models
    await standing.write(_FILE + f'fallback = ["{EMBEDDED.id}"]\n')
    assert f"it names {EMBEDDED.id}, which begins with Sluice. Start Sluice anew to have it." in caplog.text
    assert EMBEDDED.id not in standing.model.live.current.models, "every question to it would fail"


def test_a_variable_that_holds_a_key_is_no_near_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_KEY", KEY)
    (tmp_path / "sluice.toml").write_text(_FILE)
    settings = read_settings()
    assert "OPENAI_KEY is not read." in warnings_about(settings, read_configuration(settings))[0]
    (tmp_path / "sluice.toml").write_text(_FILE.replace("[models", 'api_key_env = "OPENAI_KEY"\n[models'))
    assert warnings_about(settings, read_configuration(settings)) == ()


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sluice.toml"
    file.touch()

    def refused(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)  # root may read everything
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Permission denied\)"):
        read_configuration(Settings(config_file=file))


def test_the_menu_is_what_the_file_puts_there_and_an_unknown_name_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sluice.toml").write_text(_FILE + '[defaults]\nmenu = ["ask", "usage", "dance"]\n')
    settings = read_settings({})
    configuration = read_configuration(settings)
    commands = commands_of(configuration)
    assert {command.name for command in commands if commands.is_listed(command)} == {"ask", "usage"}
    assert commands.get("help") is not None
    [warning] = warnings_about(settings, configuration)
    assert "there is no command 'dance'" in warning


def test_without_a_file_the_menu_is_what_the_commands_say_of_themselves() -> None:
    usual, own = commands_of(Configuration(None, {}, {}, "")), registry()
    assert {c.name for c in usual if usual.is_listed(c)} == {c.name for c in own if own.is_listed(c)}
