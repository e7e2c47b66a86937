// How Telegram looks: its list of chats, and one message.

import { avatar, clockTime, emoji as drawn, h, icon, link, redraw } from "./dom.js";
import { fileCard } from "./discord.js";
import { renderEntities } from "./entities.js";

const GROUPED_WITHIN_S = 600;

export const telegram = {
  name: "telegram",
  label: "Telegram",
  slashForms: false,
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
      return { avatar: { name: chat.group }, name: chat.name, about: `topic in ${chat.group}` };
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

class TelegramMessage {
  #context;
  #portrait = h("div", { class: "portrait" });
  #author = h("div", { class: "author" });
  #quote = h("div", { class: "quote-line" });
  #files = h("div", { class: "files" });
  #body = h("div", { class: "body", dir: "auto" });
  #meta = h("span", { class: "meta" });
  #reactions = h("div", { class: "reactions" });
  #keyboard = h("div", { class: "keyboard" });

  constructor(context) {
    this.#context = context;
    // In a grid: the keyboard is as wide as the bubble, and the actions stand beside it.
    const bubble = h(
      "div",
      { class: "bubble" },
      this.#author,
      this.#quote,
      this.#files,
      this.#body,
      this.#meta,
      this.#reactions,
    );
    const reply = h(
      "button",
      { type: "button", title: "Reply", "aria-label": "Reply", onclick: () => context.reply(this.message) },
      icon("reply"),
    );
    this.node = h(
      "div",
      { class: "message", role: "listitem" },
      this.#portrait,
      h("div", { class: "stack" }, bubble, h("div", { class: "actions" }, reply), this.#keyboard),
    );
  }

  update(message) {
    const { state, me, chat } = this.#context;
    const { author } = message;
    this.message = message;
    this.node.classList.toggle("mine", author.id === me?.id);
    this.node.classList.toggle("in-group", chat.kind !== "private");
    this.node.classList.toggle("service", Boolean(message.service));
    redraw(this.#portrait, [author.name, author.bot], () => avatar(author));
    redraw(this.#author, [author.name, author.admin], () => [
      h("span", { class: `name ${avatar(author).classList[1]}` }, author.name),
      author.admin ? h("span", { class: "admin" }, "admin") : null,
    ]);
    redraw(this.#quote, message.reply_to, () => quoteLine(message, state));
    redraw(this.#files, message.files, () => message.files.map((file) => fileCard(file, "telegram")));
    redraw(this.#body, [message.text, message.entities], () =>
      renderEntities(message.text, message.entities),
    );
    redraw(this.#meta, [message.edited, message.at, message.silent], () => [
      message.edited ? h("span", { class: "edited", title: `${message.edited} edits` }, "edited") : null,
      h("time", { title: message.silent ? "Sent without sound" : null }, clockTime(message.at)),
    ]);
    redraw(this.#reactions, message.reactions, () =>
      message.reactions.map(({ emoji, by }) =>
        h("span", { class: "reaction", title: state.people.get(by)?.name ?? null }, drawn(emoji)),
      ),
    );
    redraw(this.#keyboard, message.buttons, () => message.buttons.map((button) => this.#button(button)));
  }

  group(previous) {
    const mine = this.message;
    const together =
      previous && previous.author.id === mine.author.id && mine.at - previous.at < GROUPED_WITHIN_S;
    this.node.classList.toggle("grouped", Boolean(together));
  }

  #button(button) {
    if (button.style === "link") return link(button.id, button.label) ?? h("span", null, button.label);
    return h(
      "button",
      { type: "button", onclick: () => this.#context.press(this.message, button.id) },
      button.label,
    );
  }
}

function quoteLine(message, state) {
  if (!message.reply_to) return null;
  const target = state.messagesOf(message.chat).get(message.reply_to);
  if (!target) return [h("span", { class: "quote-author" }, "Deleted message")];
  const colour = avatar(target.author).classList[1];
  return [
    h("span", { class: `quote-author ${colour}` }, target.author.name),
    h(
      "span",
      { class: "quote" },
      (target.text || target.files[0]?.name || "").replace(/\s+/g, " ").slice(0, 160),
    ),
  ];
}
