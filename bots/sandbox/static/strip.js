// The live figures of a platform's answers, and every refusal for coming too often.

import { h, redraw, sparkline } from "./dom.js";

const SHOWN = 3;
const AGES = 60;
const TICK_MS = 5000;

const COLUMNS = [
  ["Answer", "Where it is and how it begins"],
  ["Edits", "Edits of this answer so far"],
  ["Age now", "How long the oldest unseen text has waited, now"],
  ["Mean", "The mean age of visible text"],
  ["First text", "From asking the model to the first visible text"],
  ["Final lag", "From the model's end to the complete text"],
  ["429s", "Requests that were refused for coming too often"],
];

export class Strip {
  #state;
  #reveal;
  #answers = new Map();
  #counts = h("span", { class: "counts" });
  #tick = h("span", { class: "tick", role: "status" });
  #rows = h("tbody");

  /** `reveal(chat, message)` brings a message into view. */
  constructor(label, state, reveal) {
    this.#state = state;
    this.#reveal = reveal;
    const heads = COLUMNS.map(([name, title], i) =>
      h("th", { scope: "col", title, class: i ? null : "wide" }, name),
    );
    this.node = h(
      "section",
      { class: "strip", "aria-label": `Figures of the answers in ${label}` },
      h("div", { class: "strip-head" }, h("h3", null, "Live figures"), this.#counts, this.#tick),
      h("table", null, h("thead", null, h("tr", null, heads)), this.#rows),
    );
  }

  /** Start again with these figures. */
  restart(list) {
    this.#answers.clear();
    for (const figures of list) this.#take(figures);
    this.#draw();
  }

  figures(figures) {
    this.#take(figures);
    this.#draw();
  }

  /** Show the effect of an event that the state has taken in. */
  apply(event) {
    if (event.type === "limited") {
      const wait = event.retry_after === null ? "" : `, retry after ${seconds(event.retry_after)}`;
      const tick = h("span", { class: "limited" }, `429 ${event.route}${wait}`);
      this.#tick.replaceChildren(tick);
      setTimeout(() => tick.remove(), TICK_MS);
    }
    if (event.type === "request" || event.type === "limited") this.#drawCounts();
  }

  #take(figures) {
    const key = `${figures.chat} ${figures.message}`;
    const known = this.#answers.get(key) ?? { key, ages: [], row: h("tr") };
    known.figures = figures;
    known.ages = [...known.ages, figures.age_s ?? 0].slice(-AGES);
    this.#answers.set(key, known);
  }

  #draw() {
    const shown = [...this.#answers.values()].slice(-SHOWN).reverse();
    redraw(
      this.#rows,
      shown.map(({ key }) => key),
      () =>
        shown.length
          ? shown.map(({ row }) => row)
          : h(
              "tr",
              null,
              h(
                "td",
                { class: "none", colspan: String(COLUMNS.length) },
                "The figures of an answer appear here with its first text.",
              ),
            ),
    );
    for (const answer of shown) this.#drawRow(answer);
    this.#drawCounts();
  }

  #drawRow({ row, figures, ages }) {
    const { chat, message, edits, age_s, mean_age_s, first_text_s, final_lag_s, limited, done } = figures;
    const place = this.#chatName(chat);
    const snippet = (this.#message(chat, message)?.text ?? "").replace(/\s+/g, " ").slice(0, 80);
    row.className = done ? "done" : "streaming";
    redraw(row, [figures, snippet], () => [
      h(
        "th",
        { scope: "row", class: "wide" },
        h(
          "button",
          {
            type: "button",
            title: "Show this answer",
            onclick: () => this.#reveal(this.#message(chat, message)?.chat ?? chat, message),
          },
          h("span", { class: "state", "aria-label": done ? "done" : "streaming" }),
          h("b", null, place),
          h("span", { class: "snippet" }, snippet),
        ),
      ),
      h("td", null, String(edits)),
      h(
        "td",
        { class: "age" },
        ages.some(Boolean) ? sparkline(ages, Math.max(2, ...ages)) : null,
        h("span", null, done ? "–" : seconds(age_s)),
      ),
      h("td", null, seconds(mean_age_s)),
      h("td", null, seconds(first_text_s)),
      h("td", null, seconds(final_lag_s)),
      h("td", { class: limited ? "limited" : null }, String(limited)),
    ]);
  }

  #drawCounts() {
    const { requests, limited } = this.#state;
    this.#counts.replaceChildren(
      `${requests} requests`,
      h("span", { class: limited ? "limited" : "quiet" }, `${limited} × 429`),
    );
  }

  /** A message by the ids of the platform, which leave a topic out of a chat's. */
  #message(chat, id) {
    const places = [...this.#state.chats.keys()].filter(
      (known) => known === chat || known.startsWith(`${chat}/`),
    );
    return places.map((place) => this.#state.messagesOf(place).get(id)).find(Boolean);
  }

  #chatName(id) {
    const chat =
      this.#state.chats.get(id) ??
      [...this.#state.chats.values()].find((known) => known.id.startsWith(`${id}/`));
    if (!chat) return "";
    if (chat.kind === "dm" || chat.kind === "private") return `${chat.name}, private`;
    return chat.kind === "channel" ? `#${chat.name}` : chat.name;
  }
}

function seconds(value) {
  if (value === null || value === undefined) return "–";
  return value < 9.95 ? `${value.toFixed(1)} s` : `${Math.round(value)} s`;
}
