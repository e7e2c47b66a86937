"""The world as Discord's JSON: every object in the form that the REST API and the gateway send."""

from __future__ import annotations

import mimetypes
from datetime import UTC, datetime
from typing import Final

from bots.sandbox.discord.models import Channel, File, Interaction, InteractionType, Json, Message, Role, User
from bots.sandbox.discord.world import World
from bots.sandbox.images import picture

LOADING: Final = 1 << 7
EPHEMERAL: Final = 1 << 6
SILENT: Final = 1 << 12
IN_GUILD: Final = ("channel", "forum")
THREAD_CREATED, THREAD_STARTER = 18, 21  # message types
COMMAND_ANSWERS: Final = (20, 23)  # to a slash command, to a command of a context menu


def timestamp(at: float) -> str:
    """Unix seconds as ISO 8601, the way Discord writes them."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


def user(account: User) -> Json:
    """A user object."""
    payload: Json = {
        "id": str(account.id),
        "username": account.name.lower(),
        "discriminator": "0",
        "global_name": None if account.bot else account.name,
        "avatar": None,
        "public_flags": 0,
    }
    return payload | {"bot": True} if account.bot else payload


class Payloads:
    """Builds payloads that need the world; `origin` is the server's own URL, set once it listens."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.origin = ""

    def role(self, role: Role) -> Json:
        """A role of the guild."""
        return {
            "id": str(role.id),
            "name": role.name,
            "permissions": str(int(role.permissions)),
            "mentionable": role.mentionable,
            "position": list(self._world.roles).index(role.id),
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": role.bot is not None,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
            **({"tags": {"bot_id": str(role.bot.id)}} if role.bot else {}),
        }

    def member(self, account: User) -> Json:
        """A guild member without its user, as messages carry it."""
        return {
            "roles": [str(role) for role in self._world.member_roles[account.id]],
            "joined_at": timestamp(self._world.guild_id / (1 << 22) / 1000 + 1_420_070_400),
            "premium_since": None,
            "nick": None,
            "avatar": None,
            "banner": None,
            "communication_disabled_until": None,
            "deaf": False,
            "mute": False,
            "pending": False,
            "flags": 0,
        }

    def member_with_user(self, account: User) -> Json:
        """A guild member."""
        return self.member(account) | {"user": user(account)}

    def channel(self, channel: Channel) -> Json:
        """A channel object of any kind."""
        last = str(max(channel.messages)) if channel.messages else None
        payload: Json = {"id": str(channel.id), "last_message_id": last, "flags": 0}
        if not channel.in_guild:
            others = channel.friends or filter(None, [channel.recipient])
            return payload | {"type": 1, "recipients": [user(one) for one in others]}
        payload |= {"guild_id": str(self._world.guild_id), "name": channel.name, "rate_limit_per_user": 0}
        if channel.parent is not None:
            return payload | self._thread(channel, channel.parent)
        guild_channels = [c.id for c in self._world.channels.values() if c.kind in IN_GUILD]
        if channel.kind == "forum":
            payload |= {"available_tags": [], "default_reaction_emoji": None, "default_sort_order": None}
            payload |= {"default_forum_layout": 0, "default_thread_rate_limit_per_user": 0}
        return payload | {
            "type": 15 if channel.kind == "forum" else 0,
            "position": guild_channels.index(channel.id),
            "permission_overwrites": [
                {
                    "id": str(target),
                    "type": 0 if target in self._world.roles else 1,
                    "allow": str(int(overwrite.allow)),
                    "deny": str(int(overwrite.deny)),
                }
                for target, overwrite in channel.overwrites.items()
            ],
            "nsfw": False,
            "parent_id": None,
            "topic": None,
        }

    def _thread(self, thread: Channel, parent: Channel) -> Json:
        created = timestamp(thread.created_at)
        payload: Json = {"applied_tags": []} if parent.kind == "forum" else {}
        if self._world.bot.id in thread.members:
            payload["member"] = self.thread_member(thread)
        return payload | {
            "type": 11,
            "parent_id": str(parent.id),
            "owner_id": str((thread.owner or self._world.bot).id),
            "member_count": len(thread.members),
            "message_count": len(thread.messages),
            "total_message_sent": len(thread.messages),
            "thread_metadata": {
                "archived": thread.archived,
                "auto_archive_duration": thread.archive_after_min,
                "archive_timestamp": timestamp(thread.archived_at or thread.created_at),
                "create_timestamp": created,
                "locked": thread.locked,
            },
        }

    def thread_member(self, thread: Channel) -> Json:
        """The bot's own membership in a thread."""
        return {
            "id": str(thread.id),
            "user_id": str(self._world.bot.id),
            "join_timestamp": timestamp(thread.created_at),
            "flags": 1,
        }

    def guild(self, members: list[User]) -> Json:
        """The guild as GUILD_CREATE sends it: with every channel, even those the bot cannot see."""
        world = self._world
        channels = [c for c in world.channels.values() if c.kind in IN_GUILD]
        threads = [c for c in world.channels.values() if c.kind == "thread" and not c.archived]
        return {
            "id": str(world.guild_id),
            "name": world.guild_name,
            "owner_id": str(world.owner.id),
            "roles": [self.role(role) for role in world.roles.values()],
            "member_count": len(world.users),
            "members": [self.member_with_user(account) for account in members],
            "channels": [self.channel(channel) for channel in channels],
            "threads": [self.channel(t) for t in threads if world.permissions(world.bot, t)],
            "unavailable": False,
            "large": False,
            "joined_at": timestamp((world.bot.id >> 22) / 1000 + 1_420_070_400),
            "preferred_locale": world.guild_locale,
            "verification_level": 0,
            "default_message_notifications": 1,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "afk_timeout": 300,
            "system_channel_flags": 0,
            "features": [],
            "emojis": [],
            "stickers": [],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        } | dict.fromkeys(
            (
                "icon",
                "splash",
                "discovery_splash",
                "banner",
                "description",
                "afk_channel_id",
                "system_channel_id",
                "rules_channel_id",
                "public_updates_channel_id",
                "vanity_url_code",
                "application_id",
            )
        )

    def message(self, message: Message, *, content_intent: bool = True) -> Json:
        """A message object; without the Message Content intent what the bot may not read is empty."""
        readable = content_intent or self._always_readable(message)
        payload: Json = {
            "id": str(message.id),
            "channel_id": str(message.channel.id),
            "author": user(message.author),
            "content": message.content if readable else "",
            "timestamp": timestamp(message.at),
            "edited_timestamp": None if message.edited_at is None else timestamp(message.edited_at),
            "tts": False,
            "mention_everyone": message.mentions.everyone,
            "mentions": [self._mentioned(target, message) for target in message.mentions.users],
            "mention_roles": [str(role) for role in message.mentions.roles],
            "attachments": [self.attachment(file, message.channel) for file in message.files]
            if readable
            else [],
            "embeds": message.embeds if readable else [],
            "components": message.components if readable else [],
            "pinned": False,
            "type": message.type,
            "flags": message.flags,
        }
        if message.thread is not None:
            payload["thread"] = self.channel(message.thread)
        if message.reactions:
            payload["reactions"] = [self._reaction(*item) for item in message.reactions.items()]
        if message.nonce is not None:
            payload["nonce"] = message.nonce
        if message.reply_to is not None:
            payload |= self._reply(message.reply_to, content_intent)
        if message.type == THREAD_CREATED and message.thread is not None:
            guild_id, thread_id = str(self._world.guild_id), str(message.thread.id)
            payload["message_reference"] = {"type": 0, "guild_id": guild_id, "channel_id": thread_id}
        if message.interaction is not None:
            payload |= self._from_interaction(message, message.interaction)
        return payload

    def message_event(self, message: Message, *, content_intent: bool) -> Json:
        """A message as MESSAGE_CREATE and MESSAGE_UPDATE send it: with guild and member."""
        payload = self.message(message, content_intent=content_intent)
        if message.channel.in_guild:
            payload |= {"guild_id": str(self._world.guild_id), "member": self.member(message.author)}
        return payload

    def attachment(self, file: File, channel: Channel) -> Json:
        """An attachment object, with a URL that this server answers."""
        url = f"{self.origin}/attachments/{channel.id}/{file.id}/{file.name}"
        payload: Json = {"id": str(file.id), "filename": file.name, "size": len(file.content)}
        payload |= {"url": url, "proxy_url": url}
        if shown := picture(file.content):
            payload |= {"content_type": shown.mime_type, "width": shown.width, "height": shown.height}
        elif guessed := mimetypes.guess_type(file.name)[0]:
            payload["content_type"] = guessed
        return payload | {"description": file.description} if file.description else payload

    def _always_readable(self, message: Message) -> bool:
        bot = self._world.bot
        return message.author == bot or message.channel.kind == "dm" or bot.id in message.mentions.users

    def _mentioned(self, target: int, message: Message) -> Json:
        account = self._world.users[target]
        return user(account) | ({"member": self.member(account)} if message.channel.in_guild else {})

    def _reaction(self, emoji: str, by: list[User]) -> Json:
        return {
            "emoji": {"id": None, "name": emoji},
            "count": len(by),
            "count_details": {"burst": 0, "normal": len(by)},
            "me": self._world.bot in by,
            "me_burst": False,
            "burst_colors": [],
        }

    def _reply(self, target: Message, content_intent: bool) -> Json:
        reference: Json = {"type": 0, "message_id": str(target.id), "channel_id": str(target.channel.id)}
        if target.channel.in_guild:
            reference["guild_id"] = str(self._world.guild_id)
        exists = target.id in target.channel.messages
        referenced = self.message(target, content_intent=content_intent) if exists else None
        if referenced is not None:
            referenced.pop("referenced_message", None)
        return {"message_reference": reference, "referenced_message": referenced}

    def _from_interaction(self, message: Message, interaction: Interaction) -> Json:
        application = str(self._world.application_id)
        metadata = self._metadata(interaction)
        if interaction.original is not None and interaction.original is not message:
            metadata["original_response_message_id"] = str(interaction.original.id)
        payload: Json = {
            "webhook_id": application,
            "application_id": application,
            "interaction_metadata": metadata,
        }
        if message.type in COMMAND_ANSWERS:
            payload["interaction"] = {key: metadata[key] for key in ("id", "type", "user", "name")}
        return payload

    def _metadata(self, interaction: Interaction) -> Json:
        metadata: Json = {
            "id": str(interaction.id),
            "type": interaction.type,
            "user": user(interaction.user),
            "authorizing_integration_owners": self.integration_owners(interaction),
        }
        if interaction.type is InteractionType.COMMAND:
            metadata["name"] = interaction.name
        if isinstance(interaction.target, Message):
            metadata["target_message_id"] = str(interaction.target.id)
        elif interaction.target is not None:
            metadata["target_user"] = user(interaction.target)
        if interaction.type is InteractionType.COMPONENT and interaction.source is not None:
            metadata["interacted_message_id"] = str(interaction.source.id)
        if interaction.type is InteractionType.MODAL and interaction.before is not None:
            metadata["triggering_interaction_metadata"] = self._metadata(interaction.before)
        return metadata

    def integration_owners(self, interaction: Interaction) -> Json:
        """Who installed the application for an interaction to take place: a guild (0) or a person (1)."""
        channel = interaction.channel
        if interaction.users_own:
            return {"1": str(interaction.user.id)}
        return {"0": str(self._world.guild_id) if channel.in_guild else "0"}
