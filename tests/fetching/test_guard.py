"""No address, redirect or resolver brings a connection to what is not of the public internet."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from io import BytesIO
from ipaddress import ip_address

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.fetching.addresses import is_public
from core.adapters.fetching.client import GuardedClient
from core.adapters.fetching.network import Resolve
from core.adapters.fetching.targets import RefusedError, Rules, platform_rules
from core.ports.fetching import Fetched, Refused, Why
from tests.fetching.forms import FORMS, PRIVATE_NAMES
from tests.fetching.listener import NO_TLS, OPEN, PUBLIC, LeadingNetwork, Listener, Names, ok, redirect
from tests.fetching.test_addresses import private_v4
from tests.fetching.test_targets import urls

START = "http://files.example.com/start"


def _names() -> Names:
    return Names({name: [addresses] for name, addresses in PRIVATE_NAMES.items()})


def _client(
    network: httpcore2.AsyncNetworkBackend, rules: Rules = OPEN, resolve: Resolve | None = None
) -> GuardedClient:
    return GuardedClient(rules, resolve=resolve or _names(), network=network, tls=NO_TLS)


def test_there_are_enough_forms() -> None:
    assert len(dict(FORMS)) == len(FORMS) >= 60


async def test_what_is_public_arrives() -> None:
    """Else the tests below would show nothing: every connection that is made arrives at the listener."""
    async with Listener(ok(b"hello", "Content-Type: Text/Plain; charset=utf-8")).listening() as listener:
        network, names, body = LeadingNetwork(listener), _names(), BytesIO()
        client = _client(network, resolve=names)
        assert await client.fetch(START, body) == Fetched(5, "text/plain", START)
        assert body.getvalue() == b"hello"
        assert (network.wanted, names.asked, listener.accepted) == ([(PUBLIC, 80)], ["files.example.com"], 1)


@pytest.mark.parametrize(("url", "why"), FORMS)
async def test_no_form_of_an_address_connects_anywhere(url: str, why: Why) -> None:
    async with Listener(ok(b"secret")).listening() as listener:
        network, body = LeadingNetwork(listener), BytesIO()
        for rules in (OPEN, platform_rules(None)):
            refused = await _client(network, rules).fetch(url, body)
            assert isinstance(refused, Refused)
            assert refused.why is why or rules is not OPEN
        assert (network.wanted, listener.accepted, body.getvalue()) == ([], 0, b"")


@pytest.mark.parametrize(
    "url", [url for url, _ in FORMS if url.isascii() and url.isprintable() and url.strip()]
)
async def test_no_redirect_to_one_does(url: str) -> None:
    """Only what is a path is followed, at the host that sent it."""
    async with Listener(redirect(url), ok(b"secret")).listening() as listener:
        network = LeadingNetwork(listener)
        answer = await _client(network).fetch(START, BytesIO())
        if ":" in url or url.startswith("//"):
            assert isinstance(answer, Refused)
            assert network.wanted == [(PUBLIC, 80)]
            assert listener.accepted == 1
        assert {host for host, _ in network.wanted} == {PUBLIC}
        assert {head.splitlines()[1] for head in listener.requests} == {"Host: files.example.com"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_kind_of_redirect_does(status: int) -> None:
    async with Listener(redirect("http://127.0.0.1/", status), ok(b"secret")).listening() as listener:
        answer = await _client(LeadingNetwork(listener)).fetch(START, BytesIO())
        assert answer == Refused(Why.PRIVATE, "127.0.0.1")
        assert listener.accepted == 1


async def test_the_real_loopback_is_refused_by_the_real_network_and_resolver() -> None:
    async with Listener(ok(b"secret")).listening() as listener:
        port = listener.port
        client = GuardedClient(OPEN)
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "127.1"):
            assert isinstance(await client.fetch(f"http://{host}:{port}/", BytesIO()), Refused)
        assert listener.accepted == 0
        theirs = GuardedClient(platform_rules(f"http://127.0.0.1:{port}"))
        assert isinstance(await theirs.fetch(f"http://127.0.0.1:{port}/a", BytesIO()), Fetched)
        assert listener.accepted == 1


async def test_a_resolver_that_changes_its_mind_is_asked_once() -> None:
    """Rebinding between the check and the connection: the connection goes to what was checked."""
    async with Listener(ok(b"hello")).listening() as listener:
        network, names = LeadingNetwork(listener), Names({"files.example.com": [[PUBLIC], ["127.0.0.1"]]})
        client = _client(network, resolve=names)
        assert isinstance(await client.fetch(START, BytesIO()), Fetched)
        assert (network.wanted, names.asked) == ([(PUBLIC, 80)], ["files.example.com"])
        assert await client.fetch(START, BytesIO()) == Refused(Why.PRIVATE, "files.example.com")
        assert listener.accepted == 1


async def test_a_resolver_that_changes_its_mind_between_redirects() -> None:
    async with Listener(redirect("/again"), ok(b"secret")).listening() as listener:
        network, names = LeadingNetwork(listener), Names({"files.example.com": [[PUBLIC], ["127.0.0.1"]]})
        client = _client(network, resolve=names)
        assert await client.fetch(START, BytesIO()) == Refused(Why.PRIVATE, "files.example.com")
        assert (network.wanted, listener.accepted) == ([(PUBLIC, 80)], 1)


async def test_the_next_address_of_a_name_is_tried_but_not_many() -> None:
    class Deaf(httpcore2.AnyIOBackend):
        def __init__(self) -> None:
            self.wanted: list[str] = []

        async def connect_tcp(
            self, host: str, port: int, *_: object, **__: object
        ) -> httpcore2.AsyncNetworkStream:
            self.wanted.append(host)
            raise httpcore2.ConnectError

    network = Deaf()
    addresses = [f"1.1.1.{last}" for last in range(1, 9)]
    client = GuardedClient(OPEN, resolve=Names({"files.example.com": [addresses]}), network=network)
    assert await client.fetch(START, BytesIO()) == Refused(Why.UNREACHABLE, "files.example.com")
    assert network.wanted == addresses[:3]


async def test_a_name_that_nobody_knows() -> None:
    async def resolve(host: str) -> list[object]:
        raise OSError(-2, "Name or service not known")

    client = GuardedClient(OPEN, resolve=resolve)  # type: ignore[arg-type]  # it never returns
    assert await client.fetch(START, BytesIO()) == Refused(Why.UNREACHABLE, "files.example.com")
    client = GuardedClient(OPEN, resolve=Names({"files.example.com": [[]]}))
    assert await client.fetch(START, BytesIO()) == Refused(Why.UNREACHABLE, "files.example.com")


async def test_from_https_no_redirect_leads_down() -> None:
    rules = Rules(any_public_host=True, plain_http=True)
    start = rules.target("https://files.example.com/")
    for location in ("http://files.example.com/", "http://other.example.com/"):
        with pytest.raises(RefusedError, match=Why.REDIRECT):
            rules.target(location, after=start)


async def test_a_redirect_to_a_host_that_is_not_on_the_list() -> None:
    rules = Rules(hosts=frozenset({"files.example.com"}), plain_http=True)
    async with Listener(redirect("http://evil.com/"), ok(b"")).listening() as listener:
        network = LeadingNetwork(listener)
        client = _client(network, rules)
        assert await client.fetch(START, BytesIO()) == Refused(Why.HOST, "files.example.com")
        assert listener.accepted == 1


async def test_a_local_bot_api_server_leads_nowhere_else() -> None:
    """And a redirect elsewhere on the loopback is as forbidden as any."""
    async with Listener(ok(b"secret")).listening() as other:
        location = f"http://127.0.0.1:{other.port}/"
        async with Listener(redirect(location)).listening() as listener:
            own = f"http://127.0.0.1:{listener.port}"
            answer = await GuardedClient(platform_rules(own)).fetch(f"{own}/file/bot1:A/a", BytesIO())
            assert answer == Refused(Why.ADDRESS, "127.0.0.1")
            assert (listener.accepted, other.accepted) == (1, 0)


async def test_an_endless_redirect_ends_after_five() -> None:
    async with Listener(redirect("/on")).listening() as listener:
        client = _client(LeadingNetwork(listener))
        assert await client.fetch(START, BytesIO()) == Refused(Why.REDIRECT, "files.example.com")
        assert listener.accepted == 6


async def test_five_redirects_are_followed() -> None:
    hops = [redirect(f"http://h{number}.example.com/") for number in range(5)]
    async with Listener(*hops, ok(b"hello")).listening() as listener:
        client = _client(LeadingNetwork(listener))
        assert await client.fetch(START, BytesIO()) == Fetched(5, "", "http://h4.example.com/")
        hosts = [head.splitlines()[1].removeprefix("Host: ") for head in listener.requests]
        assert hosts == ["files.example.com", *(f"h{number}.example.com" for number in range(5))]


@pytest.mark.parametrize("location", ["", "\t", "//[::1", "a\x7fb", "a b", "a\\b"])
async def test_a_redirect_to_nowhere(location: str) -> None:
    async with Listener(redirect(location), ok(b"")).listening() as listener:
        answer = await _client(LeadingNetwork(listener)).fetch(START, BytesIO())
        assert answer == Refused(Why.REDIRECT, "files.example.com")
        assert listener.accepted == 1


async def test_a_server_is_told_an_address_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the environment, no cookie, no netrc, no referrer, no fragment."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://10.0.0.1:3128")
    hop = redirect("/next").replace(b"Location", b"Set-Cookie: a=b\r\nLocation")
    async with Listener(hop, ok(b"")).listening() as listener:
        network = LeadingNetwork(listener)
        client = _client(network)
        assert isinstance(await client.fetch(f"{START}?a=b#secret", BytesIO()), Fetched)
        assert network.wanted == [(PUBLIC, 80)] * 2
        rest = (
            "Host: files.example.com\r\nUser-Agent: Sluice\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
            "Connection: close\r\n\r\n"
        )
        assert listener.requests == [f"GET {path} HTTP/1.1\r\n{rest}" for path in ("/start?a=b", "/next")]


_LOUD = """
import asyncio, io, logging, sys
from bots.logs import set_up_logging
from core.adapters.fetching.client import GuardedClient
from core.adapters.fetching.targets import platform_rules
from core.settings import (Settings)

set_up_logging(Settings(log_level="DEBUG"), sys.stdout)
logging.getLogger("sluice").debug("this is loud")
client = GuardedClient(platform_rules(sys.argv[1]))
for _ in range(2):
    print(asyncio.run(client.fetch(sys.argv[1] + "/file/bot123:CANARY/a", io.BytesIO())))
"""


async def test_nothing_that_is_shown_or_logged_holds_the_token() -> None:
    """Telegram's own file addresses hold it."""
    answers = (redirect("/file/bot123:CANARY/b"), b"HTTP/1.1 404 Not Found\r\n\r\n", ok(b""))
    async with Listener(*answers).listening() as listener:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _LOUD, f"http://127.0.0.1:{listener.port}", stdout=PIPE, stderr=STDOUT
        )
        output = (await process.communicate())[0].decode()
        assert "this is loud" in output
        assert "status=404" in output
        assert "Fetched(size=0" in output
        assert "CANARY" not in output
        assert "/file/bot123:CANARY/b" in listener.requests[1]


@given(urls)
def test_whatever_is_asked_for_only_public_addresses_are_reached(url: str) -> None:
    async def story() -> None:
        async with Listener(ok(b"")).listening() as listener:
            network = LeadingNetwork(listener)
            answer = await _client(network).fetch(url, BytesIO())
            assert all(is_public(ip_address(host)) and port in {80, 443} for host, port in network.wanted)
            assert isinstance(answer, Fetched | Refused)
            assert bool(network.wanted) or isinstance(answer, Refused)

    asyncio.run(story())


@given(private_v4, st.sampled_from(["{0}", "[::ffff:{0}]", "[64:ff9b::{0}]", "[::{0}]"]), st.booleans())
def test_no_private_address_is_reached_however_it_is_written_or_named(
    address: object, form: str, named: bool
) -> None:
    written = form.format(address)

    async def story() -> None:
        async with Listener(ok(b"secret")).listening() as listener:
            network = LeadingNetwork(listener)
            names = Names({"a.attacker.com": [[PUBLIC, written.strip("[]")]]})
            url = f"http://{'a.attacker.com' if named else written}/"
            answer = await _client(network, resolve=names).fetch(url, BytesIO())
            assert isinstance(answer, Refused)
            assert answer.why is Why.PRIVATE
            assert (network.wanted, listener.accepted) == ([], 0)

    asyncio.run(story())
