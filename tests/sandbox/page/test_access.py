"""Who may open the page and its socket, and what every answer carries."""

from __future__ import annotations

import aiohttp
import pytest

from bots.bootstrap.sandbox import open_sandbox
from bots.sandbox.page import SandboxPage
from core.settings import Settings
from tests.sandbox.page.harness import served

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_every_answer_carries_the_policy() -> None:
    async with served() as (_, _, page), aiohttp.ClientSession() as session:
        for path in ("", "page.js", "missing.js"):
            async with session.get(page.url + path) as response:
                policy = response.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
                assert "frame-ancestors 'none'" in policy
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path", ["missing.js", "page.py", "..%2fpage.py", "%2e%2e/page.py", "page", ".js", "static/page.js"]
)
async def test_only_the_pages_own_files_are_served(path: str) -> None:
    async with served() as (_, _, page), aiohttp.ClientSession() as session:
        response = await session.get(page.url + path)
        assert response.status == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "localhost.evil.example", "::1", ""])
async def test_a_foreign_name_is_refused(host: str) -> None:
    """DNS rebinding: the request comes here, but under the attacker's name."""
    async with served() as (_, _, page), aiohttp.ClientSession() as session:
        for path in ("", "socket"):
            async with session.get(page.url + path, headers={"Host": host}) as response:
                assert response.status in (400, 403)


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8765", "192.168.7.9:8765"])
async def test_an_address_and_localhost_are_served(host: str) -> None:
    async with served() as (_, _, page), aiohttp.ClientSession() as session:
        response = await session.get(page.url, headers={"Host": host})
        assert response.status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "", None])
async def test_a_foreign_origin_cannot_open_the_socket(origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    async with served() as (_, _, page), aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(page.url + "socket", headers=headers)
        assert refused.value.status == 403


@pytest.mark.parametrize("raw", ["{", "[]", '{"do":"say"}', '{"do":"stop","ticket":1}'])
async def test_a_malformed_request_ends_the_socket(raw: str) -> None:
    async with served() as (_, _, page), aiohttp.ClientSession() as session:
        headers = {"Origin": page.url.rstrip("/")}
        async with session.ws_connect(page.url + "socket", headers=headers) as socket:
            assert "hello" in await socket.receive_json()
            await socket.send_str(raw)
            assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE
            assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_a_port_in_use_is_an_os_error() -> None:
    async with served() as (local_discord, local_telegram, page):
        port = int(page.url.rstrip("/").rsplit(":", 1)[1])
        second = SandboxPage(local_discord, local_telegram, note="", port=port)
        with pytest.raises(OSError, match="address already in use"):
            await second.start()


async def test_with_a_key_nothing_is_served_without_it() -> None:
    async with served(key="the-key") as (_, _, page), aiohttp.ClientSession() as session:
        root = page.url.removesuffix("?key=the-key")
        for path in ("", "page.js", "socket", "files/discord/1/a.png", "?key=", "?key=the-kez", "?key=ключ"):
            async with session.get(root + path, headers={"Origin": root.rstrip("/")}) as response:
                assert response.status == 401, path
                assert "the-key" not in await response.text()
                assert response.headers["Content-Security-Policy"]
        async with session.get(root, headers={"Cookie": "sluice_page=other"}) as response:
            assert response.status == 401


async def test_the_key_is_left_out_of_the_address_once_it_was_given() -> None:
    jar = aiohttp.CookieJar(unsafe=True)  # keeps cookies of addresses, as browsers do
    async with served(key="the-key") as (_, _, page), aiohttp.ClientSession(cookie_jar=jar) as session:
        async with session.get(page.url, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/")
            cookie = response.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
        root = page.url.removesuffix("?key=the-key")
        async with session.get(root) as response:
            assert response.status == 200
        async with session.ws_connect(root + "socket", headers={"Origin": root.rstrip("/")}) as socket:
            assert "hello" in await socket.receive_json()


async def test_beyond_loopback_there_is_always_a_key() -> None:
    async with open_sandbox(Settings(http_host="0.0.0.0", http_port=0), "") as everywhere:  # noqa: S104
        assert len(everywhere.page.url.partition("?key=")[2]) >= 22
    async with open_sandbox(Settings(http_port=0), "") as here:
        assert "key" not in here.page.url
