// What the page knows of one platform: chats, people and messages, kept current by events.

export class PlatformState {
  name;
  chats = new Map();
  people = new Map();
  messages = new Map(); // chat id → Map of message id → message, oldest first
  typing = new Map(); // chat id → Map of person id → when it ends (ms)
  drafts = new Map(); // chat id → a preview that Telegram shows in a private chat
  commands = []; // those offered to this person in the open chat
  unread = new Map();
  online = false;
  requests = 0;
  limited = 0;
  bot = null;
  inline = false;
  dismissed = new Set(); // ids of private answers that a person has put away

  constructor(name) {
    this.name = name;
  }

  /** Start again from a server's snapshot. */
  restart(snapshot) {
    this.chats = new Map(snapshot.chats.map((chat) => [chat.id, chat]));
    this.people = new Map(snapshot.people.map((person) => [person.id, person]));
    this.bot = snapshot.people.find((person) => person.bot) ?? null;
    this.messages = new Map();
    for (const message of snapshot.messages) this.messagesOf(message.chat).set(message.id, message);
    this.online = snapshot.online ?? false;
    this.inline = snapshot.inline ?? false;
    this.requests = snapshot.requests;
    this.limited = snapshot.limited;
    this.typing.clear();
    this.drafts.clear();
    this.unread.clear();
  }

  messagesOf(chat) {
    if (!this.messages.has(chat)) this.messages.set(chat, new Map());
    return this.messages.get(chat);
  }

  /** The last message of a chat that `person` sees, or null. */
  lastMessage(chat, person) {
    let last = null;
    for (const message of this.messagesOf(chat).values()) if (this.shows(message, person)) last = message;
    return last;
  }

  /** Whether `person` sees a message: an ephemeral one is for one person only, until they dismiss it. */
  shows(message, person) {
    return !message.only_for || (message.only_for === person?.id && !this.dismissed.has(message.id));
  }

  /** Take an event in. */
  apply(event) {
    switch (event.type) {
      case "message":
      case "edit": {
        const { message } = event;
        this.messagesOf(message.chat).set(message.id, message);
        if (event.type === "message") {
          this.typing.get(message.chat)?.delete(message.author.id);
          this.drafts.delete(message.chat);
          this.people.set(message.author.id, { ...this.people.get(message.author.id), ...message.author });
        }
        break;
      }
      case "delete":
        this.messagesOf(event.message.chat).delete(event.message.id);
        break;
      case "delete_bulk":
        for (const message of event.messages) this.messagesOf(message.chat).delete(message.id);
        break;
      case "typing":
        if (!this.typing.has(event.chat)) this.typing.set(event.chat, new Map());
        this.typing.get(event.chat).set(event.person, Date.now() + 1000 * event.for_s);
        break;
      case "draft":
        this.drafts.set(event.chat, { ...event, until: Date.now() + 1000 * event.for_s });
        break;
      case "draft_stopped": {
        const draft = this.drafts.get(event.chat);
        if (!event.kept) this.drafts.delete(event.chat);
        else if (draft) this.drafts.set(event.chat, { ...draft, can_stop: false });
        break;
      }
      case "chat":
        this.chats.set(event.chat.id, event.chat);
        break;
      case "chat_gone":
        this.chats.delete(event.chat.id);
        this.messages.delete(event.chat.id);
        break;
      case "person":
        this.people.set(event.person.id, event.person);
        break;
      case "inline":
        this.inline = event.enabled;
        break;
      case "online":
        this.online = event.online;
        break;
      case "request":
        this.requests += 1;
        break;
      case "limited":
        this.limited += 1;
        break;
    }
  }

  /** Who is typing in a chat now, apart from `me`. */
  typists(chat, me) {
    const now = Date.now();
    return [...(this.typing.get(chat) ?? [])]
      .filter(([id, until]) => until > now && id !== me?.id)
      .map(([id]) => this.people.get(id))
      .filter(Boolean);
  }

  /** The person of this name on this platform, or null: ids differ between the two. */
  personCalled(name) {
    return [...this.people.values()].find((person) => person.name === name && !person.bot) ?? null;
  }
}
