"""The buttons under an answer, and what a press on one asks for.

The law: Stop while it streams. Then, in private chats and threads, the variants and Retry; everywhere
Continue under what was cut, and Retry under what was interrupted or failed, which nobody wanted, or
stopped, which may have been a slip. In channels and groups a finished answer has no other: they would be
clutter for all who did not ask. Under what only one person sees there is Continue alone, since later
presses could not change it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.catalogue import say
from core.conversation.history import Question
from core.messages import ButtonPress, Place, PlaceKind
from core.service.languages import language_of
from core.service.signing import Signer
from core.streaming.answer import Ending
from core.streaming.operations import Button, ButtonStyle


class Action(StrEnum):
    """What a button does, and what its data begins with; the id of what it is about follows."""

    STOP = "stop"  # a turn
    RETRY = "retry"  # a question
    VARIANT = "variant"  # a question, and the number of an answer to it
    CONTINUE = "continue"  # an answer
    RESUME = "resume"  # the message at which a paused conversation ended


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a press asks for. `number`: of a variant, from 1."""

    action: Action
    id: str
    number: int = 0


GOES_ON: Final = frozenset({Ending.LENGTH, Ending.INTERRUPTED, Ending.FAILED, Ending.STOPPED})
"""Endings after which an answer may go on."""
_ASKED_AGAIN: Final = frozenset({Ending.INTERRUPTED, Ending.FAILED, Ending.STOPPED})
"""Also where others read along."""


def action_of(data: str) -> Action | None:
    """What a button with this data would do, whoever made it."""
    word = data.partition(":")[0]
    return next((action for action in Action if action == word), None)


class Buttons:
    """Makes them and reads them."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def stop(self, turn_id: str, place: Place, locale: str | None) -> Button:
        return self._button(place, say("button.stop", locale), ButtonStyle.DANGER, Action.STOP, turn_id)

    def resume(self, message_id: str, place: Place, locale: str | None) -> Button:
        return self._button(place, say("button.resume", locale), ButtonStyle.PLAIN, Action.RESUME, message_id)

    def under(
        self,
        question: Question,
        question_id: str,
        answer_id: str,
        ending: str,
        *,
        number: int = 1,
        variants: int = 1,
        may_go_on: bool = True,
    ) -> tuple[Button, ...]:
        """What stands under an answer that has ended so: the `number`th of so many `variants`. `may_go_on`:
        it has text, and did not go on yet."""
        place, plain = question.place, ButtonStyle.PLAIN
        locale = language_of(question.asker, place)
        row: list[Button] = []
        stays = place.kind is not PlaceKind.SHARED
        if (stays or ending in _ASKED_AGAIN) and not question.private:
            for target, label in (
                (number - 1, "◀"),
                (number, f"{number}/{variants}"),
                (number + 1, "▶"),
            ):
                if stays and variants > 1 and 1 <= target <= variants:
                    row.append(self._button(place, label, plain, Action.VARIANT, question_id, str(target)))
            row.append(self._button(place, say("button.retry", locale), plain, Action.RETRY, question_id))
        if may_go_on and ending in GOES_ON:
            row.append(self._button(place, say("button.continue", locale), plain, Action.CONTINUE, answer_id))
        return tuple(row)

    def read(self, press: ButtonPress) -> Pressed | None:
        """What a press asks for; None where the button is forged, or stands elsewhere."""
        data = (self._signer.read(press.data, press.place) if press.stands else None) or ""
        action = action_of(data)
        match data.split(":")[1:]:
            case [id_] if action is not None and action is not Action.VARIANT:
                return Pressed(action, id_)
            case [id_, number] if action is Action.VARIANT and number.isdecimal():
                return Pressed(action, id_, int(number))
        return None

    def _button(self, place: Place, label: str, style: ButtonStyle, *data: str) -> Button:
        return Button(self._signer.sign(":".join(data), place), label, style)
