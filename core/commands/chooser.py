"""What `/model` and `/persona` share: one of several is chosen for a conversation, a channel or a server.

By name, or on a panel that says what holds and whose choice it is. A conversation is everybody's in it; for a
channel or server those choose who manage it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from core.catalogue import say
from core.commands import scopes
from core.commands.call import Call, Occasion, Press
from core.commands.command import Argument, Kind
from core.commands.models import Offer, found
from core.commands.scopes import Scope
from core.commands.settings_panel import INHERIT
from core.conversation.preferences import holders, person_scope, resolve, scopes_of
from core.ports.store import StoreError
from core.service.choosing import GRANTED
from core.streaming.inline import escaped
from core.streaming.operations import MAX_OPTIONS, Button, Option, Row, Select

_LEVELS: Final = {
    "conversation": scopes.CONVERSATION,
    "channel": scopes.CHANNEL,
    "server": scopes.SERVER,
}
SCOPE: Final = Argument("scope", Kind.CHOICE, choices=tuple(_LEVELS))


@dataclass(frozen=True, slots=True)
class Chooser:
    """`name`: the command's, and what is chosen. `offers`: what this person may choose there.

    `called`: how people call what a name stands for, None where that is nothing (any more). `standard`: the
    same of what holds where nobody chose. `buttons`: more of them, for the chosen name.
    `note`: a line below what is chosen for the conversation, "" for none.
    """

    name: str
    offers: Callable[[Occasion], Awaitable[tuple[Offer, ...]]]
    called: Callable[[Occasion, str], Awaitable[str | None]]
    standard: Callable[[Occasion], str]
    buttons: Callable[[Occasion, Scope, str | None], Awaitable[tuple[Button, ...]]]
    note: Callable[[Occasion, str | None], Awaitable[str]]

    async def run(self, call: Call) -> None:
        """The panel, or the choice of what was named."""
        scope = await self._named_scope(call)
        if scope is None:
            call.reply(call.say("settings.not_yours"), repeatable=True)
            return
        if not (named := call.text("name")):
            text, rows = await self.panel(call, scope)
            call.reply(text, rows, repeatable=True)
            return
        offer = found(await self.offers(call), named)
        if offer is None:
            words = say(f"choose.{self.name}.unknown", call.locale, name=escaped(named[:100]))
            call.reply(words, repeatable=True)
            return
        try:
            await self._choose(call, scope, offer.name)
        except StoreError:
            call.reply(call.say("settings.not_kept"))
            return
        words = say(f"scope.{scope.word}", call.locale)
        call.reply(say(f"choose.{self.name}.chosen", call.locale, name=escaped(offer.label), scope=words))

    async def press(self, press: Press, level: str, what: str) -> bool:
        """Take a press on the panel; False for one that is the command's own."""
        if what == "scope" and press.values:
            level = press.values[0]
        scope = await self.scope(press, level)
        if what not in {"scope", "pick", "panel"}:
            return False
        if scope is None:
            press.reply(press.say("settings.not_yours"), private=True)
            return True
        if what == "pick" and not await self._pick(press, scope, press.values[0] if press.values else ""):
            return True
        await self.show(press, scope)
        return True

    async def show(self, press: Press, scope: Scope) -> None:
        """Make the panel stand as things are now."""
        text, rows = await self.panel(press, scope)
        press.update(text, rows)

    async def scope(self, occasion: Occasion, level: str) -> Scope | None:
        """The one of this level that the person may choose for."""
        return scopes.at_level(await self._offered(occasion), level)

    async def panel(self, occasion: Occasion, scope: Scope) -> tuple[str, tuple[Row, ...]]:
        now, holder, above = await self._held(occasion, scope)
        offers = await self.offers(occasion)
        offered = await self._offered(occasion)
        locale = occasion.locale
        label = await self._called(occasion, now)
        words = say(f"scope.{scope.word}", locale)
        whose = "here" if holder == scope else holder.word if holder else "default"
        title = say(f"choose.{self.name}.title", locale, scope=words)
        held_by = f"**{escaped(label)}** · *{say(f'settings.from.{whose}', locale)}*"
        lines = [f"**{title}**", "", f"{say(f'choose.{self.name}.standing', locale)}: {held_by}"]
        if scope == offered[-1] and (note := await self.note(occasion, now)):
            lines.append(note)
        rows: list[Row] = []
        if len(offered) > 1:
            levels = tuple(Option(one.level, scopes.label_of(one, locale), one == scope) for one in offered)
            rows.append(Select(self._data(scope, "scope"), levels, say("settings.scope", locale)))
        options = [
            Option(INHERIT, say(f"inherit.{above.word if above else 'default'}", locale), holder != scope),
            *(
                Option(offer.tag, _line(offer), chosen=holder == scope and offer.name == now)
                for offer in offers[: MAX_OPTIONS - 1]
            ),
        ]
        rows.append(
            Select(self._data(scope, "pick"), tuple(options), say(f"choose.{self.name}.pick", locale))
        )
        if buttons := await self.buttons(occasion, scope, now):
            rows.append(buttons)
        return "\n".join(lines), tuple(rows)

    async def _pick(self, press: Press, scope: Scope, tag: str) -> bool:
        names = {offer.tag: offer.name for offer in await self.offers(press)}
        if tag != INHERIT and tag not in names:
            press.reply(press.say("form.over"), private=True)
            return False
        try:
            await self._choose(press, scope, names.get(tag))
        except StoreError:
            press.reply(press.say("settings.not_kept"), private=True)
            return False
        return True

    async def _choose(self, occasion: Occasion, scope: Scope, name: str | None) -> None:
        """An admin's is for all there until somebody else chooses; for themselves they grant nothing. Raises
        StoreError."""
        choices = occasion.services.chat.choices
        if self.name == "model":
            own = scope.key == person_scope(str(occasion.person))
            grants = occasion.services.access.is_admin(occasion.person) and not own
            await choices.choose(scope.key, GRANTED, name if grants else None)
        await choices.choose(scope.key, self.name, name)

    async def _called(self, occasion: Occasion, name: str | None) -> str:
        called = None if name is None else await self.called(occasion, name)
        return called or self.standard(occasion)

    def _data(self, scope: Scope, what: str) -> str:
        return f"{self.name}:{scope.level}:{what}"

    async def _named_scope(self, call: Call) -> Scope | None:
        """The one that was named, else the conversation's. A channel is the one that a thread hangs in; where
        the place lies in no wider one, it stands for itself."""
        named = call.text("scope")
        offered = await self._offered(call)
        if named in {"", "conversation"}:
            return offered[-1]
        every = scopes.scopes_at(call.place)
        levels = [_LEVELS[named], scopes.HERE] if named == "channel" else [scopes.SERVER]
        wanted = next((one for level in levels for one in every if one.level == level), every[0])
        return wanted if wanted in offered else None

    async def _offered(self, occasion: Occasion) -> tuple[Scope, ...]:
        """Those that the person may choose for, the widest first; the last is the conversation's."""
        place = occasion.place
        id_ = await occasion.services.chat.conversation_of(place, occasion.person)
        own = scopes.conversation(place, id_)
        managed = scopes.managed(place, occasion.person, occasion.services.access)
        return (*(scope for scope in managed if scope.key != own.key), own)

    async def _held(self, occasion: Occasion, scope: Scope) -> tuple[str | None, Scope | None, Scope | None]:
        """What holds in a scope, the scope whose choice that is, and whose it would be without one there."""
        choices = occasion.services.chat.choices
        keys = scopes_of(occasion.place)
        keys = keys[: keys.index(scope.key) + 1] if scope.key in keys else (*keys, scope.key)
        admin = occasion.services.access.is_admin(occasion.person)
        chosen = choices.allowed(await choices.chosen(keys), admin=admin)
        known = {one.key: one for one in (*scopes.scopes_at(occasion.place), scope)}
        holder, above = (known.get(holders(upto, chosen).get(self.name, "")) for upto in (keys, keys[:-1]))
        return getattr(resolve(choices.defaults, keys, chosen), self.name), holder, above


def _line(offer: Offer) -> str:
    return (f"{offer.label}: {offer.about}" if offer.about else offer.label)[:100]
