// From windows to what a chart draws: points by branch over time.

/** What can be shown. `adds` tells whether branches can be stacked. */
export const MEASURES = {
  amount: { name: "amount", of: (item) => item.pay_amount, adds: true },
  count: { name: "payments", of: (item) => item.pay_count, adds: true },
  median: { name: "median payment", of: (item) => item.pay_p50, adds: false },
  p95: { name: "95th percentile", of: (item) => item.pay_p95, adds: false },
};

const STACKED_MOST = 10;

/**
 * @typedef {{x: number, start: number, end: number, value: number|null, final: boolean, late: boolean, revised: boolean, exact: string, count: number, item: any}} Point
 * @typedef {{id: number, name: string, points: Map<number, Point>}} Row
 */

/**
 * What is drawn of `items`.
 * @param {any[]} items windows of one definition
 * @param {any} definition
 * @param {keyof MEASURES} measure
 * @param {{id: number|string, name: string}[]} branches those to draw
 * @param {number} from the first moment shown (ms)
 * @param {number} newest how far event time has come (ms)
 * @returns {{stacked: boolean, xs: number[], rows: Row[]}} `xs` in ms, rising
 */
export function chartData(items, definition, measure, branches, from, newest) {
  const byEnd = definition.kind !== "tumbling";
  const rows = new Map(branches.map(({ id, name }) => [id, { id, name, points: new Map() }]));
  const xs = new Set();
  for (const item of items) {
    const row = rows.get(item.branch_id);
    // A window whose last step has not begun is mostly in the future: drawn, it would look like a fall.
    if (!row || item.start < from || item.end - definition.slide_ms > newest) continue;
    const x = byEnd ? item.end : item.start;
    xs.add(x);
    row.points.set(x, {
      x,
      start: item.start,
      end: item.end,
      value: MEASURES[measure].of(item),
      final: item.final,
      late: item.late_count > 0,
      revised: item.revision > 0,
      item,
    });
  }
  const shown = [...rows.values()].filter((row) => row.points.size > 0);
  const stacked = definition.kind === "tumbling" && MEASURES[measure].adds && shown.length <= STACKED_MOST;
  return { stacked, xs: [...xs].sort((a, b) => a - b), rows: shown };
}

/**
 * The lowest and highest value drawn.
 * @param {{stacked: boolean, xs: number[], rows: Row[]}} data
 * @returns {[number, number]}
 */
export function extent({ stacked, xs, rows }) {
  let [low, high] = [0, 0];
  for (const x of xs) {
    let [down, up] = [0, 0];
    for (const row of rows) {
      const value = row.points.get(x)?.value ?? 0;
      if (!stacked) [down, up] = [Math.min(down, value), Math.max(up, value)];
      else if (value < 0) down += value;
      else up += value;
    }
    [low, high] = [Math.min(low, down), Math.max(high, up)];
  }
  return [low * 1.08, high > 0 ? high * 1.08 : 1];
}
