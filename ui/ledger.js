// The ledger: every record consumed, once, and whether that balances.

import { byId, make, setText, sync } from "./element.js";
import { addDecimals, formatCount, formatDecimal, scale } from "./decimal.js";

const ENTRIES = {
  on_time: ["On time", "in their windows"],
  late: ["Late", "in their windows, more than out_of_orderness behind others of their partition"],
  too_late: ["Too late", "in no window, in totals"],
  past_retention: ["Past retention", "in no window, in totals"],
  future: ["Future", "too far ahead: in no window, in totals"],
  duplicate: ["Duplicate", "the order counted before: in no total"],
  conflict: ["Conflict", "the order counted before with another amount or branch: in no total"],
  filtered: ["Filtered", "left out by payment.where"],
  rejected: ["Rejected", "not payments"],
  tombstone: ["Tombstone", "without a value"],
};

/** Shows the ledger. @param {import("./figures.js").Figures} figures */
export function renderLedger({ ledger }) {
  if (!ledger) return;
  const entries = Object.keys(ENTRIES).concat(Object.keys(ledger.entries).filter((key) => !(key in ENTRIES)));
  const rows = entries.map((key) => ({ key, entry: ledger.entries[key] })).filter(({ entry }) => entry);
  const amounts = rows.map(({ entry }) => entry.pay_amount_exact).filter((amount) => amount !== undefined);
  const sum = addDecimals(amounts);
  const digits = Math.max(0, ...[...amounts, sum].map(scale));
  sync(byId("ledger"), rows, ({ key }) => key, ({ key }) => {
    const [name, what] = ENTRIES[key] ?? [key.replaceAll("_", " "), ""];
    return make("tr", { dataset: { entry: key } },
      make("th", { scope: "row" }, make("span", { text: name }), make("small", { text: what })),
      make("td", { class: "number" }), make("td", { class: "number" }));
  }, (row, { entry }) => {
    const [, count, amount] = row.children;
    setText(count, formatCount(entry.count));
    const exact = entry.pay_amount_exact;
    setText(amount, exact === undefined ? "" : formatDecimal(exact, digits));
    row.classList.toggle("nothing", entry.count === 0);
  });
  const counted = rows.reduce((total, { entry }) => total + entry.count, 0);
  setText(byId("ledger-sum"), formatCount(counted));
  setText(byId("ledger-amount"), formatDecimal(sum, digits));
  setText(byId("ledger-consumed"), formatCount(ledger.consumed));
  // Added up here as well, so that the check does not depend on the service.
  const balances = counted === ledger.consumed && ledger.balanced;
  const badge = byId("balance");
  badge.hidden = false;
  badge.dataset.state = balances ? "ok" : "failed";
  const off = counted - ledger.consumed;
  setText(badge, balances ? "✓ It balances" : off ? `✗ Out of balance by ${formatCount(off)}` : "✗ Out of balance");
}
