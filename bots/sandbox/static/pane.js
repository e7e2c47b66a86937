// One platform's pane: the list of chats, the open chat, the entry box. Both platforms share it;
// a `look` (discord.js, telegram.js) says how each draws.

import { h } from "./dom.js";
import { Acts } from "./acts.js";
import { Composer } from "./composer.js";
import { Dialog, alert } from "./dialog.js";
import { Frame } from "./frame.js";
import { openModal } from "./modal.js";
import { Popup } from "./popup.js";
import { Sidebar } from "./sidebar.js";

const NEAR_BOTTOM_PX = 40;
const TOAST_MS = 6000;

export class Pane {
  #look;
  #socket;
  #chat = null;
  #views = new Map(); // message id → its view, in order
  #pinned = true;
  #sidebar;
  #frame;
  #scroller;
  #list;
  #present;
  #toasts = h("div", { class: "toasts", role: "status" });
  #composer;
  #acts;
  #asked = 0;

  /** `socket` has `ask(deed)`, which resolves to { refused, result }. */
  constructor(look, state, socket) {
    this.#look = look;
    this.state = state;
    this.me = null;
    this.#socket = socket;
    this.#sidebar = new Sidebar(look, state, (id) => this.open(id));
    this.#frame = new Frame(look, this);
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
      this.#frame.intro,
      this.#frame.posts,
      this.#list,
      this.#frame.draft,
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
      look.typingInTitle ? null : this.#frame.typing,
      this.#composer.node,
    );
    const main = h("div", { class: "chat" }, this.#frame.head, this.#scroller, foot, this.#toasts);
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
    this.#composer.placeholder = this.#look.placeholder(this.#chat, this.state, this.me);
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
    if (chat !== this.#chat?.id) this.open(chat);
    const node = this.#views.get(message)?.node;
    if (!node) return;
    node.scrollIntoView({ block: "nearest" });
    node.classList.remove("found");
    void node.offsetWidth; // so that the mark starts anew
    node.classList.add("found");
  }

  /** Do something here as this person; resolves to { refused, result }. */
  async answer(deed) {
    if (!this.me || !this.#chat) return { refused: "Nobody is here yet.", result: null };
    return this.#socket.ask({ ...deed, person: this.me.id, chat: this.#chat.id });
  }

  /** The same; resolves to null or to why it was refused, which is shown. */
  async do(deed) {
    const { refused } = await this.answer(deed);
    if (refused) this.toast(refused);
    else if (!["press", "choose", "edit", "delete"].includes(deed.do)) this.#pin();
    return refused;
  }

  /** The same; resolves to the result, or to null. */
  async ask(deed) {
    const { refused, result } = await this.answer(deed);
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
    const { result } = await this.answer({ do: "menu", platform: this.#look.name });
    if (asked !== this.#asked) return;
    this.state.commands = result ?? [];
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
      if (this.#chat?.kind === "forum") this.#frame.drawPosts();
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
    this.#frame.draw();
  }

  #drawTyping() {
    if (!this.#chat) return;
    this.#sidebar.draw(this.me, this.#chat);
    this.#frame.drawTyping();
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
