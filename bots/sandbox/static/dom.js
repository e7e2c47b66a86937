// Building nodes. Nothing here takes markup: whatever a chat wrote becomes a text node.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `props` are attributes, except `class`, `on…` listeners, and false/null (left out). */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...shown(children));
  return node;
}

const ICONS = {
  reply: "M10 8.5V4.8L3 11.5l7 6.7v-4c5 0 8.5 1.6 11 5.3-1-6-4-10-11-11z",
  send: "M3 20.5 21.5 12 3 3.5v6.6l11.5 1.9L3 13.9z",
  close: "M6.4 5 12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4L12 13.4 6.4 19 5 17.6 10.6 12 5 6.4z",
  hash: "M9 3 8.2 8H4v2h3.9l-.6 4H3v2h4l-.8 5h2l.8-5h4l-.8 5h2l.8-5h4v-2h-3.7l.6-4H21V8h-4l.8-5h-2L15 8h-4l.8-5zm1.7 7h4l-.6 4h-4z",
  thread:
    "M5 3h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-6l-5 5v-5H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zm2 4v2h10V7zm0 4v2h7v-2z",
  eyes:
    "M7 4c2.5 0 4.2 3.5 4.2 8S9.5 20 7 20s-4.2-3.5-4.2-8S4.5 4 7 4zm0 2c-1.2 0-2.2 2.7-2.2 6s1 6 2.2 6 2.2-2.7 2.2-6-1-6-2.2-6zm1 4a1.4 2.2 0 1 1 0 4.4 1.4 2.2 0 0 1 0-4.4zM17 4c2.5 0 4.2 3.5 4.2 8s-1.7 8-4.2 8-4.2-3.5-4.2-8S14.5 4 17 4zm0 2c-1.2 0-2.2 2.7-2.2 6s1 6 2.2 6 2.2-2.7 2.2-6-1-6-2.2-6zm1 4a1.4 2.2 0 1 1 0 4.4 1.4 2.2 0 0 1 0-4.4z",
  more: "M6 10a2 2 0 1 1 0 4 2 2 0 0 1 0-4zm6 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4zm6 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4z",
  edit: "M4 16.5V20h3.5L18 9.5 14.5 6zM16 4.5 19.5 8l1.4-1.4a1.5 1.5 0 0 0 0-2.1l-1.4-1.4a1.5 1.5 0 0 0-2.1 0z",
  bin: "M9 3h6l1 1.5h4v2H4v-2h4zM5.5 8h13l-1 12a1.5 1.5 0 0 1-1.5 1.4H8A1.5 1.5 0 0 1 6.5 20z",
  copy: "M8 3h10a2 2 0 0 1 2 2v11h-2V5H8zM5 7h9a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V9c0-1.1.9-2 2-2z",
  bolt: "M13 2 4.5 13.5H11L9.5 22 19.5 9.5H13z",
  eye: "M12 5c5 0 8.5 4 10 7-1.5 3-5 7-10 7S3.500 15 2 12c1.500-3 5-7 10-7zm0 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm0 2a2 2 0 1 1 0 4 2 2 0 0 1 0-4z",
  down: "M5 8.500 12 15.500 19 8.500 17.600 7 12 12.600 6.400 7z",
  menu: "M3 6h18v2H3zm0 5h18v2H3zm0 5h18v2H3z",
  forum: "M3 4h13a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H8l-5 4zm17 4a2 2 0 0 1 2 2v12l-4-4h-8a2 2 0 0 1-2-2h10a2 2 0 0 0 2-2z",
  file: "M6 2h8l5 5v13a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4c0-1.1.9-2 2-2zm7 1.5V8h4.5z",
};

/** A decorative icon of this module's own. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const DRAWN = new Map([["\u{1f440}", "eyes"]]);

/** An emoji; the one that the bot reacts with is drawn, since a plain Debian has no font for it. */
export function emoji(text) {
  const name = DRAWN.get(text);
  return name ? h("span", { class: "emoji", role: "img", "aria-label": text }, icon(name)) : text;
}

/** A line through `values` (0 at the bottom), drawn in the colour of the text around it. */
export function sparkline(values, highest) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 60 16");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "sparkline");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "polyline");
  const step = 60 / Math.max(values.length - 1, 1);
  line.setAttribute(
    "points",
    values
      .map((value, i) => `${(i * step).toFixed(1)},${(15 - (14 * value) / highest).toFixed(1)}`)
      .join(" "),
  );
  svg.append(line);
  return svg;
}

/** The address as a URL when it is http or https, else null. */
export function webAddress(address) {
  try {
    const url = new URL(address);
    return url.protocol === "http:" || url.protocol === "https:" ? url : null;
  } catch {
    return null;
  }
}

/** A link out of the page, or null when the address is none that may be opened. */
export function link(address, ...children) {
  const url = webAddress(address);
  if (!url) return null;
  return h(
    "a",
    { href: url.href, target: "_blank", rel: "noopener noreferrer", title: url.href },
    ...children,
  );
}

/** Text that is hidden until it is clicked. */
export function spoiler(...children) {
  const node = h(
    "span",
    { class: "spoiler", role: "button", tabindex: "0", "aria-label": "Spoiler", "aria-expanded": "false" },
    ...children,
  );
  const reveal = (event) => {
    if (
      node.classList.contains("revealed") ||
      (event.type === "keydown" && !["Enter", " "].includes(event.key))
    )
      return;
    event.preventDefault();
    node.classList.add("revealed");
    node.setAttribute("aria-expanded", "true");
    node.removeAttribute("aria-label");
  };
  node.addEventListener("click", reveal);
  node.addEventListener("keydown", reveal);
  return node;
}

/** A round picture with an initial, its colour fixed by the name. */
export function avatar(person, extra = "") {
  let sum = 0;
  for (const character of person.name) sum += character.codePointAt(0);
  const colour = person.bot ? "bot" : `c${sum % 6}`;
  return h("span", { class: `avatar ${colour} ${extra}`, "aria-hidden": "true" }, [...person.name][0] ?? "?");
}

/** The point of the window below a node. */
export function under(node) {
  const { left, bottom } = node.getBoundingClientRect();
  return { x: left, y: bottom + 4 };
}

/** Three dots that move while somebody works. */
export function dots() {
  return h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
}

/** `at` (Unix seconds) as a time of day. */
export function clockTime(at) {
  return new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** Replace the children of `node` unless what they show, `key`, is what they show already. */
export function redraw(node, key, build) {
  const written = JSON.stringify(key);
  if (node.drawn === written) return;
  node.drawn = written;
  node.replaceChildren(...shown([build()]));
}

/** Children without those that are left out: null, undefined, false and 0. */
function shown(children) {
  return children.flat(2).filter((child) => child || child === "");
}
