// A forum of Discord: its posts as cards, and the form for a new one.

import { avatar, clockTime, h, icon } from "./dom.js";

/** The posts of `forum`, newest activity first; `open(id)` shows one, `write()` starts a new one. */
export function forumPosts(forum, state, open, write) {
  const posts = [...state.chats.values()]
    .filter((chat) => chat.parent === forum.id)
    .map((chat) => ({ chat, messages: [...state.messagesOf(chat.id).values()] }))
    .sort((a, b) => (b.messages.at(-1)?.at ?? 0) - (a.messages.at(-1)?.at ?? 0));
  const fresh = h(
    "button",
    { type: "button", class: "button primary new-post", onclick: write },
    icon("edit"),
    "New Post",
  );
  const cards = posts.map(({ chat, messages }) => card(chat, messages, () => open(chat.id)));
  const nothing = h("p", { class: "no-posts" }, "There are no posts yet. Write the first one.");
  return [h("div", { class: "forum-bar" }, fresh), ...(cards.length ? cards : [nothing])];
}

function card(chat, messages, open) {
  const [first] = messages;
  const answers = Math.max(0, messages.length - 1);
  return h(
    "button",
    { type: "button", class: "post", onclick: open },
    h("strong", null, chat.name, chat.archived && h("span", { class: "post-state" }, "closed")),
    first &&
      h(
        "span",
        { class: "post-text" },
        h("b", null, `${first.author.name}: `),
        first.text.replace(/\s+/g, " ").slice(0, 160),
      ),
    h(
      "span",
      { class: "post-foot" },
      first && avatar(first.author, "tiny"),
      icon("thread"),
      `${answers} ${answers === 1 ? "answer" : "answers"}`,
      first && h("time", null, `· ${clockTime(messages.at(-1).at)}`),
    ),
  );
}

/** Ask for a post's title and text; `publish(title, text)` resolves to null or to why it was refused. */
export function newPost(dialog, forum, publish) {
  const title = h("input", { type: "text", "aria-label": "Title", maxlength: "100", autocomplete: "off" });
  const text = h("textarea", { rows: "5", "aria-label": "Message", maxlength: "2000" });
  const error = h("p", { class: "dialog-error", role: "alert" });
  const field = (label, input) =>
    h("label", { class: "field" }, h("span", { class: "field-label" }, label), input);
  dialog.open({
    title: `New post in ${forum.name}`,
    body: [field("Title", title), field("Message", text), error],
    foot: h("button", { type: "submit", class: "button primary" }, "Post"),
    onSubmit: async () => {
      const empty = [title, text].find((input) => !input.value.trim());
      if (empty) return empty.focus();
      const refused = await publish(title.value.trim(), text.value.trim());
      if (refused) error.textContent = refused;
      else dialog.close();
    },
  });
}
