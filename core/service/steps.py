"""What the journal keeps of a turn, as bytes: what it takes to do it, and the steps in which it was shown.

What was said around a question is other people's, and is not kept: a turn that was asked about just that
cannot be done again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import msgspec

from core.conversation.history import Joined, Question
from core.ports.journal import KeptTurn, OthersWords
from core.ports.store import Message
from core.streaming.answer import Ending
from core.streaming.operations import Button
from core.streaming.view_settings import Standing

_NOTHING: Final = Standing(None, 0, 0)
_SOMEWHERE: Final = -1  # as in steps that do not say it: after the step before


@dataclass(frozen=True, slots=True)
class TurnBody:
    """`address`: `Surface.address` of where it is answered. `asked_id`: of the question in the tree. `over`,
    `earlier`, `number`, `variants`: of `core.service.turn.Again`, where `asked` is answered again."""

    question: Question
    joined: Joined
    address: str = field(repr=False)  # may hold a token
    asked_id: str
    about: bool = False
    asked: Message | None = None
    over: tuple[str, ...] = ()
    earlier: str = ""
    number: int = 0
    variants: int = 0


class Quoted(msgspec.Struct, frozen=True, omit_defaults=True):
    """The quotes of a `TurnBody`: of its question, with the name of who wrote it, and of `asked`."""

    text: str = ""
    name: str = ""
    asked: str = ""


class Going(msgspec.Struct, frozen=True, tag="going", omit_defaults=True):
    """`page` is about to stand like this; `text` is what the model has said since the step before, from `at`
    on. `message_id`: where a message is edited."""

    page: int
    text: str
    start: int
    end: int
    closed: bool = False
    file: bool = False
    way: int = 0
    message_id: str | None = None
    at: int = _SOMEWHERE


class Stands(msgspec.Struct, frozen=True, tag="stands"):
    """`page` stands there, by this message."""

    page: int
    message_id: str


class Unheard(msgspec.Struct, frozen=True, tag="unheard"):
    """`page` was sent, and whether it stands there is not known."""

    page: int


class Ended(msgspec.Struct, frozen=True, tag="ended", omit_defaults=True):
    """The answer has ended, with `text` since the step before, from `at` on."""

    ending: Ending
    text: str = ""
    mark: str = ""
    buttons: tuple[Button, ...] = ()
    model: str = ""
    at: int = _SOMEWHERE


class GivenUp(msgspec.Struct, frozen=True, tag="given_up"):
    """A mark is about to be sent, and nothing else: whoever was taken over meanwhile hears of it by this."""


class Tried(msgspec.Struct, frozen=True, tag="tried"):
    """A process that has taken the turn over begins with it."""


AnyStep: TypeAlias = Going | Stands | Unheard | Ended | GivenUp | Tried
_ENCODER: Final = msgspec.json.Encoder()
_STEP: Final = msgspec.json.Decoder(AnyStep)
_BODY: Final = msgspec.json.Decoder(TurnBody)
_QUOTED: Final = msgspec.json.Decoder(Quoted)


@dataclass(frozen=True, slots=True)
class Known:
    """How far a turn had come. `standing`: its pages, in order. `tried`: how many processes that had taken it
    over began with it."""

    text: str = ""
    standing: tuple[Standing, ...] = ()
    ended: Ended | None = None
    tried: int = 0

    @property
    def is_shown(self) -> bool:
        """Whether the model is not asked again."""
        return bool(self.standing) or self.ended is not None

    @property
    def in_doubt(self) -> bool:
        """Whether its first message was about to be sent by the question's own way, and nothing is known of
        it since."""
        return bool(self.standing) and self.standing[0].message_id is None and not self.standing[0].way


def parted(body: TurnBody) -> tuple[bytes, OthersWords | None]:
    """A turn's body, and apart from it what it quotes of others."""
    question, asked = body.question, body.asked
    quoted, of = Quoted(), set[str]()
    quote = question.quote
    if quote is not None and question.quotes and (quote.text or quote.author_name):
        quoted = Quoted(quote.text, quote.author_name)
        body, of = replace(body, question=question.without_quote), {question.quotes}
    if asked is not None and asked.quotes:
        quoted = msgspec.structs.replace(quoted, asked=asked.quote)
        body, of = replace(body, asked=replace(asked, quote="")), of.union(asked.quotes)
    return encoded(body), OthersWords(tuple(sorted(of)), encoded(quoted)) if of else None


def encoded(value: TurnBody | Quoted | AnyStep) -> bytes:
    """A lone surrogate, which a model's JSON can hold, has no bytes: it is kept as what it is shown as."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return _ENCODER.encode(_cleaned(msgspec.to_builtins(value)))


def whole(kept: KeptTurn) -> TurnBody:
    """What `parted` was given, without quotes of who was forgotten meanwhile. Raises ValueError for what is
    none."""
    body = _BODY.decode(kept.body)
    if kept.others is None:
        return replace(body, asked=body.asked and _without_lost_quote(body.asked))
    quoted, question, asked = _QUOTED.decode(kept.others.body), body.question, body.asked
    if question.quotes and question.quote is not None:
        quote = replace(question.quote, text=quoted.text, author_name=quoted.name)
        question = replace(question, quote=quote)
    return replace(body, question=question, asked=asked and replace(asked, quote=quoted.asked or asked.quote))


def known(steps: Sequence[bytes]) -> Known:
    """Where so many steps have led. Raises ValueError for what is none.

    A step may be missing, as where the journal would not take it. What was built on it is passed over then:
    so what is known is always a beginning of what was said, in pages that follow one another.
    """
    texts: list[str] = []
    length = 0
    pages: list[Standing] = []
    ended: Ended | None = None
    tried = 0
    for step in map(_STEP.decode, steps):
        match step:
            case Going() | Ended() if step.at not in {_SOMEWHERE, length}:
                continue
            case Going() if step.page > len(pages):
                continue
            case Going():
                texts.append(step.text)
                length += len(step.text)
                before = pages[step.page] if step.page < len(pages) else _NOTHING
                message_id = step.message_id or before.message_id
                stands = Standing(message_id, step.start, step.end, step.closed, step.file, step.way)
                pages[step.page :] = [replace(stands, unheard=before.unheard)]
            case Stands() if step.page < len(pages):
                pages[step.page] = replace(pages[step.page], message_id=step.message_id)
            case Unheard() if step.page < len(pages):
                pages[step.page] = replace(pages[step.page], unheard=pages[step.page].unheard + 1)
            case Ended():
                texts.append(step.text)
                length += len(step.text)
                ended = step
            case Tried():
                tried += 1
            case GivenUp():
                pass
    return Known("".join(texts), tuple(pages), ended, tried)


def _without_lost_quote(asked: Message) -> Message:
    return asked if asked.quote else replace(asked, quotes=())


def _cleaned(plain: object) -> object:
    match plain:
        case str():
            return plain.encode("utf-8", "replace").decode()
        case list():
            return [_cleaned(one) for one in plain]
        case dict():
            return {key: _cleaned(one) for key, one in plain.items()}
    return plain
