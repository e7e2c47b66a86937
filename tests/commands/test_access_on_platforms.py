"""Who may use the bot, with the real libraries: new places, /access, and what a denied person gets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bots.sandbox.discord.server import DiscordServer
from core.catalogue import say
from core.policy.access import Access, Permits
from core.policy.rules import NewPlaces, Standing
from tests.commands.hands import NAME, PLATFORMS, Hands, on_platform
from tests.end_to_end.screen import Json

OTHER = "Ben"


@pytest.fixture(params=PLATFORMS)
async def owned(request: pytest.FixtureRequest) -> AsyncIterator[Hands]:
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


def label(message: Json, key: str) -> str:
    [found] = [one["id"] for row in message["rows"] for one in row if one["label"] == say(key)]
    return str(found)


async def test_an_admin_approves_a_new_place_with_a_button(owned: Hands) -> None:
    await asks(owned, "hello")
    await owned.shows(say("refused.asked"))
    request = await owned.shows(f"{OTHER} (")
    assert "everybody there" in request["text"]
    await owned.server.press(NAME, owned.chat, request["id"], label(request, "button.approve"))
    await owned.shows(say("access.open"))
    await asks(owned, "hello again")
    (await owned.asked()).finish("Hello, Ben.")
    await owned.shows("Hello, Ben.")
    assert len(owned.service.model.streams) == 1


async def test_an_admin_refuses_a_private_chat_and_takes_it_back(owned: Hands) -> None:
    await asks(owned, "hello", private=True)
    request = await owned.shows(f"{OTHER} (")
    await owned.server.press(NAME, owned.chat, request["id"], label(request, "button.deny"))
    [decision] = await owned.screen.until(owned.service.chat.approvals.all)
    await reads(owned, say("access.refused", entry=decision.entry))
    await asks(owned, "please", private=True)
    await owned.shows(say("refused.denied"))
    await owned.command("access", entry=decision.entry, decision="revoke")
    await reads(owned, say("access.revoked", entry=decision.entry))
    assert owned.service.chat.approvals.all() == ()


async def test_access_lists_what_is_open_and_decides(owned: Hands) -> None:
    await owned.command("access")
    await owned.shows(say("access.none"))
    await asks(owned, "hello")
    await owned.shows(say("refused.asked"))
    [waiting] = owned.service.chat.approvals.all()
    await owned.command("access", entry=waiting.entry, decision="approve")
    await reads(owned, say("access.approved", entry=waiting.entry))
    await owned.command("access")
    await reads(owned, say("access.title"))
    assert owned.service.access.rules.approved == {waiting.entry}


async def test_access_is_its_admins_alone(owned: Hands) -> None:
    stranger = Permits(new=dict.fromkeys(NewPlaces, Standing.OPEN))
    owned.service.access.add(stranger)
    await owned.command("access")
    spelled = "/manage access" if isinstance(owned.server, DiscordServer) else "/access"
    await reads(owned, say("unusable.owners", command=spelled))
