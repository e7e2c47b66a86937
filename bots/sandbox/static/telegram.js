// How Telegram looks: its list of chats, its headings, what may be done with a message.

import { avatar, clockTime, h, icon } from "./dom.js";
import { renderEntities } from "./entities.js";
import { TelegramMessage } from "./telegram_message.js";

export const telegram = {
  name: "telegram",
  label: "Telegram",
  slashForms: false,
  menuButton: true,
  typingInTitle: true,
  tag: (person) => person.username,

  chatsOf(state, me) {
    return [...state.chats.values()].filter((chat) => chat.kind !== "private" || chat.id === me?.id);
  },

  title(chat, state) {
    if (chat.kind === "private")
      return {
        avatar: state.bot,
        name: state.bot?.name ?? "Bot",
        about: state.online ? "bot" : "bot, offline",
      };
    if (chat.kind === "topic")
      return { avatar: { name: chat.group }, name: chat.name, about: `${chat.closed ? "closed " : ""}topic in ${chat.group}` };
    const members = state.people.size;
    return {
      avatar: { name: chat.name },
      name: chat.name,
      about: `${members} members · the bot is in privacy mode`,
    };
  },

  placeholder: () => "Message",

  intro(chat, state) {
    const bot = state.bot?.name ?? "the bot";
    if (chat.kind === "private") return [`You and ${bot}`, "Just write: every message here is a question."];
    const mention = state.bot?.username ? `mention @${state.bot.username}, ` : "";
    return [
      `${bot} hears only what is meant for it`,
      `Type /ask and a question, ${mention}or reply to ${bot}.`,
    ];
  },

  sidebar(state, me) {
    const chats = this.chatsOf(state, me);
    const row = (chat) => ({ chat, nodes: () => chatRow(chat, state, me) });
    const single = chats
      .filter(({ kind }) => kind !== "topic")
      .sort((a, b) => Number(a.kind === "group") - Number(b.kind === "group"));
    const forums = [...new Set(chats.filter(({ kind }) => kind === "topic").map(({ group }) => group))];
    return [
      { heading: null, rows: single.map(row) },
      ...forums.map((forum) => ({
        heading: forum,
        rows: chats.filter(({ kind, group }) => kind === "topic" && group === forum).map(row),
      })),
    ];
  },

  heading: () => h("div", { class: "guild" }, "Chats"),
  footer: () => null,
  /** A preview that is no message, with Telegram's own button to stop it. */
  draft(draft, stop) {
    const button = h("button", { type: "button", class: "stop-draft", onclick: stop }, "Stop");
    return [
      h("div", { class: "bubble" }, renderEntities(draft.text, draft.entities)),
      draft.can_stop ? button : null,
    ];
  },

  /** The message that an address of t.me leads to here, or null. */
  messageLink({ host, pathname }, state) {
    const [, group, message] = /^\/c\/(\d+)\/(?:\d+\/)?(\d+)$/.exec(pathname) ?? [];
    if (host !== "t.me" || !group) return null;
    const places = [...state.chats.keys()].filter((id) => id.split("/")[0] === `-100${group}`);
    const chat = places.find((id) => state.messagesOf(id).has(message)) ?? places[0];
    return chat ? { chat, message } : null;
  },

  /** What `me` may do with a message: items for its menu. */
  deeds(message, { chat, me, act }) {
    const mine = message.author.id === me?.id;
    const items = [];
    if (!message.service) items.push({ label: "Reply", icon: "reply", choose: () => act.reply(message) });
    if (mine && !message.service && !message.via_bot && !message.files.length)
      items.push({ label: "Edit", icon: "edit", choose: () => act.edit(message, message.text) });
    items.push({ label: "Copy Text", icon: "copy", choose: () => act.copy(message.text) });
    if (mine || chat.kind === "private" || me?.admin)
      items.push({ label: "Delete", icon: "bin", danger: true, choose: () => act.remove(message) });
    return items;
  },

  /** Whether a message asks `me` for a reply. */
  forces(message, me) {
    const { force_reply: forced } = message;
    if (!forced || message.author.id === me?.id) return false;
    const names = [me?.id, `@${me?.username?.toLowerCase()}`];
    return forced.of === null || forced.of.some((one) => names.includes(one));
  },

  /** The query for the bot's inline mode in a text being typed, or null. */
  inlineQuery(text, state) {
    const name = state.inline && state.bot?.username;
    return name && text.toLowerCase().startsWith(`@${name} `) ? text.slice(name.length + 2).trimStart() : null;
  },

  createMessage: (context) => new TelegramMessage(context),
};

function chatRow(chat, state, me) {
  const { avatar: portrait, name } = telegram.title(chat, state);
  const last = state.lastMessage(chat.id, me);
  const typing = state.typists(chat.id, me).length > 0;
  const named = last && !last.service && (last.author.id === me?.id || chat.kind !== "private");
  const writer = named ? `${last.author.id === me?.id ? "You" : last.author.name}: ` : "";
  const text = last && (last.text || last.files[0]?.name || "");
  return [
    chat.kind === "topic"
      ? h("span", { class: "avatar topic", "aria-hidden": "true" }, icon("hash"))
      : avatar(portrait ?? { name }),
    h(
      "span",
      { class: "chat-lines" },
      h(
        "span",
        { class: "chat-top" },
        h("span", { class: "chat-name" }, name),
        last ? h("time", null, clockTime(last.at)) : null,
      ),
      typing
        ? h("span", { class: "preview typing" }, "typing…")
        : h(
            "span",
            { class: "preview" },
            last ? [h("span", { class: "writer" }, writer), text.slice(0, 120)] : "No messages yet",
          ),
    ),
  ];
}
