// One message as Telegram shows it.

import { avatar, clockTime, emoji as drawn, h, icon, link, redraw, under } from "./dom.js";
import { renderEntities } from "./entities.js";
import { fileCard } from "./files.js";

const GROUPED_WITHIN_S = 600;

export class TelegramMessage {
  #context;
  #portrait = h("div", { class: "portrait" });
  #author = h("div", { class: "author" });
  #via = h("div", { class: "via" });
  #quote = h("div", {
    class: "quote-line",
    onclick: () => this.message.reply_to && this.#context.jump(this.message),
  });
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
      this.#via,
      this.#quote,
      this.#files,
      this.#body,
      this.#meta,
      this.#reactions,
    );
    const action = (label, sign, onclick) =>
      h("button", { type: "button", title: label, "aria-label": label, onclick }, icon(sign));
    const actions = h(
      "div",
      { class: "actions" },
      action("Reply", "reply", () => context.reply(this.message)),
      action("More", "more", (event) => context.menu(this.message, under(event.currentTarget))),
    );
    this.node = h(
      "div",
      { class: "message", role: "listitem", oncontextmenu: (event) => this.#menu(event) },
      this.#portrait,
      h("div", { class: "stack" }, bubble, actions, this.#keyboard),
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
      h("span", { class: `name ${avatar(author).classList[1]}`, title: `telegram:${author.id}` }, author.name),
      author.admin ? h("span", { class: "admin" }, "admin") : null,
    ]);
    redraw(this.#via, message.via_bot, () => message.via_bot && ["via ", h("b", null, message.via_bot)]);
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
    redraw(this.#keyboard, message.rows, () =>
      message.rows.map((row) =>
        h(
          "div",
          { class: "keyboard-row" },
          row.map((button) => this.#button(button)),
        ),
      ),
    );
  }

  group(previous) {
    const mine = this.message;
    const together =
      previous && previous.author.id === mine.author.id && mine.at - previous.at < GROUPED_WITHIN_S;
    this.node.classList.toggle("grouped", Boolean(together));
  }

  #menu(event) {
    if (event.target.closest("a, input, textarea") || String(getSelection())) return;
    event.preventDefault();
    this.#context.menu(this.message, { x: event.clientX, y: event.clientY });
  }

  #button({ does, id, label }) {
    if (does === "url") return link(id, label) ?? h("span", null, label);
    const acts = {
      callback_data: () => this.#context.press(this.message, id),
      copy_text: () => this.#context.copy(id),
      switch_inline_query: () => this.#context.ask(id),
      switch_inline_query_current_chat: () => this.#context.ask(id),
    };
    return h("button", { type: "button", onclick: acts[does] }, label);
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
