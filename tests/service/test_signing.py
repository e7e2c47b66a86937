"""Buttons that nobody else can make."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.bootstrap.kept import button_key
from core.messages import Place, PlaceKind
from core.service.signing import LONGEST, Signer

PLACE = Place("telegram", "-1001234567890", PlaceKind.THREAD, topic_id="4")
DATA = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=50)


@given(DATA, st.binary(min_size=16, max_size=40))
def test_what_was_signed_is_read_where_it_was_signed_and_nowhere_else(data: str, key: bytes) -> None:
    signed = Signer(key).sign(data, PLACE)
    assert len(signed.encode()) <= LONGEST
    assert Signer(key).read(signed, PLACE) == data
    assert Signer(key).read(signed, Place("telegram", "-1001234567890", PlaceKind.SHARED)) == data
    assert Signer(key).read(signed, Place("telegram", "-1001234567891", PlaceKind.THREAD)) is None
    assert Signer(key).read(signed, Place("discord", "-1001234567890", PlaceKind.SHARED)) is None
    assert Signer(key + b"x").read(signed, PLACE) is None


@given(st.text(max_size=64), DATA)
def test_what_was_not_signed_is_not_read(forged: str, data: str) -> None:
    signer = Signer(b"k" * 32)
    assert signer.read(forged, PLACE) is None
    signed = signer.sign(data, PLACE)
    for index in range(len(signed)):
        other = "A" if signed[index] != "A" else "B"
        assert signer.read(signed[:index] + other + signed[index + 1 :], PLACE) is None


def test_what_is_too_long_or_too_weak_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        Signer().sign("x" * 60, PLACE)
    with pytest.raises(ValueError, match="guessed"):
        Signer(b"short")


def test_the_key_outlives_the_process_and_is_nobody_elses(tmp_path: Path) -> None:
    file = tmp_path / "buttons.json"
    key = button_key(file)
    assert key is not None
    assert len(key) == 32
    assert button_key(file) == key
    assert file.stat().st_mode & 0o077 == 0
    file.write_text("no JSON", encoding="utf-8")
    assert button_key(file) is None
