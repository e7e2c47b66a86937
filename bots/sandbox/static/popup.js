// A menu that opens where somebody asked for it: on a message, under a button.

import { h, icon } from "./dom.js";

export class Popup {
  #node = null;
  #frame;
  #back = null;

  /** `frame` is the positioned element within which the menu stays. */
  constructor(frame) {
    this.#frame = frame;
    document.addEventListener("pointerdown", (event) => {
      if (this.#node && !this.#node.contains(event.target)) this.close();
    });
  }

  /** Show items of { label, icon, danger, choose() }, or { heading }, at a point of the window. */
  open(items, at, label) {
    this.close();
    this.#back = document.activeElement;
    this.#node = h(
      "div",
      { class: "popup", role: "menu", "aria-label": label, onkeydown: (event) => this.#key(event) },
      items.map((item) => (item.heading ? h("h4", null, item.heading) : this.#item(item))),
    );
    this.#frame.append(this.#node);
    const frame = this.#frame.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.#node;
    const left = Math.max(8, Math.min(at.x - frame.left, frame.width - width - 8));
    const top = Math.max(8, Math.min(at.y - frame.top, frame.height - height - 8));
    this.#node.style.setProperty("left", `${left}px`);
    this.#node.style.setProperty("top", `${top}px`);
    this.#node.querySelector("button")?.focus();
  }

  close() {
    const had = this.#node?.contains(document.activeElement);
    this.#node?.remove();
    this.#node = null;
    if (had) this.#back?.focus?.();
  }

  #item({ label, icon: sign, danger, choose }) {
    const pick = () => {
      this.close();
      choose();
    };
    return h(
      "button",
      { type: "button", role: "menuitem", class: danger ? "danger" : null, onclick: pick },
      h("span", null, label),
      sign && icon(sign),
    );
  }

  #key(event) {
    const rows = [...this.#node.querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowUp: -1, Tab: event.shiftKey ? -1 : 1 }[event.key];
    if (event.key === "Escape") this.close();
    else if (step)
      rows[(rows.indexOf(document.activeElement) + step + rows.length) % rows.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
