"""What of a conversation the model gets to see: the newest exchanges that fit, as chat messages.

Names and quotes are written by strangers. A name is cut down to one harmless word group, and a quote
stands behind `>` line by line, so that neither can pass for anything else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from core.conversation.history import Exchange, Question
from core.messages import Quote
from core.policy.spending import estimate_tokens
from core.ports.completions import ChatMessage

_LONGEST_NAME = 32  # characters: what Discord allows
_LONGEST_QUOTE = 2_000  # characters: one whole message on Discord, half a one on Telegram
_TOKENS_PER_MESSAGE = 4  # what chat templates put around each
_NOT_IN_A_NAME = re.compile(r"[^\w .'-]+")


def messages_for(
    question: Question,
    before: Sequence[Exchange],
    *,
    system_prompt: str | None,
    prompt_tokens: int,
) -> tuple[ChatMessage, ...]:
    """System prompt, the newest exchanges that fit, the question; about `prompt_tokens` tokens.

    The system prompt and the question are always there, even if they alone are more. People are told
    apart by name once there are two of them.
    """
    named = len({exchange.question.asker.id for exchange in before} | {question.asker.id}) > 1
    system = (ChatMessage("system", system_prompt),) if system_prompt else ()
    asked = ChatMessage("user", _words_of(question, before[-1] if before else None, named=named))
    room = prompt_tokens - prompt_size((*system, asked))
    kept: list[ChatMessage] = []
    for index in reversed(range(len(before))):
        exchange, previous = before[index], before[index - 1] if index else None
        pair = (
            ChatMessage("user", _words_of(exchange.question, previous, named=named)),
            ChatMessage("assistant", exchange.answer),
        )
        room -= prompt_size(pair)
        if room < 0:
            break
        kept[:0] = pair
    return (*system, *kept, asked)


def prompt_size(messages: Sequence[ChatMessage]) -> int:
    """About how many tokens the messages are."""
    return sum(estimate_tokens(message.content) + _TOKENS_PER_MESSAGE for message in messages)


def harmless_name(name: str) -> str:
    """A name as the model may read it: letters, digits and a few signs on one line, or `someone`."""
    plain = _NOT_IN_A_NAME.sub(" ", unicodedata.normalize("NFKC", name).replace("_", " "))
    return " ".join(plain.split())[:_LONGEST_NAME].strip() or "someone"


def cleaned(text: str) -> str:
    """Without control characters and lone surrogates, which some endpoints refuse the whole request for."""
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))


def is_blank(text: str) -> bool:
    """Whether there is nothing to read: white space, control and format characters, unassigned ones."""
    return all(unicodedata.category(char)[0] in "CZ" for char in text)


def _words_of(question: Question, previous: Exchange | None, *, named: bool) -> str:
    text = cleaned(question.text)
    if named:
        text = f"{harmless_name(question.asker.name)}: {text}"
    if question.quote is None or not question.quote.text.strip() or _just_said(question.quote, previous):
        return text
    return f"{_quoted(question.quote)}\n\n{text}"


def _just_said(quote: Quote, previous: Exchange | None) -> bool:
    """The message replied to is what stands right above: no need to repeat it."""
    return previous is not None and quote.ref in (previous.question.ref, *previous.messages)


def _quoted(quote: Quote) -> str:
    text = cleaned(quote.text).strip()
    if len(text) > _LONGEST_QUOTE:
        text = text[:_LONGEST_QUOTE] + " …"
    author = "you" if quote.by_us else harmless_name(quote.author_name)
    return f"(In reply to this message by {author}:)\n" + "\n".join(f"> {line}" for line in text.splitlines())
