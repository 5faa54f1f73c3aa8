// The windows of one definition that the page knows: a bounded number, the newest kept.

const MOST = 12_000;

/** Windows of one definition by start, end and branch. */
export class Shelf {
  constructor() {
    this.items = new Map();
    /** Windows whose revision rose while the page looked on: key → when (ms). */
    this.seenRevised = new Map();
    /** Rises with every change. */
    this.version = 0;
  }

  /** Puts in one window as the service gives it; an older state of it changes nothing. Gives whether it is new. */
  put(item) {
    const key = `${item.window_start}/${item.window_end}/${item.branch_id}`;
    const known = this.items.get(key);
    if (known) {
      const [had, has] = [order(known), order(item)];
      if (had.some((value, at) => value > has[at])) return false;
      if (item.revision > known.revision) this.#noteRevised(key);
      Object.assign(known, item);
    } else {
      const made = { ...item, key, start: Date.parse(item.window_start), end: Date.parse(item.window_end) };
      this.items.set(key, made);
      if (this.items.size > MOST) this.#shrink();
    }
    this.version += 1;
    return !known;
  }

  /** Drops what begins before `from` (ms). */
  dropBefore(from) {
    for (const [key, item] of this.items) {
      if (item.start < from) {
        this.items.delete(key);
        this.version += 1;
      }
    }
  }

  /** When one of them ends (ms); undefined without any. */
  anyEnd() {
    return this.items.values().next().value?.end;
  }

  /** All of them, in no order. */
  all() {
    return [...this.items.values()];
  }

  /** Those that were revised after they were final: what the page saw last, then the newest. */
  revised() {
    const seen = (item) => this.seenRevised.get(item.key) ?? 0;
    return this.all()
      .filter((item) => item.revision > 0)
      .sort((a, b) => seen(b) - seen(a) || b.end - a.end || byBranch(a.branch_id, b.branch_id));
  }

  #noteRevised(key) {
    this.seenRevised.set(key, Date.now());
    if (this.seenRevised.size > 200) this.seenRevised.delete(this.seenRevised.keys().next().value);
  }

  #shrink() {
    const ends = this.all().map((item) => item.end).sort((a, b) => a - b);
    const from = ends[Math.floor(ends.length / 10)];
    for (const [key, item] of this.items) if (item.end <= from) this.items.delete(key);
  }
}

// Each of these only rises in one life of the figures, so they tell which of two states is newer.
function order(item) {
  return [item.pay_count, item.revision, item.final ? 1 : 0];
}

/** The order of branches: integers, then texts. @param {number|string} one @param {number|string} other */
export function byBranch(one, other) {
  if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
  return one < other ? -1 : Number(one > other);
}
