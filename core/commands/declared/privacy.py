"""`/privacy`: what is kept, why and how long, who else reads it, and who runs the bot."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from core.commands.call import Call
from core.commands.command import Command, Menu
from core.commands.declared.forget import ASK
from core.configuration import Configuration
from core.service.retention import OVERHEARD_DAYS
from core.streaming.operations import Button, ButtonStyle

_OPENAI: Final = "api.openai.com"
"""Where the openai library asks when no address is given."""
_HOSTS: Final = 10


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
        "",
        _provider(call, configuration),
        "",
        _operator(call, configuration),
    ]
    export = Button("export:all", call.say("button.export"))
    forget = Button(ASK, call.say("button.forget_me"), ButtonStyle.DANGER)
    call.reply("\n".join(lines), ((export, forget),))


def _provider(call: Call, configuration: Configuration) -> str:
    hosts: dict[str, None] = {}
    embedded = False
    for model in configuration.models.values():
        provider = configuration.providers.get(model.provider)
        if provider is None:
            embedded = True
        else:
            hosts[urlsplit(provider.base_url).hostname or "" if provider.base_url else _OPENAI] = None
    words = [call.say("privacy.provider", hosts=", ".join(f"`{host}`" for host in [*hosts][:_HOSTS]))]
    if embedded:
        words.append(call.say("privacy.embedded"))
    return " ".join(words if hosts else words[1:])


def _operator(call: Call, configuration: Configuration) -> str:
    admins = call.services.access.admins_on(call.place.platform)
    if configuration.operator:
        return call.say("privacy.operator", operator=configuration.operator)
    if admins:
        return call.say("privacy.operator", operator=", ".join(f"`{admin}`" for admin in admins))
    return call.say("privacy.operator_unknown")


COMMAND: Final = Command(
    "privacy", run, for_strangers=True, private=True, portable=True, menu=Menu.LISTED, repeatable=True
)
