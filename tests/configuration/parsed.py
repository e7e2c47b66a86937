"""A configuration from a text, as the tests of this folder want it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from core.configuration import Configuration, ConfigurationError, ModelEntry, parse_configuration
from core.settings import ModelSettings, Settings

FILE = Path("sluice.toml")
SECRET = "sk-proj-0123456789abcdefghij"
EMBEDDED = ModelEntry("embedded/demo", "embedded", "embedded", "The demo", prompt_tokens=1_728)
FROM_ENV = Settings(model=ModelSettings("small", base_url="http://127.0.0.1:9/v1", api_key="env-key-123456"))


def parsed(
    text: str, settings: Settings = FROM_ENV, variables: Mapping[str, str] | None = None
) -> Configuration:
    return parse_configuration(
        text.encode(), settings, variables=variables or {}, embedded=EMBEDDED, file=FILE
    )


def without_file(settings: Settings) -> Configuration:
    return parse_configuration(None, settings, variables={}, embedded=EMBEDDED)


def problems(
    text: str | bytes, settings: Settings = FROM_ENV, variables: Mapping[str, str] | None = None
) -> list[str]:
    """Every line that a wrong file is answered with, without the file's name."""
    document = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(document, settings, variables=variables or {}, embedded=EMBEDDED, file=FILE)
    assert all(problem.startswith("sluice.toml") for problem in caught.value.problems)
    return [problem.removeprefix("sluice.toml, ") for problem in caught.value.problems]
