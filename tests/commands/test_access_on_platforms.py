"""Who may use the bot, with the real libraries: new places, /access, and what a denied person gets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bots.sandbox.discord.server import DiscordServer
from core.catalogue import say
from core.policy.access import Access, Permits
from core.policy.rules import NewPlaces, Standing
from core.service.approvals import Decision
from tests.commands.hands import NAME, PLATFORMS, Hands, on_platform
from tests.end_to_end.screen import Json

OTHER = "Ben"


@pytest.fixture(params=PLATFORMS)
async def hands(request: pytest.FixtureRequest) -> AsyncIterator[Hands]:
    """Ada is the bot's admin, and all else is on approval."""
    async with on_platform(request.param, access=Access()) as hands:
        admin = f"{hands.platform}:{hands.screen.person(NAME)}"
        hands.service.access.add(
            Permits(admins=frozenset({admin}), new=dict.fromkeys(NewPlaces, Standing.APPROVAL))
        )
        yield hands


async def asks(hands: Hands, text: str, *, private: bool = False) -> None:
    """Ben does, in the channel or group, or in his own chat with the bot."""
    if isinstance(hands.server, DiscordServer):
        await hands.server.say(
            OTHER, "@Ben" if private else "#general", text if private else f"@Sluice {text}"
        )
    else:
        mention = "" if private else "@sluice_bot "
        await hands.server.say(OTHER, OTHER if private else "Riverside", mention + text)


async def reads(hands: Hands, words: str) -> None:
    """Until the bot says so, whatever marks a platform shows."""

    def plain(text: str) -> str:
        return text.replace("`", "").replace("*", "")

    await hands.screen.until(
        lambda: any(
            plain(words) in plain(one["text"]) and one["author"]["bot"]
            for one in hands.screen.messages.values()
        )
    )


def named(hands: Hands, decision: Decision) -> str:
    return hands.service.chat.approvals.names.beside(decision.entry)


def label(message: Json, key: str) -> str:
    [found] = [one["id"] for row in message["rows"] for one in row if one["label"] == say(key)]
    return str(found)


async def test_an_admin_approves_a_new_place_with_a_button(hands: Hands) -> None:
    await asks(hands, "hello")
    await hands.shows(say("refused.asked"))
    request = await hands.shows(f"{OTHER} (")
    assert "everybody there" in request["text"]
    await hands.server.press(NAME, hands.chat, request["id"], label(request, "button.approve"))
    await hands.shows(say("access.open"))
    await asks(hands, "hello again")
    (await hands.asked()).finish("Hello, Ben.")
    await hands.shows("Hello, Ben.")
    assert len(hands.service.model.streams) == 1


async def test_an_admin_refuses_a_private_chat_and_takes_it_back(hands: Hands) -> None:
    await asks(hands, "hello", private=True)
    request = await hands.shows(f"{OTHER} (")
    await hands.server.press(NAME, hands.chat, request["id"], label(request, "button.deny"))
    [decision] = await hands.screen.until(hands.service.chat.approvals.all)
    await reads(hands, say("access.refused", entry=named(hands, decision)))
    await asks(hands, "please", private=True)
    await hands.shows(say("refused.denied"))
    await hands.command("access", entry=decision.entry, decision="revoke")
    await reads(hands, say("access.revoked", entry=named(hands, decision)))
    assert hands.service.chat.approvals.all() == ()


async def test_access_lists_what_is_open_and_decides(hands: Hands) -> None:
    await hands.command("access")
    await hands.shows(say("access.none"))
    await asks(hands, "hello")
    await hands.shows(say("refused.asked"))
    [waiting] = hands.service.chat.approvals.all()
    await hands.command("access", entry=waiting.entry, decision="approve")
    await reads(hands, say("access.approved", entry=named(hands, waiting)))
    await hands.command("access")
    await reads(hands, say("access.title"))
    assert hands.service.access.rules.approved == {waiting.entry}


async def test_access_is_its_admins_alone(hands: Hands) -> None:
    stranger = Permits(new=dict.fromkeys(NewPlaces, Standing.OPEN))
    hands.service.access.add(stranger)
    await hands.command("access")
    spelled = "/manage access" if isinstance(hands.server, DiscordServer) else "/access"
    await reads(hands, say("unusable.owners", command=spelled))
