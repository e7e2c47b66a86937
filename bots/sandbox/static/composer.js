// The entry box of a pane: text, the menus behind "/" and "@", a command's fields, a reply, an edit.

import { h, icon } from "./dom.js";
import { CommandForm, commandLines } from "./commands.js";
import { Menu } from "./menu.js";

const MENTIONS = 6; // offered at once
const ASK_AFTER_MS = 150;

export class Composer {
  #slashForms;
  #source;
  #menu;
  #box;
  #form = null;
  #slot;
  #bar = h("div", { class: "reply-bar", hidden: true });
  #reply = null;
  #editing = null;
  #placeholder = "";
  #forced = "";
  #menuButton;
  #asked = 0;

  /**
   * `source` gives `commands()`, `people()` (to mention), `chats()`, `complete(line, options, name)` and,
   * where there is inline mode, `inline(text)`; it takes `send(text, replyTo)`, `edit(message, text)` and
   * `invoke(line, options)`, each resolving to null or to why it was refused.
   */
  constructor({ name, label, slashForms, menuButton }, source) {
    this.#slashForms = slashForms;
    this.#source = source;
    this.#menu = new Menu(`${name}-menu`, `Suggestions in ${label}`);
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
      onfocus: () => this.#changed(),
      onblur: () => this.#menu.hide(),
    });
    this.#slot = h("div", { class: "slot" }, this.#box);
    this.#menuButton = menuButton
      ? h(
          "button",
          {
            type: "button",
            class: "menu-button",
            hidden: true,
            "aria-label": "Commands",
            onclick: () => this.#openMenu(),
          },
          icon("menu"),
          h("span", null, "Menu"),
        )
      : null;
    const send = h(
      "button",
      {
        type: "submit",
        class: "send",
        "aria-label": `Send to ${label}`,
        title: "Send",
        onmousedown: (event) => event.preventDefault(), // the focus stays in the box, and the menu open
      },
      icon("send"),
    );
    const submit = (event) => {
      event.preventDefault();
      if (!this.#choosesCommand()) this.#submit();
    };
    const entry = h("form", { class: "entry", onsubmit: submit });
    entry.append(...[this.#menuButton, this.#slot, send].filter(Boolean));
    this.node = h("div", { class: "composer" }, this.#menu.node, this.#bar, entry);
  }

  set placeholder(text) {
    this.#placeholder = text;
    this.#box.placeholder = this.#forced || text;
  }

  focus() {
    (this.#form ?? this.#box).focus();
  }

  /** Draw the menu again, since what it offers has changed. */
  refresh() {
    if (this.#menuButton) this.#menuButton.hidden = !this.#source.commands().length;
    if (document.activeElement === this.#box) this.#changed();
  }

  /** Put a text into the box, to go on from. */
  write(text) {
    this.#closeForm("");
    this.#write(text);
    this.#box.focus();
    this.#changed();
  }

  /** Answer `message` with the next one, which the bot may have asked for; null takes that back. */
  replyTo(message, forced = "") {
    if (this.#editing) this.#stop();
    this.#reply = message;
    this.#forced = message ? forced : "";
    this.placeholder = this.#placeholder;
    this.#drawBar(message, "reply", "Replying to ", "Do not reply");
    if (message) {
      this.#closeForm("");
      this.focus();
    }
  }

  /** Change the text of an own message. */
  edit(message, text) {
    this.replyTo(null);
    this.#closeForm("");
    this.#editing = message;
    this.#drawBar(message, "edit", "Editing what you wrote, ", "Do not edit");
    this.#write(text);
    this.#box.focus();
  }

  #drawBar(message, sign, words, cancel) {
    this.#bar.hidden = !message;
    if (!message) return;
    this.#bar.replaceChildren(
      icon(sign),
      h(
        "span",
        { class: "reply-text" },
        words,
        h("b", null, message.author.name),
        h("span", { class: "quote" }, message.text.replace(/\s+/g, " ").slice(0, 120)),
      ),
      h(
        "button",
        { type: "button", "aria-label": cancel, title: cancel, onclick: () => this.#stop() },
        icon("close"),
      ),
    );
  }

  /** No reply and no edit any more. */
  #stop() {
    if (this.#editing) this.#write("");
    this.#editing = null;
    this.replyTo(null);
  }

  #changed() {
    this.#grow();
    const text = this.#box.value;
    const lines = commandLines(this.#source.commands());
    if (this.#slashForms && text.startsWith("/") && !this.#editing) {
      const named = lines.flatMap((line) => [line.line, line.shown].map((name) => ({ line, name })));
      const found = named
        .filter(({ name }) => text.startsWith(`/${name} `))
        .sort((a, b) => b.name.length - a.name.length)[0];
      if (found) {
        this.#openForm(found.line, text.slice(found.name.length + 2));
        return;
      }
    }
    const word = this.#editing ? undefined : /^\/([\p{L}\p{N}_\- ]*)$/u.exec(text)?.[1];
    const mention = /(?:^|\s)@(\w*)$/.exec(text.slice(0, this.#box.selectionStart))?.[1];
    if (this.#inline(text)) return;
    if (word !== undefined) {
      const found = lines.filter(({ line, shown }) => line.startsWith(word) || shown.startsWith(word));
      const whole = ({ line }) => !this.#slashForms && line === word;
      found.sort((a, b) => whole(b) - whole(a));
      this.#show(found.map((line) => ({ ...this.#commandChoice(line), typed: whole(line) })));
    } else if (mention !== undefined) {
      const found = this.#source
        .people()
        .filter(({ tag }) => tag.toLowerCase().startsWith(mention.toLowerCase()));
      this.#show(found.slice(0, MENTIONS).map((person) => this.#mentionChoice(person, mention)));
    } else {
      this.#menu.hide();
    }
  }

  /** Where a text asks the bot for inline results, show them; whether it does. */
  #inline(text) {
    const asked = ++this.#asked;
    if (!this.#source.inline?.(text)) return false;
    setTimeout(async () => {
      if (asked !== this.#asked) return;
      const choices = await this.#source.inline(text).ask();
      if (asked !== this.#asked || this.#box.value !== text) return;
      const clear = (choose) => () => {
        this.#write("");
        choose();
      };
      this.#show(choices.map((choice) => ({ ...choice, choose: clear(choice.choose) })));
    }, ASK_AFTER_MS);
    return true;
  }

  #commandChoice(line) {
    return {
      title: `/${line.shown}`,
      hint: line.options.map(({ name, label }) => label || name).join(" "),
      about: line.description,
      choose: () => (this.#slashForms ? this.#openForm(line, "") : this.#write(`/${line.line} `)),
    };
  }

  /** Telegram's button beside the box: what is chosen there is sent at once. */
  #openMenu() {
    this.#box.focus();
    this.#show(
      commandLines(this.#source.commands()).map((line) => ({
        title: `/${line.shown}`,
        about: line.description,
        choose: () => {
          this.#menu.hide();
          this.#source.send(`/${line.line}`, null);
        },
      })),
    );
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

  #show(choices) {
    this.#menu.show(this.#box, choices);
  }

  #write(before, after = "") {
    this.#box.value = before + after;
    this.#box.setSelectionRange(before.length, before.length);
    this.#menu.hide();
    this.#grow();
  }

  #key(event) {
    if (event.isComposing || this.#menu.key(event)) return;
    if (event.key === "Escape" && (this.#reply || this.#editing)) {
      this.#stop();
    } else if (event.key === "Enter" && !event.shiftKey) {
      this.#submit();
    } else if (event.key === "ArrowUp" && !this.#box.value && this.#source.lastOwn?.()) {
      const last = this.#source.lastOwn();
      this.edit(last.message, last.text);
    } else return;
    event.preventDefault();
  }

  /** Where a command's name is typed that is chosen before it is sent, choose it as Enter does; whether it is. */
  #choosesCommand() {
    if (!this.#slashForms || this.#form || !this.#box.value.startsWith("/")) return false;
    this.#box.focus();
    return this.#menu.choose();
  }

  async #submit() {
    if (this.#form) {
      const { line, values, typed, complete } = this.#form;
      if (!complete) return;
      this.#closeForm("");
      if (await this.#source.invoke(line.line, values)) this.#restore(typed);
      return;
    }
    const text = this.#box.value.trim();
    if (!text) return;
    const [reply, edited] = [this.#reply, this.#editing];
    this.#write("");
    this.#stop();
    const refused = edited
      ? await this.#source.edit(edited.id, text)
      : await this.#source.send(text, reply?.id ?? null);
    if (refused) this.#restore(text);
  }

  /** Give back what was refused, unless something new has been typed. */
  #restore(text) {
    if (this.#box.value || this.#form) return;
    this.#box.value = text;
    this.#changed();
  }

  #openForm(line, first) {
    this.#menu.hide();
    const act = { close: (text) => this.#closeForm(text), send: () => this.#submit() };
    this.#form = new CommandForm(line, first, this.#menu, this.#source, act);
    this.#slot.replaceChildren(this.#form.node);
    this.replyTo(null);
    this.focus();
  }

  #closeForm(text) {
    const typing = this.node.contains(document.activeElement);
    if (this.#form) {
      this.#form = null;
      this.#menu.hide();
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
