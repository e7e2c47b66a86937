"""Addresses have one reading, and the rules say which are fetched."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from core.adapters.fetching.targets import (
    PLATFORM_HOSTS,
    Origin,
    RefusedError,
    Rules,
    platform_rules,
    read,
)
from core.ports.fetching import Why
from tests.fetching.forms import FORMS

_PIECES = st.sampled_from(
    [
        "http", "https", "://", ":", "/", "//", "@", "#", "?", "\\", ".", "..", "[", "]", "%", "%25", "%2e",
        "-", "xn--", "_", "127.0.0.1", "0x7f", "::1", "a.b", "example", ".com", "80", "443", "08", "é", "。",
        "ſ", "K", "\t", "\0", " ", "\u200d", "&", ";", "=", "+", "~", "'",
    ]
)  # fmt: skip
_WHOLE = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP"]),
    st.sampled_from(
        ["files.example.com", "A.b-c_d.com", "1.1.1.1", "[2606:4700::1]", "[::FFFF:1.2.3.4]", "xn--a"]
    ),
    st.sampled_from(["", ":80", ":443", ":8081", ":080"]),
    st.sampled_from(["", "/", "/a//b/../c", "/é%20%zz", "?a=b:c@d", "#e", "/a?b#c", "/@e.com:1/"]),
)


def _broken(url: str, piece: str, at: float) -> str:
    place = int(at * len(url))
    return url[:place] + piece + url[place:]


urls = st.one_of(
    _WHOLE,
    st.builds(_broken, _WHOLE, _PIECES, st.floats(0, 1)),
    st.builds(_broken, st.builds(_broken, _WHOLE, _PIECES, st.floats(0, 1)), _PIECES, st.floats(0, 1)),
    st.builds("https://files.example.com/{}".format, st.text()),
    st.lists(_PIECES, max_size=12).map("".join),
    st.text(),
)
"""Whole ones, those that somebody put something into, and rubbish."""


@given(urls)
@example("http://a.b?@c.d/")
@example("http://a.b#@c.d/")
def test_what_is_read_is_read_alike_by_everybody(url: str) -> None:
    try:
        target = read(url)
    except RefusedError:
        return
    origin = target.origin
    for written in (url, str(target)):
        for theirs in (urlsplit(written), URL(written), httpx2.URL(written)):
            port = theirs.port or {"http": 80, "https": 443}[theirs.scheme]
            assert Origin(theirs.scheme, _alike(theirs), port) == origin
    assert read(str(target)) == target
    assert target.path.isascii()
    assert target.path.startswith("/")
    assert not set(target.path) & set(" #\r\n\t")


def _alike(url: SplitResult | URL | httpx2.URL) -> str:
    """Its host as it is asked for, an IPv6 address in its one short form."""
    match url:
        case SplitResult():
            host = url.hostname or ""
        case URL():
            host = url.raw_host or ""
        case _:
            host = url.raw_host.decode()
    return str(ip_address(host)) if ":" in host else host


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://files.example.com", "/"),
        ("https://files.example.com?a=b", "/?a=b"),
        ("https://files.example.com/a#b c"[:-2], "/a"),
        ("https://files.example.com/é/%20?ü=1", "/%C3%A9/%20?%C3%BC=1"),
        ("HTTPS://Files.Example.com:443/A", "/A"),
    ],
)
def test_paths(url: str, path: str) -> None:
    target = read(url)
    assert target.path == path
    assert target.origin == Origin("https", "files.example.com", 443)


@pytest.mark.parametrize("host", sorted(PLATFORM_HOSTS))
def test_the_platforms_file_hosts_are_fetched_over_https(host: str) -> None:
    assert platform_rules(None).target(f"https://{host}/a?b").origin == Origin("https", host, 443)
    with pytest.raises(RefusedError):
        platform_rules(None).target(f"http://{host}/a")


@pytest.mark.parametrize(
    "url",
    ["https://example.com/", "https://discordapp.com/", "https://evil-cdn.discordapp.com/", "https://1.1.1.1/",
     "https://cdn.discordapp.com.evil.com/", "https://cdn.discordapp.com:8443/", "https://xn--cdn.discordapp.com/",
     *(form for form, _ in FORMS)],
)  # fmt: skip
def test_nothing_else_is_by_default(url: str) -> None:
    with pytest.raises(RefusedError):
        platform_rules(None).target(url)


LOCAL = platform_rules("http://127.0.0.1:8081")


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:8081", "http://telegram_bot_api:8081/", "https://[fd00::1]:8443"]
)
def test_a_configured_bot_api_server_may_be_anywhere(base: str) -> None:
    assert platform_rules(base).target(f"{base.rstrip('/')}/file/bot1:A/a").path == "/file/bot1:A/a"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8082/", "http://127.0.0.1/", "https://127.0.0.1:8081/", "http://localhost:8081/"],
)
def test_and_only_that_one(url: str) -> None:
    with pytest.raises(RefusedError):
        LOCAL.target(url)


def test_no_redirect_leads_to_the_configured_server_but_its_own() -> None:
    own = LOCAL.target("http://127.0.0.1:8081/a")
    assert LOCAL.target("http://127.0.0.1:8081/b", after=own).path == "/b"
    foreign = Rules(hosts=PLATFORM_HOSTS, plain_http=True, configured=LOCAL.configured)
    with pytest.raises(RefusedError, match=Why.REDIRECT):
        foreign.target("http://127.0.0.1:8081/b", after=foreign.target("http://api.telegram.org/a"))


def test_whoever_may_name_any_host_can_name_no_configured_one() -> None:
    with pytest.raises(ValueError, match="configured"):
        Rules(any_public_host=True, configured=LOCAL.configured)
