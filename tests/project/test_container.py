"""docker-compose.yml and the Dockerfile, checked without an engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from bots.embedded_model.place import place_to_fetch_to

ROOT: Final = Path(__file__).parents[2]
DURATION: Final = {"type": "string", "pattern": r"^([0-9]+(us|ms|s|m|h))+$"}
STRINGS: Final = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
SCHEMA: Final = {
    # The part of the Compose Specification's schema that the file uses; any other key is a mistake.
    "type": "object",
    "additionalProperties": False,
    "required": ["services"],
    "properties": {
        "services": {
            "type": "object",
            "patternProperties": {r"^[a-zA-Z0-9._-]+$": {"$ref": "#/$defs/service"}},
            "additionalProperties": False,
        },
        "volumes": {
            "type": "object",
            "patternProperties": {r"^[a-zA-Z0-9._-]+$": {"type": ["object", "null"]}},
            "additionalProperties": False,
        },
    },
    "$defs": {
        "service": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "build": {"type": ["string", "object"]},
                "image": {"type": "string"},
                "env_file": {"type": ["string", "array"]},
                "environment": {
                    "type": "object",
                    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
                },
                "volumes": STRINGS,
                "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
                "stop_grace_period": DURATION,
                "read_only": {"type": "boolean"},
                "tmpfs": STRINGS,
                "cap_drop": STRINGS,
                "security_opt": STRINGS,
                "healthcheck": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["test"],
                    "properties": {
                        "test": {"type": ["string", "array"], "items": {"type": "string"}},
                        "interval": DURATION,
                        "timeout": DURATION,
                        "start_period": DURATION,
                        "retries": {"type": "integer", "minimum": 1},
                    },
                },
                "logging": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "driver": {"type": "string"},
                        "options": {
                            "type": "object",
                            "additionalProperties": {"type": ["string", "number", "null"]},
                        },
                    },
                },
            },
        }
    },
}


@pytest.fixture
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


@pytest.fixture
def service(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]["sluice"]
    return found


@pytest.fixture
def stages() -> list[str]:
    """The Dockerfile's stages, continued lines joined, comments left out."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return re.split(r"^(?=FROM )", text.replace("\\\n", ""), flags=re.MULTILINE)[1:]


def test_the_file_fits_the_specification(compose: dict[str, Any]) -> None:
    jsonschema.validate(compose, SCHEMA)


def test_every_named_volume_is_declared(compose: dict[str, Any], service: dict[str, Any]) -> None:
    named = {volume.partition(":")[0] for volume in service["volumes"]}
    assert named == set(compose["volumes"])


def test_dot_env_is_the_only_configuration(service: dict[str, Any]) -> None:
    assert service["env_file"] == ".env"
    assert set(service["environment"]) == {"SLUICE_DATA_DIR"}, "only where the volume is mounted"
    assert service["volumes"] == [f"data:{service['environment']['SLUICE_DATA_DIR']}"]


def test_it_is_kept_running_and_its_logs_small(service: dict[str, Any]) -> None:
    assert service["restart"] == "unless-stopped"
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert service["stop_grace_period"] == "10s", "more than the 8 s in which the program ends"


def test_it_has_no_more_rights_than_it_needs(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108  # the container's own


def test_the_image_is_run_by_an_ordinary_user_who_owns_the_data(stages: list[str]) -> None:
    users = re.findall(r"^USER (.+)$", stages[-1], re.MULTILINE)
    assert users == ["10001:10001"]
    assert "useradd --uid 10001" in stages[-1]
    assert re.search(r"install -d -o sluice -g sluice /data", stages[-1])
    assert stages[-1].index("VOLUME /data") > stages[-1].index("install -d"), "later changes would be lost"


def test_the_demo_model_outlives_the_container(stages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs it, also with a home and a file system that can be written."""
    (told,) = re.findall(r"XDG_CACHE_HOME=(\S+)", stages[-1])
    (data,) = re.findall(r"SLUICE_DATA_DIR=(\S+)", stages[-1])
    monkeypatch.setenv("XDG_CACHE_HOME", told)
    assert place_to_fetch_to(Path(data)).folder == Path(data) / "models"


def test_the_image_never_starts_the_sandbox(stages: list[str]) -> None:
    assert 'ENTRYPOINT ["sluice"]\n' in stages[-1]
    assert 'CMD ["run", "--live"]\n' in stages[-1]


def test_the_image_pins_what_it_is_made_of(stages: list[str]) -> None:
    for stage in stages:
        image = stage.split()[1]
        assert re.fullmatch(r"python:3\.\d+-slim-\w+", image), image
    installs = [line for stage in stages for line in re.split(r"\n|&&", stage) if "pip install" in line]
    assert len(installs) == 4
    for line in installs:
        assert "--require-hashes" in line or "--no-deps dist/" in line, line


def test_what_runs_is_compiled_while_the_image_is_built(stages: list[str]) -> None:
    """Whoever runs it may not write beside it: each start would compile it anew."""
    installs = [line for line in re.split(r"\n|&&", stages[0]) if "--python /app" in line]
    assert len(installs) == 2
    assert all("--compile-bytecode" in line for line in installs)


def test_everything_copied_is_let_through(stages: list[str]) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", stages[0], re.MULTILINE)
    sources = {source for copy in copies for source in copy.split()}
    assert sources == set(allowed)
    assert all((ROOT / source).exists() for source in sources)
