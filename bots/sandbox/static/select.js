// Discord's select: a box that opens a list to choose one or several from.

import { h, icon } from "./dom.js";

export class Select {
  #chosen;
  #before;
  #spec;
  #options;
  #onChoose;
  #button;
  #list;

  /** `options` are { label, value, about, chosen }; `onChoose(values)` is called with each new choice. */
  constructor(spec, options, onChoose) {
    this.#spec = spec;
    this.#options = options;
    this.#onChoose = onChoose;
    this.#chosen = new Set(options.filter(({ chosen }) => chosen).map(({ value }) => value));
    this.#button = h("button", {
      type: "button",
      class: "select-box",
      disabled: spec.disabled,
      "aria-haspopup": "listbox",
      "aria-expanded": "false",
      "aria-label": spec.label ?? (spec.placeholder || "Make a selection"),
      onclick: () => (this.#list.hidden ? this.#open() : this.#close()),
    });
    this.#list = h(
      "ul",
      { class: "select-list", role: "listbox", "aria-multiselectable": String(this.#several), hidden: true },
      options.map((option) => this.#option(option)),
    );
    this.node = h(
      "div",
      {
        class: "select",
        onkeydown: (event) => this.#key(event),
        onfocusout: (event) => this.node.contains(event.relatedTarget) || this.#close(),
      },
      this.#button,
      this.#list,
    );
    this.#draw();
  }

  get values() {
    return this.#options.map(({ value }) => value).filter((value) => this.#chosen.has(value));
  }

  focus() {
    this.#button.focus();
  }

  get #several() {
    return this.#spec.max > 1;
  }

  #open() {
    this.#before = this.values.join("\n");
    this.#list.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    this.#draw();
    this.#list.scrollIntoView({ block: "nearest" });
    (this.#list.querySelector('[aria-selected="true"]') ?? this.#list.firstElementChild)?.focus();
  }

  #close() {
    if (this.#list.hidden) return;
    this.#list.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
    const enough = this.#chosen.size >= this.#spec.min;
    if (this.#several && enough && this.values.join("\n") !== this.#before) this.#onChoose?.(this.values);
  }

  #pick(value) {
    if (!this.#several) {
      this.#chosen = new Set([value]);
      this.#close();
      this.#button.focus();
      this.#onChoose?.([value]);
    } else if (this.#chosen.has(value)) this.#chosen.delete(value);
    else if (this.#chosen.size < this.#spec.max) this.#chosen.add(value);
    this.#draw();
  }

  #draw() {
    const names = this.#options.filter(({ value }) => this.#chosen.has(value)).map(({ label }) => label);
    this.#button.replaceChildren(
      names.length
        ? h("span", { class: "select-chosen" }, names.join(", "))
        : h("span", { class: "select-empty" }, this.#spec.placeholder || "Make a selection"),
      icon("down"),
    );
    for (const row of this.#list.children)
      row.setAttribute("aria-selected", String(this.#chosen.has(row.dataset.value)));
  }

  #option({ label, value, about }) {
    return h(
      "li",
      {
        role: "option",
        tabindex: "-1",
        "data-value": value,
        onclick: () => this.#pick(value),
      },
      h("span", { class: "select-label" }, label, about && h("small", null, about)),
      this.#several && h("span", { class: "tick-box", "aria-hidden": "true" }),
    );
  }

  #key(event) {
    const rows = [...this.#list.children];
    const at = rows.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (this.#list.hidden || (!step && !["Enter", " ", "Escape"].includes(event.key)) || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    if (step) rows[(at + step + rows.length) % rows.length].focus();
    else if (event.key === "Escape") {
      this.#close();
      this.#button.focus();
    } else this.#pick(rows[at].dataset.value);
  }
}
