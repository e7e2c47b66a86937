// What a person can do in a pane: with messages, in the entry box, with links.

import { ask } from "./dialog.js";

export class Acts {
  #look;
  #pane;

  constructor(look, pane) {
    this.#look = look;
    this.#pane = pane;
  }

  /** What the entry box needs and does. */
  forComposer() {
    const pane = this.#pane;
    const { state } = pane;
    const platform = this.#look.name;
    return {
      commands: () => state.commands,
      people: () => this.#mentionable(),
      chats: () => this.#look.chatsOf(state, pane.me),
      send: (text, replyTo) => pane.do({ do: "say", platform, text, reply_to: replyTo }),
      edit: (message, text) => pane.do({ do: "edit", platform, message, text }),
      invoke: (command, options) => pane.do({ do: "invoke", command, options }),
      complete: async (command, options, focused) =>
        (await pane.ask({ do: "complete", command, options, focused })) ?? [],
      inline: (text) => this.#inline(text),
      language: () => pane.me?.language,
      lastOwn: () => this.#lastOwn(),
    };
  }

  /** What a message needs and does. */
  forMessage() {
    const pane = this.#pane;
    const platform = this.#look.name;
    return {
      reply: (message) => pane.composer.replyTo(message),
      press: (message, button) => pane.do({ do: "press", platform, message: message.id, button }),
      choose: (message, select, values) => pane.do({ do: "choose", message: message.id, select, values }),
      menu: (message, at) => this.#menu(message, at),
      dismiss: (message) => pane.dismiss(message),
      open: (id) => pane.open(id),
      jump: (message) => pane.reveal(message.chat, message.reply_to),
      copy: (text) => this.#copy(text),
      ask: (query) => pane.composer.write(`@${pane.state.bot?.username} ${query}`),
    };
  }

  /** Open a link to the bot or to a message here instead of leaving the page. */
  follow(event) {
    const anchor = event.target.closest?.("a");
    if (!anchor?.href) return;
    const place = this.#look.messageLink(new URL(anchor.href), this.#pane.state);
    if (!place && !this.#leadsToBot(anchor.href)) return;
    event.preventDefault();
    if (place) this.#pane.reveal(place.chat, place.message);
    else this.go(anchor.href);
  }

  async go(url) {
    const pane = this.#pane;
    const refused = await pane.do({ do: "follow", url });
    if (!refused) pane.open(pane.me.id);
  }

  #leadsToBot(address) {
    const name = this.#look.name === "telegram" && this.#pane.state.bot?.username;
    const { host, pathname, searchParams } = new URL(address);
    return host === "t.me" && pathname === `/${name}` && searchParams.has("start");
  }

  #menu(message, at) {
    const pane = this.#pane;
    const { chat, me, state } = pane;
    const platform = this.#look.name;
    const act = {
      ...this.forMessage(),
      edit: (target, text) => pane.composer.edit(target, text),
      remove: (target) => pane.do({ do: "delete", platform, message: target.id }),
      use: (target, command) => pane.do({ do: "use_on_message", message: target.id, command }),
      thread: (target) => this.#openThread(target),
    };
    pane.popup.open(this.#look.deeds(message, { chat, me, state, act }), at, "Message actions");
  }

  async #openThread(message) {
    const pane = this.#pane;
    const value = message.text.replace(/\s+/g, " ").slice(0, 40);
    const name = await ask(pane.dialog, {
      ...{ title: "Create thread", label: "Thread name", value, action: "Create" },
    });
    if (!name) return;
    const thread = await pane.ask({ do: "open_thread", name, message: message.id });
    if (thread) pane.open(thread);
  }

  async #copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      this.#pane.toast("Copied.");
    } catch {
      this.#pane.toast("The browser does not let this page copy.");
    }
  }

  /** For a text that asks the bot for inline results: `ask()` resolves to what can be chosen. */
  #inline(text) {
    const query = this.#look.inlineQuery?.(text, this.#pane.state) ?? null;
    if (query === null) return null;
    const pane = this.#pane;
    return {
      ask: async () => {
        const found = await pane.ask({ do: "inline", query });
        return (found?.results ?? []).map(({ id, title, about }) => ({
          title,
          about,
          choose: () => pane.do({ do: "choose_inline", query: found.query, result: id }),
        }));
      },
    };
  }

  #lastOwn() {
    const { state, chat, me } = this.#pane;
    const own = [...state.messagesOf(chat?.id).values()].filter(
      (message) => message.author.id === me?.id && !message.service && !message.via_bot,
    );
    const message = own.at(-1);
    return message ? { message, text: this.#look.asTyped?.(message.text, state) ?? message.text } : null;
  }

  #mentionable() {
    const { state, me } = this.#pane;
    const everyone = [...state.people.values()].filter(({ id }) => id !== me?.id);
    return everyone
      .map((person) => ({ ...person, tag: this.#look.tag(person), about: this.#about(person) }))
      .filter(({ tag }) => tag)
      .sort((a, b) => Number(b.bot) - Number(a.bot));
  }

  #about(person) {
    if (!person.bot) return person.name;
    return person.id === this.#pane.state.bot?.id ? "the bot" : "another bot";
  }
}
