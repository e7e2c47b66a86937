// Telegram's entities over a plain text, as its clients draw them.
//
// Offsets and lengths count UTF-16 units, which is what JavaScript's strings are made of. The
// nodes' text is always exactly the message's text.

import { h, link, spoiler } from "./dom.js";

const SIMPLE = {
  bold: () => h("strong"),
  italic: () => h("em"),
  underline: () => h("u"),
  strikethrough: () => h("s"),
  code: () => h("code"),
  spoiler: () => spoiler(),
  pre: ({ language }) => h("pre", { "data-language": language || null }),
  blockquote: () => h("blockquote"),
  expandable_blockquote: expandable,
  text_link: ({ url }) => link(withScheme(url)) ?? h("span"),
  url: (_, text) => link(withScheme(text)) ?? h("span"),
};
// Parts that the client marks as something to tap on, which here do nothing.
const TAPPABLE = new Set([
  "mention",
  "text_mention",
  "hashtag",
  "cashtag",
  "bot_command",
  "email",
  "phone_number",
]);
const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);

/** A message's text with its entities as nodes. */
export function renderEntities(text, entities) {
  const target = document.createDocumentFragment();
  const sound = (entities ?? [])
    .map((entity) => ({ ...entity, start: entity.offset, end: entity.offset + entity.length }))
    .filter(({ start, end }) => Number.isInteger(start) && start >= 0 && end > start && end <= text.length)
    .sort((a, b) => a.start - b.start || b.end - a.end);
  fill(target, text, 0, text.length, sound);
  return target;
}

/** Put `text[from, to)` into `target`; an entity that crosses another's end is cut in two there. */
function fill(target, text, from, to, entities) {
  let at = from;
  let waiting = entities;
  while (waiting.length) {
    const [outer, ...others] = waiting;
    const start = Math.max(outer.start, at);
    const end = Math.min(outer.end, to);
    if (start >= to) break;
    if (start < end) {
      target.append(text.slice(at, start));
      const node = element(outer, text.slice(start, end));
      const within = others.filter((other) => other.start < end);
      fill(
        node,
        text,
        start,
        end,
        within.map((other) => ({ ...other, end: Math.min(other.end, end) })),
      );
      target.append(node);
      at = end;
      if (BLOCKS.has(outer.type) && text[at] === "\n" && at < to) {
        // A block ends its line by itself: its line break stays in the text and out of sight.
        target.append(h("span", { class: "line-end" }, "\n"));
        at += 1;
      }
    }
    waiting = others
      .filter((other) => other.end > at)
      .map((other) => ({ ...other, start: Math.max(other.start, at) }));
  }
  target.append(text.slice(at, to));
}

function element(entity, text) {
  const build = SIMPLE[entity.type];
  if (build) return build(entity, text);
  return h("span", { class: TAPPABLE.has(entity.type) ? "tappable" : null });
}

function withScheme(address) {
  return /^[a-z][a-z0-9+.-]*:/i.test(address) ? address : `https://${address}`;
}

/** A quote of three lines, until it is opened. */
function expandable() {
  const node = h("blockquote", {
    class: "expandable",
    role: "button",
    tabindex: "0",
    "aria-expanded": "false",
  });
  const toggle = (event) => {
    if (event.target.closest("a") || (event.type === "keydown" && !["Enter", " "].includes(event.key)))
      return;
    event.preventDefault();
    node.setAttribute("aria-expanded", String(node.classList.toggle("open")));
  };
  node.addEventListener("click", toggle);
  node.addEventListener("keydown", toggle);
  return node;
}
