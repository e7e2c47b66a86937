"""The answers that Discord gives when it refuses a request: its codes, its words, its JSON."""

from __future__ import annotations

import enum
from collections.abc import Collection

from bots.sandbox.discord.models import Json


class Refusal(enum.Enum):
    """HTTP status, JSON error code and message, as Discord documents them."""

    UNAUTHORIZED = (401, 0, "401: Unauthorized")
    NOT_FOUND = (404, 0, "404: Not Found")
    METHOD_NOT_ALLOWED = (405, 0, "405: Method Not Allowed")
    UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
    UNKNOWN_GUILD = (404, 10004, "Unknown Guild")
    UNKNOWN_MEMBER = (404, 10007, "Unknown Member")
    UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
    UNKNOWN_USER = (404, 10013, "Unknown User")
    UNKNOWN_COMMAND = (404, 10063, "Unknown application command")
    UNKNOWN_EMOJI = (400, 10014, "Unknown Emoji")
    UNKNOWN_WEBHOOK = (404, 10015, "Unknown Webhook")
    UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
    TOO_MANY_COMMANDS = (400, 30032, "Maximum number of application commands reached (100)")
    TOO_MANY_NEW_COMMANDS = (
        429,
        30034,
        "Max number of daily application command creates has been reached (200)",
    )
    OLD_EDITS = (
        429,
        30046,
        "Maximum number of edits to messages older than 1 hour reached. Try again later.",
    )
    TOO_LARGE = (413, 40005, "Request entity too large")
    ALREADY_ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
    TOO_MANY_FOLLOW_UPS = (
        400,
        40094,
        "This interaction has hit the maximum number of follow up messages",
    )
    MISSING_ACCESS = (403, 50001, "Missing Access")
    NOT_YOUR_MESSAGE = (403, 50005, "Cannot edit a message authored by another user")
    EMPTY_MESSAGE = (400, 50006, "Cannot send an empty message")
    NO_TEXT_CHANNEL = (400, 50008, "Cannot send messages in a non-text channel")
    CANNOT_MESSAGE_USER = (403, 50007, "Cannot send messages to this user")
    MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")
    BULK_DELETE_COUNT = (
        400,
        50016,
        (
            "Provided too few or too many messages to delete."
            " Must provide at least 2 and fewer than 100 messages to delete"
        ),
    )
    WRONG_CHANNEL_TYPE = (400, 50024, "Cannot execute action on this channel type")
    INVALID_WEBHOOK_TOKEN = (401, 50027, "Invalid Webhook Token")
    BULK_DELETE_TOO_OLD = (400, 50034, "You can only bulk delete messages that are under 14 days old.")
    INVALID_FORM_BODY = (400, 50035, "Invalid Form Body")
    THREAD_ARCHIVED = (400, 50083, "Thread is archived")
    INVALID_JSON = (400, 50109, "The request body contains invalid JSON.")
    THREAD_LOCKED = (400, 160005, "This thread is locked")
    THREAD_EXISTS = (400, 160004, "A thread has already been created for this message")


class ApiError(Exception):
    """A request that is answered with an error instead of a result."""

    def __init__(
        self, refusal: Refusal, errors: Json | None = None, retry_after: float | None = None
    ) -> None:
        self.status, code, message = refusal.value
        super().__init__(message)
        self.retry_after = retry_after
        self.body: Json = {"message": message, "code": code}
        if errors is not None:
            self.body["errors"] = errors
        if retry_after is not None:
            self.body |= {"retry_after": retry_after, "global": False}


def invalid(field: str, code: str, message: str) -> ApiError:
    """A 50035 that names one field; dots in `field` lead into nested ones."""
    errors = FormErrors()
    errors.add(field, code, message)
    return errors.refusal()


class FormErrors:
    """Everything that is wrong with a form, as the one tree in which Discord names it."""

    def __init__(self) -> None:
        self._tree: Json = {}

    def add(self, field: str, code: str, message: str) -> None:
        """One thing wrong with `field`; dots in it lead into nested ones."""
        node = self._tree
        for part in field.split("."):
            node = node.setdefault(part, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def length(self, field: str, value: object, least: int, most: int) -> None:
        """Want a string or list of this length; a missing one counts as empty."""
        size = len(value) if isinstance(value, str | list) else 0
        if not least and size > most:
            self.add(field, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        elif not size and least:
            self.add(field, "BASE_TYPE_REQUIRED", "This field is required")
        elif not least <= size <= most:
            self.add(field, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")

    def choice(self, field: str, value: object, allowed: Collection[object]) -> None:
        """Want one of `allowed`."""
        if value not in allowed:
            named = ", ".join(map(str, allowed))
            self.add(field, "BASE_TYPE_CHOICES", f"Value must be one of {{{named}}}.")

    def refusal(self) -> ApiError:
        """A 50035 that names all of it."""
        return ApiError(Refusal.INVALID_FORM_BODY, self._tree)

    def check(self) -> None:
        """Refuse the form if anything is wrong with it. Raises `ApiError` (50035)."""
        if self._tree:
            raise self.refusal()
