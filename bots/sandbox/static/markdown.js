// Discord's Markdown, as its clients draw it: what they do not know (tables, rules) stays raw.
//
// A parser that reads forward: at each place the first rule that matches wins, blocks only where a
// line begins. Rules are sticky regular expressions, so no rule looks back.

import { h, link, spoiler } from "./dom.js";

const CODE_BLOCK = /```(?:([\w+\-.#]+)\n)?\n*([^\n][\s\S]*?)\n*```\n?/y;
const QUOTE_REST = / *>>> ([\s\S]*)/y;
const QUOTE = /(?: *> [^\n]*(?:\n|$))+/y;
const HEADING = / *(#{1,3}) +([^\n]+?) *#* *(?:\n|$)/y;
const SUBTEXT = / *-# +([^\n]+?) *(?:\n|$)/y;
const LIST_ITEM = /( *)([-*]|\d{1,9}\.) +(\S[^\n]*)(?:\n|$)/y;
const LIST_MORE = / +[^\n]*\S[^\n]*(?:\n|$)/y;

const ESCAPE = /\\([^0-9A-Za-z\s])/y;
const AUTOLINK = /<(https?:\/\/[^\s<>]+)>/y;
const MASKED_LINK =
  /\[((?:\\.|[^[\]\\\n])+)\]\(\s*<?(https?:\/\/[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+"[^"\n]*")?\s*\)/y;
const ADDRESS = /https?:\/\/[^\s<]+[^<.,:;"'\]\s]/y;
const EM =
  /\b_((?:__|\\[\s\S]|[^\\_])+?)_\b|\*(?=\S)((?:\*\*|\\[\s\S]|\s+(?:\\[\s\S]|[^\s*\\]|\*\*)|[^\s*\\])+?)\*(?!\*)/y;
const STRONG = /\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/y;
const UNDERLINE = /__((?:\\[\s\S]|[^\\])+?)__(?!_)/y;
const STRIKE = /~~([\s\S]+?)~~(?!_)/y;
const SPOILER = /\|\|([\s\S]+?)\|\|/y;
const CODE = /(`+)([\s\S]*?[^`])\1(?!`)/y;
const MENTION = /<(@[!&]?|#)(\d{1,20})>/y;
const EVERYONE = /@(?:everyone|here)\b/y;
const COMMAND = /<\/([\w\- ]{1,100}):\d{1,20}>/y;
const EMOJI = /<a?:(\w{2,32}):\d{1,20}>/y;
const TIMESTAMP = /<t:(-?\d{1,13})(?::([tTdDfFR]))?>/y;
const PLAIN = /[^\\`*_~|<[@h\n]+/y;
const MAX_DEPTH = 40;

/**
 * A message's Markdown as nodes. `names` turns ids into names: `names.person(id)`,
 * `names.chat(id)` and `names.role(id)`, each a string or null.
 */
export function renderMarkdown(text, names) {
  const target = document.createDocumentFragment();
  read(target, text, { names, depth: 0, blocks: true, links: true });
  return target;
}

function read(target, text, context) {
  if (context.depth > MAX_DEPTH) {
    target.append(text);
    return target;
  }
  const rules = [...(context.blocks ? BLOCKS : []), ...INLINE];
  let plain = "";
  let at = 0;
  while (at < text.length) {
    const lineStarts = at === 0 || text[at - 1] === "\n";
    const found = firstMatch(rules, text, at, context, lineStarts);
    if (!found) {
      const rest = match(PLAIN, text, at)?.[0] ?? text[at];
      plain += rest;
      at += rest.length;
      continue;
    }
    target.append(plain, found.node);
    plain = "";
    at = found.end;
  }
  target.append(plain);
  return target;
}

function firstMatch(rules, text, at, context, lineStarts) {
  for (const rule of rules) {
    if (rule.lineStart && !lineStarts) continue;
    const found = rule.read(text, at, context);
    if (found) return found;
  }
  return null;
}

function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** A rule of one pattern; `build(found, inside)` gives its node, or null to decline. */
function rule(pattern, build, lineStart = false) {
  return {
    lineStart,
    read(text, at, context) {
      const found = match(pattern, text, at);
      if (!found || !found[0]) return null;
      const inside = (tag, content, more = {}) =>
        read(typeof tag === "string" ? h(tag) : tag, content, {
          ...context,
          depth: context.depth + 1,
          ...more,
        });
      const node = build(found, inside, context);
      return node && { node, end: at + found[0].length };
    },
  };
}

const inlineOnly = { blocks: false };

const BLOCKS = [
  rule(
    QUOTE_REST,
    (found, inside, { quoted }) => !quoted && inside("blockquote", found[1], { quoted: true }),
    true,
  ),
  rule(
    QUOTE,
    (found, inside, { quoted }) =>
      !quoted && inside("blockquote", found[0].replace(/^ *> /gm, "").replace(/\n$/, ""), { quoted: true }),
    true,
  ),
  rule(HEADING, (found, inside) => inside(`h${found[1].length}`, found[2], inlineOnly), true),
  rule(SUBTEXT, (found, inside) => inside("small", found[1], inlineOnly), true),
  { lineStart: true, read: readList },
];

const INLINE = [
  rule(CODE_BLOCK, (found) => h("pre", { "data-language": found[1] || null }, h("code", null, found[2]))),
  rule(ESCAPE, (found) => document.createTextNode(found[1])),
  rule(AUTOLINK, (found, _, { links }) => links && link(found[1], found[1])),
  rule(MASKED_LINK, (found, inside, { links }) => {
    const node = links && link(found[2]);
    return node && inside(node, found[1], { ...inlineOnly, links: false });
  }),
  rule(ADDRESS, (found, _, { links }) => links && link(found[0], found[0])),
  { read: readEmphasis },
  rule(STRIKE, (found, inside) => inside("s", found[1], inlineOnly)),
  rule(CODE, (found) => h("code", null, found[2].replace(/^ (?= *`)|(` *) $/g, "$1"))),
  rule(SPOILER, (found, inside) => inside(spoiler(), found[1], inlineOnly)),
  rule(MENTION, (found, _, { names }) => {
    const [, sign, id] = found;
    const name = sign === "#" ? names.chat(id) : sign === "@&" ? names.role(id) : names.person(id);
    const unknown = sign === "#" ? "unknown" : sign === "@&" ? "unknown-role" : "unknown-user";
    return h("span", { class: "mention" }, `${sign[0]}${name ?? unknown}`);
  }),
  rule(EVERYONE, (found) => h("span", { class: "mention" }, found[0])),
  rule(COMMAND, (found) => h("span", { class: "mention" }, `/${found[1]}`)),
  rule(EMOJI, (found) => document.createTextNode(`:${found[1]}:`)),
  rule(TIMESTAMP, (found) => readTime(Number(found[1]), found[2] ?? "f")),
];

/** `*`, `**`, `_` and `__` compete: the longest wins, and of equals the innermost mark. */
function readEmphasis(text, at, context) {
  if (text[at] !== "*" && text[at] !== "_") return null;
  let best = null;
  for (const [tag, pattern] of [
    ["em", EM],
    ["strong", STRONG],
    ["u", UNDERLINE],
  ]) {
    const found = match(pattern, text, at);
    if (found && (!best || found[0].length > best.found[0].length)) best = { tag, found };
  }
  if (!best) return null;
  const content = best.found[1] ?? best.found[2];
  const node = read(h(best.tag), content, { ...context, ...inlineOnly, depth: context.depth + 1 });
  return { node, end: at + best.found[0].length };
}

/** Items up to the first line that is neither an item nor indented; a fence keeps its lines. */
function readList(text, at, context) {
  const items = [];
  let end = at;
  for (;;) {
    const item = match(LIST_ITEM, text, end);
    const more = !item && items.length ? match(LIST_MORE, text, end) : null;
    if (!item && !more) break;
    if (item) items.push({ indent: item[1].length, mark: item[2], text: item[3] });
    else items.at(-1).text += `\n${more[0].trim()}`;
    end += (item ?? more)[0].length;
    const fences = items.at(-1).text.split("```").length - 1;
    const close = fences % 2 ? text.indexOf("```", end) : -1;
    if (close >= 0) {
      const rest = text.slice(end, close + 3);
      const indent = " ".repeat(rest.length - rest.trimStart().length);
      items.at(-1).text +=
        `\n${rest.replaceAll(new RegExp(`^ {0,${Math.min(indent.length, 12)}}`, "gm"), "")}`;
      end = text[close + 3] === "\n" ? close + 4 : close + 3;
    }
  }
  return items.length ? { node: nestItems(items, context), end } : null;
}

function nestItems(items, context) {
  const root = document.createDocumentFragment();
  const open = []; // lists from the outermost in: { list, indent, ordered }
  for (const { indent, mark, text } of items) {
    const ordered = mark.length > 1;
    while (open.length && indent < open.at(-1).indent) open.pop();
    if (open.length && indent <= open.at(-1).indent + 1 && open.at(-1).ordered !== ordered) open.pop();
    if (!open.length || (indent > open.at(-1).indent + 1 && open.length < 10)) {
      const list = ordered ? h("ol", { start: String(parseInt(mark, 10)) }) : h("ul");
      (open.at(-1)?.list.lastElementChild ?? root).append(list);
      open.push({ list, indent, ordered });
    }
    open.at(-1).list.append(read(h("li"), text, { ...context, ...inlineOnly, depth: context.depth + 1 }));
  }
  return root;
}

function readTime(seconds, style) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return null;
  const looks = {
    t: { timeStyle: "short" },
    T: { timeStyle: "medium" },
    d: { dateStyle: "short" },
    D: { dateStyle: "long" },
    f: { dateStyle: "long", timeStyle: "short" },
    F: { dateStyle: "full", timeStyle: "short" },
  };
  const full = date.toLocaleString([], looks.F);
  const minutes = Math.round((seconds * 1000 - Date.now()) / 60_000);
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const shown =
    style !== "R"
      ? date.toLocaleString([], looks[style])
      : Math.abs(minutes) < 90
        ? relative.format(minutes, "minute")
        : Math.abs(minutes) < 2160
          ? relative.format(Math.round(minutes / 60), "hour")
          : relative.format(Math.round(minutes / 1440), "day");
  return h("time", { class: "mention", datetime: date.toISOString(), title: full }, shown);
}
