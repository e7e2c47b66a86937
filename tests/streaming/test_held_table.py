"""A table that is held until its first rows are there costs no look at each delta."""

from __future__ import annotations

from bots.discord.markdown import DiscordRenderer
from core.streaming.answer import Answer
from core.streaming.operations import BucketKey, OperationKind
from core.streaming.view import View
from core.streaming.view_settings import ViewSettings
from core.streaming.ways import Way

WAY = Way(lambda kind, page: (BucketKey("channel", "c"),))


def test_also_before_the_page_is_a_message() -> None:
    answer = Answer()
    view = View(answer, ViewSettings(DiscordRenderer(), (WAY,)), 0.0)
    answer.append("| level | gate |\n|---|---|\n| low ", 0.0)
    assert view.update(2.0, 0) is None
    answer.append("| closed, or nearly so ", 2.5)
    assert view.want(3.0) is None
    answer.append("|\n| middle | half open |\n| high | open |\n|", 4.0)
    want = view.want(5.0)
    assert want is not None
    assert want.kind is OperationKind.SEND
    assert view.update(5.0, 0) is not None
