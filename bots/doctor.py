"""`sluice doctor`: looks at everything that can be wrong before anybody asks a question."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bots.bootstrap.configuration import bare_configuration, read_configuration, warnings_about
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
from core.ports.platform import Check, CheckState
from core.settings import Settings, settings_and_problems, where_settings_stand
from core.variables import ENV_FILE, FILE, SettingsError

_CLAIM: Final = (
    "Start Sluice. It prints a code; send the bot /claim and that code in a private message, and you are "
    "its admin."
)
_TOKENS: Final = frozenset({"DISCORD_TOKEN", "TELEGRAM_TOKEN"})
_OF_MODEL: Final = frozenset({"OPENAI_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"})
_OF_DATABASE: Final = frozenset({"DATABASE_URL", "SLUICE_KEY_FILE", "SLUICE_DATA_DIR"})
_SIGNS: Final = {CheckState.GOOD: "[green]✓", CheckState.NOTE: "[yellow]!", CheckState.BAD: "[red]✗"}


async def examine(clock: Clock, console: Console) -> tuple[Check, ...]:
    """Every finding, also of what does not hang on what else is wrong. `console` shows the progress of what
    takes long. Never raises for what is found."""
    try:
        settings, problems = settings_and_problems()
    except SettingsError as error:  # the file may say anything
        return tuple(_split("Configuration", CheckState.BAD, problem) for problem in error.problems)
    redact_all_logging(settings.secrets)
    wrong = {re.split(r"\W", problem, maxsplit=1)[0].removesuffix(FILE) for problem in problems}
    configuration, of_file = _read(settings, problems)
    platforms = live_platforms(settings, clock, configuration, MemoryJournal(clock=clock))
    sandbox = not platforms and wrong.isdisjoint(_TOKENS)
    found = [_where(settings, any_wrong=bool(problems))]
    if platforms or sandbox:
        found.append(_configuration(settings, configuration))
    if not of_file and "SLUICE_CONFIG" not in wrong:
        found.append(_file(configuration, settings))
    warnings = warnings_about(settings, configuration)
    found += [_split("Configuration", CheckState.NOTE, warning) for warning in warnings]
    bad = dict.fromkeys((*problems, *settings.unusable, *of_file))
    found += [_split("Configuration", CheckState.BAD, problem) for problem in bad]
    asked = [one.check() for one in platforms if f"{one.name.upper()}_API_BASE_URL" not in wrong]
    for checks in await asyncio.gather(*asked):
        found += checks
    if not of_file and wrong.isdisjoint(_OF_MODEL):
        if not configuration.model_chosen and platforms:
            found.append(_split("Model", CheckState.BAD, NO_MODEL))
        else:
            found.append(await _model(settings, configuration, clock, console))
    if "SLUICE_DATA_DIR" not in wrong:
        found.append(check_data_dir(settings.data_dir, make=False))
    if platforms and wrong.isdisjoint(_OF_DATABASE):  # the sandbox keeps nothing
        from bots.database_check import check_database

        found += await check_database(settings)
    if sandbox and "SLUICE_HTTP" not in wrong:
        found.append(await _port(settings.http_host, settings.http_port))
        if settings.page_is_open:
            found.append(_split("Page", CheckState.NOTE, PAGE_IS_OPEN))
    return tuple(replace(one, detail=redacted(one.detail), remedy=redacted(one.remedy)) for one in found)


def _read(settings: Settings, problems: tuple[str, ...]) -> tuple[Configuration, tuple[str, ...]]:
    """The configuration, and what is wrong with its file: then it is what holds where nothing is said."""
    try:
        return read_configuration(settings), ()
    except SettingsError as error:
        # Without a file it is `.env` that names no model, which is told already.
        of_file = error.problems if settings.config_file.is_file() or not problems else ()
        return bare_configuration(), of_file


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


def all_good(checks: tuple[Check, ...]) -> bool:
    return all(check.state is not CheckState.BAD for check in checks)


def _where(settings: Settings, *, any_wrong: bool) -> Check:
    if ENV_FILE.is_file():
        return Check("Settings", CheckState.GOOD, where_settings_stand())
    if any_wrong:
        remedy = "If you have one, start Sluice in the folder that holds it."
        return Check("Settings", CheckState.NOTE, where_settings_stand(), remedy)
    live = settings.discord_token or settings.telegram_token
    why = "the environment says all" if live else "the sandbox needs none"
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
    platforms = [
        name
        for name, token in (("Discord", settings.discord_token), ("Telegram", settings.telegram_token))
        if token
    ]
    if not platforms:
        return Check(
            "Configuration", CheckState.GOOD, "no platform token: `sluice run` would start the sandbox"
        )
    named = " and ".join(platforms)
    before, now = configuration.permissions, configuration.access
    named_ones = settings.admins | settings.allow | before.admins | before.allow | now.admins | now.allow
    everybody = settings.allow_everybody or before.allow_everybody or now.allow_everybody
    if not (named_ones or everybody or "open" in {now.new_server, now.new_group, now.new_private}):
        file = settings.data_dir / ADMINS_FILE
        access = Access(admins_file=file)
        if access.unclaimed:
            return Check("Configuration", CheckState.NOTE, f"{named}; nobody is served yet", _CLAIM)
        if not access.has_admin:
            remedy = "Repair or delete it, or set SLUICE_ADMINS."
            return Check("Configuration", CheckState.BAD, f"{file.absolute()} does not name an admin", remedy)
    return Check("Configuration", CheckState.GOOD, named)


async def _model(settings: Settings, configuration: Configuration, clock: Clock, console: Console) -> Check:
    from bots.bootstrap.models import open_model

    try:
        async with AsyncExitStack() as stack:
            with shown_progress(console) as on_progress:
                model = await stack.enter_async_context(
                    open_model(settings, Live(configuration), on_progress)
                )
            return await check_model(model.completions, configuration, clock)
    except EmbeddedModelError as error:
        return _split("Model", CheckState.BAD, str(error))


async def _port(host: str, port: int) -> Check:
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the page's server does
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and await is_served_at(host, port):
            return Check("Page", CheckState.GOOD, f"Sluice is running at {page_url(host, port)}")
        detail = f"{where} cannot be used: {error.strerror}"
        return Check("Page", CheckState.BAD, detail, "Set SLUICE_HTTP to another HOST:PORT.")
    return Check("Page", CheckState.GOOD, f"http://{where} is free")


def _split(name: str, state: CheckState, line: str) -> Check:
    """A line such as "X is missing. Do Y." as a finding."""
    detail, _, remedy = line.partition(". ")
    return Check(name, state, detail.rstrip("."), remedy)
