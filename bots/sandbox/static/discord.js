// How Discord looks: its list of channels, its headings, what may be done with a message.

import { avatar, h, icon } from "./dom.js";
import { DiscordMessage } from "./discord_message.js";

const ON_MESSAGE = 3; // the type of a command in a message's menu
const ICONS = { thread: "thread", forum: "forum" };

export const discord = {
  name: "discord",
  label: "Discord",
  slashForms: true,
  tag: (person) => person.name,
  asTyped,

  chatsOf(state, me) {
    return [...state.chats.values()].filter((chat) => !chat.readers || chat.readers.includes(me?.id));
  },

  title(chat, state, me) {
    if (chat.kind === "dm")
      return { icon: null, avatar: state.bot, name: state.bot?.name ?? "Bot", about: "Direct message" };
    if (chat.kind === "friends") {
      const friend = this.friend(chat, state, me);
      return { avatar: friend, name: friend.name, about: `Without ${state.bot?.name}: its commands work here` };
    }
    const parent = state.chats.get(chat.parent);
    const standing = chat.locked ? ", locked" : chat.archived ? ", closed" : "";
    const within = parent?.kind === "forum" ? `Post in ${parent.name}` : `Thread in #${parent?.name}`;
    const about = chat.kind === "thread" ? within + standing : chat.kind === "forum" ? "Forum" : chat.group;
    return { icon: ICONS[chat.kind] ?? "hash", name: chat.name, about };
  },

  /** The other one in a direct message of two people. */
  friend(chat, state, me) {
    const id = chat.readers.find((reader) => reader !== me?.id);
    return state.people.get(id) ?? { name: chat.name };
  },

  placeholder(chat, state, me) {
    if (chat.kind === "friends") return `Message @${this.friend(chat, state, me).name}`;
    if (chat.kind === "thread") return `Message "${chat.name}"`;
    return chat.kind === "dm" ? `Message @${state.bot?.name}` : `Message #${chat.name}`;
  },

  /** What stands above the first message: what a newcomer can do here. */
  intro(chat, state, me) {
    const bot = state.bot?.name ?? "the bot";
    if (chat.kind === "friends")
      return [this.friend(chat, state, me).name, `${bot} is not here. Who installed it can use its commands.`];
    if (chat.kind === "dm")
      return [`This is your direct message with ${bot}.`, "Just write: every message here is a question."];
    if (chat.kind === "forum") return [chat.name, "Each post is a conversation of its own."];
    if (chat.kind === "thread") return [chat.name, this.title(chat, state).about];
    return [`Welcome to #${chat.name}!`, `Type /ask, or mention @${bot}, and see the answer grow.`];
  },

  /** The channel list: groups of { heading, rows }, a row being { chat, draw() }. */
  sidebar(state, me, open) {
    const chats = this.chatsOf(state, me);
    const places = chats.filter(({ kind }) => kind !== "dm" && kind !== "friends");
    const channels = places.filter((chat) => chat.kind !== "thread");
    const threads = places.filter((chat) => chat.kind === "thread" && (!chat.archived || chat.id === open?.id));
    const rows = channels.flatMap((channel) => [
      channel,
      ...threads.filter((thread) => thread.parent === channel.id),
    ]);
    rows.push(...threads.filter((thread) => !rows.includes(thread)));
    const row = (chat) => ({
      chat,
      nodes: () => [
        icon(ICONS[chat.kind] ?? "hash"),
        h("span", { class: "chat-name" }, chat.name),
      ],
    });
    const dm = (chat) => ({
      chat,
      nodes: () => [
        presence(state.bot, state.online),
        h("span", { class: "chat-name" }, state.bot?.name ?? "Bot"),
      ],
    });
    const friend = (chat) => ({
      chat,
      nodes: () => [
        presence(this.friend(chat, state, me), true),
        h("span", { class: "chat-name" }, this.friend(chat, state, me).name),
      ],
    });
    const own = (kind) => chats.filter((chat) => chat.kind === kind);
    return [
      { heading: "Text channels", rows: rows.map(row) },
      { heading: "Direct messages", rows: [...own("dm").map(dm), ...own("friends").map(friend)] },
    ];
  },

  heading(state) {
    const group = [...state.chats.values()].find((chat) => chat.group)?.group ?? "Discord";
    return h("div", { class: "guild" }, group);
  },

  footer(me) {
    if (!me) return null;
    return h(
      "div",
      { class: "user-panel" },
      presence(me, true),
      h("div", { title: `discord:${me.id}` }, h("strong", null, me.name), h("small", null, "Online")),
    );
  },

  /** The message that an address of discord.com leads to here, or null. */
  messageLink({ host, pathname }, state) {
    const [, chat, message] = /^\/channels\/[^/]+\/(\d+)(?:\/(\d+))?$/.exec(pathname) ?? [];
    return host === "discord.com" && state.chats.has(chat) ? { chat, message } : null;
  },

  /** What `me` may do with a message: items for its menu. */
  deeds(message, { chat, me, state, act }) {
    const mine = message.author.id === me?.id;
    const items = [];
    if (!message.only_for && !message.service)
      items.push({ label: "Reply", icon: "reply", choose: () => act.reply(message) });
    if (mine && !message.service)
      items.push({ label: "Edit Message", icon: "edit", choose: () => act.edit(message, asTyped(message.text, state)) });
    if (chat.kind === "channel" && !message.thread && !message.only_for && !message.service)
      items.push({ label: "Create Thread", icon: "thread", choose: () => act.thread(message) });
    items.push({ label: "Copy Text", icon: "copy", choose: () => act.copy(message.text) });
    if (message.only_for) items.push({ label: "Dismiss Message", icon: "close", choose: () => act.dismiss(message) });
    else if (mine || (me?.admin && chat.group))
      items.push({ label: "Delete Message", icon: "bin", danger: true, choose: () => act.remove(message) });
    const apps = state.commands.filter(({ type }) => type === ON_MESSAGE);
    if (apps.length && !message.only_for && !message.service) items.push({ heading: "Apps" });
    for (const { name, label } of message.only_for || message.service ? [] : apps)
      items.push({ label: label || name, icon: "bolt", choose: () => act.use(message, name) });
    return items;
  },

  createMessage: (context) => new DiscordMessage(context),
};

function presence(person, online) {
  return h(
    "span",
    { class: `presence ${online ? "online" : "offline"}`, title: online ? "Online" : "Offline" },
    avatar(person ?? { name: "?" }),
  );
}

/** A text as its author typed it: with names where Discord keeps ids. */
function asTyped(text, state) {
  return text.replace(/<@!?(\d+)>/g, (whole, id) => (state.people.has(id) ? `@${state.people.get(id).name}` : whole));
}
