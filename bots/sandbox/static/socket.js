// The web socket to the sandbox: opens again by itself, and answers each deed by its ticket.

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 4000;

export class Socket {
  #socket = null;
  #waiting = new Map();
  #ticket = 0;
  #waitMs = FIRST_WAIT_MS;
  #onNews;
  #onConnected;

  /** `onNews(object)` gets what the server sends, `onConnected(bool)` whether it is there. */
  constructor(onNews, onConnected) {
    this.#onNews = onNews;
    this.#onConnected = onConnected;
    this.#open();
  }

  /** Have the server do something as a person; resolves to { refused: null or why, result }. */
  ask(deed) {
    if (this.#socket?.readyState !== WebSocket.OPEN)
      return Promise.resolve({ refused: "The sandbox is not running right now.", result: null });
    const ticket = ++this.#ticket;
    this.#socket.send(JSON.stringify({ ...deed, ticket }));
    return new Promise((resolve) => this.#waiting.set(ticket, resolve));
  }

  #open() {
    const address = new URL("/socket", location.href);
    address.protocol = "ws:";
    this.#socket = new WebSocket(address);
    this.#socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(data)));
    this.#socket.addEventListener("close", () => this.#closed());
  }

  #receive(news) {
    if ("ticket" in news) {
      this.#waiting.get(news.ticket)?.({ refused: news.refused, result: news.result });
      this.#waiting.delete(news.ticket);
      return;
    }
    if ("hello" in news) {
      this.#waitMs = FIRST_WAIT_MS;
      this.#onConnected(true);
    }
    this.#onNews(news);
  }

  #closed() {
    this.#onConnected(false);
    const refused = "The sandbox stopped before it answered.";
    for (const resolve of this.#waiting.values()) resolve({ refused, result: null });
    this.#waiting.clear();
    setTimeout(() => this.#open(), this.#waitMs);
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
  }
}
