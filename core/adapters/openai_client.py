"""The openai library's client as all who ask a provider open it, and what its exceptions mean.

Its retries are off: nobody would see them.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import httpx2
import openai

from core.adapters.provider_errors import redacted, refusal
from core.ports.completions import ModelError, ModelErrorKind

FOREIGN: Final = (
    openai.OpenAIError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    aiohttp.ClientError,
    OSError,
    ValueError,
)
"""What a call may raise; `translated` says what it means."""
_CONNECT_S: Final = 10.0


def opened_client(
    base_url: str | None,
    api_key: str | None,
    *,
    headers: Mapping[str, str] | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> openai.AsyncOpenAI:
    """`transport` replaces the network. Raises ModelError for a `base_url` that is none."""
    try:
        return openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",  # local servers need no key, but the library insists on one
            max_retries=0,
            default_headers=headers,
            timeout=openai.Timeout(None, connect=_CONNECT_S),
            http_client=httpx2.AsyncClient(transport=transport)
            if transport is not None
            # No proxy leads back to this machine.
            else openai.DefaultAioHttpClient(trust_env=not _on_loopback(base_url)),
        )
    except FOREIGN as error:
        raise redacted(ModelError(ModelErrorKind.UNREACHABLE, str(error)), api_key or "") from None


def check_key(api_key: str) -> None:
    """Raises ModelError for what no header can carry."""
    if not (api_key.isascii() and api_key.isprintable()):
        raise ModelError(ModelErrorKind.UNAUTHORIZED, "the API key holds a character that no key has")


def translated(error: Exception, api_key: str) -> ModelError:
    """Foreign exceptions end here, with no key in their words."""
    return redacted(_translated(error), api_key)


def was_closed(error: BaseException) -> bool:
    """Whether a connection broke off before anything was answered."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (aiohttp.ServerDisconnectedError, ConnectionResetError, BrokenPipeError)):
            return True
        if isinstance(cause, aiohttp.ClientOSError) and not isinstance(cause, aiohttp.ClientConnectorError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _translated(error: Exception) -> ModelError:
    if isinstance(error, openai.APIStatusError):
        return refusal(error.status_code, error.response.text, error.response.headers)
    cause = _no_connection(error) or f"{type(error).__name__}: {error.__cause__ or error}"
    if isinstance(error, openai.APIConnectionError):
        return ModelError(ModelErrorKind.UNREACHABLE, cause)
    if isinstance(error, openai.OpenAIError | ValueError):
        return ModelError(ModelErrorKind.BAD_REQUEST, cause)
    return ModelError(ModelErrorKind.BROKEN_STREAM, cause)


def _no_connection(error: BaseException | None) -> str | None:
    """Why there is none, in the system's words: the libraries say "time-out" and "ssl" of every one."""
    while error is not None and not isinstance(error, aiohttp.ClientConnectorError):
        error = error.__cause__
    if error is None:
        return None
    under = error.os_error
    number = 0 if isinstance(under, ssl.SSLError) else under.errno or 0
    words = os.strerror(number).lower() if number > 0 else under.strerror or str(under)
    return f"{words} at {error.host}:{error.port}"


def _on_loopback(base_url: str | None) -> bool:
    host = urlsplit(base_url or "").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
