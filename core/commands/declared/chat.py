"""`/chat`: a thread or topic in which every message is answered; where there are none, a new conversation."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from core.commands.call import Call
from core.commands.command import Argument, Command, Menu
from core.conversation.history import Question
from core.conversation.window import cleaned, harmless_name
from core.messages import PlaceKind
from core.ports.surface import NoThread, NotOpened, Opened
from core.streaming.inline import escaped

_SHOWN: Final = 300  # characters of a question that nobody else can see otherwise


async def run(call: Call) -> None:
    chat, name = call.services.chat, f"/chat in {call.place}"
    work = _chat(call)
    if not chat.later(work, name, of=call.person, surface=call.surface, event_id=call.event_id):
        call.reply(call.say("busy"))


async def _chat(call: Call) -> None:
    topic, question = call.text("topic"), call.text("question")
    if call.place.kind is not PlaceKind.SHARED:
        await _begin_here(call, call.say("chat.fresh"))
        return
    opened = await call.services.chat.threads.open(call.surface, call.person, topic or question)
    match opened:
        case Opened():
            await _begin_there(call, opened)
        case NotOpened(why=NoThread.NONE):
            await _begin_here(call, call.say("chat.no_threads"))
        case NotOpened(why=NoThread.PERMISSION, permission=permission):
            await _begin_here(call, call.say("chat.not_permitted", permission=permission))
        case NotOpened():
            await _begin_here(call, call.say("chat.not_opened"))


async def _begin_there(call: Call, opened: Opened) -> None:
    chat, there = call.services.chat, opened.surface
    kept = opened.hears_all and await chat.threads.answer_all(there.place)
    question = call.text("question")
    lines = [call.say("chat.opened" if kept else "chat.opened_by_mention")]
    if question:
        lines.insert(0, f"> **{escaped(harmless_name(call.person.name))}**: {_on_one_line(question)}")
    chat.notices.reply(there, call.person, "\n".join(lines), ref=None, private=False)
    call.reply(call.say("chat.opened_at", link=opened.link))
    if question:
        asked = _question(call, question)
        chat.ask(replace(asked, place=there.place, ref=None), there)


async def _begin_here(call: Call, words: str) -> None:
    key = await call.services.chat.exchanges.new(call.place, call.person)
    call.reply(words if key == "new.done" else call.say(key))
    if question := call.text("question"):
        call.services.chat.ask(_question(call, question), call.surface)


def _question(call: Call, text: str) -> Question:
    return Question(call.event_id, call.place, call.person, text, call.ref, call.incoming.quote)


def _on_one_line(text: str) -> str:
    line = " ".join(cleaned(text).split())
    return escaped(line if len(line) <= _SHOWN else line[:_SHOWN] + " …")


COMMAND: Final = Command(
    "chat",
    run,
    (Argument("topic", max_length=100, by_name=True), Argument("question")),
    private=True,
    menu=Menu.LISTED,
)
