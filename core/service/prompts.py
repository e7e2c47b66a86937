"""What the model is shown with a question: gathered as its turn begins, then composed within the model's
budget of tokens, as often as it is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from core.catalogue import say
from core.configuration import ModelChoice
from core.conversation.catchup import Citations, transcript
from core.conversation.preferences import Sees
from core.conversation.tokens import Budgets
from core.conversation.window import is_blank, messages_for, prompt_size
from core.messages import Person
from core.policy.spending import estimate_tokens
from core.ports.completions import ChatMessage, CompletionRequest, ModelError, ModelErrorKind, Usage
from core.service.choosing import Choices, Manner
from core.service.conversations import Conversations
from core.service.door import unanswered
from core.service.notices import Notices
from core.service.surroundings import Surroundings
from core.service.turn import Turn

log = logging.getLogger(__name__)

_SAID_AROUND_ASKED: Final = 0.7  # of the prompt at most, for what was said around: asked for just that
_SAID_AROUND: Final = 0.3  # else


class Prompts:
    """`choices`: asked how a question is answered, as its turn begins. `is_admin`: of the bot."""

    def __init__(
        self,
        *,
        choices: Choices,
        conversations: Conversations,
        surroundings: Surroundings,
        budgets: Budgets,
        notices: Notices,
        is_admin: Callable[[Person], bool],
    ) -> None:
        self._choices = choices
        self._conversations = conversations
        self._surroundings = surroundings
        self._budgets = budgets
        self._notices = notices
        self._is_admin = is_admin

    async def gather(self, turn: Turn) -> Manner | None:
        """Read all that may be shown, and how the question is answered; None where nobody answers it now."""
        question = turn.question
        if turn.asked is None:
            turn.earlier = await self._surroundings.chain(question, turn.surface)
        await self._conversations.prepare(turn)
        if turn.asked is not None and self._surroundings.withholds((turn.asked.asker,), question.place):
            # Since it was asked, as before a restart; or somebody else wants it answered again.
            unanswered("denied", question.event_id, question.place, question.asker)
            return None
        if self._surroundings.withholds(turn.speakers, question.place):
            turn.summary = None  # it may tell of what is withheld
        admin = self._is_admin(question.payer)
        manner = turn.manner = await self._choices.manner(question, turn.conversation_id, admin=admin)
        turn.asks(manner.choice.model)
        if manner.from_before:
            await self._conversations.read(turn, self._budgets.of(manner.choice, turn.conversation_id))
            turn.path = self._surroundings.of_the_served(turn.path, question.place)
        await self._leave_out_quotes(turn)
        if self._is_void(turn):
            return None
        if manner.preferences.sees is Sees.CHANNEL and not question.about:
            turn.about = await self._surroundings.lately(question, turn.conversation_id, turn.surface)
        return manner

    def request(self, turn: Turn, choice: ModelChoice) -> CompletionRequest:
        return CompletionRequest(
            self._messages(turn, choice),
            choice.model,
            temperature=choice.temperature,
            max_tokens=choice.max_tokens,
        )

    def size(self, turn: Turn, choice: ModelChoice) -> int:
        """Tokens, estimated, of what the model is shown."""
        return prompt_size(self._messages(turn, choice))

    def counted(self, turn: Turn, request: CompletionRequest, usage: Usage) -> None:
        """Learn from what the provider counted how far the estimates are off."""
        self._budgets.learn(
            turn.answered_by,
            turn.conversation_id,
            estimated=prompt_size(request.messages),
            counted=usage.prompt_tokens,
        )

    def shortens(
        self, turn: Turn, choice: ModelChoice, request: CompletionRequest, error: ModelError
    ) -> bool:
        """Whether the next request shows less than this one, which failed with the error."""
        if not _was_too_long(turn, request, error):
            return False
        shown = prompt_size(request.messages)
        tokens = self._budgets.refused(choice, turn.conversation_id, estimated=shown)
        log.info("turn %s: too long for %s; from now on %d tokens", turn.id, choice.model, tokens)
        return self.size(turn, choice) < shown

    def goes_on(self, turn: Turn, request: CompletionRequest) -> bool:
        """Whether it shows more of the conversation than the question."""
        spoken = [message for message in request.messages if message.role != "system"]
        return turn.goes_on and (len(spoken) > 1 or turn.summary is not None)

    def _is_void(self, turn: Turn) -> bool:
        """Whether nothing is left to ask, as after the store was asked; who asked is told."""
        question = turn.question
        if turn.forgotten:
            unanswered("forgotten", question.event_id, question.place, question.asker)
            return True
        if turn.asked is None or not (is_blank(turn.asked.text) and is_blank(turn.asked.quote)):
            return False
        # It was nothing but a quote, and whoever wrote that was forgotten, or is withheld by now.
        unanswered("empty", question.event_id, question.place, question.payer)
        words = say("message.empty", turn.locale)
        self._notices.reply(turn.surface, question.payer, words, ref=question.reply_to)
        return True

    async def _leave_out_quotes(self, turn: Turn) -> None:
        """Of what they wrote who are denied, or apart from others' questions, by now."""
        messages = (*turn.path, *filter(None, [turn.asked]))
        quoted = {person for message in messages for person in message.quotes}
        turn.leave_out_quotes_of(await self._surroundings.withheld(quoted, turn.question))

    def _messages(self, turn: Turn, choice: ModelChoice) -> tuple[ChatMessage, ...]:
        if turn.asked is None:
            raise RuntimeError("the question is not prepared")
        budget = self._budgets.of(choice, turn.conversation_id)
        from_before = turn.manner is None or turn.manner.from_before
        return messages_for(
            turn.asked,
            turn.path,
            system_prompt=choice.system_prompt,
            prompt_tokens=budget,
            named=from_before and turn.named,
            summary=turn.summary if from_before else None,
            locale=turn.locale,
            context=_said_around(turn, choice, budget),
        )


def _said_around(turn: Turn, choice: ModelChoice, budget: int) -> str:
    """What was said around the question, as far as there is room."""
    if not turn.about or turn.asked is None:
        return ""
    asked_for = bool(turn.question.about)
    room = budget - estimate_tokens(choice.system_prompt or "") - estimate_tokens(turn.asked.text)
    share = _SAID_AROUND_ASKED if asked_for else _SAID_AROUND
    told = transcript(turn.about, tokens=int(room * share), numbered=asked_for)
    if asked_for:
        turn.citations = Citations(told.links)
    return told.words


def _was_too_long(turn: Turn, request: CompletionRequest, error: ModelError) -> bool:
    """Refused for its length, with something in it that can be left out, and nothing answered yet."""
    return (
        error.kind is ModelErrorKind.CONTEXT_TOO_LONG
        and not turn.answer.length
        and (bool(turn.about) or any(message.role == "assistant" for message in request.messages))
    )
