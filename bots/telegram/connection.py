"""The HTTP side of one bot: two pools, the raw updates, and words for what fails."""

from __future__ import annotations

import json
import logging
import math
import re
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from telegram import Bot
from telegram.error import InvalidToken, NetworkError, TelegramError, TimedOut
from telegram.request import HTTPXRequest

from core.ports.platform import PlatformError

NAME: Final = "Telegram"
DEFAULT_BASE_URL: Final = "https://api.telegram.org"
LONG_POLL_S: Final = 50  # Telegram waits no longer
ALLOWED_UPDATES: Final = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "stopped_message_generation",
)

_POOL: Final = 256  # a burst of eight answers beside a hundred chats must never wait for a socket
_POOL_TIMEOUT_S: Final = 30.0  # the library's 1 s fails under bursts
_TOKEN: Final = re.compile(r"\d{3,}:[\w-]{10,}", re.ASCII)
_LONGEST: Final = 200
LONGEST_PAUSE_S: Final = 86_400.0
"""Of a time that Telegram told so much counts: floods of hours are usual, and whoever asks within one makes
it longer; but a wrong figure must not silence us for good."""


class Connection:
    """A Bot with its pools. `open` before use; `close` afterwards."""

    def __init__(self, token: str, base_url: str | None = None) -> None:
        """Raises PlatformError for a token that is none."""
        _quieten()
        self._host = base_url or DEFAULT_BASE_URL
        self._token_looks_right = _TOKEN.fullmatch(token) is not None
        # A proxy from the environment is for the internet: it could not reach this machine's loopback.
        proxies = urlsplit(self._host).hostname not in {"127.0.0.1", "::1", "localhost"}
        self._polling = _request(pool=2, read_timeout_s=LONG_POLL_S + 10, proxies=proxies)
        try:
            self.bot = Bot(
                token,
                base_url=f"{self._host}/bot",
                base_file_url=f"{self._host}/file/bot",
                request=_request(pool=_POOL, read_timeout_s=20.0, proxies=proxies),
                get_updates_request=self._polling,
            )
        except InvalidToken as error:
            raise self.unusable(error) from None

    async def open(self) -> None:
        """Learn who we are. Raises PlatformError when the token is refused or nobody answers."""
        try:
            await self.bot.initialize()
        except (
            TelegramError,
            LookupError,
            TypeError,
        ) as error:  # a server that is no Bot API answers anything
            await self.close()
            raise self.unusable(error) from None

    async def close(self) -> None:
        """Close both pools. Idempotent."""
        await self.bot.shutdown()

    async def updates(
        self, offset: int, timeout_s: int = LONG_POLL_S, *, also: tuple[str, ...] = ()
    ) -> list[dict[str, Any]]:
        """The updates from `offset` on, as JSON; earlier ones are confirmed by it. Raises TelegramError.
        `also`: kinds to get beside ALLOWED_UPDATES.

        Raw, since the library reads a batch as a whole: one update of an unknown shape would come back
        for ever, and block those behind it.
        """
        query = urlencode(
            {"offset": offset, "timeout": timeout_s, "allowed_updates": json.dumps([*ALLOWED_UPDATES, *also])}
        )
        try:
            found: object = await self._polling.post(f"{self.bot.base_url}/getUpdates?{query}")
        except (LookupError, TypeError):
            raise TelegramError("Invalid server response") from None
        if isinstance(found, list) and all(isinstance(item, dict) and "update_id" in item for item in found):
            return found
        raise TelegramError("Invalid server response")

    def unusable(self, error: Exception) -> PlatformError:
        """One line that says what to do."""
        if self._token_looks_right and _is_no_bot_api(error):
            return PlatformError(
                f"What is at {self._host} does not answer like a Bot API server. "
                "Check TELEGRAM_API_BASE_URL: it looks like http://127.0.0.1:8081."
            )
        if isinstance(error, InvalidToken):
            return PlatformError(
                f"Telegram refused the token at {self._host}. "
                "Copy it again from @BotFather into TELEGRAM_TOKEN."
            )
        where = urlsplit(self._host).netloc
        cause = error.__cause__
        if type(error) in {NetworkError, TimedOut} and cause and not isinstance(cause, TelegramError):
            name = type(cause).__name__  # the connection's own: no answer came
            return PlatformError(
                f"Telegram at {where} cannot be reached ({name}). Check the network"
                + (" and TELEGRAM_API_BASE_URL." if self._host != DEFAULT_BASE_URL else ".")
            )
        return PlatformError(
            f"Telegram cannot be used at {where}: {describe(error)}. "
            "Check the network, and TELEGRAM_API_BASE_URL if it is set."
        )


def refuses_token(error: Exception) -> bool:
    """Whether the token counts no longer. 404 has the same type as 401, and is what a proxy in front of a Bot
    API says while that one restarts."""
    return isinstance(error, InvalidToken) and "unauthorized" in str(error).lower()


def _is_no_bot_api(error: Exception) -> bool:
    """Whether no Bot API server refused the token: of a 401 or 404 without its description the library
    gives the status in brackets, in the error or in its cause."""
    told = (str(error), str(error.__cause__)) if isinstance(error, InvalidToken) else ()
    return any(re.search(r"\(40[14]\)", words) for words in told)


def describe(error: BaseException) -> str:
    """An error for a log: short, on one line, without the token."""
    words = " ".join(str(error).split()) or type(error).__name__
    return _TOKEN.sub("<token>", words)[:_LONGEST]


class _Request(HTTPXRequest):
    """Of a broken answer the library raises anything; this one raises TelegramError alone."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Without what cannot be read of its `parameters`: a 429 is told by its words, too."""
        answer: object = HTTPXRequest.parse_json_payload(payload)
        if not isinstance(answer, dict):
            raise TelegramError("Invalid server response")
        parameters = answer.get("parameters")
        if not isinstance(parameters, dict):
            answer.pop("parameters", None)
        elif "retry_after" in parameters:
            parameters["retry_after"] = _pause_s(parameters["retry_after"])
        return answer


def _pause_s(raw: object) -> float | None:
    try:
        seconds = float(raw) if isinstance(raw, (str, int, float)) else math.nan
    except (ValueError, OverflowError):
        return None
    return min(seconds, LONGEST_PAUSE_S) if seconds >= 0 else None


def _request(*, pool: int, read_timeout_s: float, proxies: bool) -> HTTPXRequest:
    return _Request(
        connection_pool_size=pool,
        read_timeout=read_timeout_s,
        write_timeout=20.0,
        connect_timeout=10.0,
        pool_timeout=_POOL_TIMEOUT_S,
        httpx_kwargs={"trust_env": proxies},
    )


def _quieten() -> None:
    """Keep secrets and chats out of the log.

    httpx logs each URL, which holds the token. The library logs what it sends at DEBUG and whole answers
    of broken servers at ERROR; all that it has to say also reaches us as exceptions.
    """
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("telegram").setLevel(logging.CRITICAL + 1)
