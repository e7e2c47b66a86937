"""A process that serves, from start to end, and what people are told of it.

The end: 4 s for streams to finish, 2.5 s to mark the rest, 1 s to keep what was said and to close. So 8 s in
all, also where the machine is busy; what is not marked by then the next start marks.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bots.bootstrap.app import App, build_app
from bots.bootstrap.configuration import model_label, warnings_about
from bots.bootstrap.kept import open_store
from bots.bootstrap.models import Model, open_model
from bots.bootstrap.platforms import live_platforms
from bots.bootstrap.watching import watch_configuration
from bots.embedded_model.errors import EmbeddedModelError
from bots.embedded_model.progress import shown_progress
from bots.leaving import OutputError, RunError, writing
from bots.memory import give_back_memory, keep_one_heap, pass_over_what_is_loaded
from bots.model_check import check_model
from bots.sandbox.address import EVERYWHERE, PAGE_IS_OPEN, is_served_at, page_url
from core.adapters.clock import SystemClock
from core.configuration import Configuration, Live
from core.configuration.entries import EMBEDDED_PROVIDER
from core.messages import Incoming
from core.policy.rules import NewPlaces, Standing
from core.ports.alerts import Cause
from core.ports.clock import Clock
from core.ports.platform import CheckState, Platform, PlatformError
from core.ports.store import StoreError
from core.ports.surface import Surface
from core.service.in_time import ends_within
from core.service.watchdog import Watchdog
from core.settings import Settings, where_settings_stand
from core.variables import ENV_FILE

if TYPE_CHECKING:
    from bots.bootstrap.sandbox import Sandbox

log = logging.getLogger(__name__)

STREAMS_FINISH_S: Final = 4.0
MARKS_S: Final = 2.5
_CLOSE_S: Final = 0.5
_FORGET_FIRST_S: Final = 10.0
"""So long a start waits for what an earlier process was to forget; a store that fails may take longer."""
_HEARTBEAT_FILE: Final = "heartbeat"  # the container's health check reads its modification time
_CALLED: Final = {  # what admins approve
    NewPlaces.SERVER: "server",
    NewPlaces.GROUP: "group",
    NewPlaces.PRIVATE: "private chat",
}
_AS_LIVE: Final = "; whom it serves is decided as live"


class Serving:
    """One process. `as_live`: serve in the sandbox as live does."""

    def __init__(
        self, settings: Settings, configuration: Live[Configuration], console: Console, *, as_live: bool
    ) -> None:
        self._as_live = as_live
        self._settings = settings
        self._configuration = configuration
        self._console = console
        self._clock: Clock = SystemClock()
        self._app: App | None = None
        self.has_started = False
        """Its start was told, with what is worth saying of its settings."""

    async def serve(self, *, sandbox: bool) -> None:
        """Until cancelled. Raises RunError, and OutputError where its start cannot be told."""
        settings = self._settings
        keep_one_heap()
        async with AsyncExitStack() as stack:
            world = await stack.enter_async_context(self._sandbox()) if sandbox else None
            try:
                kept = await stack.enter_async_context(open_store(settings, self._clock, sandbox=sandbox))
            except StoreError as error:
                raise RunError(str(error)) from None
            try:
                with shown_progress(self._console) as on_progress:
                    model = await stack.enter_async_context(
                        open_model(settings, self._configuration, on_progress)
                    )
            except EmbeddedModelError as error:
                raise RunError(str(error)) from None
            app = self._app = build_app(
                settings,
                model,
                self._clock,
                kept=kept,
                sandbox=sandbox,
                as_live=self._as_live,
                on_progress=world.show if world else None,
            )
            forgetting = app.chat.beside(app.personal.resume(), "forgetting goes on")
            await ends_within(self._clock, _FORGET_FIRST_S, forgetting)
            offered = self._configuration.current
            platforms = (
                world.platforms(self._clock, offered, kept.journal)
                if world
                else live_platforms(settings, self._clock, offered, kept.journal, app.alerts)
            )
            pass_over_what_is_loaded()
            try:
                ready = await self._start(platforms, app)
                self._tell(ready, app, world)
                self.has_started = True
                await self._watch([platform for platform, _ in ready], model, app, world)
            finally:
                await self._end(platforms, app)

    def say_goodbye(self) -> None:
        wait = "; answers have a moment to finish. Ctrl-C again ends at once."
        with suppress(OutputError):  # it stops all the same
            self._say(f"Stopping{wait if self._app and self._app.chat.answering else '.'}")

    @asynccontextmanager
    async def _sandbox(self) -> AsyncIterator[Sandbox]:
        from bots.bootstrap.sandbox import open_sandbox

        async with AsyncExitStack() as stack:
            try:
                world = await stack.enter_async_context(
                    open_sandbox(
                        self._settings,
                        model_label(self._configuration.current) + (_AS_LIVE if self._as_live else ""),
                    )
                )
            except OSError as error:
                host, port = self._settings.http_host, self._settings.http_port
                raise await _page_error(error, host, port) from None
            yield world

    async def _start(self, platforms: Sequence[Platform], app: App) -> list[tuple[Platform, str]]:
        """Those that could be started, each with its line. One that fails does not hold up the other."""

        await app.chat.approvals.known()
        failed: list[tuple[Platform, PlatformError]] = []

        async def start(platform: Platform) -> tuple[Platform, str] | None:
            known = asyncio.Event()  # what was left there: it comes before what people say now

            async def handle(incoming: Incoming, surface: Surface) -> None:
                await known.wait()
                await app.dispatcher.handle(incoming, surface)

            try:
                line = await platform.start(handle, app.dispatcher.suggest)
                await app.chat.recovery.begin(platform.account, platform.reopen)
                known.set()
            except PlatformError as error:
                failed.append((platform, error))
                return None
            self._say(f"{platform.name} is ready: {line}")
            return platform, line

        ready = [one for one in await asyncio.gather(*map(start, platforms)) if one]
        app.alerts.reaches([platform for platform, _ in ready])
        app.chat.approvals.reaches([platform for platform, _ in ready])
        for platform, error in failed:
            app.alerts.raise_(Cause.PLATFORM, about=platform.name, why=str(error))
        if not ready:
            raise RunError("No platform could be connected. What to do about each stands above.")
        return ready

    def _tell(self, ready: Sequence[tuple[Platform, str]], app: App, world: Sandbox | None) -> None:
        settings = self._settings
        configuration = self._configuration.current
        everybody = app.access.rules.everybody
        if everybody:
            served = "everybody"
        else:
            rules = app.access.rules
            served = f"{len(rules.allow)} allowed, admins" if rules.allow else "admins only"
            if asked_about := [
                _CALLED[kind] for kind, what in rules.new.items() if what is Standing.APPROVAL
            ]:
                served += f"; a new {' or '.join(asked_about)} once an admin approves"
        rows = [(platform.name, "local" if world else "connected") for platform, _ in ready]
        rows += [
            ("Model", model_label(configuration)),
            ("Served", served),
            ("Settings", where_settings_stand()),
            *([("Configuration", str(configuration.file.absolute()))] if configuration.file else []),
            ("Data folder", str(settings.data_dir.absolute())),
        ]
        steps = list(warnings_about(settings, configuration))
        if world:
            steps += () if self._as_live else _unused_in_sandbox(settings)
            if settings.page_is_open:
                steps.append(PAGE_IS_OPEN)
            steps.append(
                f"Open {world.page.url} and write in either pane; in Discord's #general mention @Sluice "
                "or use /ask."
            )
            if settings.http_host in EVERYWHERE:
                steps.append("On another machine, put this machine's address in place of 127.0.0.1.")
            steps.append(
                f"For your own bots, put DISCORD_TOKEN or TELEGRAM_TOKEN into {ENV_FILE.absolute()}."
            )
        if not everybody and (code := app.access.claim_code()):
            steps.append(f"Nobody is an admin yet. Send the bot a private message: /claim {code}")
        if not world:
            steps.append(f"`{_program()} doctor` shows the invite link and what is missing.")
        self._print(rows, steps)

    def _print(self, rows: Sequence[tuple[str, str]], steps: Sequence[str]) -> None:
        """A table for eyes, plain lines for a log."""
        if self._console.is_terminal:
            table = Table(show_header=False)
            for row in rows:
                table.add_row(*map(Text, row))  # a path may look like markup
            self._say(table)
        else:
            for name, what in rows:
                self._say(f"{name}: {what}")
        for step in steps:
            self._say(f"→ {step}")

    def _say(self, what: str | Table) -> None:
        with writing():
            self._console.print(what, soft_wrap=isinstance(what, str), markup=False)

    async def _watch(
        self, platforms: Sequence[Platform], model: Model, app: App, world: Sandbox | None
    ) -> None:
        """Until every platform has ended. Raises RunError then."""

        async def until_closed(platform: Platform) -> None:
            try:
                await platform.wait_closed()
            except PlatformError as error:
                app.alerts.raise_(Cause.PLATFORM, about=platform.name, why=str(error))

        async with asyncio.TaskGroup() as group:
            watch = watch_configuration(self._settings, model, app, self._clock)
            helpers = [group.create_task(self._try_model(model)), group.create_task(watch.run())]
            helpers.append(group.create_task(give_back_memory(self._clock)))
            helpers.append(group.create_task(app.retention.run()))
            helpers.append(group.create_task(app.chat.recovery.run()))
            helpers.append(group.create_task(app.chat.approvals.run()))
            if world:
                helpers.append(group.create_task(world.watch(app.driver)))
            else:
                folder = self._settings.data_dir
                heartbeat = folder / _HEARTBEAT_FILE
                watchdog = Watchdog(self._clock, app.alerts, folder, heartbeat=heartbeat)
                helpers.append(group.create_task(watchdog.run()))
            await asyncio.wait([group.create_task(until_closed(platform)) for platform in platforms])
            for helper in helpers:
                helper.cancel()
        raise RunError("No platform is connected any more. What to do about each stands above.")

    async def _try_model(self, model: Model) -> None:
        """Say at start what would otherwise be found by the first who asks."""
        configuration = model.live.current
        if configuration.models[configuration.default_model].provider == EMBEDDED_PROVIDER:
            return
        check = await check_model(model.completions, configuration, self._clock)
        if check.state is CheckState.BAD:
            log.error("The model cannot be used. %s %s", check.detail, check.remedy)
        elif check.state is CheckState.NOTE:
            log.warning("The model is not what answers. %s %s", check.detail, check.remedy)
        else:
            log.info("The model answers. %s", check.detail)

    async def _end(self, platforms: Sequence[Platform], app: App) -> None:
        now = self._clock.monotonic()
        await asyncio.gather(*(platform.stop_listening() for platform in platforms))
        unmarked = await app.chat.stop(
            streams_until=now + STREAMS_FINISH_S, marks_until=now + STREAMS_FINISH_S + MARKS_S
        )
        await app.alerts.close()
        if unmarked:
            log.warning("%d answers could not be completed or marked in time", unmarked)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await asyncio.gather(*(platform.close() for platform in platforms), return_exceptions=True)


async def _page_error(error: OSError, host: str, port: int) -> RunError:
    """Why the page cannot be served."""
    if error.errno == errno.EADDRINUSE and await is_served_at(host, port):
        there = page_url(host, port)
        return RunError(
            f"Sluice is running at {there} already. Open that, or set SLUICE_HTTP to another HOST:PORT."
        )
    why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
    return RunError(f"The page's address {host}:{port} {why}. Set SLUICE_HTTP to another HOST:PORT.")


def _unused_in_sandbox(settings: Settings) -> list[str]:
    named = [
        name
        for name, value in (("SLUICE_ADMINS", settings.admins), ("SLUICE_ALLOW", settings.allow))
        if value
    ]
    verb = "is" if len(named) == 1 else "are"
    return [f"{' and '.join(named)} {verb} not used in the sandbox: it serves everybody."] if named else []


def _program() -> str:
    """As it can be typed here."""
    return "sluice" if shutil.which("sluice") else ".venv/bin/sluice"
