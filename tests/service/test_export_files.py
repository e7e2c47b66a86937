"""All that is kept of somebody reaches them whole, in as many files as a platform needs."""

from __future__ import annotations

import io
import json
import random
import zipfile
from typing import Any

import pytest

from core.service.export_files import count, files_of
from core.streaming.operations import FileContent

ABOUT = {"messages": "Your questions."}


def data(messages: int, *, seed: int = 1) -> dict[str, object]:
    """As the store gives it; texts that hardly pack."""
    chance = random.Random(seed)
    said = [
        {"id": str(n), "at": 1_800_000_000.5 + n, "text": "ção " + chance.randbytes(300).hex()}
        for n in range(messages)
    ]
    used = [{"day": 20_000, "requests": 3}]
    return {"messages": said, "choices": {"language": "pt-BR"}, "usage": used, "overheard": []}


def content_of(file: FileContent) -> Any:
    if file.name.endswith(".json"):
        return json.loads(file.data)
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        assert archive.namelist() == ["my-data.json"]
        return json.loads(archive.read("my-data.json"))


def test_what_fits_is_one_file_that_people_can_read() -> None:
    [file] = files_of(data(2), ABOUT, max_bytes=1 << 20)
    assert file.name == "my-data.json"
    assert "ção " in file.data.decode()
    assert '\n  "messages": [' in file.data.decode()
    content = content_of(file)
    assert next(iter(content)) == "about"
    assert content["about"] == ABOUT
    assert content["messages"][0]["at"] == "2027-01-15T08:00:00+00:00"
    assert content["usage"] == [{"day": "2024-10-04", "requests": 3}]
    assert content["choices"] == {"language": "pt-BR"}
    assert content["overheard"] == []


def test_what_is_too_large_is_packed() -> None:
    whole = data(20)
    [file] = files_of(whole, ABOUT, max_bytes=9_000)
    assert file.name == "my-data.zip"
    assert len(file.data) <= 9_000
    assert [one["id"] for one in content_of(file)["messages"]] == [str(n) for n in range(20)]


@pytest.mark.parametrize("max_bytes", [1_500, 4_000, 9_000])
def test_what_is_too_large_even_so_comes_in_parts_that_hold_all_of_it_once(max_bytes: int) -> None:
    whole = data(60)
    files = files_of(whole, ABOUT, max_bytes=max_bytes)
    assert len(files) > 1
    assert [file.name for file in files] == [
        f"my-data-{n}-of-{len(files)}.zip" for n in range(1, len(files) + 1)
    ]
    assert all(len(file.data) <= max_bytes for file in files)
    parts = [content_of(file) for file in files]
    assert all(part["about"] == ABOUT for part in parts)
    said = [one["id"] for part in parts for one in part.get("messages", [])]
    assert said == [str(n) for n in range(60)]
    assert [part["choices"] for part in parts if "choices" in part] == [{"language": "pt-BR"}]


def test_entries_are_counted() -> None:
    assert count(data(5)) == 5 + 1 + 1
