// Slash commands: a bot's commands as lines to choose from, and the fields of the chosen one.

import { h } from "./dom.js";

const SUBCOMMANDS = new Set([1, 2]);
const [INTEGER, BOOLEAN, USER, CHANNEL, NUMBER] = [4, 5, 6, 7, 10];
const ASK_AFTER_MS = 120;

/** Both platforms' commands as `{ line, shown, description, options }`; subcommands are lines of their own. */
export function commandLines(commands) {
  return commands.filter((command) => (command.type ?? 1) === 1).flatMap((command) => linesOf("", "", command));
}

function linesOf(before, shownBefore, command) {
  const name = command.name ?? command.command;
  const line = `${before} ${name}`.trim();
  const shown = `${shownBefore} ${command.label || name}`.trim();
  const options = command.options ?? [];
  const below = options.filter(({ type }) => SUBCOMMANDS.has(type));
  if (below.length) return below.flatMap((option) => linesOf(line, shown, option));
  return [
    {
      line,
      shown,
      description: command.about || command.description || "",
      options: [...options].sort((a, b) => Number(Boolean(b.required)) - Number(Boolean(a.required))),
    },
  ];
}

export class CommandForm {
  #fields;
  #menu;
  #source;
  #close;
  #send;
  #more;
  #timer = null;
  #asked = 0;

  /**
   * `first` fills the first field; `source` gives `people()`, `chats()`, `language()`, `complete(line, options, name)`;
   * `close(text)` is called when the person backs out of the command, `send()` when they are done.
   */
  constructor(line, first, menu, source, { close, send }) {
    this.line = line;
    this.#menu = menu;
    this.#source = source;
    this.#close = close;
    this.#send = send;
    this.#fields = line.options.map((option) => this.#field(option));
    this.#more = h("span", { class: "more-options" });
    const [one] = this.#fields;
    if (one) one.input.value = first;
    const nothing = line.options.length
      ? null
      : h("input", { class: "nothing", "aria-label": `/${line.line}`, readonly: true });
    this.node = h(
      "div",
      { class: "command-form", onkeydown: (event) => this.#key(event) },
      h("span", { class: "command-name", title: line.description }, `/${line.shown}`),
      this.#fields.map(({ node }) => node),
      nothing,
      this.#more,
    );
    for (const field of this.#fields) field.node.hidden = !field.option.required && field !== one;
    this.#drawMore();
  }

  /** What is filled in, by option: the value behind a chosen name. */
  get values() {
    return Object.fromEntries(
      this.#fields
        .map((field) => [field.option.name, valueOf(field)])
        .filter(([, value]) => value),
    );
  }

  /** The line as somebody could have typed it. */
  get typed() {
    return `/${this.line.line} ${Object.values(this.values).join(" ")}`;
  }

  /** Whether every required field is filled; the first that is not gets the focus. */
  get complete() {
    const missing = this.#fields.filter(({ option, input }) => {
      const empty = Boolean(option.required) && !input.value.trim();
      input.setAttribute("aria-invalid", String(empty));
      return empty;
    });
    missing[0]?.input.focus();
    return missing.length === 0;
  }

  focus() {
    this.node.querySelector("input")?.focus();
  }

  #field(option) {
    const input = h("input", {
      type: "text",
      "aria-label": option.name,
      "aria-autocomplete": "list",
      placeholder: option.about || option.description,
      inputmode: option.type === INTEGER || option.type === NUMBER ? "decimal" : null,
      maxlength: option.max_length ?? 6000,
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => {
        field.value = null;
        this.#suggest(field, ASK_AFTER_MS);
      },
      onfocus: () => this.#suggest(field, 0),
      onblur: () => this.#menu.hide(),
    });
    const node = h(
      "label",
      { class: "option", title: option.about || option.description },
      h("span", null, option.label || option.name),
      input,
    );
    const field = { option, input, node, value: null };
    return field;
  }

  #drawMore() {
    const hidden = this.#fields.filter(({ node }) => node.hidden);
    this.#more.replaceChildren(
      ...hidden.map((field) =>
        h(
          "button",
          { type: "button", title: field.option.about ?? "", onclick: () => this.#reveal(field) },
          `+ ${field.option.label || field.option.name}`,
        ),
      ),
    );
  }

  #reveal(field) {
    field.node.hidden = false;
    this.#drawMore();
    field.input.focus();
  }

  #suggest(field, wait) {
    clearTimeout(this.#timer);
    if (!field.option.autocomplete) {
      const typed = field.input.value.toLowerCase();
      const fitting = (this.#fixed(field.option) ?? []).filter(({ name }) => name.toLowerCase().includes(typed));
      this.#offer(field, field.value === null ? fitting : []);
      return;
    }
    if (field.value !== null) return this.#menu.hide();
    const asked = ++this.#asked;
    this.#timer = setTimeout(async () => {
      this.#menu.show(field.input, [], "Loading options…");
      const { name } = field.option;
      const given = { ...this.values, [name]: field.input.value };
      const found = await this.#source.complete(this.line.line, given, name);
      if (asked !== this.#asked || document.activeElement !== field.input) return;
      this.#offer(field, found, "No options match your search.");
    }, wait);
  }

  #offer(field, choices, note = null) {
    const language = this.#source.language();
    const shown = choices.map(({ name, label, value, name_localizations: translated }) => {
      const title = label || translated?.[language] || name;
      return { title, choose: () => this.#pick(field, title, String(value)) };
    });
    this.#menu.show(field.input, shown, note);
  }

  #pick(field, name, value) {
    field.input.value = name;
    field.value = value;
    this.#menu.hide();
    const next = this.#fields.find(({ node, input }) => !node.hidden && !input.value);
    next?.input.focus();
  }

  #fixed(option) {
    if (option.choices?.length) return option.choices;
    if (option.type === BOOLEAN) return ["True", "False"].map((name) => ({ name, value: name }));
    if (option.type === USER) return this.#source.people().map(({ id, name }) => ({ name, value: id }));
    if (option.type === CHANNEL) return this.#source.chats().map(({ id, name }) => ({ name, value: id }));
    return null;
  }

  #key(event) {
    if (event.isComposing || this.#menu.key(event)) return;
    const first = this.#fields[0];
    const emptied = event.key === "Backspace" && event.target === first?.input && !first.input.value;
    if (event.key === "Escape" || emptied || (event.key === "Backspace" && !first)) {
      event.preventDefault();
      this.#close("");
    } else if (event.key === "Tab" && !event.shiftKey) {
      const hidden = this.#fields.find(({ node }) => node.hidden);
      const shown = this.#fields.filter(({ node }) => !node.hidden);
      if (!hidden || event.target !== shown.at(-1)?.input) return;
      event.preventDefault();
      this.#reveal(hidden);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#send();
    }
  }
}

function valueOf({ option, input, value }) {
  if (value !== null) return value;
  const typed = input.value.trim();
  const choice = option.choices?.find(({ name, label }) => typed === name || typed === label);
  return choice ? String(choice.value) : typed;
}
