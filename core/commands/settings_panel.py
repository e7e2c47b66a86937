"""The panel of `/settings`: what holds in one scope and whose choice it is, as a text and controls under it.

Pure: whoever shows it has read the choices. A message has room for five rows, so there are two tabs where
there is more to choose. Where selects are no lists that open, a button for each leads to a page of its own:
all options at once would be a wall. All that a press needs stands in the controls' data,
`settings:<tab><level>:<what>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.catalogue import LANGUAGES, name_of, say
from core.commands.scopes import Scope, label_of
from core.conversation.preferences import Busy, Preferences, Sees, When, read, written
from core.messages import Place, PlaceKind
from core.streaming.inline import escaped
from core.streaming.operations import Button, Option, Row, Select

WHEN_TAB: Final = "w"
HOW_TAB: Final = "h"
INHERIT: Final = "-"
"""A select's value that takes the choice back."""
AUTO: Final = "auto"
OPENS: Final = "open."
"""What a press wants of the panel begins so where it opens the page of the select that follows."""
_WHENS: Final = {  # what is offered, with what it is called
    "mention reply": "addressed",
    "mention": "mention",
    "keywords mention reply": "keywords",
    "always mention reply": "always",
    "commands": "commands",
}
_SIGNS: Final = {
    "when": "💬",
    "keywords": "🔑",
    "sees": "📜",
    "auto_thread": "🧵",
    "overhear": "👂",
    "usable": "🚪",
    "roles": "🎭",
    "managers_only": "🛡",
    "pause_minutes": "💤",
    "pause_private_minutes": "💤",
    "language": "🌐",
    "busy": "⏳",
    "streaming": "⚡",
    "reasoning": "💭",
    "apart": "🙈",
}
_LONGEST_LIST: Final = 600  # characters
SELECTS: Final = ("when", "sees", "language", "busy")
SWITCHES: Final = ("streaming", "reasoning", "auto_thread", "overhear", "apart", "usable", "managers_only")
PAUSES: Final = ("pause_minutes", "pause_private_minutes")
_MINUTES: Final = ("0", "15", "60", "240", "1440")  # what is offered of any number
_OF_HOW: Final = frozenset({"language", "busy", "streaming", "reasoning"})


def names_in(scope: Scope, place: Place) -> tuple[str, ...]:
    """What can be chosen there, in the order in which it is shown."""
    if place.kind is PlaceKind.PRIVATE:
        return ("language", "streaming", "reasoning", "busy", "sees", "pause_private_minutes", "apart")
    own = ["when", "keywords", "sees"]
    if place.guild_id is not None and scope.word != "thread":
        own.append("auto_thread")
    if place.guild_id is None:  # of a channel the platform tells the past itself
        own.append("overhear")
    if scope.word not in {"thread", "topic"}:  # each of these is one conversation, for as long as it is there
        own.append("pause_minutes")
    own += ["usable", "roles" if place.guild_id is not None else "managers_only"]
    return (*own, "language", "streaming", "reasoning", "busy")


def values_of(name: str, place: Place) -> tuple[str, ...]:
    """What a select of this name offers, as the store keeps it; of a pause, where a form is not at hand."""
    match name:
        case "when":
            return tuple(_WHENS)
        case "sees":
            everywhere = place.kind is not PlaceKind.PRIVATE
            return tuple(one.value for one in Sees if everywhere or one is not Sees.CHANNEL)
        case "language":
            return (AUTO, *LANGUAGES)
        case "pause_minutes" | "pause_private_minutes":
            return _MINUTES
        case _:
            return tuple(Busy)


@dataclass(frozen=True, slots=True)
class Panel:
    """`scopes`: those that its reader may switch between. `held` holds in its scope.
    `holders`: the scope whose choice holds, by name; what nobody chose is not in it. `above`: the
    same without a choice there. `selects`: whether those are lists that open."""

    place: Place
    scope: Scope
    scopes: tuple[Scope, ...]
    tab: str
    held: Preferences
    holders: dict[str, Scope]
    above: dict[str, Scope]
    locale: str | None
    selects: bool = True  # that are lists
    opened: str = ""  # the one setting whose page this is; "" for the panel itself
    unheard: bool = False  # what is chosen needs messages that the platform withholds

    @property
    def text(self) -> str:
        title = say("settings.title", self.locale, scope=say(f"scope.{self.scope.word}", self.locale))
        lines = [f"**{title}**", ""]
        for name in (self.opened,) if self.opened else names_in(self.scope, self.place):
            label, value = say(f"setting.{name}", self.locale), words_for(name, self.held, self.locale)
            lines.append(f"{_SIGNS[name]} {label}: **{value}** · *{self._whose(name)}*")
        if self.unheard:
            lines += ["", f"⚠ {say('settings.unheard', self.locale)}"]
        return "\n".join(lines)

    @property
    def rows(self) -> tuple[Row, ...]:
        if self.opened:
            back = Button(self._data("tab"), f"‹ {say('settings.back', self.locale)}")
            other = Button(self._data(self.opened), f"{say('settings.pause.other', self.locale)}…")
            return self._select(self.opened), ((other, back) if self.opened in PAUSES else (back,))
        tabbed = self.place.kind is not PlaceKind.PRIVATE
        rows: list[Row] = [self._scope_select()] if len(self.scopes) > 1 else []
        names = [name for name in names_in(self.scope, self.place) if not tabbed or _tab_of(name) == self.tab]
        if self.selects:
            rows += [self._select(name) for name in names if name in SELECTS]
            rows.append(tuple(self._button(name) for name in names if name not in SELECTS))
        else:
            openers = [self._button(name) for name in names if name not in SWITCHES]
            rows += [tuple(openers[at : at + 2]) for at in range(0, len(openers), 2)]
            rows.append(tuple(self._button(name) for name in names if name in SWITCHES))
        tabs = tuple(
            Button(self._data("tab", tab=tab), ("▸ " if tab == self.tab else "") + say(key, self.locale))
            for tab, key in ((WHEN_TAB, "settings.tab.when"), (HOW_TAB, "settings.tab.how"))
        )
        reset = Button(self._data("reset"), say("settings.reset", self.locale))
        rows.append((*tabs, reset) if tabbed else (reset,))
        return tuple(rows)

    def _data(self, what: str, *, tab: str = "") -> str:
        return f"settings:{tab or self.tab}{self.scope.level}:{what}"

    def _whose(self, name: str) -> str:
        holder = self.holders.get(name)
        if holder is None:
            return say("settings.from.default", self.locale)
        if holder == self.scope:
            return say("settings.from.here", self.locale)
        return say(f"settings.from.{holder.word}", self.locale)

    def _scope_select(self) -> Select:
        options = tuple(
            Option(one.level, label_of(one, self.locale), one == self.scope) for one in self.scopes
        )
        return Select(self._data("scope"), options, say("settings.scope", self.locale))

    def _select(self, name: str) -> Select:
        here = self.holders.get(name) == self.scope
        now = written(name, self.held)
        values = values_of(name, self.place)
        if here and now not in values:  # chosen elsewhere than in this panel
            values = (now, *values)
        above = self.above.get(name)
        title = say(f"setting.{name}", self.locale)  # so that people see what the select is about
        inherited = say(f"inherit.{above.word if above else 'default'}", self.locale)
        sign = "" if self.opened else f"{_SIGNS[name]} "  # on its own page the text above says it
        labels = {INHERIT: inherited if self.opened else f"{title}: {inherited}"} | {
            value: label_for(name, value, self.locale) for value in values
        }
        options = tuple(
            Option(value, f"{sign}{label}"[:100], chosen=value == (now if here else INHERIT))
            for value, label in labels.items()
        )
        return Select(self._data(name), options, title)

    def _button(self, name: str) -> Button:
        """A switch, or what opens a form or a page."""
        label = f"{_SIGNS[name]} {say(f'setting.{name}', self.locale)}"
        if name in SWITCHES:
            return Button(self._data(name), f"{label}: {words_for(name, self.held, self.locale)}")
        paged = name in SELECTS or (name in PAUSES and not self.selects)
        return Button(self._data(f"{OPENS}{name}" if paged else name), f"{label}…")


def _tab_of(name: str) -> str:
    return HOW_TAB if name in _OF_HOW else WHEN_TAB


def label_for(name: str, value: str, locale: str | None) -> str:
    """The same of a value that a select offers, so short that two stand beside each other on a phone."""
    match name:
        case "when" if value in _WHENS:
            return say(f"option.when.{_WHENS[value]}", locale)
        case "sees":
            return say(f"option.sees.{value}", locale)
        case "busy":
            return say(f"option.busy.{value}", locale)
        case "pause_minutes" | "pause_private_minutes" if value != "0":
            return say("settings.pause.minutes", locale, minutes=int(value))
    return words_for(name, _with(name, value), locale)


def words_for(name: str, preferences: Preferences, locale: str | None) -> str:
    """A value as people read it, for Markdown."""
    value = getattr(preferences, name)
    match name:
        case "when":
            words = _when(value, locale)
        case "keywords":
            words = _listed(value) or say("settings.none", locale)
        case "roles":
            words = ", ".join(value) or say("settings.roles.all", locale)
        case "language":
            words = say("settings.language.auto", locale) if value in {None, AUTO} else name_of(value)
        case "sees":
            words = say(f"settings.sees.{value}", locale)
        case "busy":
            words = say(f"settings.busy.{value}", locale)
        case "pause_minutes" | "pause_private_minutes":
            words = say("settings.minutes", locale, minutes=value) if value else say("settings.never", locale)
        case _:
            words = say("settings.on" if value else "settings.off", locale)
    return words


def _listed(words: tuple[str, ...]) -> str:
    """As many as there is room for: the form shows all of them."""
    listed = ", ".join(map(escaped, words))
    while len(listed) > _LONGEST_LIST:
        words = words[:-1]
        listed = ", ".join([*map(escaped, words), "…"])
    return listed


def _when(when: frozenset[When], locale: str | None) -> str:
    if When.ALWAYS in when:
        return say("settings.when.always", locale)
    parts = [say(f"settings.when.{one}", locale) for one in When if one in when]
    return ", ".join(parts) or say("settings.when.commands", locale)


def _with(name: str, value: str) -> Preferences:
    return Preferences(**{name: read(name, value)})  # type: ignore[arg-type]  # of the name's kind
