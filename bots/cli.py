"""The command `sluice`. Each command imports what it needs, so that `--help` is quick."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    from core.settings import Settings

_INTERRUPTED: Final = 130
_BENCHMARKS: Final = ("freshness", "cpu", "growth", "store")


def program() -> NoReturn:
    """The installed command."""
    from bots.leaving import leave

    _occupy_closed_streams()
    try:
        code = main()
    except SystemExit as ended:  # after `--help`, or of what cannot be parsed
        code = ended.code if isinstance(ended.code, int) else 1
    leave(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 good, 1 failed with one line, 130 interrupted."""
    from bots.leaving import OutputError
    from core.variables import SettingsError

    try:
        parsed = _parser().parse_args(arguments)
        return int(parsed.command(parsed))
    except SettingsError as error:
        for problem in error.problems:
            _failed(problem)
        return 1
    except OutputError as error:
        return _failed(str(error))
    except KeyboardInterrupt:
        return _INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """argparse's own passes over what cannot be written."""

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        from bots.leaving import writing

        if file is None or file is not sys.stdout:
            super()._print_message(message, file)
        else:
            with writing():
                file.write(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="sluice", description="A language model streamed into Discord and Telegram.")
    parser.add_argument("--version", action="version", version=f"sluice {version('sluice')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="serve what .env configures; without a platform token, the sandbox")
    where = run.add_mutually_exclusive_group()
    where.add_argument("--sandbox", action="store_true", help="the sandbox, whatever is configured")
    where.add_argument(
        "--as-live",
        action="store_true",
        help="the sandbox, serving as live does: nobody before somebody claims the bot and lets them in",
    )
    where.add_argument("--live", action="store_true", help="never the sandbox: without a token, fail")
    run.set_defaults(command=_run)

    ask = commands.add_parser("ask", help="stream one answer into the terminal")
    ask.add_argument("prompt", nargs="*", help="what to ask; - or none: standard input")
    ask.add_argument("--model", help="instead of OPENAI_MODEL: an id or a name of sluice.toml, or embedded")
    ask.add_argument("--max-tokens", help="instead of OPENAI_MAX_TOKENS")
    ask.add_argument("--temperature", help="instead of OPENAI_TEMPERATURE")
    ask.set_defaults(command=_ask)

    doctor = commands.add_parser("doctor", help="check configuration, tokens, model and data folder")
    doctor.add_argument("--json", action="store_true", help="for machines")
    doctor.set_defaults(command=_doctor)

    words = commands.add_parser("words", help="how much of what the bot says is translated")
    words.add_argument("--missing", action="store_true", help="the keys of what is not")
    words.set_defaults(command=_words)

    config = commands.add_parser("config", help="what sluice.toml and .env say: check it, or see an example")
    parts = config.add_subparsers(metavar="PART", required=True)
    check = parts.add_parser("check", help="what is in force; exit code 1 with warnings, 2 when it is wrong")
    check.set_defaults(command=_config_check)
    parts.add_parser("example", help="a file with everything in it").set_defaults(command=_config_example)

    backup = commands.add_parser("backup", help="save all that is stored, also while Sluice runs")
    backup.add_argument("folder", type=Path, metavar="DIR", help="a folder that is not there yet")
    backup.set_defaults(command=_backup)
    restore = commands.add_parser("restore", help="put a backup back, also while Sluice runs")
    restore.add_argument("folder", type=Path, metavar="DIR", help="what `sluice backup` has made")
    restore.add_argument("--replace", action="store_true", help="where there is a database: keep it aside")
    restore.set_defaults(command=_restore)
    keys = commands.add_parser("keys", help="the key that what is stored is encrypted with")
    of_keys = keys.add_subparsers(metavar="WHAT", required=True)
    rotate = of_keys.add_parser(
        "rotate",
        help="put a new key in the place of the old one, which is kept beside it",
        description="Put a new key in the place of the old one, also while Sluice runs. The old one is kept "
        "beside it: backups made until then need it. If it has leaked, delete it afterwards.",
    )
    rotate.set_defaults(command=_rotate_keys)

    bench = commands.add_parser("bench", help="measure freshness, CPU, growth and the store (in a checkout)")
    bench.add_argument("which", nargs="*", metavar="WHICH", help=f"of {', '.join(_BENCHMARKS)}; none: all")
    bench.add_argument("--quick", action="store_true", help="the small scenarios, in half a minute")
    bench.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    bench.add_argument("--plot", type=Path, metavar="FILE", help="write a picture (SVG) to FILE")
    bench.set_defaults(command=_bench)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from bots.leaving import RunError
    from bots.logs import set_up_logging
    from bots.loop import run_in_loop
    from bots.run import run
    from core.settings import read_settings

    settings = read_settings()
    set_up_logging(settings, sys.stdout)
    try:
        run_in_loop(
            run(
                settings,
                Console(highlight=False),
                sandbox=arguments.sandbox or arguments.as_live,
                live=arguments.live,
                as_live=arguments.as_live,
            )
        )
    except RunError as error:
        for line in error.args:
            _failed(line)
        return 1
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    from bots.ask import NEEDED, ask
    from bots.logs import set_up_logging
    from bots.loop import run_in_loop
    from core.settings import read_settings

    options = {
        "OPENAI_MODEL": arguments.model,
        "OPENAI_MAX_TOKENS": arguments.max_tokens,
        "OPENAI_TEMPERATURE": arguments.temperature,
    }
    given = {name: value for name, value in options.items() if value is not None}
    with _options_named(given):
        settings = read_settings({**os.environ, **given}, needed=NEEDED)
    set_up_logging(settings, sys.stderr, least="ERROR")
    try:
        prompt = _question(arguments.prompt)
    except UnicodeError:
        return _failed("The question is not UTF-8 text. Convert it first, as with: iconv -f LATIN1 -t UTF-8")
    if sys.stdout is None:  # as where it was closed before the start: `>&-`
        return _failed("There is no output to write an answer to.")
    if not prompt.strip():
        return _failed('There is no question. Try: sluice ask "what is a sluice?"')
    try:
        with _options_named(given):
            problem = run_in_loop(ask(settings, prompt, sys.stdout.buffer, given=given))
    finally:
        _let_go_of_broken_pipe()
    return _failed(_as_given(problem, given)) if problem else 0


def _question(words: Sequence[str]) -> str:
    """The words as one question, or what standard input holds. Raises UnicodeError where that is no text."""
    if words and tuple(words) != ("-",):
        question = " ".join(words)
        question.encode()  # what the shell passed on may hold any bytes
        return question
    if sys.stdin.isatty():
        print("Write your question, then Enter and Ctrl-D.", file=sys.stderr)
    return sys.stdin.buffer.read().decode("utf-8-sig")


@contextmanager
def _options_named(given: Collection[str]) -> Iterator[None]:
    """What is wrong is told as `_as_given`."""
    from core.variables import SettingsError

    try:
        yield
    except SettingsError as error:
        raise SettingsError(tuple(_as_given(problem, given) for problem in error.problems)) from None


def _as_given(problem: str, given: Collection[str]) -> str:
    """Call what was given as an option by the option's name."""
    for name in given:
        option = name.removeprefix("OPENAI_").lower().replace("_", "-")
        problem = problem.replace(name, f"--{option}")
    return problem


def _doctor(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from bots import doctor
    from bots.leaving import writing
    from bots.logs import set_up_logging
    from bots.loop import run_in_loop
    from core.adapters.clock import SystemClock
    from core.settings import Settings

    set_up_logging(Settings(), sys.stderr, least="CRITICAL")  # what libraries complain of is in the findings
    checks = run_in_loop(doctor.examine(SystemClock(), Console(stderr=True)))
    with writing():
        if arguments.json:
            print(json.dumps(doctor.as_json(checks), indent=2))
        else:
            doctor.show(checks, Console(highlight=False))
    return 0 if doctor.all_good(checks) else 1


def _config_check(_arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from bots.config_check import check

    return check(Console(highlight=False))


def _words(arguments: argparse.Namespace) -> int:
    from core.catalogue import completeness, report

    return _told(report(completeness(), missing=arguments.missing))


def _config_example(_arguments: argparse.Namespace) -> int:
    from core.configuration import example

    return _told(example().removesuffix("\n"))


def _backup(arguments: argparse.Namespace) -> int:
    from bots.keeping import backup

    return _kept(lambda settings: backup(settings, arguments.folder))


def _restore(arguments: argparse.Namespace) -> int:
    from bots.keeping import restore

    return _kept(lambda settings: restore(settings, arguments.folder, replace=arguments.replace))


def _rotate_keys(_: argparse.Namespace) -> int:
    from bots.keeping import rotate_keys

    return _kept(rotate_keys)


def _kept(work: Callable[[Settings], Coroutine[object, object, Sequence[str]]]) -> int:
    from bots.keeping import NEEDED
    from bots.logs import set_up_logging
    from bots.loop import run_in_loop
    from core.ports.store import StoreError
    from core.settings import read_settings

    settings = read_settings(needed=NEEDED)
    set_up_logging(settings, sys.stderr, least="WARNING")
    try:
        lines = run_in_loop(work(settings))
    except StoreError as error:
        return _failed(str(error))
    return _told(*lines)


def _bench(arguments: argparse.Namespace) -> int:
    unknown = [one for one in arguments.which if one not in _BENCHMARKS]
    if unknown:
        return _failed(f"There is no benchmark {unknown[0]!r}. There are: {', '.join(_BENCHMARKS)}.")
    try:
        from benchmarks.command import run
    except ImportError:
        return _failed(
            "The benchmarks come with the source only. Run this in a checkout, after `make setup`."
        )
    try:
        which = arguments.which or _BENCHMARKS
        run(which, quick=arguments.quick, json_file=arguments.json, plot_file=arguments.plot)
    except OSError as error:
        return _failed(f"{error.filename} cannot be written ({error.strerror}).")
    return 0


def _told(*lines: str) -> int:
    from bots.leaving import writing

    with writing():
        print(*lines, sep="\n")
    return 0


def _failed(problem: str) -> int:
    from core.adapters.redaction import redacted

    print(redacted(f"sluice: {problem}"), file=sys.stderr)
    return 1


def _occupy_closed_streams() -> None:
    """Where standard input, output or errors were closed before the start (`>&-`), the first socket would get
    their number: uvloop aborts when it closes that one."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest that is free


def _let_go_of_broken_pipe() -> None:
    """A reader that left (`| head`) is no failure, and the interpreter must not complain at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
