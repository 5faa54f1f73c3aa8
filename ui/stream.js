// The event stream: server-sent events read with fetch, because EventSource can send no token and
// does not say why it failed. Reconnects by itself, with what the last whole batch was.

import { Trouble, open } from "./service.js";

const SILENCE_MS = 25_000;
const RETRY_MS_MAX = 30_000;

/** Cuts a byte stream's text into server-sent events. */
export class Parser {
  /** @param {(event: {event: string, data: string, id: string|null}) => void} deliver */
  constructor(deliver) {
    this.deliver = deliver;
    this.rest = "";
    this.id = null;
    this.retry = null;
    this.#clear();
  }

  #clear() {
    this.event = "message";
    this.data = [];
    this.hasId = false;
  }

  /** @param {string} text the next piece; it may end anywhere */
  push(text) {
    this.rest += text;
    let from = 0;
    for (;;) {
      const end = this.rest.indexOf("\n", from);
      if (end < 0) break;
      this.#line(this.rest.slice(from, end).replace(/\r$/, ""));
      from = end + 1;
    }
    this.rest = this.rest.slice(from);
  }

  #line(line) {
    if (line === "") {
      if (this.data.length > 0) {
        this.deliver({ event: this.event, data: this.data.join("\n"), id: this.hasId ? this.id : null });
      }
      this.#clear();
      return;
    }
    if (line.startsWith(":")) return;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
    else if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    else if (field === "id" && !value.includes("\0")) {
      this.id = value;
      this.hasId = true;
    }
  }
}

/** A stream that is kept open. */
export class Stream {
  /**
   * @param {{
   *   event: (name: string, data: any) => void,
   *   open: () => void,
   *   alive: () => void,
   *   lost: (trouble: Trouble, retryMs: number) => void,
   * }} told what happens to it; `lost` before each new try
   */
  constructor(told) {
    this.told = told;
    this.lastId = null;
    this.retryMs = 2_000;
    this.failures = 0;
    this.abort = null;
    this.timer = 0;
  }

  /** Opens it, or opens it again for another route. @param {string} route */
  start(route) {
    if (route !== this.route) this.lastId = null;
    this.route = route;
    this.stop();
    this.abort = new AbortController();
    void this.#run(this.abort);
  }

  /** Closes it and tries no more; what it remembers stays. */
  stop() {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.abort = null;
  }

  /** Forgets where it was, so that the next start begins with the newest checkpoint. */
  forget() {
    this.lastId = null;
  }

  async #run(abort) {
    try {
      const headers = { Accept: "text/event-stream" };
      if (this.lastId !== null) headers["Last-Event-ID"] = this.lastId;
      const response = await open(this.route, { headers, signal: abort.signal });
      this.told.open();
      await this.#read(response, abort);
      throw new Trouble("unreachable", "The service closed the stream.");
    } catch (error) {
      if (abort !== this.abort) return;
      const trouble = error instanceof Trouble ? error : new Trouble("unreachable", "The stream broke off.");
      const wait = this.#wait();
      this.told.lost(trouble, wait);
      if (abort !== this.abort) return;
      this.timer = setTimeout(() => this.start(this.route), wait);
    }
  }

  async #read(response, abort) {
    const parser = new Parser(({ event, data, id }) => {
      if (abort !== this.abort) return;
      this.failures = 0;
      this.told.event(event, JSON.parse(data));
      // Only now: what was not taken in must come again.
      if (id !== null) this.lastId = id;
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      // The service sends a comment every 10 s; a connection that died in between says nothing.
      let alarm;
      const silence = new Promise((_, fail) => {
        alarm = setTimeout(() => fail(new Trouble("unreachable", "The stream has gone silent.")), SILENCE_MS);
      });
      const { done, value } = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(alarm));
      if (done) return;
      this.told.alive();
      parser.push(value);
      if (parser.retry !== null) this.retryMs = parser.retry;
    }
  }

  #wait() {
    const most = Math.min(RETRY_MS_MAX, this.retryMs * 2 ** Math.min(this.failures, 6));
    this.failures += 1;
    // Jittered, so that a service that comes back is not met by all pages at once.
    return Math.round(most * (0.5 + Math.random() / 2));
  }
}
