"""What the README and its kin say is so."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bots.bootstrap.configuration import read_configuration, warnings_about
from bots.cli import main
from core import settings
from core.settings.names import NAMES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
_ALIASES = {"DISCORD_BOT_TOKEN", "TELEGRAM_BOT_TOKEN"}


def test_every_setting_is_in_the_readme() -> None:
    table = README[README.index("## Settings") : README.index("## Docker")]
    assert set(re.findall(r"`([A-Z]+_[A-Z_]+)`", table)) == {*NAMES, *_ALIASES}


def test_every_setting_is_in_the_example_and_the_example_is_valid(tmp_path: Path) -> None:
    example = ROOT / ".env.example"
    assert set(re.findall(r"^([A-Z_]+)=", example.read_text(), re.MULTILINE)) == set(NAMES)
    read = settings.read_settings({}, example)
    assert (read, read.warnings) == (settings.Settings(data_dir=Path("./data")), ())


def test_no_secret_that_is_made_here_by_the_book_is_committed() -> None:
    backup = re.search(r"sluice backup (\w+)/", (ROOT / "docs" / "running.md").read_text())
    assert backup is not None
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/.env", "/sluice.toml", "/data/", f"/{backup[1]}/"} <= set(ignored)


def test_every_make_target_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(
        re.findall(r"(?:^|`)make ([a-z]+)\b", README + (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    )
    assert named >= {"run", "test"}
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_every_command_named_exists(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = set(re.findall(r"^    (\w+)  ", capsys.readouterr().out, re.MULTILINE))
    names = {"run", "ask", "doctor", "config", "words", "backup", "restore", "keys", "bench"}
    assert commands == names
    assert set(re.findall(rf"\bsluice ({'|'.join(names)})\b", README)) <= commands


@pytest.mark.parametrize("name", ["access", "budgets", "moderation"])
def test_every_example_is_taken_with_the_settings_of_the_readme(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").touch(0o600)
    (tmp_path / ".env").write_text("OPENAI_MODEL=gpt-5-mini\nOPENAI_API_KEY=sk-proj-0123456789abcdefghij\n")
    examples = re.findall(
        r"^```toml\n(.*?)^```", (ROOT / f"docs/{name}.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert examples
    for example in examples:
        (tmp_path / "sluice.toml").write_text(example)
        read = settings.read_settings()
        configuration = read_configuration(read)
        assert configuration.file is not None
        assert warnings_about(read, configuration) == ()


@pytest.mark.parametrize(
    "document", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), ids=lambda p: p.name
)
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_every_place_named_by_the_architecture_exists() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    for place in set(re.findall(r"`((?:bots|core|tests)/[\w/.]+)`", text)):
        assert (ROOT / place).exists(), place


def test_every_direct_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    text = (ROOT / "docs/dependencies.md").read_text().lower()
    groups = [
        entry for group in project["dependency-groups"].values() for entry in group if isinstance(entry, str)
    ]
    for requirement in [*project["project"]["dependencies"], *groups]:
        name = re.split(r"[\[<>=;]", requirement)[0].strip().lower()
        assert f"`{name}`" in text or name.startswith("types-"), name


EXAMPLE = ROOT / "examples" / "third_surface.py"


def test_a_third_surface_is_as_small_as_the_readme_says() -> None:
    """A stranger adds a platform in an afternoon."""
    said = re.search(r"one in under (\d+) lines", README)
    assert said is not None
    assert len(EXAMPLE.read_text().splitlines()) < int(said[1]) <= 90


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "third_surface.py http://127.0.0.1:11434/v1 llama3.2"),
        (("http://127.0.0.1:9/v1", "nobody", "Hello?", "chat"), "nobody at http://127.0.0.1:9/v1 gave no"),
    ],
)
def test_the_third_surface_says_what_it_wants(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603  # our own example
        [sys.executable, EXAMPLE, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
