// All figures that the page knows. Views read them; only answers of the service change them.

import { Shelf, byBranch } from "./shelf.js";

/** What the page knows. */
export class Figures {
  constructor() {
    this.clear();
  }

  /** Forgets everything. */
  clear() {
    this.reading = null;
    /** @type {Map<number|string, any>} totals by branch id */
    this.totals = new Map();
    this.definitions = [];
    this.partitions = [];
    this.ledger = null;
    this.status = null;
    /** The definition whose windows are on the shelf. */
    this.shown = null;
    this.shelf = new Shelf();
    /** The end of the last final window (ms); null while none is known. */
    this.finalTo = null;
    /** [when it arrived (ms), records consumed] of the last seconds. */
    this.consumed = [];
  }

  /** Which checkpoint is reflected. */
  setReading(reading) {
    if (this.reading && reading.generation === this.reading.generation && reading.sequence < this.reading.sequence) return;
    this.reading = reading;
    const positions = Object.values(reading.positions).reduce((sum, position) => sum + position, 0);
    const now = performance.now();
    this.consumed.push([now, positions]);
    while (this.consumed.length > 2 && now - this.consumed[0][0] > 6_000) this.consumed.shift();
  }

  /** A total; an older one changes nothing. Gives whether its branch is known since earlier now. */
  putTotal(total) {
    const known = this.totals.get(total.branch_id);
    if (known && known.pay_count > total.pay_count) return false;
    this.totals.set(total.branch_id, total);
    return !known || known.first_event_time !== total.first_event_time;
  }

  /** Replaces all totals, for a load after a reset. */
  setTotals(answer) {
    this.totals = new Map(answer.totals.map((total) => [total.branch_id, total]));
    this.setReading(answer.reading);
  }

  /** Replaces the windows on the shelf. */
  setWindows(name, items) {
    const shelf = new Shelf();
    if (this.shown === name) shelf.seenRevised = this.shelf.seenRevised;
    shelf.version = this.shelf.version + 1;
    this.shown = name;
    this.shelf = shelf;
    this.addWindows(items);
  }

  /**
   * A window from the stream; those of other definitions are not kept. Gives whether it is a final
   * one that was not known: then others without payments may have come with it.
   */
  putWindow(item) {
    return item.window === this.shown && this.#put(item) && item.final;
  }

  /** More windows of the definition that is shown. */
  addWindows(items) {
    for (const item of items) this.#put(item);
  }

  #put(item) {
    if (item.final) this.finalTo = Math.max(this.finalTo ?? -Infinity, Date.parse(item.window_end));
    return this.shelf.put(item);
  }

  /** Definitions and partitions. */
  setDefinitions(answer) {
    this.definitions = answer.windows;
    this.partitions = answer.partitions;
  }

  /** Records consumed per second over the last seconds; null while that is not known. */
  rate() {
    if (this.consumed.length < 2) return null;
    const [[from, before], [to, after]] = [this.consumed[0], this.consumed[this.consumed.length - 1]];
    const until = Math.max(to, performance.now() - 1_500);
    return until - from < 900 ? null : Math.max(0, ((after - before) * 1000) / (until - from));
  }

  /** Whether no payment has ever been seen. */
  isEmpty() {
    return ![...this.totals.values()].some((total) => total.pay_count > 0);
  }

  /** How far event time has come (ms): the highest watermark, or the end of the last final window; else the newest payment; null without. */
  newest() {
    const marks = this.partitions.map((partition) => partition.watermark).filter(Boolean).map(Date.parse);
    if (this.finalTo !== null) marks.push(this.finalTo);
    if (marks.length > 0) return Math.max(...marks);
    const times = [...this.totals.values()].map((total) => total.last_event_time).filter(Boolean).map(Date.parse);
    return times.length > 0 ? Math.max(...times) : null;
  }

  /** Branches by id: those with a total. @returns {{id: number|string, name: string}[]} */
  branches() {
    return [...this.totals.values()]
      .map((total) => ({ id: total.branch_id, name: total.branch }))
      .sort((a, b) => byBranch(a.id, b.id));
  }
}
