"""Tokens that look like real ones, and settings read from values alone."""

from __future__ import annotations

import pytest

from core.settings import Settings, read_settings
from core.variables import SettingsError

DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789ab"


OTHER_DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.HabcdE.9876543210zyxwvutsrqponmlkjihgfedcba"


TELEGRAM = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456"


def read(**values: str) -> Settings:
    return read_settings(values, env_file=None)


def problems(**values: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(**values)
    return caught.value.problems
