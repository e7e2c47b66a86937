"""The rolling summary: when a path wants one, of which turns, and in which words the model is asked.

The law: when what no summary covers fills more than WANTED_AT of what the model may be shown, a new one is
made of the last one and the oldest turns, until no more than KEPT stays whole. So a turn is in the summary
before it would no longer fit, and each is summarised once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.catalogue import say
from core.conversation.window import (
    after,
    as_data,
    harmless_name,
    turn_size,
    turns_of,
)
from core.policy.spending import estimate_tokens
from core.ports.completions import ChatMessage
from core.ports.store import Message, Role, Summary

WANTED_AT: Final = 0.75  # of the room
KEPT: Final = 0.5  # of the room
_SHARE: Final = 8  # a summary takes at most such a part of the room
_LONGEST: Final = 600  # tokens
_SHORTEST: Final = 48
_LONGEST_PART: Final = 4  # one message takes at most such a part of the room; its middle is left out


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """What to ask the model. The answer is the summary up to `until_id`, of at most `tokens` tokens."""

    messages: tuple[ChatMessage, ...]
    until_id: str
    tokens: int


def summary_request(
    path: Sequence[Message],
    summary: Summary | None,
    *,
    prompt_tokens: int,
    named: bool,
    locale: str | None = None,
) -> SummaryRequest | None:
    """What of the path is to be summarised now; None: nothing. `prompt_tokens`: estimated ones.

    `path`: what the summary says nothing of, at least; `named`: more than one person asked, in all that was
    said. `locale`: in whose language the model is asked, and so writes.
    """
    turns = after(turns_of(path), summary)
    sizes = [turn_size(turn, named=named) for turn in turns]
    told = estimate_tokens(summary.text) if summary else 0
    if sum(sizes) + told <= prompt_tokens * WANTED_AT:
        return None
    tokens = min(_LONGEST, max(_SHORTEST, prompt_tokens // _SHARE))
    room = prompt_tokens - tokens
    body = [as_data(summary.text)] if summary else []
    size, left, until_id = told, sum(sizes), ""
    for turn, turn_tokens in zip(turns, sizes, strict=True):
        part = [_line(message, most=prompt_tokens // _LONGEST_PART, named=named) for message in turn]
        size += estimate_tokens("\n".join(part))
        if left <= prompt_tokens * KEPT or (until_id and size > room):
            break
        body.extend(part)
        left -= turn_tokens
        until_id = turn[-1].id
    if not until_id:
        return None
    asked = say("summary.request", locale, words=tokens // 2)
    return SummaryRequest(
        (ChatMessage("system", asked), ChatMessage("user", "\n".join(body))), until_id, tokens
    )


def _line(message: Message, *, most: int, named: bool) -> str:
    name = "assistant" if message.role is Role.ASSISTANT else harmless_name(message.name) if named else "user"
    # What is of somebody who said nothing there is not in it: they could not have it forgotten.
    quote = "" if message.quotes else message.quote
    text = f"{quote}\n{message.text}" if quote else message.text
    return f"{name}:\n{as_data(_shortened(text, most * 4))}"


def _shortened(text: str, most: int) -> str:
    """The beginning and the end of what is longer than so many characters."""
    return text if len(text) <= most else f"{text[: most // 2]}\n…\n{text[-(most // 2) :]}"
