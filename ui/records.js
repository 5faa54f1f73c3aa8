// Payments in no window and rejected records, page by page. Their text is hostile: it is always shown as text.

import { Trouble, ask } from "./service.js";
import { byId, make, setText } from "./element.js";
import { formatDecimal } from "./decimal.js";
import { dateTime } from "./moment.js";

const PAGE = 5;
const LEADS = {
  late: "Payments in no window: too late to correct one, past retention, or too far ahead. They are in the totals. Newest first.",
  rejects: "Records that could not be read as payments, each with the reason. Newest first.",
};
const NONE = { late: "Every payment is in its windows.", rejects: "No record has been rejected." };

/** The panel of records. */
export class RecordsPanel {
  /**
   * @param {import("./address.js").View} view
   * @param {() => void} chosen told that the view changed
   */
  constructor(view, chosen) {
    this.view = view;
    this.page = 0;
    this.next = null;
    this.known = null;
    byId("lists").addEventListener("change", (event) => {
      view.list = event.target.value;
      this.page = 0;
      this.known = null;
      chosen();
    });
    byId("newest").addEventListener("click", () => this.#load(null, 0));
    byId("older").addEventListener("click", () => this.#load(this.next, this.page + 1));
  }

  /** Loads the newest again when the ledger has more of them, unless the reader has gone to an older page. */
  render({ ledger }) {
    const list = this.#list();
    for (const input of byId("lists").querySelectorAll("input")) input.checked = input.value === list;
    setText(byId("records-lead"), LEADS[list]);
    if (!ledger) return;
    const { entries } = ledger;
    const booked = list === "late" ? entries.too_late.count + entries.past_retention.count + entries.future.count + entries.conflict.count : entries.rejected.count;
    const state = `${list}/${booked}`;
    if (state === this.known || this.page > 0 || this.loading) return;
    this.known = state;
    void this.#load(null, 0);
  }

  /** Shows them again, for another zone. */
  restyle() {
    if (this.items) this.#show(this.#list(), this.items);
  }

  #list() {
    return this.view.list === "rejects" ? "rejects" : "late";
  }

  async #load(cursor, page) {
    const list = this.#list();
    this.loading = true;
    try {
      const answer = await ask(`${list}?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
      if (list !== this.#list()) return;
      this.next = answer.next;
      this.page = page;
      this.items = answer.items;
      this.#show(list, answer.items);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.known = null;
      setText(byId("records-place"), error.message);
    } finally {
      this.loading = false;
    }
  }

  #show(list, items) {
    byId("records").replaceChildren(...items.map(list === "late" ? late : reject));
    setText(byId("records-none"), NONE[list]);
    byId("records-none").hidden = items.length > 0;
    const [newest, older] = [byId("newest"), byId("older")];
    // The button that was just pressed keeps the focus, so it stays enabled.
    newest.disabled = this.page === 0 && document.activeElement !== newest;
    older.disabled = this.next === null && document.activeElement !== older;
    const first = this.page * PAGE + 1;
    setText(byId("records-place"), items.length > 0 ? `${first} to ${first + items.length - 1}${this.next === null ? ", the end" : ""}` : "");
  }
}

function late(item) {
  const words = { future: "too far ahead", past_retention: "past retention", conflict: "conflict" }[item.reason] ?? "too late";
  const when = `happened ${dateTime(Date.parse(item.event_time))}${item.watermark ? `, watermark then ${dateTime(Date.parse(item.watermark))}` : ""}`;
  return entry(words, [make("strong", { text: item.branch }), ` ${formatDecimal(item.pay_amount_exact)} `], when, item);
}

function reject(item) {
  return entry(item.reason.replaceAll("_", " "), [], item.detail, item);
}

function entry(reason, what, detail, item) {
  const at = item.record_timestamp ? ` · ${dateTime(Date.parse(item.record_timestamp))}` : "";
  return make("li", { class: "record" },
    make("p", { class: "record-head" }, make("span", { class: "tag", text: reason }), ...what,
      make("span", { class: "quiet", text: `partition ${item.partition}, offset ${item.offset}${at}` })),
    make("p", { text: detail }),
    make("pre", { class: "read", tabindex: "0", "aria-label": "What was read" }, make("code", { text: item.read })));
}
