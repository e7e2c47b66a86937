"""The law of access, as `core.policy.rules` states it: every step of it, for all that can be asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.messages import Person, Place, PlaceKind
from core.policy.rules import NewPlaces, Rules, Standing, Verdict, entry_of, kind_of, names_of
from core.settings import entry_is_valid

ADA = Person("discord", "1", "Ada", role_ids=frozenset({"70"}))
THREAD = Place(
    "discord", "31", PlaceKind.THREAD, guild_id="50", parent_id="30", category_id="20", name="Riverside"
)
DIRECT = Place("discord", "77", PlaceKind.PRIVATE)
TOPIC = Place("telegram", "-100", PlaceKind.THREAD, topic_id="4")
GROUP = Place("telegram", "-100", PlaceKind.SHARED)
CHAT = Place("telegram", "5", PlaceKind.PRIVATE)
BEN = Person("telegram", "5", "Ben")
APPROVAL = dict.fromkeys(NewPlaces, Standing.APPROVAL)

IDS = st.sampled_from(["1", "5", "20", "30", "31", "50", "70", "77", "99", "-100"])
PEOPLE = st.builds(
    Person,
    st.sampled_from(["discord", "telegram"]),
    st.sampled_from(["1", "5", "99", ""]),
    st.just("Ada"),
    is_bot=st.booleans(),
    role_ids=st.frozensets(st.sampled_from(["70", "71"]), max_size=2),
    may_have=st.none() | st.frozensets(st.sampled_from(["70", "71"]), max_size=2),
)
PLACES = st.sampled_from(
    [
        THREAD,
        replace(THREAD, category_id=None),
        DIRECT,
        TOPIC,
        GROUP,
        CHAT,
        replace(GROUP, chat_id=""),
    ]
)
ENTRIES = st.one_of(
    IDS.map("discord:{}".format),
    IDS.map("telegram:{}".format),
    st.builds(
        "discord:{}:{}".format,
        st.sampled_from(["user", "role", "server", "channel", "category", "private"]),
        IDS,
    ),
    st.builds("telegram:{}:{}".format, st.sampled_from(["user", "chat", "private"]), IDS),
    st.just("telegram:-100/4"),
)
SOME = st.frozensets(ENTRIES, max_size=4)
RULES = st.builds(
    Rules,
    admins=st.frozensets(st.sampled_from(["discord:1", "telegram:5", "discord:user:99"]), max_size=2),
    allow=SOME,
    deny=SOME,
    everybody=st.booleans(),
    approved=SOME,
    refused=SOME,
    new=st.dictionaries(st.sampled_from(NewPlaces), st.sampled_from(Standing)),
)


@pytest.mark.parametrize(
    ("person", "place", "entry"),
    [
        (ADA, THREAD, "discord:user:1"),
        (ADA, THREAD, "discord:role:70"),
        (ADA, THREAD, "discord:server:50"),
        (ADA, THREAD, "discord:channel:31"),
        (ADA, THREAD, "discord:channel:30"),
        (ADA, THREAD, "discord:category:20"),
        (ADA, THREAD, "discord:30"),
        (ADA, DIRECT, "discord:private:1"),
        (BEN, TOPIC, "telegram:-100/4"),
        (BEN, TOPIC, "telegram:chat:-100"),
        (BEN, TOPIC, "telegram:-100"),
        (BEN, GROUP, "telegram:user:5"),
        (BEN, CHAT, "telegram:private:5"),
    ],
)
def test_each_kind_of_entry_allows_and_denies(person: Person, place: Place, entry: str) -> None:
    assert entry_is_valid(entry)
    assert Rules().weigh(person, place) is Verdict.NOT_ALLOWED
    assert Rules(allow=frozenset({entry})).weigh(person, place) is Verdict.SERVED
    denied = Rules(allow=frozenset({entry}), deny=frozenset({entry}), everybody=True)
    assert denied.weigh(person, place) is Verdict.DENIED
    assert denied.denies(person, place)


@pytest.mark.parametrize(
    ("person", "place", "entry"),
    [
        (ADA, THREAD, "discord:role:1"),  # 1 is a user
        (ADA, THREAD, "discord:user:70"),
        (ADA, THREAD, "discord:20"),  # a category only by its kind
        (ADA, THREAD, "discord:channel:20"),
        (ADA, THREAD, "discord:private:1"),  # she is not in her private chat
        (BEN, GROUP, "telegram:-100/4"),
        (BEN, TOPIC, "telegram:-100/5"),
        (BEN, TOPIC, "telegram:private:5"),
        (BEN, TOPIC, "discord:user:5"),
        (BEN, TOPIC, "telegram:user:-100"),
    ],
)
def test_an_id_of_another_kind_names_nobody(person: Person, place: Place, entry: str) -> None:
    assert Rules(allow=frozenset({entry})).weigh(person, place) is Verdict.NOT_ALLOWED
    assert Rules(deny=frozenset({entry}), everybody=True).weigh(person, place) is Verdict.SERVED


def test_an_admin_goes_before_every_deny_but_that_of_their_own_id() -> None:
    rules = Rules(admins=frozenset({"discord:1"}), deny=frozenset({"discord:server:50", "discord:role:70"}))
    assert rules.weigh(ADA, THREAD) is Verdict.SERVED
    stolen = replace(rules, deny=frozenset({"discord:user:1"}))
    assert stolen.weigh(ADA, THREAD) is Verdict.DENIED
    assert not stolen.is_admin(ADA)


def test_what_the_platform_did_not_tell_counts_as_denied_where_any_such_is() -> None:
    for entry in ("discord:role:99", "discord:99"):
        rules = Rules(everybody=True, deny=frozenset({entry}))
        for may_have, verdict in (
            (None, Verdict.DENIED),
            (frozenset({"70", "99"}), Verdict.DENIED),
            (frozenset({"70"}), Verdict.SERVED),
            (frozenset[str](), Verdict.SERVED),
        ):
            assert rules.weigh(replace(ADA, role_ids=frozenset(), may_have=may_have), THREAD) is verdict
    rules = Rules(everybody=True, deny=frozenset({"discord:user:99", "telegram:99"}))
    assert rules.weigh(replace(ADA, may_have=None), THREAD) is Verdict.SERVED  # no role by any reading
    nowhere = replace(THREAD, category_id=None)
    by_category = Rules(everybody=True, deny=frozenset({"discord:category:99"}))
    assert by_category.weigh(ADA, nowhere) is Verdict.DENIED
    assert by_category.weigh(ADA, replace(THREAD, category_id="")) is Verdict.SERVED
    assert by_category.weigh(ADA, DIRECT) is Verdict.SERVED  # a private chat has no category


@pytest.mark.parametrize(("person", "place"), [(ADA, THREAD), (ADA, DIRECT), (BEN, TOPIC), (BEN, CHAT)])
def test_a_new_place_is_what_its_kind_is_until_an_admin_decides(person: Person, place: Place) -> None:
    for standing, verdict in (
        (Standing.OPEN, Verdict.SERVED),
        (Standing.CLOSED, Verdict.NOT_ALLOWED),
        (Standing.APPROVAL, Verdict.NEW),
    ):
        rules = Rules(new={kind_of(place): standing})
        assert rules.weigh(person, place) is verdict
        entry = frozenset({entry_of(person, place)})
        assert replace(rules, approved=entry).weigh(person, place) is Verdict.SERVED
        assert replace(rules, approved=entry, refused=entry).weigh(person, place) is Verdict.DENIED


def test_while_what_was_decided_cannot_be_read_only_admins_are_served() -> None:
    rules = Rules(everybody=True, admins=frozenset({"discord:1"}), readable=False)
    assert rules.weigh(ADA, THREAD) is Verdict.SERVED
    assert rules.weigh(BEN, GROUP) is Verdict.UNKNOWN


def test_an_approved_private_chat_opens_no_server() -> None:
    rules = Rules(new=APPROVAL, approved=frozenset({entry_of(ADA, DIRECT)}))
    assert rules.weigh(ADA, THREAD) is Verdict.NEW


@given(RULES, PEOPLE, PLACES)
def test_nobody_unknown_is_served(rules: Rules, person: Person, place: Place) -> None:
    for who, where in (
        (replace(person, id=""), place),
        (person, replace(place, chat_id="")),
        (replace(person, platform="other"), place),
    ):
        assert rules.weigh(who, where) is Verdict.NOT_ALLOWED
        assert rules.denies(who, where) is bool(rules.deny)


@given(RULES, PEOPLE, PLACES, st.data())
def test_whom_or_where_deny_names_is_not_served_unless_an_admin(
    rules: Rules, person: Person, place: Place, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(names_of(person, place))))
    denying = replace(rules, deny=rules.deny | {name})
    if not denying.is_admin(person):
        assert denying.weigh(person, place) in {Verdict.DENIED, Verdict.NOT_ALLOWED}
        assert denying.denies(person, place)


@given(RULES, PEOPLE, PLACES, ENTRIES)
def test_one_more_deny_serves_nobody_else(rules: Rules, person: Person, place: Place, entry: str) -> None:
    more = replace(rules, deny=rules.deny | {entry})
    assert more.weigh(person, place) is not Verdict.SERVED or rules.weigh(person, place) is Verdict.SERVED


@given(RULES, PEOPLE, PLACES, ENTRIES)
def test_one_more_allow_shuts_nobody_out(rules: Rules, person: Person, place: Place, entry: str) -> None:
    more = replace(rules, allow=rules.allow | {entry})
    assert rules.weigh(person, place) is not Verdict.SERVED or more.weigh(person, place) is Verdict.SERVED


@given(RULES, PEOPLE, PLACES)
def test_nobody_is_served_without_a_reason(rules: Rules, person: Person, place: Place) -> None:
    entry = entry_of(person, place)
    assert (
        rules.weigh(person, place) is not Verdict.SERVED
        or rules.is_admin(person)
        or (rules.allow | rules.admins) & names_of(person, place)
        or (not person.is_bot and rules.everybody)
        or (not person.is_bot and entry in rules.approved)
        or (not person.is_bot and rules.new.get(kind_of(place)) is Standing.OPEN)
    )


@given(RULES, PEOPLE, PLACES, st.text(max_size=20))
def test_a_name_never_counts(rules: Rules, person: Person, place: Place, name: str) -> None:
    called = replace(person, name=name), replace(place, name=name)
    assert rules.weigh(*called) is rules.weigh(person, place)


@given(st.text(max_size=30))
def test_an_entry_that_is_taken_names_ids_alone(text: str) -> None:
    if entry_is_valid(text):
        assert text.isascii()
        assert text.replace("/", ":").rpartition(":")[2].lstrip("-").isdigit()
