"""Inline mode: what people ask of the bot from any chat, and the results that it offers.

core.telegram.org/bots/api#inline-mode
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any, Final

from bots.sandbox.telegram import objects
from bots.sandbox.telegram.errors import bad_request
from bots.sandbox.telegram.hub import Hub
from bots.sandbox.telegram.keyboards import keyboard_of
from bots.sandbox.telegram.params import Params
from bots.sandbox.telegram.text import MAX_TEXT, Entity, formatted
from bots.sandbox.telegram.world import Chat, Message, Person

MAX_RESULTS: Final = 50
MAX_RESULT_ID: Final = 64  # bytes
MAX_QUERY: Final = 256  # characters
ANSWERED_WITHIN_S: Final = 10.0  # a client shows nothing any more
_KEPT_QUERIES: Final = 200

Json = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """One result, checked: an article and the message that it becomes."""

    id: str
    title: str
    about: str
    text: str
    entities: list[Entity]
    markup: Json | None


@dataclass(frozen=True)
class Query:
    """What a person typed after the bot's name, and who waits for the results."""

    id: str
    person: Person
    text: str
    answer: asyncio.Future[Json]


class Inline:
    """Queries on their way to the bot, results on their way back."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._open: dict[str, Query] = {}
        self._results: dict[str, tuple[Query, dict[str, Result]]] = {}

    def answer_inline_query(self, params: Params) -> bool:
        """answerInlineQuery: articles with a text, each query once."""
        query = self._open.get(params.text("inline_query_id") or "")
        if query is None:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        raw = params.json("results")
        if not isinstance(raw, list):
            raise bad_request("can't parse inline query results: expected an Array")
        if len(raw) > MAX_RESULTS:
            raise bad_request("RESULTS_TOO_MUCH")
        results = [_result(one) for one in raw]
        by_id = {result.id: result for result in results}
        if len(by_id) < len(results):
            raise bad_request("RESULT_ID_DUPLICATE")
        button = params.json("button")
        del self._open[query.id]
        self._results[query.id] = query, by_id
        while len(self._results) > _KEPT_QUERIES:
            del self._results[next(iter(self._results))]
        listed = [{"id": one.id, "title": one.title, "about": one.about} for one in results]
        found: Json = {"query": query.id, "results": listed, "next_offset": params.text("next_offset") or ""}
        found["button"] = button if isinstance(button, dict) else None
        if not query.answer.done():
            query.answer.set_result(found)
        return True

    async def ask(self, person: Person, chat: Chat, text: str, offset: str) -> Json:
        """Send a query and wait for what the bot offers; nothing when that takes too long."""
        loop = asyncio.get_running_loop()
        query = Query(secrets.token_hex(8), person, text[:MAX_QUERY], loop.create_future())
        self._open[query.id] = query
        kind = "sender" if chat.kind == "private" else chat.kind
        self._hub.updates.add(
            "inline_query",
            {
                "id": query.id,
                "from": objects.user(person),
                "query": query.text,
                "offset": offset,
                "chat_type": kind,
            },
        )
        late = loop.call_later(ANSWERED_WITHIN_S, self._too_late, query)
        try:
            return await query.answer
        finally:
            late.cancel()

    def chosen(self, person: Person, chat: Chat, query_id: str, result_id: str, topic: int | None) -> Message:
        """The message that a chosen result becomes. Raises KeyError when there is no such result."""
        query, results = self._results[query_id]
        result = results[result_id]
        if query.person.id != person.id:
            raise PermissionError(f"{person.name} was not offered this")
        message = self._hub.world.add_message(
            chat,
            person,
            self._hub.unix_time(),
            text=result.text,
            entities=result.entities,
            markup=result.markup,
            topic=topic,
            via_bot=self._hub.bot,
        )
        if result.markup:  # only then may the bot change it later
            message.inline_id = secrets.token_urlsafe(20)
            self._hub.inline_messages[message.inline_id] = message
        if self._hub.inline_feedback:
            chosen = {"result_id": result.id, "from": objects.user(person), "query": query.text}
            more = {"inline_message_id": message.inline_id} if message.inline_id else {}
            self._hub.updates.add("chosen_inline_result", chosen | more)
        return message

    def _too_late(self, query: Query) -> None:
        self._open.pop(query.id, None)
        if not query.answer.done():
            query.answer.set_result({"query": query.id, "results": [], "next_offset": "", "button": None})


def _result(raw: object) -> Result:
    if not isinstance(raw, dict):
        raise bad_request("can't parse inline query result: expected an Object")
    result_id = str(raw.get("id") or "")
    if not 1 <= len(result_id.encode()) <= MAX_RESULT_ID:
        raise bad_request("RESULT_ID_INVALID")
    if raw.get("type") != "article":
        raise bad_request("the sandbox takes no inline results but articles")
    if not str(raw.get("title") or "").strip():
        raise bad_request("can't parse inline query result: title must be non-empty")
    content = raw.get("input_message_content")
    if not isinstance(content, dict):
        raise bad_request("can't parse inline query result: input_message_content is expected")
    if content.get("parse_mode") is not None:
        raise bad_request("the sandbox takes entities, no parse_mode")
    text, entities = formatted(
        str(content.get("message_text") or ""), content.get("entities"), limit=MAX_TEXT
    )
    if not text:
        raise bad_request("message text is empty")
    about = str(raw.get("description") or "")
    return Result(result_id, str(raw["title"]), about, text, entities, keyboard_of(raw.get("reply_markup")))
