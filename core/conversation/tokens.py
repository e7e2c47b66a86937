"""How many tokens a model takes, and how far our estimates are from what its provider counts.

The law: a budget is in the provider's tokens. What is estimated is compared with what was counted, turn by
turn, and the running ratio turns the budget into estimated tokens. The ratio is of a model and one
conversation: it depends on the language, and what one place says is not to change what another is shown. A
model that refuses a prompt for its length is shown half of it, and no more than that from then on: that is a
fact about the model.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from core.configuration import ModelChoice

LEAST_RATIO: Final = 0.5
MOST_RATIO: Final = 3.0
"""A script of which each sign is a token of its own is estimated at a third or a fourth of what it is."""
LEAST_PROMPT: Final = 200  # tokens
_RATIOS: Final = 10_000  # of the conversations used last
_WEIGHT: Final = 0.25  # of the newest turn
_LEAST_SAMPLE: Final = 40  # estimated tokens: of less, most is what a chat template adds


@dataclass(frozen=True, slots=True)
class Ratio:
    """Counted tokens for each estimated one, always within LEAST_RATIO and MOST_RATIO."""

    value: float = 1.0
    learned: bool = False

    def after(self, *, estimated: int, counted: int) -> Ratio:
        """With what one more prompt was estimated at, and what the provider counted."""
        if estimated < _LEAST_SAMPLE or counted <= 0:
            return self
        seen = min(MOST_RATIO, max(LEAST_RATIO, counted / estimated))
        return Ratio(self.value + _WEIGHT * (seen - self.value) if self.learned else seen, learned=True)


@dataclass(slots=True)
class Budgets:
    """What each model may be shown at once: what its choice says, unless it is known to take less.

    What is known to be refused is known of a model and that budget: a budget that is changed counts.
    """

    _ratios: OrderedDict[tuple[str, str], Ratio] = field(default_factory=OrderedDict)
    _less: dict[tuple[str, int], int] = field(default_factory=dict)

    def ratio(self, model: str, conversation_id: str) -> float:
        return self._ratios.get((model, conversation_id), Ratio()).value

    def of(self, choice: ModelChoice, conversation_id: str) -> int:
        """Estimated tokens of this conversation that fit into the model's budget."""
        return int(self._tokens(choice) / self.ratio(choice.model, conversation_id))

    def learn(self, model: str, conversation_id: str, *, estimated: int, counted: int) -> None:
        """A prompt of so many estimated tokens was counted as so many."""
        key = model, conversation_id
        ratio = self._ratios.get(key, Ratio())
        self._ratios[key] = ratio.after(estimated=estimated, counted=counted)
        self._ratios.move_to_end(key)
        if len(self._ratios) > _RATIOS:
            self._ratios.popitem(last=False)

    def refused(self, choice: ModelChoice, conversation_id: str, *, estimated: int) -> int:
        """The model does not take so many estimated tokens; how many of its own it is shown from now on."""
        tokens = int(estimated * self.ratio(choice.model, conversation_id)) // 2
        less = max(LEAST_PROMPT, min(tokens, self._tokens(choice)))
        self._less[choice.model, choice.prompt_tokens] = less
        return less

    def _tokens(self, choice: ModelChoice) -> int:
        return self._less.get((choice.model, choice.prompt_tokens), choice.prompt_tokens)
