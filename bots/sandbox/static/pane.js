// One platform's pane: the list of chats, the open chat, the entry box. Both platforms share it;
// a `look` (discord.js, telegram.js) says how each draws.

import { avatar, h, icon, redraw } from "./dom.js";
import { Composer } from "./composer.js";
import { dots } from "./discord.js";
import { Sidebar } from "./sidebar.js";
import { visibleTo } from "./state.js";

const NEAR_BOTTOM_PX = 40;
const TOAST_MS = 6000;

export class Pane {
  #look;
  #perform;
  #me = null;
  #chat = null;
  #views = new Map(); // message id → its view, in order
  #pinned = true;
  #sidebar;
  #head;
  #scroller;
  #list;
  #intro = h("div", { class: "intro" });
  #draft = h("div", { class: "draft" });
  #typing = h("div", { class: "typing-line", "aria-live": "polite" });
  #present;
  #toasts = h("div", { class: "toasts", role: "status" });
  #composer;

  constructor(look, state, perform) {
    this.#look = look;
    this.state = state;
    this.#perform = perform;
    this.#sidebar = new Sidebar(look, state, (id) => this.open(id));
    this.#head = h("header", { class: "chat-head" });
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
      this.#list,
      this.#draft,
    );
    this.#present = h(
      "button",
      { type: "button", class: "present", hidden: true, onclick: () => this.#pin() },
      "Jump to the newest",
    );
    this.#composer = new Composer(look, {
      commands: () => state.commands,
      people: () => this.#mentionable(),
      chats: () => look.chatsOf(state, this.#me),
      send: (text, replyTo) => this.#do({ do: "say", platform: look.name, text, reply_to: replyTo }),
      invoke: (command, options) => this.#do({ do: "invoke", command, options }),
    });
    const foot = h(
      "div",
      { class: "chat-foot" },
      this.#present,
      look.typingInTitle ? null : this.#typing,
      this.#composer.node,
    );
    const main = h("div", { class: "chat" }, this.#head, this.#scroller, foot, this.#toasts);
    this.node = h(
      "section",
      { class: `pane ${look.name}`, "aria-label": look.label },
      this.#sidebar.node,
      main,
    );
    new ResizeObserver(() => this.#follow()).observe(this.#scroller);
    setInterval(() => this.#drawTyping(), 1000);
  }

  /** Look at the platform as the person of this name. */
  be(name) {
    this.#me = this.state.personCalled(name);
    const chats = this.#look.chatsOf(this.state, this.#me);
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
    this.#views = new Map();
    this.#list.replaceChildren();
    for (const message of this.state.messagesOf(id).values()) this.#place(message);
    this.#regroup();
    this.#drawFrame();
    this.#pin();
  }

  /** Show the effect of an event that the state has taken in. */
  apply(event) {
    switch (event.type) {
      case "message":
      case "edit":
      case "delete":
        this.#applyMessage(event);
        break;
      case "answer":
        if (event.to === this.#me?.id) this.toast(event.text);
        break;
      case "commands":
        this.#composer.refresh();
        break;
      case "chat":
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
    if (!this.#look.chatsOf(this.state, this.#me).some(({ id }) => id === chat)) return;
    this.open(chat);
    this.#views.get(message)?.node.scrollIntoView({ block: "nearest" });
  }

  #applyMessage({ type, message }) {
    if (message.chat !== this.#chat?.id) {
      if (type === "message" && visibleTo(message, this.#me) && message.author.id !== this.#me?.id) {
        this.state.unread.set(message.chat, (this.state.unread.get(message.chat) ?? 0) + 1);
      }
    } else if (type === "delete") {
      this.#views.get(message.id)?.node.remove();
      this.#views.delete(message.id);
      this.#regroup();
    } else {
      const isNew = !this.#views.has(message.id);
      this.#place(message);
      if (isNew) this.#regroup();
    }
    this.#sidebar.draw(this.#me, this.#chat);
  }

  #place(message) {
    if (!visibleTo(message, this.#me)) return;
    let view = this.#views.get(message.id);
    if (!view) {
      view = this.#look.createMessage({
        state: this.state,
        me: this.#me,
        chat: this.#chat,
        reply: (target) => this.#composer.replyTo(target),
        press: (target, button) =>
          this.#do({ do: "press", platform: this.#look.name, message: target.id, button }),
      });
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

  #drawFrame() {
    this.#sidebar.draw(this.#me, this.#chat);
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
    this.#drawTyping();
  }

  #drawTyping() {
    const names = this.#chat ? this.state.typists(this.#chat.id, this.#me).map(({ name }) => name) : [];
    redraw(this.#typing, names, () => {
      const verb = names.length > 1 ? " are typing…" : " is typing…";
      return names.length && [dots(), h("span", null, h("b", null, names.join(", ")), verb)];
    });
    const draft = this.state.drafts.get(this.#chat?.id);
    const alive = draft && draft.until > Date.now();
    redraw(
      this.#draft,
      alive && [draft.text, draft.entities, draft.can_stop],
      () => alive && this.#look.draft(draft, () => this.#do({ do: "stop_draft" })),
    );
  }

  #mentionable() {
    const everyone = [...this.state.people.values()].filter(({ id }) => id !== this.#me?.id);
    return everyone
      .map((person) => ({ ...person, tag: this.#look.tag(person), about: this.#about(person) }))
      .filter(({ tag }) => tag)
      .sort((a, b) => Number(b.bot) - Number(a.bot));
  }

  #about(person) {
    if (!person.bot) return person.name;
    return person.id === this.state.bot?.id ? "the bot" : "another bot";
  }

  async #do(deed) {
    if (!this.#me || !this.#chat) return "Nobody is here yet.";
    const refused = await this.#perform({ ...deed, person: this.#me.id, chat: this.#chat.id });
    if (refused) this.toast(refused);
    else if (deed.do !== "press") this.#pin();
    return refused;
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
