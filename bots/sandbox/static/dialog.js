// A box over a pane that wants an answer: a form of Discord, an alert of Telegram, a name for a thread.

import { h, icon } from "./dom.js";

export class Dialog {
  #frame;
  #node = null;
  #back = null;
  #onClose = null;

  /** `frame` is the positioned element that the box covers. */
  constructor(frame) {
    this.#frame = frame;
  }

  /** Show `body` under a title, with `foot` below; `onClose` is called when the person closes it. */
  open({ title, body, foot, onClose, onSubmit, look = "" }) {
    this.close();
    this.#back = document.activeElement;
    this.#onClose = onClose ?? null;
    const close = () => this.dismiss();
    const submit = (event) => {
      event.preventDefault();
      onSubmit();
    };
    const box = h(
      "form",
      {
        class: `dialog ${look}`,
        role: "dialog",
        "aria-modal": "true",
        "aria-label": title,
        novalidate: true,
        onsubmit: submit,
      },
      h(
        "header",
        null,
        h("h3", null, title),
        h("button", { type: "button", class: "close", "aria-label": "Close", onclick: close }, icon("close")),
      ),
      h("div", { class: "dialog-body" }, body),
      h("footer", null, foot),
    );
    this.#node = h("div", { class: "veil", onkeydown: (event) => this.#key(event) }, box);
    this.#node.addEventListener("pointerdown", (event) => event.target === this.#node && close());
    this.#frame.append(this.#node);
    (box.querySelector("input, textarea, select") ?? box.querySelector("footer button")).focus();
  }

  /** Close it because the person wants that. */
  dismiss() {
    const told = this.#onClose;
    this.close();
    told?.();
  }

  close() {
    this.#node?.remove();
    if (this.#node) this.#back?.focus?.();
    this.#node = this.#onClose = null;
  }

  #key(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      this.dismiss();
    } else if (event.key === "Tab") {
      const stops = [...this.#node.querySelectorAll("button, input, textarea, select")];
      const [first, last] = [stops[0], stops.at(-1)];
      const leaving = event.shiftKey ? first : last;
      if (document.activeElement !== leaving) return;
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  }
}

/** A line with a button that closes the dialog. */
export function alert(dialog, title, text) {
  dialog.open({
    title,
    look: "alert",
    body: h("p", null, text),
    foot: h("button", { type: "submit", class: "button primary" }, "OK"),
    onSubmit: () => dialog.close(),
  });
}

/** Ask for one line of text; resolves to it, or to null. */
export function ask(dialog, { title, label, value = "", action, maxlength = 100 }) {
  return new Promise((resolve) => {
    const input = h("input", { type: "text", "aria-label": label, maxlength, value, autocomplete: "off" });
    dialog.open({
      title,
      body: h("label", { class: "field" }, h("span", { class: "field-label" }, label), input),
      foot: h("button", { type: "submit", class: "button primary" }, action),
      onClose: () => resolve(null),
      onSubmit: () => {
        const text = input.value.trim();
        if (!text) return input.focus();
        dialog.close();
        resolve(text);
      },
    });
  });
}
