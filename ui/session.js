// Keeps the figures up to date: loads over HTTP, follows the stream, and says how that goes.
//
// Order on every start: the stream first, then the load. So nothing falls between them, and since
// all values are absolute, what comes twice does no harm.

import { Trouble, ask } from "./service.js";
import { Stream } from "./stream.js";

const REFRESH_MS = 1_000;
const POLL_MS = 2_000;
const PAGE = 10_000;

/** How the page stands with the service: loading, live, stale, error, or locked. */
export class Session {
  /**
   * @param {import("./figures.js").Figures} figures
   * @param {() => {name: string, windows: number, branch: number|null}|null} wanted which windows; null before definitions are known
   * @param {() => void} changed called whenever figures or state may have changed
   */
  constructor(figures, wanted, changed) {
    this.figures = figures;
    this.wanted = wanted;
    this.changed = changed;
    this.state = "loading";
    /** @type {Trouble|null} */
    this.trouble = null;
    /** When the service was last heard (ms). */
    this.heard = null;
    /** When it is tried again (ms). */
    this.nextTry = null;
    this.loads = 0;
    this.refreshed = 0;
    this.polls = false;
    /** What the stream said while something is loaded, the newest of each; null otherwise. */
    this.pending = null;
    /** The last reading that the stream gave. */
    this.streamed = null;
    this.stream = new Stream({
      open: () => this.#hear(),
      alive: () => { this.heard = Date.now(); },
      event: (name, data) => this.#take(name, data),
      lost: (trouble, wait) => this.#lost(trouble, wait),
    });
  }

  /** Begins, or begins anew, at once. */
  async start() {
    const load = ++this.loads;
    this.stream.stop();
    clearTimeout(this.timer);
    this.nextTry = null;
    try {
      const definitions = await ask("windows");
      if (load !== this.loads) return;
      this.figures.setDefinitions(definitions);
      await this.#gathering(async () => {
        this.#follow();
        await this.#load();
      });
      if (this.polls && load === this.loads) this.#poll();
    } catch (error) {
      if (load !== this.loads) return;
      this.stream.stop();
      const wait = 2_000 + Math.random() * 1_000;
      this.#lost(asTrouble(error), wait);
      if (this.state !== "locked") this.timer = setTimeout(() => this.start(), wait);
    }
  }

  /** Stops listening, for a page that nobody sees. */
  pause() {
    this.loads += 1;
    this.stream.stop();
    clearTimeout(this.timer);
  }

  /** Goes on after a pause. */
  resume() {
    if (this.state === "live" && !this.polls) {
      this.#follow();
      void this.#refresh();
    } else void this.start();
  }

  /** Loads the windows that are wanted now and follows them. */
  async reload() {
    if (this.state !== "live" && this.state !== "stale") return;
    await this.#attempt(() => this.#gathering(async () => {
      this.#follow();
      await this.#loadWindows();
    }));
  }

  #follow() {
    if (this.polls) return;
    const wanted = this.wanted();
    this.stream.start(wanted ? `events?window=${encodeURIComponent(wanted.name)}` : "events");
  }

  async #load() {
    const [totals, ledger, status] = await Promise.all([ask("totals"), ask("ledger"), ask("status")]);
    const { figures } = this;
    // What is loaded may be older than what was shown: after a restart the service may have gone back.
    figures.reading = null;
    figures.setTotals(totals);
    figures.ledger = ledger;
    figures.status = status;
    await this.#loadWindows();
    this.#hear();
  }

  async #loadWindows() {
    const wanted = this.wanted();
    const { figures } = this;
    const definition = figures.definitions.find(({ name }) => name === wanted?.name);
    if (!definition) return;
    const load = this.loads;
    const newest = figures.newest();
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (newest !== null) query.set("from", new Date(rangeStart(definition, newest, wanted.windows)).toISOString());
    if (wanted.branch !== null) query.set("branch", String(wanted.branch));
    const answer = await ask(`windows/${encodeURIComponent(definition.name)}?${query}`);
    if (load !== this.loads || this.wanted()?.name !== definition.name) return;
    figures.setWindows(definition.name, answer.items);
    this.changed();
  }

  // Small answers that the stream does not carry.
  async #refresh() {
    if (this.refreshing) return;
    this.refreshing = true;
    await new Promise((go) => setTimeout(go, Math.max(0, this.refreshed + REFRESH_MS - performance.now())));
    this.refreshed = performance.now();
    await this.#attempt(async () => {
      const [ledger, status, windows] = await Promise.all([ask("ledger"), ask("status"), ask("windows")]);
      Object.assign(this.figures, { ledger, status });
      this.figures.setDefinitions(windows);
      this.#trim();
    });
    this.refreshing = false;
    this.changed();
  }

  #trim() {
    const wanted = this.wanted();
    const definition = this.figures.definitions.find(({ name }) => name === wanted?.name);
    const newest = this.figures.newest();
    if (definition && newest !== null) this.figures.shelf.dropBefore(rangeStart(definition, newest, wanted.windows));
  }

  // The stream says by itself when the service is gone; a single answer that fails is not the end.
  async #attempt(work) {
    try {
      await work();
    } catch (error) {
      const trouble = asTrouble(error);
      if (trouble.kind === "locked") this.#lost(trouble, 0);
    }
  }

  // An answer may be older than what the stream says meanwhile, so that waits until the answer is in.
  async #gathering(work) {
    if (this.pending) return work();
    this.pending = new Map();
    try {
      await work();
    } finally {
      const pending = this.pending;
      this.pending = null;
      for (const [name, data] of pending.values()) this.#take(name, data);
    }
  }

  #take(name, data) {
    if (this.pending && name !== "reset") {
      const which = name === "window" ? [data.window_start, data.window_end, data.branch_id] : [data.branch_id];
      this.pending.set([name, ...which].join(), [name, data]);
      return;
    }
    if (name === "total") this.figures.putTotal(data);
    else if (name === "window") this.figures.putWindow(data);
    else if (name === "reset") {
      this.stream.forget();
      this.streamed = null;
      void this.start();
    } else if (name === "reading") {
      const before = this.streamed;
      this.streamed = data.reading;
      // The stream only goes back when the service has: then what is shown is of another life.
      if (before && (before.generation !== data.reading.generation || before.sequence > data.reading.sequence)) {
        this.stream.forget();
        void this.start();
        return;
      }
      this.figures.setReading(data.reading);
      void this.#refresh();
    }
    this.#hear();
  }

  #hear() {
    this.heard = Date.now();
    this.nextTry = null;
    if (this.figures.reading && this.figures.status) {
      this.state = "live";
      this.trouble = null;
    }
    this.changed();
  }

  #lost(trouble, wait) {
    if (trouble.status === 404) {
      this.polls = true;
      this.stream.stop();
      if (this.state === "live") this.#poll();
      return;
    }
    this.trouble = trouble;
    this.nextTry = Date.now() + wait;
    if (trouble.kind === "locked") {
      this.pause();
      this.state = "locked";
    } else this.state = this.figures.reading && this.figures.status ? "stale" : "error";
    this.changed();
  }

  // Some proxies let no stream through: then the figures are asked for.
  #poll() {
    const load = this.loads;
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      if (load !== this.loads) return;
      try {
        this.figures.setDefinitions(await ask("windows"));
        if (load === this.loads) await this.#load();
        if (load === this.loads) this.#poll();
      } catch (error) {
        this.polls = false;
        this.#lost(asTrouble(error), POLL_MS);
        if (this.state !== "locked" && load === this.loads) this.timer = setTimeout(() => this.start(), POLL_MS);
      }
    }, POLL_MS);
  }
}

/** Where `count` windows before `newest` (ms) begin. */
export function rangeStart(definition, newest, count) {
  if (definition.kind === "cumulative") return newest - count * definition.size_ms;
  return newest - count * definition.slide_ms - (definition.size_ms - definition.slide_ms);
}

function asTrouble(error) {
  return error instanceof Trouble ? error : new Trouble("refused", `The page failed: ${error.message}`);
}
