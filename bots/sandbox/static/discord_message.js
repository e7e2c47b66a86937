// One message as Discord shows it.

import { avatar, clockTime, dots, emoji as drawn, h, icon, link, redraw, under } from "./dom.js";
import { fileCard } from "./files.js";
import { renderMarkdown } from "./markdown.js";
import { Select } from "./select.js";

const BUTTON_STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };
const GROUPED_WITHIN_S = 420; // Discord repeats the author after seven minutes

export class DiscordMessage {
  #context;
  #quote = h("div", { class: "quote-line", onclick: () => this.#jump() });
  #portrait = h("div", { class: "portrait" });
  #head = h("div", { class: "head" });
  #content = h("div", { class: "content" });
  #body = h("div", { class: "body" });
  #mark = h("span", { class: "mark" });
  #extras = h("div", { class: "extras" });
  #rows = h("div", { class: "component-rows" });
  #foot = h("div", { class: "foot" });

  constructor(context) {
    this.#context = context;
    this.#content.append(this.#body, this.#mark);
    const action = (label, sign, onclick) =>
      h("button", { type: "button", title: label, "aria-label": label, onclick }, icon(sign));
    const actions = h(
      "div",
      { class: "actions" },
      action("Reply", "reply", () => context.reply(this.message)),
      action("More", "more", (event) => context.menu(this.message, under(event.currentTarget))),
    );
    const column = h(
      "div",
      { class: "column" },
      this.#head,
      this.#content,
      this.#extras,
      this.#rows,
      this.#foot,
    );
    this.node = h(
      "div",
      { class: "message", role: "listitem", oncontextmenu: (event) => this.#menu(event) },
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
      h("span", { class: "author", title: `discord:${author.id}` }, author.name),
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
    redraw(this.#extras, [message.files, message.reactions], () => this.#drawExtras(message));
    redraw(this.#rows, message.rows, () => this.#drawRows(message));
    const thread = message.thread && state.chats.get(message.thread);
    redraw(this.#foot, [message.only_for, thread], () => this.#drawFoot(message, thread));
    this.node.classList.toggle("mentions-me", Boolean(me && message.text.includes(`<@${me.id}>`)));
    this.node.classList.toggle("private", Boolean(message.only_for));
    this.node.classList.toggle("service", Boolean(message.service));
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
      !mine.service &&
      !previous.service &&
      !mine.command;
    this.node.classList.toggle("grouped", Boolean(together));
  }

  #jump() {
    if (this.message.reply_to && !this.message.command) this.#context.jump(this.message);
  }

  #menu(event) {
    if (event.target.closest("a, input, textarea") || String(getSelection())) return;
    event.preventDefault();
    this.#context.menu(this.message, { x: event.clientX, y: event.clientY });
  }

  #drawRows(message) {
    return message.rows.map((row) =>
      h(
        "div",
        { class: "buttons" },
        row.map((part) => (part.kind === "select" ? this.#select(message, part) : this.#button(message, part))),
      ),
    );
  }

  #button(message, { id, label, style, disabled, url }) {
    const look = `button ${BUTTON_STYLES[style] ?? "secondary"}`;
    if (url) {
      const anchor = link(url, label) ?? h("span", null, label);
      anchor.className = look;
      return anchor;
    }
    const press = () => this.#context.press(message, id);
    return h("button", { type: "button", class: look, disabled: disabled || !id, onclick: press }, label);
  }

  #select(message, part) {
    const { state } = this.#context;
    const named = (items, sign) => items.map(({ id, name }) => ({ label: sign + name, value: id }));
    const offered = {
      options: () => part.options,
      people: () => named([...state.people.values()], ""),
      channels: () => named([...state.chats.values()].filter(({ kind }) => kind === "channel"), "#"),
    };
    const choose = (values) => this.#context.choose(message, part.id, values);
    return new Select(part, offered[part.of](), choose).node;
  }

  #drawExtras(message) {
    const counts = new Map();
    for (const { emoji, by } of message.reactions) counts.set(emoji, [...(counts.get(emoji) ?? []), by]);
    const name = (id) => this.#context.state.people.get(id)?.name ?? "somebody";
    return [
      ...message.files.map((file) => fileCard(file, "discord")),
      counts.size &&
        h(
          "div",
          { class: "reactions" },
          [...counts].map(([emoji, by]) =>
            h(
              "span",
              { class: "reaction", title: by.map(name).join(", ") },
              drawn(emoji),
              h("b", null, String(by.length)),
            ),
          ),
        ),
    ];
  }

  #drawFoot(message, thread) {
    const dismiss = () => this.#context.dismiss(message);
    return [
      thread &&
        h(
          "button",
          { type: "button", class: "thread-link", onclick: () => this.#context.open(thread.id) },
          icon("thread"),
          h("b", null, thread.name),
          h("span", null, thread.archived ? "Closed thread ›" : "See thread ›"),
        ),
      message.only_for &&
        h(
          "div",
          { class: "only-you" },
          icon("eye"),
          h("span", null, "Only you can see this"),
          " • ",
          h("button", { type: "button", onclick: dismiss }, "Dismiss message"),
        ),
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

/** A message as one line of plain words. */
export function plainLine(text, state) {
  const names = namesIn(state);
  return text
    .replace(/<@!?(\d+)>/g, (_, id) => `@${names.person(id) ?? "unknown-user"}`)
    .replace(/\*\*|__|~~|\|\||`+/g, "")
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
