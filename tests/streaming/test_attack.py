"""Refusals and pauses, as the scheduler and its buckets keep them."""

from __future__ import annotations

import pytest

from bots.telegram.entities import TelegramRenderer
from core.streaming.answer import Answer, Ending
from core.streaming.markdown import ends_sentence
from core.streaming.operations import BucketKey, NotSent, NotSentReason, ObservedLimit, OperationKind
from core.streaming.pages import Frame, Pages
from core.streaming.rate_limits import Bucket, Pacer, RateLimit
from core.streaming.rendering import Rendered, Renderer
from core.streaming.scheduler import EditScheduler
from core.streaming.view import ViewSettings
from tests.fakes.surface import FakeRenderer

TOKEN, ACCOUNT = BucketKey("interaction", "t"), BucketKey("account")


def test_a_refusal_for_a_bucket_that_was_not_drawn_from_pauses_the_operation_too() -> None:
    """Such as Cloudflare's ban of an address, met by an interaction, which is exempt from the account's."""
    scheduler = EditScheduler({"interaction": (RateLimit(5, 2.0),), "account": (RateLimit(50, 1.0),)})
    answer = Answer()
    answer.append("Words that are to be sent.", 0.0)
    answer.end(Ending.COMPLETE, 0.0)
    scheduler.show(answer, ViewSettings(FakeRenderer(), lambda kind: (TOKEN,)), 0.0)
    [operation] = scheduler.operations_to_perform(0.0)
    scheduler.performed(operation, NotSent(NotSentReason.RATE_LIMITED, 60.0, ACCOUNT), 0.1)
    assert scheduler.operations_to_perform(1.0) == []
    assert scheduler.next_deadline() > 60.0
    assert scheduler.pacer.ready_at((ACCOUNT,), 1.0) > 60.0


def test_a_long_pause_is_not_forgotten_with_its_idle_bucket() -> None:
    pacer = Pacer({"account": (RateLimit(50, 1.0),)})
    pacer.refused((ACCOUNT,), 7_200.0, 0.0)
    pacer.forget_idle(1_000.0)
    assert pacer.ready_at((ACCOUNT,), 1_000.0) > 7_200.0


def test_a_slow_typing_call_does_not_hold_back_the_first_text() -> None:
    scheduler = EditScheduler({"interaction": (RateLimit(5, 2.0),)})
    answer = Answer()
    settings = ViewSettings(FakeRenderer(), lambda kind: (TOKEN,), typing_lasts_s=10.0)
    scheduler.show(answer, settings, 0.0)
    [typing] = scheduler.operations_to_perform(0.0)
    answer.append("A whole sentence. ", 0.5)
    [send] = scheduler.operations_to_perform(0.5)
    assert (typing.kind, send.kind) == (OperationKind.TYPING, OperationKind.SEND)


def test_a_window_is_as_long_as_the_longest_rest_of_one_that_was_seen() -> None:
    """A platform whose windows begin by its own clock names a short rest to whoever comes late in one."""
    bucket = Bucket((RateLimit(5, 5.0),))
    learned = []
    for remaining, reset_after_s in [(4, 2.0), (4, 0.01), (3, 3.5), (4, 3.0)]:
        bucket.observe(ObservedLimit(TOKEN, 5, remaining, reset_after_s), 0.0)
        learned.append(bucket.limits)
    assert learned == [(RateLimit(5, window),) for window in (2.0, 2.0, 3.5, 3.5)]


def test_a_refusal_teaches_no_window() -> None:
    scheduler = EditScheduler({"interaction": (RateLimit(1, 5.0),)})
    answer = Answer()
    answer.append("Words that are to be sent.", 0.0)
    answer.end(Ending.COMPLETE, 0.0)
    scheduler.show(answer, ViewSettings(FakeRenderer(), lambda kind: (TOKEN,)), 0.0)
    [operation] = scheduler.operations_to_perform(0.0)
    rest = ObservedLimit(TOKEN, limit=1, remaining=0, reset_after_s=0.5)
    refusal = NotSent(NotSentReason.RATE_LIMITED, 0.5, TOKEN, observed=(rest,))
    scheduler.performed(operation, refusal, 0.1)
    assert scheduler.pacer.bucket(TOKEN).limits == (RateLimit(1, 5.0),)


class CountingRenderer(FakeRenderer):
    rendered = 0

    def render(self, markdown: str) -> Rendered:
        self.rendered += len(markdown)
        return super().render(markdown)


@pytest.mark.parametrize("text", ["word " * 10_000, "x" * 50_000, "| a | b |\n" * 5_000, "`\n" * 25_000])
def test_closing_a_page_renders_little_in_vain(text: str) -> None:
    """Converters take a time that grows faster than their text."""
    renderer = CountingRenderer()
    pages, answer = Pages(renderer), Answer(max_chars=10**9)
    answer.append(text, 0.0)
    assert pages.frame(answer).closed
    assert renderer.rendered <= 15 * renderer.page_units


def streamed(text: str, renderer: Renderer, delta: int = 7) -> list[Frame]:
    """The closed pages of a text that comes in small deltas and is looked at after each."""
    pages, answer = Pages(renderer), Answer(max_chars=10**9)
    closed: list[Frame] = []

    def look() -> bool:
        frame = pages.frame(answer)
        pages.accept(frame)
        closed.extend([frame] if frame.closed else [])
        return frame.closed and not frame.last

    for at in range(0, len(text), delta):
        answer.append(text[at : at + delta], 0.0)
        while look():
            pass
    answer.end(Ending.COMPLETE, 0.0)
    while look():
        pass
    return closed


SENTENCE = "The gate opens slowly over the water and then it closes once more. "
STEPS = "\n".join(
    f"{n}. **Step {n}:** {SENTENCE}\n    - detail\n        - deeper, about `x_{n}`" for n in range(1, 60)
)
SECTIONS = "\n\n".join(f"## Section {n}\n\n{SENTENCE * (1 + n * n % 7)}" for n in range(30))


@pytest.mark.parametrize("text", [SENTENCE * 60, STEPS, SECTIONS])
def test_a_page_of_a_streamed_answer_ends_with_a_sentence_or_line_that_leads_nowhere(text: str) -> None:
    closed = streamed(text, FakeRenderer(1_000))
    assert len(closed) >= 4
    for frame in closed[:-1]:
        last_line = frame.body.text.rsplit("\n", 1)[-1]
        assert text[frame.end] in " \n"
        assert last_line.endswith((".", "`", "detail"))
        assert not last_line.rstrip(".").isdigit()
        assert not last_line.startswith("#")
        assert frame.body.fill > 0.7


def test_a_lists_number_ends_no_sentence() -> None:
    assert [ends_sentence(text) for text in ("Yes.", "1.", "Done!\n\n12. ", "v2?")] == [
        True, False, False, True,
    ]  # fmt: skip


def test_a_nested_item_at_a_pages_start_is_no_code() -> None:
    text = "- item\n" + "".join(f"        - deeper {n} {SENTENCE}\n" for n in range(120))
    for frame in streamed(text, TelegramRenderer(), 97):
        assert not [entity for entity in frame.body.entities if getattr(entity, "type", "") == "pre"]
