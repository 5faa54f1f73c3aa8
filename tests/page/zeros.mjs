// Windows without payments become final without an event: the page shows them as HTTP gives them,
// those of one branch beside another's payments, and those in which no branch pays.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { openLive, tab, withBrowser } from "./browser.mjs";
import { ask, eventually, serve } from "./service.mjs";

const NEWEST = 24;
const service = await serve();
const finals = async () => (await ask(service.url, "windows/2s?final=true&limit=10000")).items;
const plain = (text) => text.replaceAll(",", "").replace(/[ ◆*]/g, "");

/** What the page's table shows of windows, in their order; null where it has no such row. */
function shown(page, items) {
  return page.evaluate(async (wanted) => {
    const { stretch } = await import("/ui/moment.js");
    const names = [...document.querySelectorAll("#chart-table thead th")].map((cell) => cell.textContent);
    const rows = new Map([...document.querySelectorAll("#chart-table tbody tr")]
      .map((row) => [row.children[0].textContent, [...row.children].map((cell) => cell.textContent)]));
    return wanted.map(({ branch, window_start, window_end }) => {
      const row = rows.get(stretch(Date.parse(window_start), Date.parse(window_end)));
      return row?.[names.indexOf(branch)] ?? null;
    });
  }, items);
}

/** Waits until the page shows the newest final windows as HTTP gives them, and gives those. */
function agrees(page, what, holds) {
  return eventually(what, async () => {
    const newest = (await finals()).slice(-NEWEST);
    const cells = await shown(page, newest);
    const same = newest.every((item, at) => cells[at] !== null && Number(plain(cells[at])) === item.pay_amount);
    return holds(newest) && same && newest;
  });
}

await withBrowser(async (browser) => {
  await eventually("both branches", async () => (await ask(service.url, "totals")).totals.length === 2);
  const { page, said } = await tab(browser);
  await openLive(page, service.url, "#window=2s&table=1&range=30");
  const before = (await finals()).at(-1)?.window_end ?? "";

  const empty = ({ pay_count }) => pay_count === 0;
  const since = (items) => items.filter(({ window_start }) => window_start >= before);
  const of = (items, start) => items.filter(({ window_start }) => window_start === start);
  const isBeside = (item, _, items) => empty(item) && of(items, item.window_start).some((other) => !empty(other));
  const isAlone = (item, _, items) => of(items, item.window_start).length === 2 && of(items, item.window_start).every(empty);

  await agrees(page, "zeros beside payments", (items) => since(items).some(isBeside));
  writeFileSync(process.env.PAUSE, "");
  await agrees(page, "zeros of all branches", (items) => since(items).some(isAlone));
  writeFileSync(process.env.DONE, "");
  assert.deepEqual(said, []);
});
await service.kill();
