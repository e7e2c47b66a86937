// The list of chats of a pane.

import { h, redraw } from "./dom.js";

export class Sidebar {
  #look;
  #state;
  #open;

  /** `open(id)` shows a chat. */
  constructor(look, state, open) {
    this.#look = look;
    this.#state = state;
    this.#open = open;
    this.node = h("nav", { class: "sidebar", "aria-label": `Chats in ${look.label}` });
  }

  /** Draw it for the person `me`, who looks at the chat `open`. */
  draw(me, open) {
    const groups = this.#look.sidebar(this.#state, me, open);
    const shape = groups.map(({ heading, rows }) => [heading, rows.map(({ chat }) => [chat.id, chat.name])]);
    redraw(this.node, [shape, me?.name, this.#state.bot?.name], () => [
      this.#look.heading(this.#state),
      h(
        "div",
        { class: "chat-groups" },
        groups.map(({ heading, rows }) => [
          heading && h("h3", null, heading),
          h(
            "ul",
            { role: "list" },
            rows.map(() => h("li")),
          ),
        ]),
      ),
      this.#look.footer(me),
    ]);
    const places = this.node.querySelectorAll("li");
    groups.flatMap(({ rows }) => rows).forEach((row, i) => this.#drawRow(row, places[i], open));
  }

  /** Change a row in place, so that a click or the focus on it is not lost. */
  #drawRow({ chat, nodes }, place, open) {
    const count = this.#state.unread.get(chat.id);
    const button =
      place.firstElementChild ?? h("button", { type: "button", onclick: () => this.#open(chat.id) });
    if (!place.firstElementChild) place.append(button);
    button.className = `chat-row ${chat.kind} ${count ? "unread" : ""}`;
    button.dataset.chat = chat.id;
    button.setAttribute("aria-current", String(chat.id === open?.id));
    const badge = count ? h("span", { class: "badge", "aria-label": `${count} unread` }, String(count)) : "";
    const fresh = h("div", null, nodes(), badge);
    const shown = h("div", null, ...[...button.childNodes].map((node) => node.cloneNode(true)));
    if (!fresh.isEqualNode(shown)) button.replaceChildren(...fresh.childNodes);
  }
}
