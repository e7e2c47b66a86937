"""The surfaces of interactions: of those that come in, and of those that another process answered before."""

from __future__ import annotations

from typing import Any

import discord

from bots.discord.addresses import InteractionAddress
from bots.discord.capabilities import FOLLOW_UPS, LAST_REQUEST_AFTER_S
from bots.discord.interactions import InteractionSurface
from bots.discord.places import Interaction, is_users_own
from bots.discord.surface import ChannelSurface
from core.messages import Place
from core.ports.clock import Clock
from core.ports.surface import Surface
from core.streaming.operations import OperationKind


def opened(
    interaction: Interaction,
    *,
    place: Place,
    account: str,
    channel: ChannelSurface | None,
    clock: Clock,
    acknowledge_after_s: float,
    private: bool = False,
) -> InteractionSurface:
    """For an interaction that came in. `private`: the answer will be for the asker alone, and so is the sign
    that we think."""
    message = interaction.message
    users_own = channel is None and is_users_own(interaction)
    kept = InteractionAddress(
        id=str(interaction.id),
        application_id=str(interaction.application_id),
        token=interaction.token,
        # Not by the interaction's own date: this machine's clock may be wrong by more than that.
        began_at=clock.wall(),
        source_id="" if message is None else str(message.id),
        is_form=interaction.type is discord.InteractionType.modal_submit,
        private=private,
        visible=channel is not None,
        may_send=channel is not None and channel.buckets(OperationKind.SEND) is not None,
        follow_ups_left=FOLLOW_UPS if users_own else None,  # docs: "Interactions, Followup Messages"
    )
    return InteractionSurface(
        webhook=interaction.followup,
        response=interaction.response,
        kept=kept,
        place=place,
        account=account,
        channel=channel,
        clock=clock,
        acknowledge_after_s=acknowledge_after_s,
    )


def reopened(
    client: discord.Client,
    kept: InteractionAddress,
    *,
    place: Place,
    account: str,
    clock: Clock,
    in_doubt: bool = False,
) -> Surface | None:
    """For one that an earlier process answered. Once its token has ended: the channel, where everybody may
    see the answer; else None. `in_doubt`: see `InteractionSurface`."""
    channel = ChannelSurface(client, place, account, may_send=kept.may_send) if kept.visible else None
    if clock.wall() - kept.began_at >= LAST_REQUEST_AFTER_S:
        return None if kept.private else channel
    # What `Interaction.followup` is: the public `Webhook.partial` takes no private answers.
    data: Any = {"id": int(kept.application_id), "type": 3, "token": kept.token}
    webhook = discord.Webhook.from_state(data, client._connection)  # noqa: SLF001
    return InteractionSurface(
        webhook=webhook,
        response=None,
        kept=kept,
        place=place,
        account=account,
        channel=channel,
        clock=clock,
        in_doubt=in_doubt,
    )
