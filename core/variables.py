"""Where values come from: the environment before `.env`, and secrets from files of their own.

A name that is set but empty counts as unset. Nothing here shows a value.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, Original, parse_stream

ALIASES = {"DISCORD_BOT_TOKEN": "DISCORD_TOKEN", "TELEGRAM_BOT_TOKEN": "TELEGRAM_TOKEN"}
SECRETS = (
    "DISCORD_TOKEN", "TELEGRAM_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "OPENAI_API_KEY", "DATABASE_URL", *ALIASES,
)  # fmt: skip
"""What may stand in a file of its own instead, as Docker's secrets do, whose name `<NAME>_FILE` says."""
FILE = "_FILE"
_LONGEST_SECRET = 65_536  # bytes of such a file
_SECRET_NAME = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)$", re.ASCII)
ENV_FILE = Path(".env")
"""In the folder that Sluice is started in, and nowhere else."""


class SettingsError(Exception):
    """The configuration cannot be used. `problems`: one line each, with what to do."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read_variables(
    environment: Mapping[str, str] | None = None, env_file: Path | None = ENV_FILE
) -> Mapping[str, str]:
    """Every variable that is set, in `.env` or, before it, in the environment: for names that the owner
    chose. Raises SettingsError when the file cannot be read."""
    return all_values(environment, env_file)[0]


def secret_in(values: Mapping[str, str], name: str) -> tuple[str | None, str | None]:
    """A secret of this name, from its variable or from the file that `<name>_FILE` names; and what is wrong
    with that, in one line that shows neither."""
    if (file := values.get(name + FILE)) is None:
        return values.get(name), None
    if name in values:
        return None, f"{name} and {name}{FILE} are both set. Keep one of them."
    try:
        with Path(file).expanduser().open("rb") as opened:
            secret = opened.read(_LONGEST_SECRET).decode().strip()
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        return (
            None,
            f"{name}{FILE} names a file that cannot be read ({why}). Name one that holds the secret.",
        )
    if not secret:
        return None, f"{name}{FILE} names a file that is empty. Put the secret into it."
    return secret, None


def problem_with_key(key: str) -> str:
    """Why this can be no key of a provider's, in words that do not show it; "" where it can. A little more is
    allowed than by RFC 6750, section 2.1."""
    if re.search(r"\s", key):
        return "has white space inside"
    if not (key.isascii() and key.isprintable()):
        return "holds a character that no key has, perhaps one that nobody sees"
    return ""


def others_may_read(file: Path) -> bool:
    """Whether every user of this machine may, as far as the file and its folder say."""
    try:
        may_enter = bool(file.parent.stat().st_mode & stat.S_IXOTH)
        return os.name == "posix" and may_enter and bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def all_values(
    environment: Mapping[str, str] | None, env_file: Path | None
) -> tuple[dict[str, str], list[str]]:
    from_file, warnings = _values_of(env_file) if env_file is not None else ({}, [])
    if env_file is not None and others_may_read(env_file) and any(map(_may_be_secret, _set_ones(from_file))):
        warnings.append(f"Every user of this machine can read {env_file}. Run: chmod 600 {env_file}")
    from_outside = os.environ if environment is None else environment
    values = {**_set_ones(from_file), **_set_ones(from_outside)}
    warnings += (
        f"{name} has white space around it, which is left out."
        for name, value in values.items()
        if value != value.strip() and (name in SECRETS or (name in from_file and _may_be_secret(name)))
    )
    return {name: value.strip() for name, value in values.items()}, warnings


def _values_of(env_file: Path) -> tuple[Mapping[str, str | None], list[str]]:
    """The values, and a line for each line of the file that is none."""
    if not env_file.is_file():
        return {}, []
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)  # of a bad line it names neither file nor remedy
    try:
        with env_file.open(encoding="utf-8") as file:
            wrong = [_line_of(binding.original) for binding in parse_stream(file) if _is_wrong(binding)]
        return dotenv_values(env_file), [
            f"{env_file}, line {line} is not understood. Write NAME=value, with both quotes or none."
            for line in wrong
        ]
    except UnicodeDecodeError:
        raise SettingsError((f"{env_file} is not UTF-8 text. Save it as UTF-8.",)) from None
    except OSError as error:
        problem = f"{env_file} cannot be read ({error.strerror}). Let the user that runs Sluice read it."
        raise SettingsError((problem,)) from None


def _may_be_secret(name: str) -> bool:
    return name in SECRETS or _SECRET_NAME.search(name) is not None


def _is_wrong(binding: Binding) -> bool:
    """Also a name alone, which may be a secret that lacks its name."""
    return binding.error or (binding.key is not None and binding.value is None)


def _line_of(original: Original) -> int:
    """Its number; what the library calls one begins with the empty lines before it."""
    text = original.string
    return original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _set_ones(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value and value.strip()}
