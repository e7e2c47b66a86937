"""The messages with which the bot answers an interaction: made, shown, changed."""

from __future__ import annotations

from bots.sandbox.discord.content import compose
from bots.sandbox.discord.http import Call
from bots.sandbox.discord.models import Change, Interaction, InteractionType, Json, Message
from bots.sandbox.discord.payloads import EPHEMERAL, LOADING
from bots.sandbox.discord.world import World

_REPLY, _COMMAND, _CONTEXT_MENU_COMMAND = 19, 20, 23  # message types


class InteractionMessages:
    """Puts answers into the world; who checks whether they may be given stands elsewhere."""

    def __init__(self, world: World) -> None:
        self._world = world

    def defer(self, one: Interaction, data: Json) -> Message:
        """Show that the bot is thinking."""
        message = self._first(one, data)
        message.flags |= LOADING
        one.channel.messages[message.id] = message
        self._world.announce(Change("message", one.channel, message))
        return message

    def answer(self, one: Interaction, data: Json, call: Call) -> Message:
        """Show the first answer. Raises `ApiError`."""
        message = self._first(one, data)
        self._publish(message, data, call)
        return message

    def follow_up(self, one: Interaction, original: Message | None, call: Call) -> Message:
        """Show a further answer below the original one. Raises `ApiError`."""
        message = self._message(one, call.fields)
        message.reply_to, message.type = original, _REPLY if original else 0
        self._publish(message, call.fields, call)
        return message

    def edit(self, message: Message, data: Json, call: Call) -> None:
        """Change an answer, or fill the one that says thinking. Raises `ApiError`."""
        compose(self._world, message, data, call.uploads, by_edit=not message.flags & LOADING)
        if message.flags & LOADING:
            message.flags &= ~LOADING
        else:
            message.edits += 1
            message.edited_at = self._world.now()
        self._world.announce(Change("edit", message.channel, message))

    def delete(self, message: Message) -> None:
        """Take an answer away."""
        del message.channel.messages[message.id]
        self._world.announce(Change("delete", message.channel, message))

    def _first(self, one: Interaction, data: Json) -> Message:
        message = self._message(one, data)
        message.reply_to = one.source
        if one.type is InteractionType.COMMAND:
            message.type = _COMMAND if one.target is None else _CONTEXT_MENU_COMMAND
        elif one.source is not None:
            message.type = _REPLY
        return message

    def _message(self, one: Interaction, data: Json) -> Message:
        message = Message(self._world.snowflake(), one.channel, self._world.bot, self._world.now())
        message.interaction = one
        if (data.get("flags") or 0) & EPHEMERAL:
            message.flags |= EPHEMERAL
            message.only_for = one.user
        return message

    def _publish(self, message: Message, data: Json, call: Call) -> None:
        compose(self._world, message, data, call.uploads)
        message.channel.messages[message.id] = message
        self._world.announce(Change("message", message.channel, message))
