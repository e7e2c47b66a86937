"""New places: admins are asked once, their decision is kept, and nobody can flood them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.adapters.memory_store import MemoryStore
from core.adapters.steady_store import SteadyStore
from core.catalogue import say
from core.configuration import Admission, ModelChoice
from core.messages import Addressed, BotAdded, MessageRef, Person, Place, PlaceKind, PlaceMoved
from core.policy.access import Access, Permits
from core.policy.rules import NewPlaces, Standing, Verdict
from core.ports.store import StoreError
from core.service.approvals import EVERY_S, SCOPE, State
from core.streaming.operations import Select
from tests.fakes.mortal import Life
from tests.fakes.surface import FakeSurface
from tests.service.conftest import ADA, BEN, Bot, configured, shut
from tests.service.test_recovery import killed
from tests.store.test_steady_store import Flaky

OWNER = Person("fake", "99", "Olga")
APPROVAL = Permits(new=dict.fromkeys(NewPlaces, Standing.APPROVAL))


class Post:
    """`Platform` as far as the approvals need it: private chats by person, and the places themselves."""

    name = "Fake"

    def __init__(self, bot: Bot, *places: FakeSurface, reaches: bool = True) -> None:
        self.private: dict[str, FakeSurface] = {}
        self._places = {str(one.place): one for one in places}
        self._bot = bot
        self._reaches = reaches

    async def private_chat(self, person_id: str) -> FakeSurface | None:
        if not self._reaches:
            return None
        made = self._bot.surface(f"dm{person_id}", PlaceKind.PRIVATE)
        return self.private.setdefault(person_id, made)

    def reopen(self, place: Place, address: str) -> FakeSurface | None:
        return self._places.get(str(place))

    @property
    def told(self) -> list[str]:
        return [text for one in self.private.values() for text in one.texts]


def asking(
    *admins: str,
    before: Bot | None = None,
    per_hour: int = 10,
    store: SteadyStore | None = None,
    life: Life | None = None,
) -> Bot:
    access = Access(admins=frozenset(admins or ("fake:99",)))
    access.add(APPROVAL)
    bot = Bot(access=access, before=before, store=store, life=life)
    bot.live.swap(replace(configured(ModelChoice("scripted")), access=Admission(requests_per_hour=per_hour)))
    return bot


def reaching(bot: Bot, *places: FakeSurface, reaches: bool = True) -> Post:
    post = Post(bot, *places, reaches=reaches)
    bot.chat.approvals.reaches([post])  # type: ignore[list-item]  # all that is asked of it
    return post


def labels(surface: FakeSurface) -> list[str]:
    [message] = surface.messages.values()
    return [one.label for row in message.content.controls if isinstance(row, tuple) for one in row]


async def settle(bot: Bot) -> None:
    await bot.clock.advance(3.0)


async def requested(bot: Bot) -> tuple[FakeSurface, FakeSurface, str]:
    """Somebody new asks in a group: where, the owner's private chat, and the message in it that asks them."""
    group = bot.surface()
    post = reaching(bot, group)
    await bot.say(group, "hello")
    await settle(bot)
    private = post.private["99"]
    [message] = private.messages
    return group, private, message


async def test_the_first_attempt_is_told_politely_and_every_admin_gets_one_message() -> None:
    bot = asking("fake:98", "fake:99")
    group = bot.surface()
    post = reaching(bot, group)
    await bot.say(group, "hello")
    await settle(bot)
    assert group.texts == [say("refused.asked")]
    await bot.say(group, "hello?", author=BEN)
    await bot.command(group, "ask", {"prompt": "hello"}, author=BEN)
    await settle(bot)
    assert sorted(post.private) == ["98", "99"]
    for private in post.private.values():
        [text] = private.texts
        assert "`fake:channel:c1`" in text
        assert "Ada (`fake:1`)" in text
        assert labels(private) == [say("button.approve"), say("button.deny")]
    assert not bot.model.streams
    await shut(bot)


async def test_an_approval_opens_the_place_and_says_so_there() -> None:
    bot = asking()
    group, private, message = await requested(bot)
    await bot.press_label(private, ref_of(private, message), say("button.approve"), author=OWNER)
    await settle(bot)
    assert private.texts == [say("access.approved", entry="`fake:channel:c1`")]
    assert not private.messages[message].content.controls
    assert group.texts[-1] == say("access.open")
    await bot.answered(group, "hello again", "Hi.")
    after = asking(before=bot)  # the next start
    await after.answered(group, "still?", "Yes.")
    await shut(after)
    await shut(bot)


async def test_access_shows_names_beside_ids_until_who_bears_one_is_forgotten() -> None:
    bot = asking()
    group, direct = bot.surface(), bot.surface("dm2", PlaceKind.PRIVATE)
    group.place = replace(group.place, name="[Free](https://x.example) *stars*")
    reaching(bot, group)
    await bot.say(group, "hello")
    await bot.say(direct, "hello", author=BEN)
    await settle(bot)
    admins = bot.surface("dm99", PlaceKind.PRIVATE)
    await bot.command(admins, "access", author=OWNER)
    await settle(bot)
    [text] = admins.texts
    assert "Ben (`fake:private:2`)" in text
    assert "by Ada (`fake:1`)" in text
    [name] = [line for line in text.splitlines() if "`fake:channel:c1`" in line]
    assert "](" not in name
    assert " *stars" not in name
    [message] = admins.messages.values()
    [select] = message.content.controls
    assert isinstance(select, Select)
    assert "Ben (fake:private:2): waits for you" in [option.label for option in select.options]
    await bot.command(admins, "access", {"entry": "fake:private:2", "decision": "approve"}, author=OWNER)
    await settle(bot)
    assert admins.texts[-1] == say("access.approved", entry="Ben (`fake:private:2`)")
    await bot.chat.forgotten("fake:2")
    await bot.command(admins, "access", {"entry": "fake:private:2"}, author=OWNER)
    await settle(bot)
    assert "Ben" not in admins.texts[-1]
    await shut(bot)


async def test_a_refusal_stays_and_asks_nobody_again() -> None:
    bot = asking()
    group, private, message = await requested(bot)
    await bot.press_label(private, ref_of(private, message), say("button.deny"), author=OWNER)
    after = asking(before=bot)
    again = reaching(after, group)
    direct = after.surface(private_answers=True)
    await after.say(direct, "hello", author=BEN)
    await settle(after)
    assert direct.texts == [say("refused.denied")]
    assert again.told == []
    await shut(after)
    await shut(bot)


async def test_who_is_forgotten_is_not_new_again() -> None:
    """Else a refusal could be undone, and the admins flooded, by forgetting."""
    for decided in (False, True):
        bot = asking()
        private = bot.surface("dm1", PlaceKind.PRIVATE)
        post = reaching(bot, private)
        await bot.say(private, "hello")
        await settle(bot)
        entry = "fake:private:1"
        if decided:
            await bot.chat.approvals.decide(entry, State.REFUSED, OWNER)
        await bot.parts.personal.forget(ADA)
        await bot.say(private, "hello again")
        await settle(bot)
        assert len(post.told) == 1
        found = bot.chat.approvals.find(entry)
        assert found is not None
        assert found.state is (State.REFUSED if decided else State.ASKED)
        assert not bot.model.streams
        await shut(bot)


async def test_an_open_request_survives_a_restart_without_another_message() -> None:
    bot = asking()
    group = bot.surface()
    reaching(bot, group)
    await bot.say(group, "hello")
    await settle(bot)
    after = asking(before=bot)
    again = reaching(after, group)
    await after.say(group, "hello?", author=BEN)
    await settle(after)
    assert again.told == []
    [waiting] = after.chat.approvals.all()
    assert (waiting.entry, waiting.state, waiting.by) == ("fake:channel:c1", State.ASKED, "fake:1")
    await after.chat.approvals.decide(waiting.entry, State.APPROVED, OWNER)
    await settle(after)
    assert group.texts[-1] == say("access.open")  # where it was asked was kept, too
    await shut(after)
    await shut(bot)


async def test_a_stranger_cannot_press_the_admins_button() -> None:
    bot = asking()
    group, private, message = await requested(bot)
    for row in private.messages[message].content.controls:
        for button in row if isinstance(row, tuple) else ():
            await bot.press_data(group, ref_of(group, "m1"), button.data)
            await bot.press_data(private, ref_of(private, message), button.data)
    await settle(bot)
    assert [one.state for one in bot.chat.approvals.all()] == [
        State.ASKED,  # the group's
        State.ASKED,  # her own, since she has written in a private chat
    ]
    await shut(bot)


async def test_strangers_cannot_flood_the_admins(caplog: pytest.LogCaptureFixture) -> None:
    bot = asking(per_hour=3)
    post = reaching(bot)
    for number in range(40):
        await bot.say(bot.surface(f"g{number}"), "hello", author=replace(ADA, id=str(1_000 + number)))
    await settle(bot)
    assert len(post.private["99"].messages) == 3
    assert caplog.text.count("too many ask for admins to be told") == 37
    await bot.clock.advance(3_600.0)
    beyond = bot.surface("g39")
    await bot.say(beyond, "hello", author=BEN)
    await settle(bot)
    assert len(post.private["99"].messages) == 4
    assert beyond.texts[-1] == say("refused.asked")
    await shut(bot)


async def test_beyond_the_limit_people_are_told_what_to_give_to_an_admin() -> None:
    bot = asking(per_hour=0)
    reaching(bot)
    group = bot.surface()
    await bot.say(group, "hello")
    await settle(bot)
    assert group.texts == [say("refused", entries="fake:1 / fake:c1")]
    await shut(bot)


async def test_where_no_admin_can_be_reached_the_log_says_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = asking()
    reaching(bot, reaches=False)
    await bot.say(bot.surface(), "hello")
    await settle(bot)
    assert "0 admins are asked. To allow it: /access fake:channel:c1 approve" in caplog.text
    await shut(bot)


async def test_an_admin_is_served_at_once_wherever_they_are() -> None:
    bot = asking()
    post = reaching(bot)
    await bot.answered(bot.surface("new"), "hello", "Hi.", author=OWNER)
    await bot.answered(bot.surface("dm", PlaceKind.PRIVATE), "hello", "Hi.", author=OWNER)
    assert post.told == []
    await shut(bot)


async def test_without_an_admin_the_claim_code_is_told_and_nothing_is_kept() -> None:
    access = Access()
    access.add(APPROVAL)
    bot = Bot(access=access)
    access.claim_code()
    group = bot.surface()
    await bot.say(group, "hello")
    assert group.texts == [say("refused.unclaimed", entries="fake:1")]
    assert bot.chat.approvals.all() == ()
    await shut(bot)


@pytest.mark.parametrize("standing", [Standing.OPEN, Standing.CLOSED])
async def test_a_kind_of_place_that_is_open_or_closed_asks_nobody(standing: Standing) -> None:
    access = Access(admins=frozenset({"fake:99"}))
    access.add(Permits(new={NewPlaces.GROUP: standing}))
    bot = Bot(access=access)
    post = reaching(bot)
    group = bot.surface()
    if standing is Standing.OPEN:
        await bot.answered(group, "hello", "Hi.")
    else:
        await bot.say(group, "hello")
        await settle(bot)
        assert group.texts == [say("refused", entries="fake:1 / fake:c1")]
    assert post.told == []
    await shut(bot)


async def test_what_is_not_said_to_the_bot_asks_for_nothing() -> None:
    bot = asking()
    post = reaching(bot)
    group = bot.surface()
    await bot.say(group, "lunch?", addressed=Addressed.NO)
    await settle(bot)
    assert (group.texts, post.told, bot.chat.approvals.all()) == ([], [], ())
    await shut(bot)


async def test_a_stranger_who_adds_the_bot_asks_for_the_group() -> None:
    bot = asking()
    post = reaching(bot)
    group = bot.surface()
    await bot.handle(BotAdded(bot.event_id(), group.place, ADA, hears_everything=True), group)
    await settle(bot)
    assert group.texts == [say("refused.asked")]
    assert len(post.told) == 1
    await shut(bot)


async def test_a_group_that_moves_is_what_it_was() -> None:
    bot = asking()
    old, new = bot.surface("old"), bot.surface("new")
    await bot.chat.approvals.known()
    await bot.chat.approvals.decide("fake:channel:old", State.REFUSED, OWNER)
    await bot.handle(PlaceMoved(bot.event_id(), new.place, old.place), new)
    await bot.say(new, "hello")
    await settle(bot)
    assert new.texts == [say("refused.denied")]
    await shut(bot)


@pytest.mark.parametrize("state", [State.APPROVED, State.REFUSED])
async def test_a_group_that_moves_while_the_store_fails_is_what_it_was_at_once(state: State) -> None:
    store = Flaky()
    bot = asking(store=SteadyStore(store))
    post = reaching(bot)
    old, new = bot.surface("old"), bot.surface("new")
    await bot.chat.approvals.decide("fake:channel:old", state, OWNER)
    store.down = True
    moving = asyncio.ensure_future(bot.handle(PlaceMoved(bot.event_id(), new.place, old.place), new))
    await bot.clock.advance(20.0)
    place = new.place
    assert bot.access.allows(ADA, place) is (state is State.APPROVED)
    assert bot.access.rules.weigh(ADA, place) is not Verdict.NEW
    store.down = False
    await bot.clock.advance(20.0)
    await moving
    after = asking(before=bot)
    await after.chat.approvals.known()
    assert after.access.allows(ADA, place) is (state is State.APPROVED)
    assert post.told == []
    await shut(after)
    await shut(bot)


class ReadOnly(MemoryStore):
    """A database that is locked: places stay where they were."""

    locked = True

    async def move_place(self, old: str, new: str) -> None:
        if self.locked:
            raise StoreError("locked")
        await super().move_place(old, new)


async def test_a_group_that_moves_while_the_store_can_only_be_read_stays_what_it_was() -> None:
    store = ReadOnly()
    bot = asking(store=SteadyStore(store))
    old, new = bot.surface("old"), bot.surface("new")
    await bot.chat.approvals.known()
    await bot.chat.approvals.decide("fake:channel:old", State.REFUSED, OWNER)
    reading = asyncio.ensure_future(bot.chat.approvals.run())
    moving = asyncio.ensure_future(bot.handle(PlaceMoved(bot.event_id(), new.place, old.place), new))
    await bot.clock.advance(2 * EVERY_S)
    assert bot.access.rules.weigh(ADA, new.place) is Verdict.DENIED
    store.locked = False
    await bot.clock.advance(2 * EVERY_S)
    await moving
    assert bot.access.rules.weigh(ADA, new.place) is Verdict.DENIED
    reading.cancel()
    await shut(bot)


async def test_a_group_that_asked_by_its_new_id_first_is_what_it_was() -> None:
    bot = asking()
    reaching(bot)
    old, new = bot.surface("old"), bot.surface("new")
    await bot.chat.approvals.decide("fake:channel:old", State.REFUSED, OWNER)
    await bot.say(new, "hello")
    await settle(bot)
    await bot.handle(PlaceMoved(bot.event_id(), new.place, old.place), new)
    await settle(bot)
    assert bot.access.rules.weigh(ADA, new.place) is Verdict.DENIED
    await shut(bot)


async def test_a_group_that_is_denied_by_its_id_stays_so_when_it_moves() -> None:
    access = Access(allow_everybody=True)
    access.add(Permits(deny=frozenset({"fake:channel:old"})))
    bot = Bot(access=access)
    old, new = bot.surface("old"), bot.surface("new")
    await bot.handle(PlaceMoved(bot.event_id(), new.place, old.place), new)
    await bot.say(new, "hello")
    await settle(bot)
    assert new.texts == [say("refused.denied")]
    await shut(bot)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state":"approvd","by":"","at":0,"place":null}', "null"])
async def test_what_cannot_be_read_counts_as_refused(text: str) -> None:
    bot = asking()
    await bot.store.choose(SCOPE, "fake:channel:c1", text)
    group = bot.surface()
    await bot.say(group, "hello")
    await settle(bot)
    assert group.texts == [say("refused.denied")]
    await shut(bot)


async def test_while_nothing_could_be_read_only_admins_are_served() -> None:
    store = Flaky()
    store.down = True
    bot = asking(store=SteadyStore(store))
    group = bot.surface()
    await bot.say(group, "hello")
    await settle(bot)
    assert group.texts == [say("refused.unknown")]
    await bot.answered(bot.surface("c2"), "hello", "Hi.", author=OWNER)
    await shut(bot)


def ref_of(surface: FakeSurface, message_id: str) -> MessageRef:
    return MessageRef(surface.place.chat_id, message_id)


async def test_what_waits_in_a_place_that_is_refused_meanwhile_is_not_asked() -> None:
    bot = asking()
    group = bot.surface()
    await bot.chat.approvals.decide("fake:channel:c1", State.APPROVED, OWNER)
    stream = await bot.asked(group, "one")
    await bot.say(group, "two")
    await bot.chat.approvals.decide("fake:channel:c1", State.REFUSED, OWNER)
    stream.finish("First.")
    await settle(bot)
    assert len(bot.model.streams) == 1
    assert not bot.chat.answering
    await shut(bot)


async def test_what_a_killed_process_left_is_asked_only_where_that_may_be_by_now() -> None:
    before = asking(life=Life())
    kept, refused = before.surface("c1"), before.surface("c2")
    for entry in ("fake:channel:c1", "fake:channel:c2"):
        await before.chat.approvals.decide(entry, State.APPROVED, OWNER)
    await before.asked(kept, "here?")
    await before.asked(refused, "and here?", author=BEN)
    await killed(before)
    await before.store.choose(SCOPE, "fake:channel:c2", '{"state":"refused","by":"","at":0,"place":null}')
    bot = asking(before=before, life=Life())
    places = {"c1": kept, "c2": refused}
    await bot.chat.recovery.begin("fake:1", lambda place, *_, **__: places[place.chat_id])
    await settle(bot)
    assert [stream.prompt for stream in bot.model.streams] == [["here?"]]
    await shut(bot)


async def test_nothing_is_overheard_any_more_where_an_admin_refused_the_place() -> None:
    bot = asking()
    group = bot.surface()
    await bot.store.choose("chat:fake:c1", "overhear", "on")
    await bot.chat.approvals.decide("fake:channel:c1", State.APPROVED, OWNER)
    await bot.say(group, "one", author=BEN, addressed=Addressed.NO)
    await settle(bot)
    await bot.chat.approvals.decide("fake:channel:c1", State.REFUSED, OWNER)
    await bot.say(group, "two", author=BEN, addressed=Addressed.NO)
    await settle(bot)
    assert [one.text for one in await bot.store.overheard("fake:c1", since=0.0, limit=9)] == ["one"]
    await shut(bot)


async def test_what_another_process_decided_meanwhile_is_not_asked_again() -> None:
    bot = asking()
    post = reaching(bot)
    await bot.chat.approvals.known()
    other = asking(before=bot)
    await other.chat.approvals.decide("fake:channel:c1", State.REFUSED, OWNER)
    group = bot.surface()
    await bot.say(group, "hello")
    await settle(bot)
    assert post.told == []
    assert bot.access.rules.weigh(ADA, group.place) is Verdict.DENIED
    after = asking(before=bot)
    await after.chat.approvals.known()
    assert after.access.rules.weigh(ADA, group.place) is Verdict.DENIED
    for one in (other, after, bot):
        await shut(one)


async def test_who_is_refused_right_after_they_asked_is_told_both() -> None:
    bot = asking()
    private = bot.surface("p1", PlaceKind.PRIVATE)
    await bot.say(private, "hello")
    await bot.chat.approvals.decide("fake:private:1", State.REFUSED, OWNER)
    await bot.say(private, "please")
    await settle(bot)
    assert private.texts == [say("refused.asked"), say("refused.denied")]
    await shut(bot)
