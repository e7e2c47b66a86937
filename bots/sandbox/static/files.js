// The files of a message.

import { h, icon } from "./dom.js";

/** A file of a message, which opens in a tab of its own; a picture shows itself. */
export function fileCard({ id, name, size, picture }, platform) {
  const address = `/files/${platform}/${id}/${encodeURIComponent(name)}`;
  if (picture)
    return h(
      "a",
      { class: "picture", href: address, target: "_blank", rel: "noopener" },
      h("img", { src: address, alt: name }),
    );
  const shown = size < 1024 ? `${size} bytes` : `${(size / 1024).toFixed(1)} KB`;
  return h(
    "div",
    { class: "file" },
    icon("file"),
    h(
      "div",
      null,
      h("a", { class: "file-name", href: address, target: "_blank", rel: "noopener" }, name),
      h("small", null, shown),
    ),
  );
}
