"""Who may, by ids alone; and how the first admin comes to be."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.messages import Person, Place, PlaceKind
from core.policy.access import Access, Claim, Permits

ADA = Person("discord", "1", "Ada", role_ids=frozenset({"70"}))
BOT = Person("discord", "9", "Robot", is_bot=True, role_ids=frozenset({"70"}))
THREAD = Place("discord", "31", PlaceKind.THREAD, guild_id="50", parent_id="30")
GROUP = Place("telegram", "-100", PlaceKind.SHARED)
DIRECT = Place("discord", "77", PlaceKind.PRIVATE)
IDS = st.sampled_from(["1", "9", "30", "31", "50", "70", "99"])


def access(*allow: str, admins: tuple[str, ...] = (), everybody: bool = False) -> Access:
    return Access(admins=frozenset(admins), allow=frozenset(allow), allow_everybody=everybody)


def test_nobody_is_served_unless_somebody_said_so() -> None:
    assert not access().allows(ADA, THREAD)


@pytest.mark.parametrize(
    "id_", ["1", "70", "50", "31", "30"], ids=["user", "role", "guild", "thread", "parent"]
)
def test_an_entry_may_name_a_user_role_guild_channel_or_parent(id_: str) -> None:
    assert access(f"discord:{id_}").allows(ADA, THREAD)
    assert not access(f"telegram:{id_}").allows(ADA, THREAD)


def test_a_telegram_entry_may_name_a_chat() -> None:
    assert access("telegram:-100").allows(Person("telegram", "5", "Ben"), GROUP)
    assert not access("telegram:-100").allows(Person("telegram", "5", "Ben"), replace(GROUP, chat_id="-101"))


def test_a_name_never_counts() -> None:
    assert not access("discord:1").allows(
        replace(ADA, id="2", name="discord:1", role_ids=frozenset()), THREAD
    )


@given(allow=st.frozensets(IDS.map("discord:{}".format)), everybody=st.booleans())
def test_a_bot_is_served_only_by_its_own_id(allow: frozenset[str], everybody: bool) -> None:
    assert access(*allow, everybody=everybody).allows(BOT, THREAD) == ("discord:9" in allow)


@given(allow=st.frozensets(IDS.map("discord:{}".format)))
def test_everybody_means_every_human(allow: frozenset[str]) -> None:
    assert access(*allow, everybody=True).allows(ADA, THREAD)


def test_what_to_paste_is_private_where_nobody_else_is() -> None:
    assert access().entries_to_paste(ADA, DIRECT) == ("discord:1",)
    assert access().entries_to_paste(ADA, THREAD) == ("discord:1", "discord:50")
    assert access().entries_to_paste(Person("telegram", "5", ""), GROUP) == ("telegram:5", "telegram:-100")


def test_the_right_code_makes_the_first_admin_once_and_for_good(tmp_path: Path) -> None:
    file = tmp_path / "data" / "admins.json"
    gate = Access(admins_file=file)
    code = gate.claim_code()
    assert code
    assert gate.claim_code() == code
    assert gate.claim(ADA, f" {code}\n") is Claim.ACCEPTED
    assert gate.allows(ADA, DIRECT)
    assert gate.claim_code() is None
    assert gate.claim(Person("discord", "2", "Ben"), code) is Claim.CLOSED
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == {"admins": ["discord:1"]}
    assert list(file.parent.iterdir()) == [file]
    assert Access(admins_file=file).allows(ADA, DIRECT)


def test_there_is_no_code_when_settings_name_an_admin() -> None:
    gate = access(admins=("discord:8",))
    assert gate.claim_code() is None
    assert gate.claim(ADA, "") is Claim.CLOSED


def test_no_code_is_right_before_one_was_printed() -> None:
    assert access().claim(ADA, "") is Claim.WRONG


def test_a_code_that_has_no_utf_8_is_merely_wrong() -> None:
    gate = access()
    assert gate.claim_code()
    assert gate.claim(ADA, "\ud800") is Claim.WRONG
    assert gate.renew_code_if_shown("\ud800") is None


def test_wrong_tries_lock_the_person_then_everybody() -> None:
    gate = access()
    code = gate.claim_code() or ""
    assert [gate.claim(ADA, "wrong") for _ in range(6)] == [Claim.WRONG] * 5 + [Claim.LOCKED]
    assert gate.claim(ADA, code) is Claim.LOCKED
    for number in range(45):
        assert gate.claim(Person("discord", f"10{number}", ""), "é") is Claim.WRONG
    assert gate.claim(Person("discord", "2", "Ben"), code) is Claim.LOCKED
    assert gate.unclaimed


def test_a_code_that_others_saw_is_replaced() -> None:
    gate = access()
    code = gate.claim_code() or ""
    assert gate.renew_code_if_shown("wrong") is None
    renewed = gate.renew_code_if_shown(code)
    assert renewed not in {None, code}
    assert gate.claim(ADA, code) is Claim.WRONG
    assert gate.claim(ADA, renewed or "") is Claim.ACCEPTED


@pytest.mark.parametrize(
    "content", [b"{", b"\xff", b"[]", b'{"admins": 3}', b'{"admins": [3]}', b"[" * 100_000]
)
def test_a_broken_file_lets_nobody_claim(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "admins.json"
    file.write_bytes(content)
    gate = Access(admins_file=file)
    assert gate.claim_code() is None
    assert not gate.allows(ADA, DIRECT)
    assert "Repair or delete it" in caplog.text


def test_an_admin_who_cannot_be_stored_is_none(tmp_path: Path) -> None:
    gate = Access(admins_file=tmp_path / "data" / "admins.json")
    code = gate.claim_code() or ""
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="data"):
        gate.claim(ADA, code)
    assert gate.unclaimed


def _add(to: Access, *allow: str, admins: tuple[str, ...] = (), everybody: bool = False) -> None:
    to.add(Permits(frozenset(admins), frozenset(allow), everybody=everybody))


def test_what_is_added_is_served_too_until_something_else_is_added() -> None:
    one = access("discord:99")
    _add(one, "discord:50")
    assert one.allows(ADA, THREAD)
    assert one.allows(replace(ADA, id="99"), DIRECT)
    _add(one, everybody=True)
    assert one.allows(replace(ADA, id="5", role_ids=frozenset()), DIRECT)
    assert not one.allows(BOT, THREAD)
    _add(one)
    assert not one.allows(ADA, THREAD)
    assert one.allows(replace(ADA, id="99"), DIRECT)


def test_an_added_admin_ends_the_claiming() -> None:
    one = access()
    code = one.claim_code() or ""
    _add(one, admins=("discord:1",))
    assert one.allows(ADA, DIRECT)
    assert (one.claim_code(), one.claim(ADA, code)) == (None, Claim.CLOSED)
    assert one.is_admin(replace(ADA, id="1"))
    _add(one)
    assert not one.is_admin(replace(ADA, id="1"))


def test_an_admin_of_the_file_is_an_admin_as_long_as_the_file_says_so() -> None:
    both = access(admins=("discord:1",))
    both.add(Permits(frozenset({"discord:9", "telegram:2"})))
    assert both.is_admin(Person("telegram", "2", "Ben"))
    assert both.admins_on("discord") == ("discord:1", "discord:9")
    both.add(Permits())
    assert not both.is_admin(Person("telegram", "2", "Ben"))
    assert both.admins_on("telegram") == ()
