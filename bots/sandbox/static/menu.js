// The list of suggestions above an entry box: commands, mentions, choices.

import { h } from "./dom.js";

export class Menu {
  #box;
  #choices = [];
  #chosen = 0;
  #note = null;

  constructor(id, label) {
    this.node = h("ul", { class: "menu", id, role: "listbox", "aria-label": label, hidden: true });
  }

  /** Suggest to `box`: choices of { title, hint, about, typed, choose() }, or a `note` where there are none.
   *  `typed`: the box holds all of it already. */
  show(box, choices, note = null) {
    this.#box = box;
    this.#choices = choices;
    this.#note = note;
    this.#chosen = 0;
    this.#draw();
  }

  hide() {
    this.show(this.#box, []);
  }

  get open() {
    return this.#choices.length > 0;
  }

  /** Choose what is marked; whether anything is. */
  choose() {
    if (!this.open) return false;
    this.#choices[this.#chosen].choose();
    return true;
  }

  /** Take a key that is meant for the list; whether it was. */
  key(event) {
    if (!this.open) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.#chosen = (this.#chosen + step + this.#choices.length) % this.#choices.length;
      this.#mark();
    } else if (event.key === "Enter" && this.#choices[this.#chosen].typed) {
      this.hide(); // there is nothing to complete: the key is the box's
      return false;
    } else if ((event.key === "Tab" || event.key === "Enter") && !event.shiftKey) {
      this.choose();
    } else if (event.key === "Escape") {
      this.hide();
    } else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  #draw() {
    this.node.hidden = !this.open && !this.#note;
    const rows = this.#choices.map((choice, i) => this.#row(choice, i));
    this.node.replaceChildren(
      ...rows,
      ...(this.#note && !this.open
        ? [h("li", { class: "menu-note", role: "option", "aria-disabled": "true" }, this.#note)]
        : []),
    );
    this.#mark();
  }

  #row({ title, hint, about, choose }, i) {
    const pick = (event) => {
      event.preventDefault(); // the focus stays in the box
      choose();
    };
    return h(
      "li",
      { role: "option", id: `${this.node.id}-${i}`, onmousedown: pick },
      h("span", { class: "title" }, title),
      h("span", { class: "hint" }, hint ?? ""),
      h("span", { class: "about" }, about ?? ""),
    );
  }

  #mark() {
    [...this.node.children].forEach((row, i) => row.setAttribute("aria-selected", String(i === this.#chosen)));
    const row = this.open ? this.node.children[this.#chosen] : null;
    if (row) this.#box?.setAttribute("aria-activedescendant", row.id);
    else this.#box?.removeAttribute("aria-activedescendant");
    row?.scrollIntoView({ block: "nearest" });
  }
}
