"""Connected by the checked address, trusted by the name."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from io import BytesIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.adapters.fetching.client import GuardedClient
from core.adapters.fetching.targets import platform_rules
from core.ports.fetching import Fetched, Limits, Refused, Why
from tests.fetching.listener import HANGS_S, PUBLIC, LeadingNetwork, Listener, Names, ok

HOST = "cdn.discordapp.com"


def _certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Of an authority of its own, for `host`: certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "of these tests")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{host}.crt", folder / f"{host}.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


def _both_ends(folder: Path, host: str, names: list[str | None]) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for `host`, which keeps the names it is asked for, and a client's that trusts it."""
    certificate, key = _certificate(folder, host)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=certificate)
    server.load_cert_chain(certificate, key)
    server.sni_callback = lambda _, name, __: names.append(name)
    return server, client


async def test_the_server_is_asked_by_name_at_the_checked_address(tmp_path: Path) -> None:
    names: list[str | None] = []
    server, client = _both_ends(tmp_path, HOST, names)
    async with Listener(ok(b"hello", "Content-Length: 5")).listening(server) as listener:
        network = LeadingNetwork(listener)
        guarded = GuardedClient(platform_rules(None), resolve=Names(), network=network, tls=client)
        url = f"https://{HOST}/attachments/1/2/a.txt?ex=1&hm=2"
        assert await guarded.fetch(url, BytesIO()) == Fetched(5, "", url)
        assert (network.wanted, names) == ([(PUBLIC, 443)], [HOST])
        assert listener.requests[0].splitlines()[:2] == [
            "GET /attachments/1/2/a.txt?ex=1&hm=2 HTTP/1.1",
            f"Host: {HOST}",
        ]


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_of_another_name_or_authority_is_not_trusted(
    tmp_path: Path, trusted: bool
) -> None:
    server, client = _both_ends(tmp_path, "other.com" if trusted else HOST, [])
    async with Listener(ok(b"hello")).listening(server) as listener:
        guarded = GuardedClient(
            platform_rules(None),
            resolve=Names(),
            network=LeadingNetwork(listener),
            tls=client if trusted else ssl.create_default_context(),
        )
        assert await guarded.fetch(f"https://{HOST}/a", BytesIO()) == Refused(Why.UNREACHABLE, HOST)
        assert listener.requests == []


async def test_a_handshake_that_never_ends_is_left_and_closed(tmp_path: Path) -> None:
    heard, gone = asyncio.Event(), asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        heard.set()
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    listener = Listener()
    listener.port = server.sockets[0].getsockname()[1]
    guarded = GuardedClient(platform_rules(None), resolve=Names(), network=LeadingNetwork(listener))
    refused = await guarded.fetch(f"https://{HOST}/a", BytesIO(), Limits(grace_s=0.2))
    assert refused == Refused(Why.TOO_SLOW, HOST)
    assert heard.is_set()
    async with asyncio.timeout(HANGS_S):
        await gone.wait()
    server.close()
    await server.wait_closed()


async def test_from_https_no_redirect_leads_down(tmp_path: Path) -> None:
    server, client = _both_ends(tmp_path, HOST, [])
    down = f"HTTP/1.1 302 Found\r\nLocation: http://{HOST}/a\r\nContent-Length: 0\r\n\r\n".encode()
    async with Listener(down, ok(b"secret")).listening(server) as listener:
        network = LeadingNetwork(listener)
        guarded = GuardedClient(platform_rules(None), resolve=Names(), network=network, tls=client)
        assert await guarded.fetch(f"https://{HOST}/a", BytesIO()) == Refused(Why.REDIRECT, HOST)
        assert (network.wanted, listener.accepted) == ([(PUBLIC, 443)], 1)
