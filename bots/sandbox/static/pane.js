// One platform's pane: the list of chats, the open chat, the entry box. Both platforms share it;
// a `look` (discord.js, telegram.js) says how each draws.

import { avatar, dots, h, icon, redraw } from "./dom.js";
import { Acts } from "./acts.js";
import { Composer } from "./composer.js";
import { Dialog, alert } from "./dialog.js";
import { forumPosts, newPost } from "./forum.js";
import { openModal } from "./modal.js";
import { Popup } from "./popup.js";
import { Sidebar } from "./sidebar.js";

const NEAR_BOTTOM_PX = 40;
const TOAST_MS = 6000;

export class Pane {
  #look;
  #perform;
  #chat = null;
  #views = new Map(); // message id → its view, in order
  #pinned = true;
  #sidebar;
  #head = h("header", { class: "chat-head" });
  #scroller;
  #list;
  #intro = h("div", { class: "intro" });
  #posts = h("div", { class: "posts" });
  #draft = h("div", { class: "draft" });
  #typing = h("div", { class: "typing-line", "aria-live": "polite" });
  #present;
  #toasts = h("div", { class: "toasts", role: "status" });
  #composer;
  #acts;
  #asked = 0;

  /** `socket` has `perform(deed)` and `ask(deed)`. */
  constructor(look, state, socket) {
    this.#look = look;
    this.state = state;
    this.me = null;
    this.#perform = socket;
    this.#sidebar = new Sidebar(look, state, (id) => this.open(id));
    this.#list = h("div", { class: "messages", role: "list", "aria-label": `Messages in ${look.label}` });
    this.#scroller = h(
      "div",
      {
        class: "scroller",
        tabindex: "0",
        "aria-label": `Conversation in ${look.label}`,
        role: "region",
        onscroll: () => this.#scrolled(),
      },
      this.#intro,
      this.#posts,
      this.#list,
      this.#draft,
    );
    this.#present = h(
      "button",
      { type: "button", class: "present", hidden: true, onclick: () => this.#pin() },
      "Jump to the newest",
    );
    this.#acts = new Acts(look, this);
    this.#composer = new Composer(look, this.#acts.forComposer());
    const foot = h(
      "div",
      { class: "chat-foot" },
      this.#present,
      look.typingInTitle ? null : this.#typing,
      this.#composer.node,
    );
    const main = h("div", { class: "chat" }, this.#head, this.#scroller, foot, this.#toasts);
    this.dialog = new Dialog(main);
    this.popup = new Popup(main);
    this.node = h(
      "section",
      { class: `pane ${look.name}`, "aria-label": look.label, onclick: (event) => this.#acts.follow(event) },
      this.#sidebar.node,
      main,
    );
    new ResizeObserver(() => this.#follow()).observe(this.#scroller);
    setInterval(() => this.#drawTyping(), 1000);
  }

  get chat() {
    return this.#chat;
  }

  get composer() {
    return this.#composer;
  }

  /** Look at the platform as the person of this name. */
  be(name) {
    if (this.me?.name !== name) this.dialog.close();
    this.me = this.state.personCalled(name);
    const chats = this.#look.chatsOf(this.state, this.me);
    const before = this.#chat;
    const own = (chat) => chat.kind === "dm" || chat.kind === "private";
    const same = (chat) => chat.kind === before?.kind && (chat.name === before.name || own(chat));
    this.open((chats.find(({ id }) => id === before?.id) ?? chats.find(same) ?? chats[0])?.id);
  }

  /** Show a chat. */
  open(id) {
    const before = this.#chat?.id;
    this.#chat = this.state.chats.get(id) ?? null;
    if (!this.#chat) return;
    this.state.unread.delete(id);
    if (id !== before) this.#composer.replyTo(null);
    this.#composer.placeholder = this.#look.placeholder(this.#chat, this.state);
    this.#composer.node.hidden = this.#chat.kind === "forum";
    this.#views = new Map();
    this.#list.replaceChildren();
    for (const message of this.state.messagesOf(id).values()) this.#place(message);
    this.#regroup();
    this.#drawFrame();
    this.#pin();
    this.#offer();
  }

  /** Show the effect of an event that the state has taken in. */
  apply(event) {
    switch (event.type) {
      case "message":
      case "edit":
      case "delete":
        this.#applyMessage(event);
        break;
      case "delete_bulk":
        for (const message of event.messages) this.#applyMessage({ type: "delete", message });
        break;
      case "answer":
        if (event.to === this.me?.id) this.#tell(event);
        break;
      case "open":
        if (event.to === this.me?.id) this.#acts.go(event.url);
        break;
      case "modal":
        if (event.to === this.me?.id) this.#showModal(event.modal);
        break;
      case "commands":
      case "person":
        if (event.person?.id === this.me?.id) this.me = event.person;
        this.#offer();
        break;
      case "chat_gone":
        if (event.chat.id === this.#chat?.id) this.be(this.me?.name);
        this.#drawFrame();
        break;
      case "chat":
        if (event.chat.id === this.#chat?.id) this.#chat = event.chat;
        this.#drawFrame();
        this.#redrawThreads();
        break;
      case "online":
        this.#drawFrame();
        break;
    }
    if (["typing", "message", "draft", "draft_stopped"].includes(event.type)) this.#drawTyping();
    this.#follow();
  }

  /** Say something that passes. */
  toast(text) {
    const note = h("div", { class: "toast" }, text);
    this.#toasts.append(note);
    setTimeout(() => note.remove(), TOAST_MS);
  }

  /** Open the chat of a message and bring it into view. */
  reveal(chat, message) {
    if (!this.#look.chatsOf(this.state, this.me).some(({ id }) => id === chat)) return;
    this.open(chat);
    this.#views.get(message)?.node.scrollIntoView({ block: "nearest" });
  }

  /** Do something here as this person; resolves to null or to why it was refused, which is shown. */
  async do(deed) {
    if (!this.me || !this.#chat) return "Nobody is here yet.";
    const refused = await this.#perform.perform({ ...deed, person: this.me.id, chat: this.#chat.id });
    if (refused) this.toast(refused);
    else if (!["press", "choose", "edit", "delete"].includes(deed.do)) this.#pin();
    return refused;
  }

  /** Ask something here as this person; resolves to the result, or to null. */
  async ask(deed) {
    if (!this.me || !this.#chat) return null;
    const { refused, result } = await this.#perform.ask({ ...deed, person: this.me.id, chat: this.#chat.id });
    if (refused) this.toast(refused);
    return result;
  }

  /** Take a message out of sight. */
  dismiss(message) {
    this.state.dismissed.add(message.id);
    this.#applyMessage({ type: "delete", message });
  }

  /** Have the composer know what is offered here now. */
  async #offer() {
    const asked = ++this.#asked;
    const found = await this.#perform.ask({
      do: "menu",
      platform: this.#look.name,
      person: this.me?.id ?? "",
      chat: this.#chat?.id ?? "",
    });
    if (asked !== this.#asked) return;
    this.state.commands = found.result ?? [];
    this.#composer.refresh();
  }

  #tell({ text, alert: asBox }) {
    if (asBox) alert(this.dialog, this.state.bot?.name ?? "Bot", text);
    else this.toast(text);
  }

  #showModal(modal) {
    openModal(this.dialog, modal, this.state.bot?.name ?? "the bot", {
      submit: (values) => this.do({ do: "submit", modal: modal.id, values }),
      close: () => this.do({ do: "close_modal", modal: modal.id }),
    });
  }

  #applyMessage({ type, message }) {
    if (message.chat !== this.#chat?.id) {
      if (type === "message" && this.state.shows(message, this.me) && message.author.id !== this.me?.id) {
        this.state.unread.set(message.chat, (this.state.unread.get(message.chat) ?? 0) + 1);
      }
      if (this.#chat?.kind === "forum") this.#drawPosts();
    } else if (type === "delete") {
      this.#views.get(message.id)?.node.remove();
      this.#views.delete(message.id);
      this.#regroup();
    } else {
      const isNew = !this.#views.has(message.id);
      this.#place(message);
      if (isNew) this.#regroup();
      if (type === "message" && this.#look.forces?.(message, this.me))
        this.#composer.replyTo(message, message.force_reply.placeholder);
    }
    this.#sidebar.draw(this.me, this.#chat);
  }

  #place(message) {
    if (!this.state.shows(message, this.me)) return;
    let view = this.#views.get(message.id);
    if (!view) {
      const { state, me } = this;
      view = this.#look.createMessage({ state, me, chat: this.#chat, ...this.#acts.forMessage() });
      this.#views.set(message.id, view);
      this.#list.append(view.node);
    }
    const edited = view.message && view.message.text !== message.text;
    view.update(message);
    Object.assign(view.node.dataset, {
      platform: this.#look.name,
      chat: message.chat,
      messageId: message.id,
      edits: String(message.edited),
      authorBot: String(message.author.bot),
    });
    if (edited) {
      view.node.classList.remove("landed");
      void view.node.offsetWidth; // so that the mark of an edit starts anew
      view.node.classList.add("landed");
    }
  }

  #regroup() {
    let previous = null;
    for (const view of this.#views.values()) {
      view.group(previous);
      previous = view.message;
    }
  }

  /** The links to threads under messages say how these stand. */
  #redrawThreads() {
    for (const view of this.#views.values()) if (view.message.thread) view.update(view.message);
  }

  #drawFrame() {
    this.#sidebar.draw(this.me, this.#chat);
    const chat = this.#chat;
    if (!chat) return;
    const { icon: sign, avatar: portrait, name, about } = this.#look.title(chat, this.state);
    const { online, bot } = this.state;
    this.#head.replaceChildren(
      sign ? icon(sign) : avatar(portrait),
      h(
        "div",
        { class: "chat-title" },
        h("h2", null, name),
        h("span", { class: "about-chat" }, about),
        this.#look.typingInTitle && this.#typing,
      ),
      h(
        "span",
        { class: `bot-state ${online ? "on" : "off"}` },
        `${bot?.name} is ${online ? "online" : "not connected"}`,
      ),
    );
    const [title, ...lines] = this.#look.intro(chat, this.state);
    this.#intro.replaceChildren(h("strong", null, title), ...lines.map((line) => h("span", null, line)));
    this.#drawPosts();
    this.#drawTyping();
  }

  #drawPosts() {
    const forum = this.#chat?.kind === "forum" ? this.#chat : null;
    this.#posts.hidden = !forum;
    if (!forum) return;
    const publish = async (title, text) => {
      const { refused, result } = await this.#perform.ask({
        ...{ do: "open_post", person: this.me.id, chat: forum.id },
        ...{ title, text },
      });
      if (!refused) this.open(result);
      return refused;
    };
    const write = () => newPost(this.dialog, forum, publish);
    this.#posts.replaceChildren(...forumPosts(forum, this.state, (id) => this.open(id), write));
  }

  #drawTyping() {
    const names = this.#chat ? this.state.typists(this.#chat.id, this.me).map(({ name }) => name) : [];
    redraw(this.#typing, names, () => {
      const verb = names.length > 1 ? " are typing…" : " is typing…";
      return names.length && [dots(), h("span", null, h("b", null, names.join(", ")), verb)];
    });
    const draft = this.state.drafts.get(this.#chat?.id);
    const alive = draft && draft.until > Date.now();
    redraw(
      this.#draft,
      alive && [draft.text, draft.entities, draft.can_stop],
      () => alive && this.#look.draft(draft, () => this.do({ do: "stop_draft" })),
    );
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#pinned = scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM_PX;
    this.#present.hidden = this.#pinned;
  }

  #pin() {
    this.#pinned = true;
    this.#present.hidden = true;
    this.#follow();
  }

  #follow() {
    if (this.#pinned) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}
