// Slash commands: a bot's commands as lines to choose from, and the fields of the chosen one.

import { h } from "./dom.js";

const SUBCOMMANDS = new Set([1, 2]);
const BOOLEAN = 5;
const USER = 6;
const CHANNEL = 7;

/** Both platforms' commands as `{ line, description, options }`; subcommands are lines of their own. */
export function commandLines(commands) {
  return commands
    .filter((command) => (command.type ?? 1) === 1)
    .flatMap((command) => linesOf(command.name ?? command.command, command));
}

function linesOf(line, { description, options = [] }) {
  const below = options.filter(({ type }) => SUBCOMMANDS.has(type));
  if (below.length) return below.flatMap((option) => linesOf(`${line} ${option.name}`, option));
  return [
    {
      line,
      description: description ?? "",
      options: [...options].sort((a, b) => Number(Boolean(b.required)) - Number(Boolean(a.required))),
    },
  ];
}

export class CommandForm {
  #fields;

  /** `first` fills the first field; `close(text)` is called when the person backs out of the command. */
  constructor(line, first, { people, chats }, close) {
    this.line = line;
    this.#fields = line.options.map((option) => ({ option, input: field(option, people, chats) }));
    if (this.#fields[0]) this.#fields[0].input.value = first;
    const back = (event) => {
      const leaving =
        event.key === "Escape" ||
        (event.key === "Backspace" &&
          !this.#fields[0]?.input.value &&
          event.target === this.#fields[0]?.input);
      if (!leaving) return;
      event.preventDefault();
      close("");
    };
    const keys = line.options.length
      ? null
      : h("input", { class: "nothing", "aria-label": `/${line.line}`, readonly: true });
    this.node = h(
      "div",
      { class: "command-form", onkeydown: back },
      h("span", { class: "command-name" }, `/${line.line}`),
      this.#fields.map(({ option, input }) =>
        h("label", { class: "option", title: option.description }, h("span", null, option.name), input),
      ),
      keys,
    );
  }

  get values() {
    return Object.fromEntries(
      this.#fields.map(({ option, input }) => [option.name, input.value.trim()]).filter(([, value]) => value),
    );
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
}

function field(option, people, chats) {
  const choices = {
    [BOOLEAN]: () => ["True", "False"].map((name) => [name, name]),
    [USER]: () => people.map(({ id, name }) => [id, name]),
    [CHANNEL]: () => chats.map(({ id, name }) => [id, name]),
  }[option.type];
  const listed = option.choices?.length
    ? option.choices.map(({ name, value }) => [String(value), name])
    : choices?.();
  if (listed) {
    return h(
      "select",
      { "aria-label": option.name },
      h("option", { value: "" }, option.required ? "Choose…" : "—"),
      listed.map(([value, name]) => h("option", { value }, name)),
    );
  }
  return h("input", {
    type: "text",
    "aria-label": option.name,
    placeholder: option.required ? option.description : "optional",
    maxlength: option.max_length ?? 6000,
    autocomplete: "off",
    spellcheck: "false",
  });
}
