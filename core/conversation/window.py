"""What of a conversation the model gets to see: the newest turns that fit, older ones as a summary.

Names, quotes and summaries are written by strangers. A name is cut down to one harmless word group, and
the rest stands behind `>` line by line, so that none can pass for anything else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from core.catalogue import LANGUAGES, say
from core.messages import Quote
from core.policy.spending import estimate_tokens
from core.ports.completions import ChatMessage
from core.ports.reading import Seen
from core.ports.store import Message, Outlined, Role, Summary

_LONGEST_NAME = 32  # characters: what Discord allows
_LONGEST_CHAIN = 4_000  # characters of all that a quote was a reply to
_LONGEST_LINK = 500  # characters of one message of it
_LONGEST_QUOTE = 2_000  # characters: one whole message on Discord, half a one on Telegram
_TOKENS_PER_MESSAGE = 4  # what chat templates put around each
_NOBODY = "someone"
_ROLES = frozenset({"you", "system", "assistant", "developer", "user", "tool"})
_NOT_IN_A_NAME = re.compile(r"[^\w .'-]+")
_REFUSED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # Unicode's Cc and Cs, but for \n and \t

Turn = tuple[Message, ...]
"""A question and what answered it on this path: nothing where nothing did."""


def messages_for(
    asked: Message,
    path: Sequence[Message],
    *,
    system_prompt: str | None,
    prompt_tokens: int,
    named: bool,
    summary: Summary | None = None,
    locale: str | None = None,
    context: str = "",
) -> tuple[ChatMessage, ...]:
    """System prompt, the newest turns that fit, the question; about `prompt_tokens` estimated tokens.

    `path`: what was said before it, oldest first, or its end, which has to fill them (`fills`); `summary`: of
    the beginning of the whole. It stands for what does not fit. The system prompt and the question are always
    there, even if they alone are more. `named`: more than one person asked, in all that was said; then
    people are told apart by name. `locale`: the asker's.
    `context`: quoted data to be read with the question, in this turn alone.
    """
    system = (ChatMessage("system", cleaned(system_prompt)),) if system_prompt else ()
    question = said(asked, named=named)
    if context:
        question = ChatMessage("user", f"{context}\n\n{question.content}")
    room = prompt_tokens - prompt_size((*system, question))
    turns = turns_of(path)
    kept = _newest(turns, room, named=named)
    whole = len(kept) == len(turns) and (not path or path[0].parent_id is None)
    if summary is None or whole:
        return (*system, *_spoken(kept, named=named), question)
    notes = _notes(summary, locale)
    kept = _newest(after(turns, summary), room - estimate_tokens(notes), named=named)
    first, *rest = (*_spoken(kept, named=named), question)
    # In the words of whoever speaks first: many models want people and answers to take turns.
    return (*system, ChatMessage(first.role, f"{notes}\n\n{first.content}"), *rest)


def fills(path: Sequence[Message], tokens: int, *, named: bool) -> bool:
    """Whether the whole turns of this end of a path are more than so many tokens: of what stands above them
    nothing can be shown."""
    return sum(turn_size(turn, named=named) for turn in turns_of(path)) > tokens


def turns_of(path: Iterable[Message]) -> list[Turn]:
    """The turns of a path. What was withdrawn is left out, with its answer and with what that went on to."""
    turns: list[Turn] = []
    for message in path:
        if message.role is Role.USER:
            turns.append((message,))
        elif turns:  # else its question is beyond what was read
            turns[-1] = (*turns[-1], message)
    kept: list[Turn] = []
    left_out = False
    for question, *answer in turns:
        left_out = is_withdrawn(question) or (left_out and asks_to_go_on(question))
        if not left_out:
            kept.append((question, *answer))
    return kept


def after(turns: Sequence[Turn], summary: Summary | None) -> list[Turn]:
    """The turns that a summary says nothing of."""
    if summary is None:
        return list(turns)
    ends = [index for index, turn in enumerate(turns) if any(one.id == summary.until_id for one in turn)]
    return list(turns[ends[-1] + 1 :] if ends else turns)


def turn_size(turn: Turn, *, named: bool) -> int:
    """About how many tokens a turn is."""
    return prompt_size(_spoken([turn], named=named))


def prompt_size(messages: Iterable[ChatMessage]) -> int:
    """About how many tokens the messages are."""
    return sum(estimate_tokens(message.content) + _TOKENS_PER_MESSAGE for message in messages)


def is_named(messages: Iterable[Message | Outlined]) -> bool:
    """Whether more than one person asked."""
    return len({message.asker for message in messages}) > 1


def is_withdrawn(message: Message) -> bool:
    """Whether a question was deleted while the conversation went on."""
    return not message.text and not message.quote


def asks_to_go_on(question: Message) -> bool:
    """Whether nobody asked it, but pressed Continue under the answer before it."""
    return question.text in {say("continue.question", language) for language in LANGUAGES}


def harmless_name(name: str) -> str:
    """A name as the model may read it: letters, digits and a few signs on one line, or `someone`: also where
    it is a word by which the model knows itself or who instructs it."""
    plain = _NOT_IN_A_NAME.sub(" ", unicodedata.normalize("NFKC", name).replace("_", " "))
    shown = " ".join(plain.split())[:_LONGEST_NAME].strip()
    return _NOBODY if not shown or shown.strip(" .'-").casefold() in _ROLES else shown


def cleaned(text: str) -> str:
    """Without control characters and lone surrogates, which some endpoints refuse the whole request for."""
    return _REFUSED.sub("", text)


def is_blank(text: str) -> bool:
    """Whether there is nothing to read: white space, control and format characters, unassigned ones."""
    return all(unicodedata.category(char)[0] in "CZ" for char in text)


def as_data(text: str) -> str:
    """Behind `>` line by line: nothing in it begins a line of its own."""
    return "\n".join(f"> {line}" for line in cleaned(text).strip().splitlines())


def quoted(quote: Quote | None, earlier: Sequence[Seen] = ()) -> str:
    """What a question quotes, as the model reads it; empty where there is nothing to quote.

    `earlier`: what the quoted message was a reply to, and so on, oldest first; the nearest that have room.
    """
    above = _chain(earlier)
    if quote is None or not cleaned(quote.text).strip():
        return above
    text = cleaned(quote.text).strip()
    if len(text) > _LONGEST_QUOTE:
        text = text[:_LONGEST_QUOTE] + " …"
    author = "you" if quote.by_us else harmless_name(quote.author_name)
    own = f"(In reply to this message by {author}:)\n{as_data(text)}"
    return f"{above}\n{own}" if above else own


def on_one_line(seen: Seen, longest: int) -> str:
    """A message as one line, with who wrote it: no text in it can pass for another's."""
    text = " ".join(cleaned(seen.text).split())
    if len(text) > longest:
        text = text[:longest] + " …"
    return f"{'you' if seen.by_us else harmless_name(seen.author.name)}: {text}"


def _chain(earlier: Sequence[Seen]) -> str:
    lines: list[str] = []
    room = _LONGEST_CHAIN
    for seen in reversed(earlier):
        if not cleaned(seen.text).strip():
            continue
        line = on_one_line(seen, _LONGEST_LINK)
        room -= len(line)
        if room < 0:
            break
        lines.insert(0, f"> {line}")
    return "\n".join(["(Messages before that, each a reply to the one above it:)", *lines]) if lines else ""


def said(message: Message, *, named: bool) -> ChatMessage:
    """A message of the tree as the model reads it."""
    if message.role is Role.ASSISTANT:
        return ChatMessage("assistant", message.text)
    text = cleaned(message.text)
    if named:
        text = f"{harmless_name(message.name)}: {text}"
    return ChatMessage("user", f"{message.quote}\n\n{text}" if message.quote else text)


def _newest(turns: Sequence[Turn], room: int, *, named: bool) -> list[Turn]:
    kept: list[Turn] = []
    for turn in reversed(turns):
        room -= turn_size(turn, named=named)
        if room < 0:
            break
        kept.insert(0, turn)
    return kept


def _spoken(turns: Iterable[Turn], *, named: bool) -> list[ChatMessage]:
    return [said(message, named=named) for turn in turns for message in turn]


def _notes(summary: Summary, locale: str | None) -> str:
    return f"{say('summary.before', locale)}\n{as_data(summary.text)}"
