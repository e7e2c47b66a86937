"""What stands behind a page that has ended, and shows nothing."""

from __future__ import annotations

import pytest

from bots.discord.markdown import DiscordRenderer
from core.streaming.answer import Answer, Ending
from core.streaming.operations import BucketKey, Button, Delivered, MessageContent
from core.streaming.scheduler import EditScheduler
from core.streaming.view_settings import ViewSettings
from core.streaming.ways import Way

SENTENCE = "The gate opens slowly over the water and then it closes once more. "


@pytest.mark.parametrize("rest", ["<br>", "\n\n<br>\n"])
def test_an_answers_buttons_stand_under_its_last_message_though_its_rest_shows_nothing(rest: str) -> None:
    scheduler, answer = EditScheduler({}), Answer()
    way = Way(lambda *_: (BucketKey("channel"),))
    view = scheduler.show(answer, ViewSettings(DiscordRenderer(), (way,)), 0.0)
    shown: dict[str, MessageContent] = {}
    now = 0.0

    def go_on() -> None:
        nonlocal now
        scheduler.changed(answer)
        for _ in range(5):
            now += 1.5
            for operation in scheduler.operations_to_perform(now):
                assert operation.content is not None
                message_id = operation.message_id or f"m{len(shown) + 1}"
                shown[message_id] = operation.content
                scheduler.performed(operation, Delivered(message_id), now)

    for delta in (*[SENTENCE] * 26, rest):
        answer.append(delta, now)
        go_on()
    answer.end(Ending.COMPLETE, now, buttons=(Button("retry", "Retry"),))
    go_on()
    assert scheduler.view(view).done
    assert [one.label for one in shown[f"m{len(shown)}"].buttons] == ["Retry"]
