// What stands around the messages of a chat: its heading, a first word, a forum's posts, who is typing.

import { avatar, dots, h, icon, redraw } from "./dom.js";
import { forumPosts, newPost } from "./forum.js";

export class Frame {
  #look;
  #pane;
  head = h("header", { class: "chat-head" });
  intro = h("div", { class: "intro" });
  posts = h("div", { class: "posts", hidden: true });
  draft = h("div", { class: "draft" });
  typing = h("div", { class: "typing-line", "aria-live": "polite" });

  constructor(look, pane) {
    this.#look = look;
    this.#pane = pane;
  }

  draw() {
    const { chat, state, me } = this.#pane;
    if (!chat) return;
    const { icon: sign, avatar: portrait, name, about } = this.#look.title(chat, state, me);
    const { online, bot } = state;
    this.head.replaceChildren(
      sign ? icon(sign) : avatar(portrait),
      h(
        "div",
        { class: "chat-title" },
        h("h2", null, name),
        h("span", { class: "about-chat" }, about),
        this.#look.typingInTitle && this.typing,
      ),
      h(
        "span",
        { class: `bot-state ${online ? "on" : "off"}` },
        `${bot?.name} is ${online ? "online" : "not connected"}`,
      ),
    );
    const [title, ...lines] = this.#look.intro(chat, state, me);
    this.intro.replaceChildren(h("strong", null, title), ...lines.map((line) => h("span", null, line)));
    this.drawPosts();
    this.drawTyping();
  }

  drawPosts() {
    const pane = this.#pane;
    const forum = pane.chat?.kind === "forum" ? pane.chat : null;
    this.posts.hidden = !forum;
    if (!forum) return;
    const publish = async (title, text) => {
      const { refused, result } = await pane.answer({ do: "open_post", title, text });
      if (!refused) pane.open(result);
      return refused;
    };
    const write = () => newPost(pane.dialog, forum, publish);
    this.posts.replaceChildren(...forumPosts(forum, pane.state, (id) => pane.open(id), write));
  }

  drawTyping() {
    const { chat, state, me } = this.#pane;
    const names = chat ? state.typists(chat.id, me).map(({ name }) => name) : [];
    redraw(this.typing, names, () => {
      const verb = names.length > 1 ? " are typing…" : " is typing…";
      return names.length && [dots(), h("span", null, h("b", null, names.join(", ")), verb)];
    });
    const draft = state.drafts.get(chat?.id);
    const alive = draft && draft.until > Date.now();
    redraw(
      this.draft,
      alive && [draft.text, draft.entities, draft.can_stop],
      () => alive && this.#look.draft(draft, () => this.#pane.do({ do: "stop_draft" })),
    );
  }
}
