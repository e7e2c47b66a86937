"""The answers that Telegram gives when it refuses a call.

The wording is that of the Bot API server, since bots tell errors apart by it.
"""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """A refused call; the server answers with `code` as HTTP status and `error_code`.

    `parameters` is Telegram's ResponseParameters: `retry_after` (seconds) or `migrate_to_chat_id`.
    `html`: the web server in front says it, which speaks no JSON.
    """

    def __init__(
        self,
        code: int,
        description: str,
        parameters: Mapping[str, object] | None = None,
        *,
        html: bool = False,
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters
        self.html = html

    def body(self) -> dict[str, object]:
        """The JSON object of the response."""
        body: dict[str, object] = {
            "ok": False,
            "error_code": self.code,
            "description": self.description,
        }
        if self.parameters:
            body["parameters"] = dict(self.parameters)
        return body


def bad_request(reason: str) -> ApiError:
    """400: the call is wrong, and would be wrong again."""
    return ApiError(400, f"Bad Request: {reason}")


def forbidden(reason: str) -> ApiError:
    """403: the place is closed to the bot."""
    return ApiError(403, f"Forbidden: {reason}")


def conflict(reason: str) -> ApiError:
    """409: somebody else takes the updates."""
    return ApiError(409, f"Conflict: {reason}")


def too_many_requests(retry_after: float | None) -> ApiError:
    """429: nothing was done; `retry_after` is in seconds, and None where it is not said."""
    if retry_after is None:
        return ApiError(429, "Too Many Requests")
    return ApiError(
        429,
        f"Too Many Requests: retry after {retry_after}",
        {"retry_after": retry_after},
    )
