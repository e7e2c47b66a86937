// Who looks at both platforms, and in which language.

import { h } from "./dom.js";

const PEOPLE = ["Ada", "Ben", "Cleo", "Ivo"];
// What each platform calls a language.
const LANGUAGES = [
  { name: "English", discord: "en-US", telegram: "en" },
  { name: "Português", discord: "pt-BR", telegram: "pt-br" },
  { name: "Español", discord: "es-ES", telegram: "es" },
  { name: "Deutsch", discord: "de", telegram: "de" },
  { name: "Français", discord: "fr", telegram: "fr" },
  { name: "Русский", discord: "ru", telegram: "ru" },
];

export class People {
  #select;
  #labels;

  /** `onBecome(name)` is called with who somebody wants to be, `onLanguage({ discord, telegram })`. */
  constructor(place, onBecome, onLanguage) {
    this.me = PEOPLE[0];
    const become = (name) => {
      this.me = name;
      onBecome(name);
    };
    this.#labels = PEOPLE.map((name) =>
      h(
        "label",
        null,
        h("input", {
          type: "radio",
          name: "me",
          value: name,
          checked: name === this.me,
          onchange: () => become(name),
        }),
        h("span", null, name),
      ),
    );
    place.append(...this.#labels);
    this.#select = h(
      "select",
      {
        class: "language",
        "aria-label": "Language of your apps",
        onchange: () => onLanguage(LANGUAGES[this.#select.selectedIndex]),
      },
      LANGUAGES.map(({ name, discord }) => h("option", { value: discord }, name)),
    );
    place.after(this.#select);
  }

  /** `entries(name)`: somebody's ids, as settings and `/access` write them. */
  identify(entries) {
    for (const label of this.#labels) label.title = entries(label.textContent).join("\n");
  }

  /** Show the language that a person's Discord has. */
  set language(locale) {
    if (locale) this.#select.value = locale;
  }
}
