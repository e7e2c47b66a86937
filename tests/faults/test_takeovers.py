"""What the matrix found of takeovers, each alone."""

from __future__ import annotations

import pytest

from tests.fakes.model_faults import LASTING, Kind, at_delta
from tests.faults.cases import At, Case, Fault, Moment, On, Platform, Process
from tests.faults.play import Evidence, played


def _labels(seen: Evidence) -> list[str]:
    return [button.label for button in list(seen.post.messages.values())[-1].content.buttons]


@pytest.mark.parametrize("on", [On.CHANNEL, On.CHAT])
def test_an_answer_taken_over_at_its_last_edit_has_its_buttons(on: On) -> None:
    reset = Fault(Kind.RESET, at_delta(5), LASTING)
    whole = played(Case(on, (reset,)))
    last = whole.post.world.operations - 1
    killed = played(
        Case(
            on,
            (
                reset,
                Fault(Process.KILL, Moment(At.COMMITTED, last)),
            ),
        )
    )
    assert killed.post.texts == whole.post.texts
    assert _labels(killed) == _labels(whole) != []


def test_a_page_shown_anew_is_another_message_than_the_one_that_takes_no_edit() -> None:
    """Its nonce is another, so that the platform takes it."""
    faults = (Fault(Process.LEASE_LOST, Moment(At.IN_FLIGHT, 3)), Fault(Platform.FROZEN, at_delta(4)))
    seen = played(Case(On.CHANNEL, faults))
    assert [text.endswith("*") for text in seen.post.texts][-1]
