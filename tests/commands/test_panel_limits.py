"""Whatever people have chosen, in whatever language: a panel is one message, which a press can edit."""

from __future__ import annotations

import pytest

from bots.discord.markdown import DiscordRenderer
from core.catalogue import LANGUAGES
from core.commands import scopes
from core.commands.settings_panel import HOW_TAB, WHEN_TAB, Panel, names_in
from core.conversation.preferences import LONGEST_KEYWORD, MOST_KEYWORDS, Preferences, When
from core.messages import Place, PlaceKind

DISCORD = 2_000  # characters of a message
HOSTILE = tuple(f"{number:02d}".rjust(LONGEST_KEYWORD, "*") for number in range(MOST_KEYWORDS))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tab", [WHEN_TAB, HOW_TAB])
def test_the_settings_panel_is_one_message(language: str, tab: str) -> None:
    place = Place("discord", "1" * 20, PlaceKind.THREAD, guild_id="2" * 20, parent_id="3" * 20)
    levels = scopes.scopes_at(place)
    held = Preferences(keywords=HOSTILE, when=frozenset(When))
    for scope in levels:
        holders = dict.fromkeys(names_in(scope, place), scope)
        panel = Panel(place, scope, levels, tab, held, holders, {}, language)
        assert len(DiscordRenderer().render(panel.text).text) <= DISCORD
        assert HOSTILE[0].strip("*") in panel.text
