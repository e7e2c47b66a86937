"""Which messages of a group reach the bot.

The law is the Bot FAQ's (core.telegram.org/bots/faq#what-messages-will-my-bot-get). Every bot gets
service messages; administrators and bots without privacy mode get all messages of people; with
privacy mode a bot gets only what is meant for it, each message being meant for one bot:

1. a reply belongs to the bot whose message, or meant-for-it message, it answers;
2. a command with a name, `/ask@name`, belongs to that bot;
3. a message that mentions @name belongs to that bot: the FAQ omits these, BotFather's words for
   `/setprivacy` ("messages that either start with the '/' symbol or mention the bot by username")
   name them;
4. a message chosen from a bot's inline results belongs to that bot;
5. a bare command belongs to the bot that wrote last in the group; where no bot ever wrote,
   BotFather's words hold.

No bot sees another bot's messages.
"""

from __future__ import annotations

from bots.sandbox.telegram.text import utf16_slice
from bots.sandbox.telegram.world import Message, Person


def reaches_bot(message: Message, bot: Person) -> bool:
    """Whether the bot gets an update for `message`, which somebody else wrote."""
    chat = message.chat
    if not chat.is_member(bot.id) or (message.author.bot and message.service is None):
        return False
    if chat.kind == "private" or message.service is not None:
        return True
    return chat.is_admin(bot.id) or not chat.bot_privacy or meant_for(message, bot)


def meant_for(message: Message, bot: Person) -> bool:
    """Whether privacy mode counts `message` as meant for `bot`."""
    if message.author.bot:
        return False
    if message.via_bot is not None:
        return message.via_bot.id == bot.id
    target = message.reply_to
    if target is not None and (target.author.bot or target.meant_for_bot):
        return target.author.id == bot.id or target.meant_for_bot
    marked = [
        (entity["type"], utf16_slice(message.text, entity["offset"], entity["length"]))
        for entity in message.entities
    ]
    command = next((words for kind, words in marked if kind == "bot_command"), "")
    starts_with_command = bool(command) and message.text.startswith(command)
    _, at, addressee = command.partition("@")
    if starts_with_command and at:
        return addressee.lower() == bot.username.lower()
    if any(kind == "mention" and words[1:].lower() == bot.username.lower() for kind, words in marked):
        return True
    return starts_with_command and message.chat.last_bot in (None, bot.id)
