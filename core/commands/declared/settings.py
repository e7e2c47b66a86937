"""`/settings`: a panel for each server, channel and chat, for those who manage them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from core.commands import scopes
from core.commands.call import Call, Occasion, Press
from core.commands.command import Command, Menu, Who
from core.commands.permission import manages
from core.commands.scopes import Scope
from core.commands.settings_panel import (
    HOW_TAB,
    INHERIT,
    OPENS,
    PAUSES,
    SELECTS,
    SWITCHES,
    WHEN_TAB,
    Panel,
    names_in,
    values_of,
)
from core.conversation.preferences import (
    LONGEST_KEYWORD,
    LONGEST_PAUSE_MINUTES,
    MOST_KEYWORDS,
    MOST_ROLES,
    NARROWING,
    Sees,
    When,
    holders,
    read,
    resolve,
    scopes_of,
    written,
)
from core.messages import Field, Form
from core.ports.store import StoreError
from core.service.languages import reading_here
from core.service.retention import OVERHEARD_DAYS

_LONGEST_NUMBER: Final = 20  # characters; longer than any that fits, so that it is told which do


async def run(call: Call) -> None:
    offered = _managed(call)
    if not offered:
        call.reply(call.say("settings.not_yours"), repeatable=True)
        return
    panel = await _panel(call, offered[-1], WHEN_TAB)
    call.reply(panel.text, panel.rows, repeatable=True)


async def press(press: Press) -> None:
    _, state, what = (*press.data.split(":", 2), "", "")[:3]
    tab, level = (state[0], state[1]) if len(state) == 2 else (WHEN_TAB, "")
    if what == "scope" and press.values:
        level = press.values[0]
    scope = scopes.at_level(_managed(press), level)
    if scope is None or tab not in {WHEN_TAB, HOW_TAB}:
        press.reply(press.say("settings.not_yours"), private=True)
        return
    panel = await _panel(press, scope, tab)
    if what in NARROWING and not manages(press.person, press.place, press.services.access):
        press.reply(press.say("settings.not_yours"), private=True)
        return
    opens = what in {"keywords", "roles"} or what in PAUSES
    paged = (*SELECTS, *PAUSES)
    pages = {f"{OPENS}{name}": name for name in names_in(scope, press.place) if name in paged}
    if what not in {"scope", "tab", "reset", *pages, *names_in(scope, press.place)}:
        press.reply(press.say("form.over"), private=True)
        return
    chosen = what in PAUSES and press.values  # on its page
    if opens and not press.fields and not chosen:
        await press.open_form(_form(press, panel, what))
        return
    heard = (await press.services.chat.choices.at(press.place)).overhear
    try:
        mistake = await _choose(press, panel, what)
    except StoreError:
        press.reply(press.say("settings.not_kept"), private=True)
        return
    if mistake:
        press.reply(mistake, private=True)
        if press.answer is not None:  # else the form is there to be opened again
            await press.open_form(_form(press, panel, what))
        return
    here = await press.services.chat.choices.at(press.place)
    if here.overhear is not heard:
        _announce(press, on=here.overhear)
    reader = replace(press, person=reading_here(press.person, here))
    panel = await _panel(reader, scope, tab, opened=pages.get(what, ""))
    press.update(panel.text, panel.rows)
    if press.answer is not None:  # the panel stands further up
        press.reply(press.say("settings.kept"))


def _announce(press: Press, *, on: bool) -> None:
    """Everybody there is told, not only who switched it."""
    words = press.say("overhear.on" if on else "overhear.off", days=OVERHEARD_DAYS)
    channel = press.surface.alternate or press.surface
    press.services.chat.notices.reply(channel, press.person, words, ref=None, private=False)


async def _choose(press: Press, panel: Panel, what: str) -> str:
    """Keep what was pressed, where that is a choice; what is wrong with it, "" for nothing. Raises
    StoreError."""
    choose, scope = press.services.chat.choices.choose, panel.scope
    if what == "reset":
        whole = manages(press.person, press.place, press.services.access)
        for name in names_in(scope, press.place):
            if whole or name not in NARROWING:
                await choose(scope.key, name, None)
    elif what in SWITCHES:
        if what == "overhear" and not panel.held.overhear and not await _hears_all(press):
            return press.say("settings.unheard")
        flipped = "off" if getattr(panel.held, what) else "on"
        await choose(scope.key, what, flipped)
    elif what in SELECTS:
        value = press.values[0] if press.values else ""
        if value == INHERIT:
            await choose(scope.key, what, None)
        elif value in values_of(what, press.place):
            await choose(scope.key, what, value)
            if value == Sees.CHANNEL and press.place.guild_id is None and not panel.held.overhear:
                press.reply(press.say("settings.sees.needs_overhear"), private=True)
    elif what in PAUSES:
        return await _choose_pause(press, panel, what)
    elif what == "roles":
        return await _choose_roles(press, panel)
    elif what == "keywords":
        return await _choose_keywords(press, panel)
    return ""


async def _choose_pause(press: Press, panel: Panel, what: str) -> str:
    """From its page, or typed into the form."""
    text = press.values[0] if press.values else press.fields.get(what, "").strip()
    taken_back = press.values == (INHERIT,)
    if not taken_back and read(what, text) is None:
        return press.say("settings.pause.unfit", most=LONGEST_PAUSE_MINUTES)
    await press.services.chat.choices.choose(panel.scope.key, what, None if taken_back else str(int(text)))
    return ""


async def _choose_roles(press: Press, panel: Panel) -> str:
    text = press.fields.get("roles", "").strip()
    roles = read("roles", text)
    if not isinstance(roles, tuple) or "0" in roles or len(roles) > MOST_ROLES:
        return press.say("settings.roles.unfit", most=MOST_ROLES)
    await press.services.chat.choices.choose(panel.scope.key, "roles", " ".join(roles) or None)
    return ""


async def _choose_keywords(press: Press, panel: Panel) -> str:
    """Who names keywords wants them to count, too."""
    choose, scope = press.services.chat.choices.choose, panel.scope
    text = ", ".join(press.fields.get("keywords", "").replace("\n", ",").split(","))
    words = read("keywords", text)
    if words is None:
        return press.say("settings.keywords.unfit", most=MOST_KEYWORDS, longest=LONGEST_KEYWORD)
    kept = ", ".join(words) if isinstance(words, tuple) else ""
    await choose(scope.key, "keywords", kept or None)
    when = panel.held.when
    if kept and not when & {When.KEYWORDS, When.ALWAYS}:
        await choose(scope.key, "when", written("when", replace(panel.held, when=when | {When.KEYWORDS})))
    return ""


def _form(press: Press, panel: Panel, what: str) -> Form:
    if what == "keywords":
        field = Field(
            "keywords",
            press.say("settings.keywords.label"),
            written("keywords", panel.held),
            press.say("settings.keywords.hint"),
            required=False,
            max_length=MOST_KEYWORDS * (LONGEST_KEYWORD + 2),
        )
        return Form(press.data, press.say("setting.keywords"), (field,))
    if what == "roles":
        field = Field(
            what,
            press.say("settings.roles.label"),
            " ".join(panel.held.roles),
            press.say("settings.roles.hint"),
            required=False,
            max_length=MOST_ROLES * 24,
        )
        return Form(press.data, press.say("setting.roles"), (field,))
    field = Field(
        what,
        press.say("settings.pause.label"),
        str(getattr(panel.held, what)),
        press.say("settings.pause.hint"),
        max_length=_LONGEST_NUMBER,
    )
    return Form(press.data, press.say("settings.pause.form"), (field,))


def _managed(occasion: Occasion) -> tuple[Scope, ...]:
    return scopes.managed(occasion.place, occasion.person, occasion.services.access)


async def _panel(occasion: Occasion, scope: Scope, tab: str, *, opened: str = "") -> Panel:
    """As it stands now, or the page of the select that is `opened`."""
    choices = occasion.services.chat.choices
    keys = scopes_of(occasion.place)
    upto = keys[: keys.index(scope.key) + 1]
    chosen = await choices.chosen(upto)
    by_key = {one.key: one for one in scopes.scopes_at(occasion.place)}
    wider = holders(upto[:-1], chosen)
    held = resolve(choices.defaults, upto, chosen)
    listens = held.overhear or not held.when.isdisjoint({When.KEYWORDS, When.ALWAYS})
    return Panel(
        occasion.place,
        scope,
        _managed(occasion),
        tab,
        held=held,
        holders={name: by_key[key] for name, key in holders(upto, chosen).items() if key in by_key},
        above={name: by_key[key] for name, key in wider.items() if key in by_key},
        locale=occasion.locale,
        selects=occasion.surface.capabilities.selects,
        opened=opened,
        unheard=listens and not await _hears_all(occasion),
    )


async def _hears_all(occasion: Occasion) -> bool:
    ask = occasion.surface.hears_all
    return ask is None or await ask()


COMMAND: Final = Command(
    "settings",
    run,
    press=press,
    who=Who.MANAGER,
    private=True,
    menu=Menu.LISTED,
    weighs_rights=True,
    bare=True,
)
