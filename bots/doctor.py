"""`sluice doctor`: looks at everything that can be wrong before anybody asks a question."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator, Sequence, Set
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from itertools import chain
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bots.bootstrap.findings import Findings, look
from bots.bootstrap.platforms import live_platforms
from bots.data_dir_check import check_data_dir
from bots.embedded_model.errors import EmbeddedModelError
from bots.embedded_model.progress import shown_progress
from bots.model_check import NO_MODEL, check_model
from bots.sandbox.address import PAGE_IS_OPEN, is_served_at, page_url
from core.adapters.memory_journal import MemoryJournal
from core.adapters.redaction import redact_all_logging, redacted
from core.configuration import Configuration, Live
from core.policy.access import ADMINS_FILE, Access
from core.ports.clock import Clock
from core.ports.platform import Check, CheckState, Platform
from core.settings import Settings, where_settings_stand
from core.variables import ENV_FILE, SettingsError

_CLAIM: Final = (
    "Start Sluice. It prints a code; send the bot /claim and that code in a private message, and you are "
    "its admin."
)
_FETCHED_LAST: Final = "the demo model (94 MB) is fetched once nothing else is wrong"
_OF_MODEL: Final = frozenset({"OPENAI_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "SLUICE_CONFIG"})
_OF_DATABASE: Final = frozenset({"DATABASE_URL", "SLUICE_KEY_FILE", "SLUICE_DATA_DIR"})
_SIGNS: Final = {CheckState.GOOD: "[green]✓", CheckState.NOTE: "[yellow]!", CheckState.BAD: "[red]✗"}


async def examine(clock: Clock, console: Console) -> tuple[Check, ...]:
    """Every finding, also of what does not hang on what else is wrong; what was not looked at says why.

    What costs little comes first. `console` shows the progress of what takes long. Never raises for what is
    found.
    """
    try:
        found = look()
    except SettingsError as error:  # the file may say anything
        wrong = [_split("Configuration", CheckState.BAD, problem) for problem in error.problems]
        return (*wrong, _not_looked_at("Everything else", "the settings are not known"))
    redact_all_logging(found.settings.secrets)
    checks = [*_settings(found), *await _machine(found), *await _platforms(found, clock)]
    checks.append(await _model(found, clock, console, all_good=all_good(checks)))
    return tuple(replace(one, detail=redacted(one.detail), remedy=redacted(one.remedy)) for one in checks)


def _settings(found: Findings) -> Iterator[Check]:
    """What stands in the files."""
    settings, configuration = found.settings, found.configuration
    yield _where(settings, any_wrong=bool(found.of_env))
    if settings.platforms or found.sandbox:
        yield _configuration(settings, configuration)
    if because := _because(found.wrong, {"SLUICE_CONFIG"}):
        yield _not_looked_at("Configuration file", because)
    elif not found.of_file:
        yield _file(configuration, settings)
    for warning in found.warnings:
        yield _split("Configuration", CheckState.NOTE, warning)
    for problem in dict.fromkeys((*found.of_env, *settings.unusable, *found.of_file)):
        yield _split("Configuration", CheckState.BAD, problem)


async def _machine(found: Findings) -> list[Check]:
    """What is on this machine: the folder, the database, the sandbox's port."""
    settings, wrong, checks = found.settings, found.wrong, list[Check]()
    if because := _because(wrong, {"SLUICE_DATA_DIR"}):
        checks.append(_not_looked_at("Data folder", because))
    else:
        checks.append(check_data_dir(settings.data_dir, make=False))
    if not found.sandbox:  # which keeps nothing
        if because := _because(wrong, _OF_DATABASE):
            checks += [_not_looked_at(name, because) for name in ("Database", "Key file")]
        else:
            from bots.database_check import check_database

            checks += await check_database(settings)
    elif because := _because(wrong, {"SLUICE_HTTP"}):
        checks.append(_not_looked_at("Page", because))
    else:
        checks.append(await _port(settings.http_host, settings.http_port))
        if settings.page_is_open:
            checks.append(_split("Page", CheckState.NOTE, PAGE_IS_OPEN))
    return checks


async def _platforms(found: Findings, clock: Clock) -> list[Check]:
    platforms = live_platforms(found.settings, clock, found.configuration, MemoryJournal(clock=clock))
    live = {platform.name: platform for platform in platforms}
    asked, skipped = [], []
    for name in ("Discord", "Telegram"):
        because = _because(found.wrong, {f"{name.upper()}_TOKEN", f"{name.upper()}_API_BASE_URL"})
        if name in live and not because:
            asked.append(_platform(live[name]))
        elif name in live or f"{name.upper()}_TOKEN" in found.wrong:
            skipped.append(_not_looked_at(name, because))
    return [*skipped, *chain.from_iterable(await asyncio.gather(*asked))]


async def _platform(platform: Platform) -> Sequence[Check]:
    checks = await platform.check()
    if any(check.name == f"{platform.name} token" and check.state is CheckState.BAD for check in checks):
        return *checks, _not_looked_at(platform.name, "the token must be accepted first")
    return checks


async def _model(found: Findings, clock: Clock, console: Console, *, all_good: bool) -> Check:
    """`all_good`: what was looked at before. Else nothing large is fetched."""
    from bots.bootstrap.models import is_to_be_fetched, open_model

    file = {found.settings.config_file.name} if found.of_file else set()
    if because := _because(found.wrong | file, _OF_MODEL | file):
        return _not_looked_at("Model", because)
    if found.model_missing:
        return _split("Model", CheckState.BAD, NO_MODEL)
    if not all_good and is_to_be_fetched(found.settings, found.configuration):
        return _not_looked_at("Model", _FETCHED_LAST)
    try:
        async with AsyncExitStack() as stack:
            with shown_progress(console) as on_progress:
                model = await stack.enter_async_context(
                    open_model(found.settings, Live(found.configuration), on_progress)
                )
            return await check_model(model.completions, found.configuration, clock)
    except EmbeddedModelError as error:
        return _split("Model", CheckState.BAD, str(error))


def _because(wrong: Set[str], needed: Set[str]) -> str:
    """Why what needs all of these is not looked at; "" where it can be. What is wrong is told by itself."""
    names = " and ".join(sorted(wrong & needed))
    return f"{names} must be right first" if names else ""


def _not_looked_at(name: str, because: str) -> Check:
    return Check(name, CheckState.NOTE, f"not looked at: {because}")


def show(checks: tuple[Check, ...], console: Console) -> None:
    """A table for people, and under it each link on a line of its own, to be copied whole."""
    table = Table(show_header=False, box=None, padding=(0, 1))
    for check in checks:
        if not _is_link(check):
            remedy = f"\n[bold]→ {escape(check.remedy)}" if check.remedy else ""
            table.add_row(_SIGNS[check.state], escape(check.name), escape(check.detail) + remedy)
    console.print(table)
    for check in filter(_is_link, checks):
        console.print(f"{check.name}: {check.detail}", soft_wrap=True, markup=False)


def _is_link(check: Check) -> bool:
    return check.detail.startswith("https://")


def as_json(checks: tuple[Check, ...]) -> dict[str, object]:
    """The findings for machines: `good`, and each check with its name, state, detail and remedy."""
    return {"good": all_good(checks), "checks": [asdict(check) for check in checks]}


def all_good(checks: Sequence[Check]) -> bool:
    return all(check.state is not CheckState.BAD for check in checks)


def _where(settings: Settings, *, any_wrong: bool) -> Check:
    if ENV_FILE.is_file():
        return Check("Settings", CheckState.GOOD, where_settings_stand())
    if any_wrong:
        remedy = "If you have one, start Sluice in the folder that holds it."
        return Check("Settings", CheckState.NOTE, where_settings_stand(), remedy)
    why = "the environment says all" if settings.platforms else "the sandbox needs none"
    return Check("Settings", CheckState.GOOD, f"{where_settings_stand()}: {why}")


def _file(configuration: Configuration, settings: Settings) -> Check:
    if configuration.file is None:
        detail = (
            f"no {settings.config_file.name} in {settings.config_file.absolute().parent}: it is not needed"
        )
        return Check("Configuration file", CheckState.GOOD, detail)
    counts = f"{len(configuration.models)} models, {len(configuration.personas)} personas"
    return Check("Configuration file", CheckState.GOOD, f"{configuration.file.absolute()}: {counts}")


def _configuration(settings: Settings, configuration: Configuration) -> Check:
    if not settings.platforms:
        return Check(
            "Configuration", CheckState.GOOD, "no platform token: `sluice run` would start the sandbox"
        )
    named = settings.platforms
    given = configuration.access
    named_ones = settings.admins | settings.allow | given.admins | given.allow
    everybody = settings.allow_everybody or given.allow_everybody
    if not (named_ones or everybody or "open" in {given.new_server, given.new_group, given.new_private}):
        file = settings.data_dir / ADMINS_FILE
        access = Access(admins_file=file)
        if access.unclaimed:
            return Check("Configuration", CheckState.NOTE, f"{named}; nobody is served yet", _CLAIM)
        if not access.has_admin:
            remedy = "Repair or delete it, or set SLUICE_ADMINS."
            return Check("Configuration", CheckState.BAD, f"{file.absolute()} does not name an admin", remedy)
    return Check("Configuration", CheckState.GOOD, named)


async def _port(host: str, port: int) -> Check:
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the page's server does
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and await is_served_at(host, port):
            detail = f"Sluice is running at {page_url(host, port)}, and `sluice run` would be refused here"
            remedy = "If it is another folder's, set SLUICE_HTTP to another HOST:PORT."
            return Check("Page", CheckState.NOTE, detail, remedy)
        detail = f"{where} cannot be used: {error.strerror}"
        return Check("Page", CheckState.BAD, detail, "Set SLUICE_HTTP to another HOST:PORT.")
    return Check("Page", CheckState.GOOD, f"http://{where} is free")


def _split(name: str, state: CheckState, line: str) -> Check:
    """A line such as "X is missing. Do Y." as a finding."""
    detail, _, remedy = line.partition(". ")
    return Check(name, state, detail.rstrip("."), remedy)
