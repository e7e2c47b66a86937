"""What an operation draws from is what the platform counts it by."""

from __future__ import annotations

from core.streaming.meters import RateLimit
from core.streaming.operations import BucketKey, Delivered, OperationKind
from core.streaming.scheduler import EditScheduler
from tests.streaming.test_ways import Stage
from tests.streaming.world import Story, World

LIMIT = RateLimit(5, 5.0)


def test_the_next_page_draws_from_the_bucket_of_sends() -> None:
    """The page stands as it ends, so that its ending is no edit and what is left to do is a send."""
    scheduler = EditScheduler({"account": (RateLimit(50, 1.0),), "send": (LIMIT,), "edit": (LIMIT,)})
    world = World(scheduler, lambda key: [])
    world.play([Story("a", [(0.2 * n, "word " if n % 3 else "more of it. ") for n in range(1, 80)], 150)])
    assert [call.operation.kind for call in world.calls].count(OperationKind.SEND) > 2
    assert {
        call.operation.kind.value for call in world.calls if call.operation.keys[-1].family == "edit"
    } == {"edit"}


def test_the_next_page_goes_the_way_that_knows_nonces() -> None:
    stage = Stage(page_units=300)
    stage.performed(stage.next("A sentence to begin with. "), Delivered("m1"))
    for number in range(60):
        stage.now += 0.7
        operation = stage.next(f"And number {number} of them. ")
        if operation.kind is OperationKind.SEND:
            assert operation.way == 1
            assert operation.keys == (BucketKey("edit", "c"),)
        stage.performed(operation, Delivered(operation.message_id or f"m{number}"))
    assert len(stage.view.messages) > 3
