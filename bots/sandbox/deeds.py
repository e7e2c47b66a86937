"""What a person does on the page, as the browser sends it, and what becomes of it."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from bots.sandbox.discord.server import DiscordServer
from bots.sandbox.telegram.server import TelegramServer

Platform: TypeAlias = Literal["discord", "telegram"]


class Deed(msgspec.Struct, tag_field="do", frozen=True, kw_only=True):
    """Something that `person` does in `chat`; `ticket` returns with the answer."""

    ticket: int
    person: str
    chat: str = ""


class OnEither(Deed, frozen=True, kw_only=True):
    """A deed that both platforms know."""

    platform: Platform


class Say(OnEither, tag="say", frozen=True, kw_only=True):
    """Write a message."""

    text: str
    reply_to: str | None = None


class Edit(OnEither, tag="edit", frozen=True, kw_only=True):
    """Change an own message."""

    message: str
    text: str


class Delete(OnEither, tag="delete", frozen=True, kw_only=True):
    """Delete a message."""

    message: str


class Press(OnEither, tag="press", frozen=True, kw_only=True):
    """Press a button under a message."""

    message: str
    button: str


class Menu(OnEither, tag="menu", frozen=True, kw_only=True):
    """Ask which commands are offered here; they are the result."""


class SetLanguage(OnEither, tag="set_language", frozen=True, kw_only=True):
    """Choose the language of the client."""

    language: str


class Invoke(Deed, tag="invoke", frozen=True, kw_only=True):
    """Send a slash command in Discord."""

    command: str
    options: dict[str, str]


class Complete(Deed, tag="complete", frozen=True, kw_only=True):
    """Ask for the choices of an option being typed in Discord; they are the result."""

    command: str
    options: dict[str, str]
    focused: str


class UseOnMessage(Deed, tag="use_on_message", frozen=True, kw_only=True):
    """Use a command of a message's context menu in Discord."""

    message: str
    command: str


class Choose(Deed, tag="choose", frozen=True, kw_only=True):
    """Choose in a select under a message in Discord."""

    message: str
    select: str
    values: list[str]


class Submit(Deed, tag="submit", frozen=True, kw_only=True):
    """Send a form in Discord."""

    modal: str
    values: dict[str, str | list[str]]


class CloseModal(Deed, tag="close_modal", frozen=True, kw_only=True):
    """Close a form in Discord."""

    modal: str


class OpenThread(Deed, tag="open_thread", frozen=True, kw_only=True):
    """Open a thread in Discord, on a message or without one; its id is the result."""

    name: str
    message: str | None = None


class OpenPost(Deed, tag="open_post", frozen=True, kw_only=True):
    """Write a post in a forum of Discord; its id is the result."""

    title: str
    text: str


class Inline(Deed, tag="inline", frozen=True, kw_only=True):
    """Type a query after the bot's name in Telegram; what it offers is the result."""

    query: str


class ChooseInline(Deed, tag="choose_inline", frozen=True, kw_only=True):
    """Send one of the offered results in Telegram."""

    query: str
    result: str


class Follow(Deed, tag="follow", frozen=True, kw_only=True):
    """Open a link that leads to the bot in Telegram."""

    url: str


class StopDraft(Deed, tag="stop_draft", frozen=True, kw_only=True):
    """Stop the draft in the private chat in Telegram."""


Shared: TypeAlias = Say | Edit | Delete | Press | Menu | SetLanguage
OnDiscord: TypeAlias = Invoke | Complete | UseOnMessage | Choose | Submit | CloseModal | OpenThread | OpenPost
OnTelegram: TypeAlias = Inline | ChooseInline | Follow | StopDraft
AnyDeed: TypeAlias = Shared | OnDiscord | OnTelegram


async def perform(deed: AnyDeed, discord: DiscordServer, telegram: TelegramServer) -> Any:
    """Do it; the result, when there is one. Raises what the servers raise at what is not possible."""
    if isinstance(deed, Shared):
        return await _on_either(deed, discord if deed.platform == "discord" else telegram)
    if isinstance(deed, OnDiscord):
        return await _on_discord(deed, discord)
    return await _on_telegram(deed, telegram)


async def _on_either(deed: Shared, server: DiscordServer | TelegramServer) -> Any:
    match deed:
        case Say():
            await server.say(deed.person, deed.chat, deed.text, reply_to=deed.reply_to)
        case Edit():
            await server.edit_own(deed.person, deed.chat, deed.message, deed.text)
        case Delete():
            await server.delete(deed.person, deed.chat, deed.message)
        case Press():
            await server.press(deed.person, deed.chat, deed.message, deed.button)
        case SetLanguage():
            await server.set_language(deed.person, deed.language)
        case Menu():
            return server.menu(deed.person, deed.chat)
    return None


async def _on_discord(deed: OnDiscord, server: DiscordServer) -> Any:
    match deed:
        case Invoke():
            await server.invoke(deed.person, deed.chat, deed.command, deed.options)
        case UseOnMessage():
            await server.use_on_message(deed.person, deed.chat, deed.message, deed.command)
        case Choose():
            await server.choose(deed.person, deed.chat, deed.message, deed.select, deed.values)
        case Submit():
            await server.submit(deed.person, deed.modal, deed.values)
        case CloseModal():
            await server.close_modal(deed.person, deed.modal)
        case OpenThread():
            return await server.open_thread(deed.person, deed.chat, deed.name, message=deed.message)
        case OpenPost():
            return await server.open_post(deed.person, deed.chat, deed.title, deed.text)
        case Complete():
            return await server.complete(deed.person, deed.chat, deed.command, deed.options, deed.focused)
    return None


async def _on_telegram(deed: OnTelegram, server: TelegramServer) -> Any:
    match deed:
        case Inline():
            return await server.inline(deed.person, deed.chat, deed.query)
        case ChooseInline():
            await server.choose_inline(deed.person, deed.chat, deed.query, deed.result)
        case Follow():
            await server.follow(deed.person, deed.url)
        case StopDraft():
            await server.stop_draft(deed.person, deed.chat)
    return None
