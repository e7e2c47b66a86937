// The entry box of a pane: text, the menus behind "/" and "@", a command's fields, a reply.

import { h, icon } from "./dom.js";
import { CommandForm, commandLines } from "./commands.js";

const MENTIONS = 6; // offered at once

export class Composer {
  #label;
  #slashForms;
  #source;
  #menu;
  #box;
  #form = null;
  #slot;
  #replyBar = h("div", { class: "reply-bar", hidden: true });
  #reply = null;
  #choices = [];
  #chosen = 0;

  /**
   * `source` gives `commands()`, `people()` (to mention), `chats()`, and takes `send(text, replyTo)`
   * and `invoke(line, options)`, both resolving to null or to why it was refused.
   */
  constructor({ name, label, slashForms }, source) {
    this.#label = label;
    this.#slashForms = slashForms;
    this.#source = source;
    this.#menu = h("ul", {
      class: "menu",
      id: `${name}-menu`,
      role: "listbox",
      "aria-label": `Suggestions in ${label}`,
      hidden: true,
    });
    this.#box = h("textarea", {
      rows: "1",
      "aria-label": `Message in ${label}`,
      "aria-autocomplete": "list",
      "aria-controls": `${name}-menu`,
      autocomplete: "off",
      spellcheck: "false",
      maxlength: "12000",
      oninput: () => this.#changed(),
      onkeydown: (event) => this.#key(event),
      onblur: () => this.#show([]),
    });
    this.#slot = h("div", { class: "slot" }, this.#box);
    const send = h(
      "button",
      { type: "submit", class: "send", "aria-label": `Send to ${label}`, title: "Send" },
      icon("send"),
    );
    const entry = h("form", { class: "entry", onsubmit: (event) => this.#submit(event) }, this.#slot, send);
    this.node = h("div", { class: "composer" }, this.#menu, this.#replyBar, entry);
  }

  set placeholder(text) {
    this.#box.placeholder = text;
  }

  focus() {
    (this.#form?.node.querySelector("input, select") ?? this.#box).focus();
  }

  /** Draw the menu again, since what it offers has changed. */
  refresh() {
    if (document.activeElement === this.#box) this.#changed();
  }

  /** Answer `message` with the next one; null takes that back. */
  replyTo(message) {
    this.#reply = message;
    this.#replyBar.hidden = !message;
    if (!message) return;
    const cancel = h(
      "button",
      {
        type: "button",
        "aria-label": "Do not reply",
        title: "Do not reply",
        onclick: () => this.replyTo(null),
      },
      icon("close"),
    );
    const snippet = message.text.replace(/\s+/g, " ").slice(0, 120);
    this.#replyBar.replaceChildren(
      icon("reply"),
      h(
        "span",
        { class: "reply-text" },
        "Replying to ",
        h("b", null, message.author.name),
        h("span", { class: "quote" }, snippet),
      ),
      cancel,
    );
    this.#closeForm("");
    this.focus();
  }

  #changed() {
    this.#grow();
    const text = this.#box.value;
    const lines = commandLines(this.#source.commands());
    if (this.#slashForms && text.startsWith("/")) {
      const line = lines
        .filter(({ line }) => text.startsWith(`/${line} `))
        .sort((a, b) => b.line.length - a.line.length)[0];
      if (line) {
        this.#openForm(line, text.slice(line.line.length + 2));
        return;
      }
    }
    const word = /^\/([\w\- ]*)$/.exec(text)?.[1];
    const mention = /(?:^|\s)@(\w*)$/.exec(text.slice(0, this.#box.selectionStart))?.[1];
    if (word !== undefined) {
      const found = lines.filter(({ line }) => line.startsWith(word));
      this.#show(found.map((line) => this.#commandChoice(line)));
    } else if (mention !== undefined) {
      const found = this.#source
        .people()
        .filter(({ tag }) => tag.toLowerCase().startsWith(mention.toLowerCase()));
      this.#show(found.slice(0, MENTIONS).map((person) => this.#mentionChoice(person, mention)));
    } else {
      this.#show([]);
    }
  }

  #commandChoice(line) {
    return {
      title: `/${line.line}`,
      hint: line.options.map(({ name }) => name).join(" "),
      about: line.description,
      choose: () => (this.#slashForms ? this.#openForm(line, "") : this.#write(`/${line.line} `)),
    };
  }

  #mentionChoice(person, typed) {
    return {
      title: `@${person.tag}`,
      hint: "",
      about: person.about,
      choose: () => {
        const at = this.#box.selectionStart;
        const before = this.#box.value.slice(0, at - typed.length - 1);
        this.#write(`${before}@${person.tag} `, this.#box.value.slice(at));
      },
    };
  }

  #write(before, after = "") {
    this.#box.value = before + after;
    this.#box.setSelectionRange(before.length, before.length);
    this.#show([]);
    this.#grow();
  }

  #show(choices) {
    this.#choices = choices;
    this.#chosen = 0;
    this.#menu.hidden = !choices.length;
    this.#menu.replaceChildren(
      ...choices.map(({ title, hint, about, choose }, i) =>
        h(
          "li",
          {
            role: "option",
            id: `${this.#menu.id}-${i}`,
            onmousedown: (event) => {
              event.preventDefault();
              choose();
            },
          },
          h("span", { class: "title" }, title),
          h("span", { class: "hint" }, hint),
          h("span", { class: "about" }, about),
        ),
      ),
    );
    this.#mark();
  }

  #mark() {
    [...this.#menu.children].forEach((row, i) =>
      row.setAttribute("aria-selected", String(i === this.#chosen)),
    );
    const row = this.#menu.children[this.#chosen];
    if (row) this.#box.setAttribute("aria-activedescendant", row.id);
    else this.#box.removeAttribute("aria-activedescendant");
    row?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const open = this.#choices.length > 0;
    if (open && step) {
      this.#chosen = (this.#chosen + step + this.#choices.length) % this.#choices.length;
      this.#mark();
    } else if (open && (event.key === "Tab" || event.key === "Enter") && !event.shiftKey) {
      this.#choices[this.#chosen].choose();
    } else if (open && event.key === "Escape") {
      this.#show([]);
    } else if (event.key === "Escape" && this.#reply) {
      this.replyTo(null);
    } else if (event.key === "Enter" && !event.shiftKey) {
      this.#submit(event);
    } else return;
    event.preventDefault();
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#form) {
      const { line, values, complete } = this.#form;
      if (!complete) return;
      const typed = `/${line.line} `;
      this.#closeForm("");
      if (await this.#source.invoke(line.line, values))
        this.#restore(typed + Object.values(values).join(" "));
      return;
    }
    const text = this.#box.value.trim();
    if (!text) return;
    const reply = this.#reply;
    this.#write("");
    this.replyTo(null);
    if (await this.#source.send(text, reply?.id ?? null)) this.#restore(text);
  }

  /** Give back what was refused, unless something new has been typed. */
  #restore(text) {
    if (this.#box.value || this.#form) return;
    this.#box.value = text;
    this.#grow();
  }

  #openForm(line, first) {
    this.#show([]);
    const options = { people: this.#source.people(), chats: this.#source.chats() };
    this.#form = new CommandForm(line, first, options, (text) => this.#closeForm(text));
    this.#slot.replaceChildren(this.#form.node);
    this.replyTo(null);
    this.focus();
  }

  #closeForm(text) {
    const typing = this.node.contains(document.activeElement);
    if (this.#form) {
      this.#form = null;
      this.#slot.replaceChildren(this.#box);
    }
    this.#write(text || this.#box.value.replace(/^\/.*/, ""));
    if (typing) this.#box.focus();
  }

  #grow() {
    this.#box.style.height = "auto";
    this.#box.style.height = `${Math.min(this.#box.scrollHeight, 180)}px`;
  }
}
