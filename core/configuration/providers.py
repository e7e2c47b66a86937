"""Providers: where models are asked. Their keys stand in the environment, never in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from core.configuration.entries import EMBEDDED_PROVIDER, ENV_PROVIDER, Provider
from core.configuration.problems import Section, is_secret_name
from core.settings import (
    PLATFORM_SECRETS,
    Settings,
    name_may_be_secret,
    problem_with_address,
    shown_name,
)
from core.variables import problem_with_key, secret_in

_OPENAI: Final = "https://api.openai.com/v1"
_ENV_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,99}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,50}", re.ASCII)
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)
_KEY_REMEDY: Final = (
    "A key never stands in this file. Put a line such as MY_KEY=… into .env, "
    'and write api_key_env = "MY_KEY" here.'
)


def read_providers(section: Section, settings: Settings, variables: Mapping[str, str]) -> dict[str, Provider]:
    """Those of the file by name, and that of `.env` where it has one."""
    providers = {}
    model = settings.model
    if model.api_key or model.base_url:
        key = model.api_key
        providers[ENV_PROVIDER] = Provider(ENV_PROVIDER, model.base_url, "OPENAI_API_KEY", key)
    for name, table in section.each():
        if name in {ENV_PROVIDER, EMBEDDED_PROVIDER}:
            whose = "of .env" if name == ENV_PROVIDER else "of the demo model"
            section.problem(name, f"is the name of the provider {whose}", "Choose another name.")
        elif not _NAME.fullmatch(name):
            remedy = "Use letters, digits, dots, hyphens and underscores, and at most 50 of them."
            section.problem(name, "cannot be a provider's name", remedy)
        else:
            providers[name] = _provider(name, table, variables)
    return providers


def _provider(name: str, table: Section, variables: Mapping[str, str]) -> Provider:
    for secret in filter(is_secret_name, table.names):
        table.refuse(secret, "looks like a key", _KEY_REMEDY)
    base_url = table.text("base_url", longest=500)
    if base_url is not None and (wrong := problem_with_address(base_url)):
        table.problem("base_url", *wrong)
    variable, key = _key(table, variables)
    # Never the library's own default: it is what OPENAI_BASE_URL says, an address that is not this one's.
    address = (base_url or _OPENAI).rstrip("/")
    privacy = table.text("privacy", longest=300) or ""
    provider = Provider(name, address, variable, key, _headers(table), privacy)
    table.close()
    return provider


def _key(table: Section, variables: Mapping[str, str]) -> tuple[str | None, str | None]:
    variable = table.text("api_key_env", longest=500)
    if variable is None:
        return None, None
    if not _ENV_NAME.fullmatch(variable):
        table.problem("api_key_env", "is not the name of a variable, and perhaps the key itself", _KEY_REMEDY)
        return None, None
    if variable in PLATFORM_SECRETS:
        remedy = "Name the variable that holds this provider's key."
        table.problem("api_key_env", "names a platform's token, which no provider may get", remedy)
        return None, None
    key, wrong = secret_in(variables, variable)
    if wrong:
        what, _, remedy = wrong.partition(". ")
        table.problem("api_key_env", f"cannot be followed: {what}", remedy)
        return None, None
    key = (key or "").strip() or None
    if (
        key and variable != "OPENAI_API_KEY" and (wrong := problem_with_key(key))
    ):  # that one is told by itself
        table.problem("api_key_env", f"names {shown_name(variable)}, which {wrong}", "Copy the key again.")
    if key is None:
        remedy = f"Put {variable}=… into .env, or take the line out for a server that needs no key."
        if name_may_be_secret(variable):
            remedy = _KEY_REMEDY
        table.warning("api_key_env", f"names {shown_name(variable)}, which is not set", remedy)
    return variable, key


def _headers(table: Section) -> tuple[tuple[str, str], ...]:
    section = table.table("headers")
    headers = []
    for name, value in section.pairs():
        if is_secret_name(name):
            section.problem(name, "looks like a key", _KEY_REMEDY)
        elif not _HEADER.fullmatch(name):
            section.problem(name, "cannot be a header's name", "Use letters, digits and hyphens.")
        elif not (isinstance(value, str) and value.isascii() and value.isprintable()):
            section.problem(name, "is no header's text", "Write ASCII text in quotes.")
        else:
            headers.append((name, value))
    return tuple(headers)
