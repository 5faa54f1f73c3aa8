// Keeps the figures up to date: loads over HTTP, follows the stream, and says how that goes.
//
// Order on every start: the stream first, then the load. So nothing falls between them, and since
// all values are absolute, what comes twice does no harm.

import { Trouble, ask, token } from "./service.js";
import { Stream } from "./stream.js";

const REFRESH_MS = 1_000;
const POLL_MS = 2_000;
const PAGE = 10_000;

/** How the page stands with the service: loading, live, stale, error, or locked. */
export class Session {
  /**
   * @param {import("./figures.js").Figures} figures
   * @param {() => {name: string, windows: number, branch: number|string|null}|null} wanted which windows; null before definitions are known
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
    /** What `#moments` gave when windows were asked for last. */
    this.settled = null;
    /** Up to where all final windows were known then (ms); null if nothing is known of that. */
    this.settledTo = null;
    /** Whether windows without payments may have come or gone anywhere. */
    this.unsettled = false;
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

  /** Starts or restarts at once. */
  async start() {
    const load = ++this.loads;
    this.stream.stop();
    clearTimeout(this.timer);
    this.nextTry = null;
    if (this.state === "locked" && token() !== null) {
      this.state = "loading";
      this.trouble = null;
      this.changed();
    }
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

  /** Stops listening while the page is hidden. */
  pause() {
    this.loads += 1;
    this.stream.stop();
    clearTimeout(this.timer);
  }

  /** Continues after a pause. */
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
    figures.finalTo = null;
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
    const newest = figures.newest();
    const answer = await this.#windowsFrom(definition, newest === null ? null : rangeStart(definition, newest, wanted.windows), {});
    if (!answer) return;
    figures.setWindows(definition.name, answer.items);
    this.settledTo = null;
    this.#settle(definition, answer);
    this.changed();
  }

  // Null if they are not wanted any more.
  async #windowsFrom(definition, from, filter) {
    const { loads } = this;
    const { branch } = this.wanted();
    const query = new URLSearchParams({ limit: String(PAGE), ...filter });
    if (from !== null) query.set("from", new Date(from).toISOString());
    // By name: a text may be the name of another branch.
    if (branch !== null) query.set("branch", this.figures.totals.get(branch)?.branch ?? String(branch));
    const answer = await ask(`windows/${encodeURIComponent(definition.name)}?${query}`);
    const wanted = this.wanted();
    return loads === this.loads && wanted?.name === definition.name && wanted.branch === branch ? answer : null;
  }

  // Windows without payments become final without an event, so they are asked for: those since the
  // last time when watermark or clock have passed an end of windows, all where a branch is known
  // since earlier, or a payment came for a window that was not there.
  async #loadZeros() {
    const wanted = this.wanted();
    const { figures } = this;
    const definition = figures.definitions.find(({ name }) => name === wanted?.name);
    const newest = figures.newest();
    if (!definition || figures.shown !== definition.name || newest === null) return;
    const all = this.unsettled;
    if (!all && this.settled === this.#moments(definition, figures.reading)) return;
    this.unsettled = false;
    const first = rangeStart(definition, newest, wanted.windows);
    // Days are of 25 hours at most, so this is before the start of any window that was open then.
    const last = all || this.settledTo === null ? first : this.settledTo - 2 * definition.size_ms;
    const answer = await this.#windowsFrom(definition, Math.max(first, last), { final: "true" }).catch((error) => {
      this.unsettled ||= all;
      throw error;
    });
    if (!answer) return;
    figures.addWindows(answer.items);
    this.#settle(definition, answer);
  }

  #settle(definition, { items, reading }) {
    this.settled = this.#moments(definition, reading);
    const ends = items.filter((item) => item.final).map((item) => Date.parse(item.window_end));
    if (reading.watermark !== null) ends.push(Date.parse(reading.watermark));
    if (this.settledTo !== null) ends.push(this.settledTo);
    this.settledTo = ends.length > 0 ? ends.reduce((one, other) => Math.max(one, other)) : null;
  }

  // Changes whenever the watermark, or the clock for a stream that is quiet, passes an end of windows.
  #moments({ name, slide_ms }, reading) {
    const phase = (this.figures.shelf.anyEnd() ?? 0) % slide_ms;
    const step = (time) => (time === null ? null : Math.floor((Date.parse(time) - phase) / slide_ms));
    return [name, step(reading.watermark), step(reading.as_of)].join();
  }

  // Answers that the stream does not carry.
  async #refresh() {
    this.outdated = true;
    if (this.refreshing) return;
    this.refreshing = true;
    // The stream may have said more meanwhile, and nothing after it.
    while (this.outdated) {
      await new Promise((go) => setTimeout(go, Math.max(0, this.refreshed + REFRESH_MS - performance.now())));
      this.outdated = false;
      this.refreshed = performance.now();
      await this.#attempt(async () => {
        const [ledger, status, windows] = await Promise.all([ask("ledger"), ask("status"), ask("windows")]);
        Object.assign(this.figures, { ledger, status });
        this.figures.setDefinitions(windows);
        this.#trim();
        await this.#loadZeros();
      });
      this.changed();
    }
    this.refreshing = false;
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
    if (name === "total") this.unsettled = this.figures.putTotal(data) || this.unsettled;
    else if (name === "window") this.unsettled = this.figures.putWindow(data) || this.unsettled;
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
