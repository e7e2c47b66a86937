"""Those who manage a server or group say where, and to whom, the bot is open there: never more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalogue import say
from core.conversation.preferences import NARROWING, Preferences, opens_to, read
from core.messages import Person, PlaceKind
from core.policy.access import Access, Permits
from tests.commands import panels
from tests.commands.panels import kept, surface_in
from tests.commands.test_settings import (
    CHANNEL,
    IN_CHANNEL,
    IN_GROUP,
    IN_THREAD,
    MANAGER,
    OF_THE_CHANNEL,
    SERVER,
    bot,
)
from tests.service.conftest import BEN, Bot, shut
from tests.store.test_steady_store import Flaky

__all__ = ["bot"]  # the fixture


async def refused(bot: Bot, place: object, author: Person = BEN) -> bool:
    """Whether this person gets no answer there."""
    surface = surface_in(bot, place)  # type: ignore[arg-type]
    streams = len(bot.model.streams)
    await bot.say(surface, "hello", author=author)
    await bot.clock.advance(1.0)
    if len(bot.model.streams) > streams:
        (await bot.model.opened()).finish("Hi.")
        await bot.clock.advance(2.0)
        return False
    assert surface.texts == [say("refused.narrowed")]
    return True


async def test_a_server_is_closed_but_for_one_channel(bot: Bot) -> None:
    panel = await panels.opened(bot, "settings", IN_CHANNEL, MANAGER)
    await panel.choose("scope", "s")
    await panel.press(panel.button("usable").data)
    assert await kept(bot, SERVER) == {"usable": "off"}
    assert await refused(bot, IN_CHANNEL)
    assert not await refused(bot, IN_CHANNEL, MANAGER), "nobody shuts themselves out"
    await panel.choose("scope", "c")
    await panel.press(panel.button("usable").data)
    assert await kept(bot, CHANNEL) == {"usable": "on"}
    assert not await refused(bot, IN_CHANNEL)
    assert not await refused(bot, IN_THREAD), "a thread is as the channel that it hangs in"
    assert await refused(bot, replace(IN_CHANNEL, chat_id="c7"))


async def test_roles_are_named_by_their_ids(bot: Bot) -> None:
    panel = await panels.opened(bot, "settings", IN_CHANNEL, MANAGER)
    await panel.press(panel.button("roles").data)
    await panel.fill(roles="Helpers")
    assert panel.told == say("settings.roles.unfit", most=20)
    await panel.press(panel.button("roles").data)
    await panel.fill(roles="<@&70>, 71")
    assert await kept(bot, CHANNEL) == {"roles": "70 71"}
    assert await refused(bot, IN_CHANNEL)
    assert not await refused(bot, IN_CHANNEL, replace(BEN, id="3", role_ids=frozenset({"71"})))
    await panel.press(panel.button("roles").data)
    await panel.fill(roles="")
    assert await kept(bot, CHANNEL) == {}


async def test_a_group_is_for_its_admins_alone_and_the_platform_says_who_they_are(bot: Bot) -> None:
    panel = await panels.opened(bot, "settings", IN_GROUP, MANAGER, forms=False)
    await panel.press(panel.button("managers_only").data)
    assert await refused(bot, IN_GROUP)
    surface = surface_in(bot, IN_GROUP, forms=False)

    async def with_rights(person: Person) -> Person:
        return replace(person, manages_place=person.id == "8")

    surface.with_rights = with_rights
    await bot.say(surface, "hello", author=replace(BEN, id="8"))
    (await bot.model.opened()).finish("Hi.")
    await bot.clock.advance(2.0)
    await bot.say(surface, "hello", author=replace(BEN, id="9"))
    await bot.clock.advance(2.0)
    assert surface.texts[-1] == say("refused.narrowed")


async def test_who_manages_a_channel_alone_changes_none_of_it(bot: Bot) -> None:
    await bot.chat.choices.choose(CHANNEL, "usable", "off")
    await bot.chat.choices.choose(CHANNEL, "roles", "70")
    whole = await panels.opened(bot, "settings", IN_CHANNEL, MANAGER)
    place = whole.surface.place
    for data in ("settings:wc:usable", "settings:wc:roles", "settings:wc:reset"):
        await whole.press(bot.signer.sign(data, place), person=OF_THE_CHANNEL)
    assert await kept(bot, CHANNEL) == {"usable": "off", "roles": "70"}


async def test_managers_never_let_in_whom_the_owner_does_not() -> None:
    access = Access(admins=frozenset({"fake:99"}), allow=frozenset({str(BEN)}))
    bot = Bot(access=access)
    for name, value in (("usable", "on"), ("managers_only", "off")):
        await bot.chat.choices.choose(SERVER, name, value)
    surface = surface_in(bot, IN_CHANNEL)
    await bot.say(surface, "hello", author=replace(BEN, id="3"))
    await bot.clock.advance(1.0)
    assert surface.texts == [say("refused", entries="fake:3 / fake:g1")]
    access.add(Permits(deny=frozenset({str(BEN)})))
    await bot.say(surface, "hello", author=BEN)
    await bot.clock.advance(1.0)
    assert surface.texts[-1] == say("refused.denied")
    await shut(bot)


async def test_while_their_choice_cannot_be_read_only_they_are_let_in() -> None:
    store = Flaky()
    bot = Bot(store=store)
    await bot.chat.approvals.known()
    store.down = True
    surface = surface_in(bot, IN_CHANNEL)
    await bot.say(surface, "hello")
    await bot.clock.advance(1.0)
    assert surface.texts == [say("refused.unknown")]
    assert bot.chat.door.serves(replace(BEN, manages_place=True), IN_CHANNEL)
    assert bot.chat.door.serves(BEN, replace(IN_CHANNEL, kind=PlaceKind.PRIVATE, guild_id=None))
    await shut(bot)


@pytest.mark.parametrize("name", sorted(NARROWING))
@given(text=st.text(max_size=30))
def test_what_cannot_be_read_shuts_out(name: str, text: str) -> None:
    value = read(name, text)
    assert value is not None, "as if nobody had chosen"
    if text.strip() not in {"on", "off", ""} and not any(char in "0123456789" for char in text):
        assert not opens_to(Preferences(**{name: value}), BEN)  # type: ignore[arg-type]
