"""`/privacy`: what is kept, why and how long, who else reads it, and who runs the bot.

Its buttons are for everybody, whether or not the bot serves them: what somebody writes in a chat may be part
of what others ask there.
"""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import urlsplit

from core.commands.call import Call, Press
from core.commands.command import Command, Menu
from core.commands.declared.forget import ASK
from core.configuration import Configuration, Provider
from core.conversation.preferences import person_scope
from core.ports.store import StoreError
from core.service.retention import OVERHEARD_DAYS
from core.streaming.operations import Button, ButtonStyle

log = logging.getLogger(__name__)

_OPENAI: Final = "api.openai.com"
"""Where the openai library asks when no address is given."""
_HOSTS: Final = 10
_APART: Final = "privacy:apart:"
"""`on` or `off` follows."""
_FLIP: Final = {True: "button.apart.on", False: "button.apart.off"}
_DONE: Final = {"on": "apart.on", "off": "apart.off"}


async def run(call: Call) -> None:
    configuration = call.services.configuration()
    days = configuration.defaults.retention_days
    lines = [
        call.say("privacy.kept"),
        "- " + call.say("privacy.messages"),
        "- " + call.say("privacy.choices"),
        "- " + call.say("privacy.usage"),
        "- " + call.say("privacy.overheard", days=OVERHEARD_DAYS),
        "",
        call.say("privacy.days", days=days) if days else call.say("privacy.for_ever"),
        call.say("privacy.apart"),
        "",
        _provider(call, configuration),
        *_moderation(call, configuration),
        "",
        _operator(call, configuration),
    ]
    export = Button("export:all", call.say("button.export"))
    forget = Button(ASK, call.say("button.forget_me"), ButtonStyle.DANGER)
    apart = bool(await call.services.chat.choices.apart([str(call.person)]))
    flip = Button(_APART + ("off" if apart else "on"), call.say(_FLIP[not apart]))
    call.reply("\n".join(lines), ((export, forget), (flip,)))


async def press(press: Press) -> None:
    wish = press.data.removeprefix(_APART)
    if wish not in _DONE:
        press.reply(press.say("form.over"), private=True)
        return
    try:
        await press.services.chat.choices.choose(person_scope(str(press.person)), "apart", wish)
    except StoreError as error:
        log.error("what %s chose is not kept: %s", press.person, error)
        press.reply(press.say("settings.not_kept"), private=True)
        return
    press.reply(press.say(_DONE[wish]), private=True)


def _provider(call: Call, configuration: Configuration) -> str:
    hosts: dict[str, str] = {}  # with what is told of it
    embedded = False
    for model in configuration.models.values():
        provider = configuration.providers.get(model.provider)
        if provider is None:
            embedded = True
        else:
            host = _host(provider)
            hosts[host] = hosts.get(host) or provider.privacy
    words = [call.say("privacy.provider", hosts=", ".join(f"`{host}`" for host in [*hosts][:_HOSTS]))]
    if embedded:
        words.append(call.say("privacy.embedded"))
    told = [f"\n- `{host}`: {privacy}" for host, privacy in [*hosts.items()][:_HOSTS] if privacy]
    return " ".join(words if hosts else words[1:]) + "".join(told)


def _moderation(call: Call, configuration: Configuration) -> tuple[str, ...]:
    rules = configuration.moderation
    if not rules.on:
        return ()
    judge = configuration.models.get(rules.model or "")
    provider = configuration.providers.get((judge.provider if judge else rules.provider) or "")
    if provider is None:
        return (call.say("privacy.moderated_here"),)
    return (call.say("privacy.moderated", host=f"`{_host(provider)}`"),)


def _host(provider: Provider) -> str:
    return urlsplit(provider.base_url).hostname or "" if provider.base_url else _OPENAI


def _operator(call: Call, configuration: Configuration) -> str:
    admins = call.services.access.admins_on(call.place.platform)
    if configuration.operator:
        return call.say("privacy.operator", operator=configuration.operator)
    if admins:
        return call.say("privacy.operator", operator=", ".join(f"`{admin}`" for admin in admins))
    return call.say("privacy.operator_unknown")


COMMAND: Final = Command(
    "privacy",
    run,
    press=press,
    for_strangers=True,
    private=True,
    portable=True,
    menu=Menu.LISTED,
    repeatable=True,
)
