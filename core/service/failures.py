"""Why there is no answer, or no more of it, in words for people: nothing that a provider said."""

from __future__ import annotations

import math
from typing import Final

from core.catalogue import say
from core.ports.completions import ModelError, ModelErrorKind

_SAYS_WHEN: Final = frozenset({ModelErrorKind.RATE_LIMITED, ModelErrorKind.SERVER})
_IN_SECONDS_S: Final = 90.0
_LONGEST_S: Final = 86_400.0  # beyond a day no provider knows it


def reason_of(error: ModelError, locale: str | None, *, goes_on: bool = False) -> str:
    """Says when to ask again where the provider did. `goes_on`: a new conversation would be shorter."""
    if goes_on and error.kind is ModelErrorKind.CONTEXT_TOO_LONG:
        return say("model.conversation_too_long", locale)
    wait_s = error.retry_after or 0.0
    if error.kind not in _SAYS_WHEN or not 0.0 < wait_s <= _LONGEST_S:
        return say(f"model.{error.kind}", locale)
    if wait_s <= _IN_SECONDS_S:
        return say("provider_busy.seconds", locale, seconds=math.ceil(wait_s))
    minutes = math.ceil(wait_s / 60.0)
    return say("provider_busy.minutes", locale, hours=minutes // 60, minutes=minutes % 60)
