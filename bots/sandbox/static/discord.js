// How Discord looks: its list of channels, and one message.

import { avatar, clockTime, h, icon, redraw } from "./dom.js";
import { renderMarkdown } from "./markdown.js";

const BUTTON_STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };
const GROUPED_WITHIN_S = 420; // Discord repeats the author after seven minutes

export const discord = {
  name: "discord",
  label: "Discord",
  slashForms: true,
  tag: (person) => person.name,

  chatsOf(state, me) {
    return [...state.chats.values()].filter((chat) => chat.kind !== "dm" || chat.name === me?.name);
  },

  title(chat, state) {
    if (chat.kind === "dm")
      return { icon: null, avatar: state.bot, name: state.bot?.name ?? "Bot", about: "Direct message" };
    const about = chat.kind === "thread" ? "Thread" : chat.group;
    return { icon: chat.kind === "thread" ? "thread" : "hash", name: chat.name, about };
  },

  placeholder(chat, state) {
    return chat.kind === "dm" ? `Message @${state.bot?.name}` : `Message #${chat.name}`;
  },

  /** What stands above the first message: what a newcomer can do here. */
  intro(chat, state) {
    const bot = state.bot?.name ?? "the bot";
    if (chat.kind === "dm")
      return [`This is your direct message with ${bot}.`, "Just write: every message here is a question."];
    return [`Welcome to #${chat.name}!`, `Type /ask, or mention @${bot}, and see the answer grow.`];
  },

  /** The channel list: groups of { heading, rows }, a row being { chat, draw() }. */
  sidebar(state, me) {
    const chats = this.chatsOf(state, me);
    const places = chats.filter((chat) => chat.kind !== "dm");
    const channels = places.filter((chat) => chat.kind === "channel");
    const threads = places.filter((chat) => chat.kind === "thread");
    const rows = channels.flatMap((channel) => [
      channel,
      ...threads.filter((thread) => thread.parent === channel.id),
    ]);
    rows.push(...threads.filter((thread) => !rows.includes(thread)));
    const row = (chat) => ({
      chat,
      nodes: () => [
        icon(chat.kind === "thread" ? "thread" : "hash"),
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
    return [
      { heading: "Text channels", rows: rows.map(row) },
      { heading: "Direct messages", rows: chats.filter((chat) => chat.kind === "dm").map(dm) },
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
      h("div", null, h("strong", null, me.name), h("small", null, "Online")),
    );
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

class DiscordMessage {
  #context;
  #quote = h("div", { class: "quote-line" });
  #portrait = h("div", { class: "portrait" });
  #head = h("div", { class: "head" });
  #content = h("div", { class: "content" });
  #body = h("div", { class: "body" });
  #mark = h("span", { class: "mark" });
  #extras = h("div", { class: "extras" });

  constructor(context) {
    this.#context = context;
    this.#content.append(this.#body, this.#mark);
    const actions = h(
      "div",
      { class: "actions" },
      h(
        "button",
        { type: "button", title: "Reply", "aria-label": "Reply", onclick: () => context.reply(this.message) },
        icon("reply"),
      ),
    );
    const column = h("div", { class: "column" }, this.#head, this.#content, this.#extras);
    this.node = h(
      "div",
      { class: "message", role: "listitem" },
      this.#quote,
      h("div", { class: "row" }, this.#portrait, column),
      actions,
    );
  }

  /** Draw `message`; of what is drawn already, only what changed. */
  update(message) {
    const { state, me } = this.#context;
    const { author } = message;
    this.message = message;
    redraw(this.#portrait, [author.name, author.bot], () => avatar(author));
    redraw(this.#head, [author.name, author.bot, message.at], () => [
      h("span", { class: "author" }, author.name),
      author.bot ? h("span", { class: "bot-tag" }, "BOT") : null,
      h("time", { class: "time" }, `Today at ${clockTime(message.at)}`),
    ]);
    redraw(this.#quote, [message.command, message.command_by, message.reply_to], () =>
      quoteLine(message, state),
    );
    redraw(this.#body, [message.text, message.thinking], () =>
      message.thinking
        ? h("span", { class: "thinking" }, dots(), `${author.name} is thinking…`)
        : renderMarkdown(message.text, namesIn(state)),
    );
    redraw(this.#mark, message.edited && !message.thinking, () =>
      message.edited && !message.thinking
        ? h("span", { class: "edited", title: `${message.edited} edits` }, "(edited)")
        : null,
    );
    redraw(this.#extras, [message.files, message.buttons, message.reactions, message.only_for], () =>
      this.#drawExtras(message),
    );
    this.node.classList.toggle("mentions-me", Boolean(me && message.text.includes(`<@${me.id}>`)));
    this.node.classList.toggle("private", Boolean(message.only_for));
  }

  /** Leave the author out below a message of the same one. */
  group(previous) {
    const mine = this.message;
    const together =
      previous &&
      previous.author.id === mine.author.id &&
      previous.only_for === mine.only_for &&
      mine.at - previous.at < GROUPED_WITHIN_S &&
      !mine.reply_to &&
      !mine.command;
    this.node.classList.toggle("grouped", Boolean(together));
  }

  #button(message, { id, label, style, disabled }) {
    const look = `button ${BUTTON_STYLES[style] ?? "secondary"}`;
    const press = () => this.#context.press(message, id);
    return h("button", { type: "button", class: look, disabled: disabled || !id, onclick: press }, label);
  }

  #drawExtras(message) {
    const counts = new Map();
    for (const { emoji, by } of message.reactions) counts.set(emoji, [...(counts.get(emoji) ?? []), by]);
    const name = (id) => this.#context.state.people.get(id)?.name ?? "somebody";
    return [
      ...message.files.map((file) => fileCard(file, "discord")),
      message.buttons.length &&
        h(
          "div",
          { class: "buttons" },
          message.buttons.map((button) => this.#button(message, button)),
        ),
      counts.size &&
        h(
          "div",
          { class: "reactions" },
          [...counts].map(([emoji, by]) =>
            h(
              "span",
              { class: "reaction", title: by.map(name).join(", ") },
              emoji,
              h("b", null, String(by.length)),
            ),
          ),
        ),
      message.only_for && h("div", { class: "only-you" }, "Only you can see this"),
    ];
  }
}

function quoteLine(message, state) {
  if (message.command) {
    const by = state.people.get(message.command_by);
    const who = by ? [avatar(by, "tiny"), h("span", { class: "quote-author" }, by.name), "used"] : [];
    return [
      h("span", { class: "spine" }),
      ...who,
      h("span", { class: "command-line", title: message.command }, message.command),
    ];
  }
  if (!message.reply_to) return null;
  const target = state.messagesOf(message.chat).get(message.reply_to);
  if (!target)
    return [
      h("span", { class: "spine" }),
      h("span", { class: "quote gone" }, "Original message was deleted"),
    ];
  return [
    h("span", { class: "spine" }),
    avatar(target.author, "tiny"),
    h("span", { class: "quote-author" }, `@${target.author.name}`),
    h("span", { class: "quote" }, plainLine(target.text, state)),
  ];
}

function plainLine(text, state) {
  const names = namesIn(state);
  return text
    .replace(/<@!?(\d+)>/g, (_, id) => `@${names.person(id) ?? "unknown-user"}`)
    .replace(/\s+/g, " ")
    .slice(0, 200);
}

function namesIn(state) {
  return {
    person: (id) => state.people.get(id)?.name ?? null,
    chat: (id) => state.chats.get(id)?.name ?? null,
    role: () => null,
  };
}

export function dots() {
  return h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
}

/** A file of a message, which opens in a tab of its own. */
export function fileCard({ id, name, size }, platform) {
  const address = `/files/${platform}/${id}/${encodeURIComponent(name)}`;
  const shown = size < 1024 ? `${size} bytes` : `${(size / 1024).toFixed(1)} KB`;
  return h(
    "div",
    { class: "file" },
    icon("file"),
    h(
      "div",
      null,
      h("a", { class: "file-name", href: address, target: "_blank", rel: "noopener" }, name),
      h("small", null, shown),
    ),
  );
}
