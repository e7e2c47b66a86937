"""The command `sluice`. Each command imports what it needs, so that `--help` is quick."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from bots.loop import run_in_loop
from core.settings import SettingsError, read_settings

_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 good, 1 failed with one line, 130 interrupted."""
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.command(parsed))
    except SettingsError as error:
        for problem in error.problems:
            _failed(problem)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sluice", description="A language model streamed into Discord and Telegram."
    )
    parser.add_argument("--version", action="version", version=f"sluice {version('sluice')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="serve what .env configures; without a platform token, the sandbox")
    where = run.add_mutually_exclusive_group()
    where.add_argument("--sandbox", action="store_true", help="the sandbox, whatever is configured")
    where.add_argument("--live", action="store_true", help="never the sandbox: without a token, fail")
    run.set_defaults(command=_run)

    ask = commands.add_parser("ask", help="stream one answer into the terminal")
    ask.add_argument("prompt", nargs="?", default="-", help="what to ask; - or none: standard input")
    ask.add_argument("--model", help="instead of OPENAI_MODEL")
    ask.add_argument("--max-tokens", help="instead of OPENAI_MAX_TOKENS")
    ask.add_argument("--temperature", help="instead of OPENAI_TEMPERATURE")
    ask.set_defaults(command=_ask)

    doctor = commands.add_parser("doctor", help="check configuration, tokens, model and data folder")
    doctor.add_argument("--json", action="store_true", help="for machines")
    doctor.set_defaults(command=_doctor)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from bots.logs import set_up_logging
    from bots.run import RunError, run

    settings = read_settings()
    set_up_logging(settings, sys.stdout)
    try:
        run_in_loop(run(settings, Console(highlight=False), sandbox=arguments.sandbox, live=arguments.live))
    except RunError as error:
        return _failed(str(error))
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    from bots.ask import ask
    from bots.logs import set_up_logging

    options = {
        "OPENAI_MODEL": arguments.model,
        "OPENAI_MAX_TOKENS": arguments.max_tokens,
        "OPENAI_TEMPERATURE": arguments.temperature,
    }
    given = {name: value for name, value in options.items() if value is not None}
    settings = read_settings({**os.environ, **given})
    set_up_logging(settings, sys.stderr, least="ERROR")
    prompt = sys.stdin.read() if arguments.prompt == "-" else arguments.prompt
    if not prompt.strip():
        return _failed('There is no question. Try: sluice ask "what is a sluice?"')
    try:
        problem = run_in_loop(ask(settings, prompt, sys.stdout.buffer))
    finally:
        _let_go_of_broken_pipe()
    return _failed(problem) if problem else 0


def _doctor(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from bots import doctor
    from bots.logs import set_up_logging
    from core.adapters.clock import SystemClock
    from core.settings import Settings

    set_up_logging(Settings(), sys.stderr, least="CRITICAL")  # what libraries complain of is in the findings
    checks = run_in_loop(doctor.examine(SystemClock(), Console(stderr=True)))
    if arguments.json:
        print(json.dumps(doctor.as_json(checks), indent=2))
    else:
        doctor.show(checks, Console(highlight=False))
    return 0 if doctor.all_good(checks) else 1


def _failed(problem: str) -> int:
    print(f"sluice: {problem}", file=sys.stderr)
    return 1


def _let_go_of_broken_pipe() -> None:
    """A reader that left (`| head`) is no failure, and the interpreter must not complain at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
