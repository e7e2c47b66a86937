"""`sluice run`: what can be refused at once is, before anything is loaded that takes its time; then it serves
until a signal."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from rich.console import Console

from bots.bootstrap.configuration import read_configuration, warnings_about
from bots.data_dir_check import check_data_dir
from bots.leaving import RunError, leave_within
from bots.model_check import NO_MODEL
from core.configuration import ConfigurationError, Live
from core.ports.platform import CheckState
from core.settings import Settings
from core.variables import SettingsError

if TYPE_CHECKING:
    from bots.serving import Serving

log = logging.getLogger(__name__)

_GONE_S: Final = 7.6
_NO_TOKENS: Final = "No platform token is set. Set DISCORD_TOKEN or TELEGRAM_TOKEN in .env."
_INTERRUPTED: Final = 130  # what shells report for Ctrl-C


async def run(settings: Settings, console: Console, *, sandbox: bool, live: bool, as_live: bool) -> None:
    """Serve until SIGINT or SIGTERM. `live`: never fall back to the sandbox. `as_live`: serve in the sandbox
    as live does.

    Raises RunError, SettingsError where the configuration cannot be used, and OutputError where its start
    cannot be told.
    """
    has_token = bool(settings.discord_token or settings.telegram_token)
    if live and not has_token:
        raise SettingsError((_NO_TOKENS, *settings.warnings))
    sandbox = sandbox or not has_token
    for problem in settings.unusable:
        log.error("%s", problem)
    try:
        configuration = read_configuration(settings)
    except ConfigurationError as error:
        raise SettingsError((*error.problems, *settings.warnings)) from None
    warnings = warnings_about(settings, configuration)
    if not configuration.model_chosen and not sandbox:
        raise SettingsError((NO_MODEL, *warnings))
    data_dir = check_data_dir(settings.data_dir)
    if data_dir.state is CheckState.BAD:
        raise RunError(f"{data_dir.detail}. {data_dir.remedy}", *warnings)
    from bots.serving import Serving

    process = Serving(settings, Live(configuration), console, as_live=as_live)
    serving = asyncio.create_task(process.serve(sandbox=sandbox))
    _stop_on_signals(serving, process)
    try:
        with suppress(asyncio.CancelledError):
            await serving
    except RunError as error:
        raise RunError(*error.args, *(() if process.has_started else warnings)) from None


def _stop_on_signals(serving: asyncio.Task[None], process: Serving) -> None:
    """The first one ends in good order, a second Ctrl-C at once."""

    def stop(number: signal.Signals) -> None:
        if not serving.cancelling():
            process.say_goodbye()
            serving.cancel()
            leave_within(_GONE_S)
        elif number is signal.SIGINT:  # a second SIGTERM may be the first one, passed on by make
            os._exit(_INTERRUPTED)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
