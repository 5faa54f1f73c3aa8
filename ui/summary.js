// The few figures at the top, and the totals by branch.

import { byId, make, setText, sync } from "./element.js";
import { addDecimals, formatCount, formatDecimal, scale } from "./decimal.js";
import { nearTime, span, time } from "./moment.js";
import { slot } from "./palette.js";
import { knowsKafka } from "./parts.js";

/** Shows the figures at the top. @param {import("./figures.js").Figures} figures */
export function renderSummary(figures) {
  const totals = [...figures.totals.values()];
  if (!figures.status) return;
  const sum = addDecimals(totals.map((total) => total.pay_amount_exact));
  setExact(byId("sum"), sum, Math.max(2, scale(sum)));
  setText(byId("sum-name"), totals.length === 1 ? totals[0].branch : `All ${totals.length} branches`);
  setText(byId("payments"), formatCount(totals.reduce((count, total) => count + total.pay_count, 0)));
  const rate = figures.rate();
  setText(byId("rate"), rate === null ? "…" : formatCount(Math.round(rate)));
  const { watermark } = figures.reading;
  setText(byId("watermark"), watermark ? time(Date.parse(watermark)) : "not yet");
  renderWatermarkAge(figures);
  const { lag } = figures.status;
  setText(byId("lag"), lag === null ? "unknown" : formatCount(lag));
  setText(byId("lag-note"), lag === null ? (knowsKafka(figures.status) ? "no end offset is known yet" : "Kafka does not answer") : lag === 1 ? "record to be read" : "records to be read");
}

/** How old the watermark is, by this machine's clock. @param {import("./figures.js").Figures} figures */
export function renderWatermarkAge(figures) {
  const watermark = figures.reading?.watermark;
  const age = watermark ? Date.now() - Date.parse(watermark) : null;
  setText(byId("watermark-age"), age === null ? "a partition has no watermark" : `${span(age)} ago`);
}

/** Shows the totals. @param {import("./figures.js").Figures} figures */
export function renderTotals(figures) {
  const branches = figures.branches();
  const totals = branches.map(({ id }) => figures.totals.get(id));
  const digits = Math.max(0, ...totals.map((total) => scale(total.pay_amount_exact)));
  const most = Math.max(1e-9, ...totals.map((total) => Math.abs(total.pay_amount)));
  sync(byId("totals"), totals, (total) => total.branch_id, () => {
    const bar = make("span", { class: "bar", "aria-hidden": "true" });
    return make("tr", {},
      make("th", { scope: "row" }, make("i", { class: "swatch" }), make("span")),
      make("td", { class: "number amount" }, make("span", { class: "exact" }), bar),
      make("td", { class: "number" }),
      make("td", { class: "number quiet" }));
  }, (row, total) => {
    const [name, amount, count, last] = row.children;
    row.className = `branch-${slot(total.branch_id, branches)}`;
    row.dataset.branch = total.branch_id;
    setText(name.lastChild, total.branch);
    setExact(amount.firstChild, total.pay_amount_exact, digits);
    amount.lastChild.style.setProperty("--share", Math.abs(total.pay_amount) / most);
    setText(count, formatCount(total.pay_count));
    setText(last, total.last_event_time ? nearTime(Date.parse(total.last_event_time)) : "never");
  });
}

function setExact(node, exact, digits) {
  if (node.dataset.exact === exact && node.dataset.digits === String(digits)) return;
  Object.assign(node.dataset, { exact, digits });
  setText(node, formatDecimal(exact, digits));
}
