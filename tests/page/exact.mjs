// What the page shows is what the service answers, digit for digit; and markup in a record stays text.

import assert from "node:assert/strict";
import { openLive, tab, withBrowser } from "./browser.mjs";
import { ask, eventually, serve } from "./service.mjs";

const CONSUMED = Number(process.env.CONSUMED);
const service = await serve();
await eventually("the whole topic", async () => (await ask(service.url, "ledger")).consumed === CONSUMED);

const plain = (text) => text.replaceAll(",", "").replace("−", "-");
const value = (text) => (text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text);

await withBrowser(async (browser) => {
  const { page, said } = await tab(browser);
  await openLive(page, service.url, "#window=1h&table=1");

  const { totals } = await ask(service.url, "totals");
  assert.ok(totals.length >= 10);
  const rows = await page.$$eval("#totals tr", (found) => found.map((row) => [...row.children].map((cell) => cell.textContent)));
  assert.deepEqual(rows.map(([name, amount, count]) => [name, value(plain(amount)), Number(plain(count))]),
    totals.map((total) => [total.branch, total.pay_amount_exact, total.pay_count]));
  const units = (text) => {
    const [whole, fraction = ""] = text.split(".");
    return BigInt(whole + fraction.padEnd(18, "0"));
  };
  const sum = totals.reduce((all, total) => all + units(total.pay_amount_exact), 0n);
  assert.equal(units(plain(await page.textContent("#sum"))), sum);

  const ledger = await ask(service.url, "ledger");
  const entries = await page.$$eval("#ledger tr", (found) => found.map((row) => [row.dataset.entry, ...[...row.children].slice(1).map((cell) => cell.textContent)]));
  assert.deepEqual(entries.map(([entry]) => entry).sort(), Object.keys(ledger.entries).sort());
  // By its configuration nothing is compared and nothing is left out.
  const none = ["duplicate", "conflict", "filtered"];
  for (const [entry, count, amount] of entries) {
    assert.equal(Number(plain(count)), ledger.entries[entry].count, entry);
    assert.equal(value(plain(amount)), ledger.entries[entry].pay_amount_exact ?? "", entry);
    assert.equal(ledger.entries[entry].count > 0, !none.includes(entry), `the topic holds something for ${entry}`);
  }
  assert.equal(Number(plain(await page.textContent("#ledger-sum"))), CONSUMED);
  assert.equal(Number(plain(await page.textContent("#ledger-consumed"))), CONSUMED);
  assert.match(await page.textContent("#balance"), /balances/);

  // The table that stands for the chart, against the route.
  const hour = (await ask(service.url, "windows/1h?limit=10000")).items;
  const cells = await page.$$eval("#chart-table tbody td", (found) => found.map((cell) => cell.textContent));
  const shown = cells.filter((text) => text !== "–").map((text) => value(plain(text.replace(/[ ◆*]/g, ""))));
  const given = new Set(hour.map((item) => item.pay_amount_exact));
  assert.ok(shown.length >= 10, `${shown.length} cells`);
  for (const text of shown) assert.ok(given.has(text), `${text} is not a figure of the service`);
  // A payment came for a window that had been final before this service started.
  const table = await page.evaluate(() => ({
    branches: [...document.querySelectorAll("#chart-table thead th")].slice(1).map((cell) => cell.textContent),
    rows: [...document.querySelectorAll("#chart-table tbody tr")].map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent)),
  }));
  const starts = [...new Set(hour.map((item) => item.window_start))].sort().reverse();
  assert.equal(table.rows.length, starts.length);
  const revised = [];
  for (const [row, cells] of table.rows.entries()) for (const [column, text] of cells.entries()) {
    const item = hour.find((each) => each.window_start === starts[row] && each.branch === table.branches[column]);
    assert.equal(text.includes("◆"), (item?.revision ?? 0) > 0, `${starts[row]} ${table.branches[column]}: ${text}`);
    if (text.includes("◆")) revised.push(`${starts[row]} ${table.branches[column]}`);
  }
  assert.deepEqual(revised, [process.env.REVISED], "revised windows, and only they, are marked");

  const { partitions } = await ask(service.url, "windows");
  const positions = await page.$$eval("#partitions tr", (found) => found.map((row) => [...row.children].slice(0, 4).map((cell) => Number(cell.textContent.replaceAll(",", "")))));
  assert.deepEqual(positions, partitions.map((p) => [p.partition, p.position, p.end, p.lag]));

  // Nothing goes to Elasticsearch here, and what is not measured is not shown.
  const measured = await page.$$eval("#latencies tr", (found) => found.map((row) => [row.dataset.key, ...[...row.children].slice(1).map((cell) => cell.textContent)]));
  assert.deepEqual(measured.map(([name]) => name), ["freshness", "checkpoint", "answer"]);
  for (const [name, ...cells] of measured) for (const cell of cells) assert.match(cell, /^[0-9.]+ (ms|s|min|h|d)( |$)/, name);

  // Every page of both lists, in the order of the service.
  for (const list of ["late", "rejects"]) {
    const all = (await ask(service.url, `${list}?limit=10000`)).items;
    await page.check(`input[name=list][value=${list}]`, { force: true });
    const paged = [];
    let hostile = 0;
    for (;;) {
      const first = paged.length + 1;
      await page.waitForFunction((start) => document.querySelector("#records-place").textContent.startsWith(`${start} to`), first);
      const read = await page.$$eval("#records .record-head .quiet", (found) => found.map((node) => node.textContent.match(/partition (\d+), offset (\d+)/).slice(1).map(Number)));
      paged.push(...read);
      hostile += await page.$$eval("#records pre", (found, text) => found.filter((node) => node.textContent === text).length, process.env.HOSTILE);
      assert.equal(await page.$$eval("main img, main script, main iframe", (found) => found.length), 0);
      if ((await page.textContent("#records-place")).endsWith("the end")) break;
      await page.click("#older");
    }
    assert.deepEqual(paged, all.map((item) => [item.partition, item.offset]), list);
    assert.equal(hostile, list === "rejects" ? 1 : 0, "the hostile record is shown as it was read");
    assert.equal(await page.evaluate(() => globalThis.smuggled), undefined);
  }
  assert.deepEqual(said, []);
});
await service.kill();
