"""Resume: a conversation that had paused goes on, with what was said since."""

from __future__ import annotations

from dataclasses import replace

from core.conversation.history import lane_of
from core.ports.store import Lane, LaneKey, Message
from core.service.caller import Caller
from core.service.conversations import Conversations, new_id
from core.service.queue import TurnQueue


class Resuming:
    def __init__(self, conversations: Conversations, queue: TurnQueue) -> None:
        self._conversations = conversations
        self._store = conversations.store
        self._queue = queue

    async def resume(self, caller: Caller, leaf_id: str) -> str:
        """Go on with a conversation that had paused; what was said since comes along, once it is answered.
        Returns the key of the words to tell the person."""
        leaf = await self._store.message(leaf_id)
        if leaf is None:
            return "resume.over"
        lane = lane_of(caller.place, caller.person)
        if lane.person and not caller.may_change(leaf):
            return "resume.not_yours"
        while True:
            async with self._conversations.lanes.lock(lane):
                kept = await self._conversations.lanes.end(lane)
                if kept is not None and kept.conversation_id == leaf.conversation_id:
                    return "resume.over"
                running = [
                    turn
                    for turn in self._queue.running
                    if kept and turn.conversation_id == kept.conversation_id
                ]
                if not running:
                    await self._move(lane, kept, leaf)
                    return "resume.done"
            await running[0].finished.wait()

    async def _move(self, lane: LaneKey, kept: Lane | None, leaf: Message) -> None:
        since = await self._store.path(kept.leaf_id) if kept and kept.leaf_id else ()
        for message in since:
            shown = await self._store.shows(message.id)
            moved = replace(message, id=new_id(), conversation_id=leaf.conversation_id, parent_id=leaf.id)
            await self._store.add(moved, shown)
            leaf = moved
        await self._conversations.move(lane, leaf.conversation_id, leaf.id)
