"""Forms as the library wants them."""

from __future__ import annotations

import discord

from core.messages import Form

_TITLE, _HINT = 45, 100  # characters; docs: "Component Reference" (Label), "Modal"


def modal_of(form: Form) -> discord.ui.Modal:
    """A form as the library wants it; what is filled in comes back by the fields' names."""
    modal = discord.ui.Modal(title=form.title[:_TITLE], custom_id=form.data, timeout=None)
    for field in form.fields:
        style = discord.TextStyle.paragraph if field.long else discord.TextStyle.short
        text = discord.ui.TextInput[discord.ui.View](
            custom_id=field.name,
            style=style,
            default=field.value or None,
            required=field.required,
            max_length=field.max_length,
        )
        modal.add_item(
            discord.ui.Label(
                text=field.label[:_TITLE], description=field.hint[:_HINT] or None, component=text
            )
        )
    return modal
