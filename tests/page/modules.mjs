// The page's own modules, in the browser that runs them.

import assert from "node:assert/strict";
import { openLive, tab, withBrowser } from "./browser.mjs";
import { demo } from "./service.mjs";

const service = await demo(50);
await withBrowser(async (browser) => {
  const { page, said } = await tab(browser);
  await openLive(page, service.url);
  const run = (work, input) => page.evaluate(work, input);

  // The stream's text may be cut anywhere.
  const text = "retry: 250\r\n\r\n: alive\n\nevent: total\ndata: {\"a\":1}\n\nid: 7\nevent: reading\ndata: {\ndata: }\n\nevent: nothing\n\ndata:x\n\nid: 8\n\ndata: cut off";
  const cut = await run(async (whole) => {
    const { Parser } = await import("/ui/stream.js");
    const results = [];
    for (let size = 1; size <= whole.length; size += 1) {
      const events = [];
      const parser = new Parser((event) => events.push(event));
      for (let at = 0; at < whole.length; at += size) parser.push(whole.slice(at, at + size));
      results.push(JSON.stringify([events, parser.retry]));
    }
    return [...new Set(results)];
  }, text);
  assert.deepEqual(cut.map((result) => JSON.parse(result)), [[[
    { event: "total", data: "{\"a\":1}", id: null },
    { event: "reading", data: "{\n}", id: "7" },
    { event: "message", data: "x", id: null },
  ], 250]]);

  // Decimals that no double holds.
  const decimals = await run(async () => {
    const { addDecimals, formatDecimal } = await import("/ui/decimal.js");
    return [
      addDecimals(["0.1", "0.2"]), addDecimals(["9007199254740993", "0.000000000000000001"]), addDecimals(["-5.5", "5.25"]),
      addDecimals([]), formatDecimal("-9007199254740993.10", 2), formatDecimal("0.000000000000000001"), formatDecimal("1234567", 2),
    ];
  });
  assert.deepEqual(decimals, ["0.3", "9007199254740993.000000000000000001", "-0.25", "0", "−9,007,199,254,740,993.10", "0.000000000000000001", "1,234,567.00"]);

  const took = await run(async () => {
    const { took } = await import("/ui/moment.js");
    return [0.0421, 0.999, 9.94, 9.96, 12.4, 999.4, 999.6, 12_345, 86_400_000].map(took);
  });
  assert.deepEqual(took, ["0.042 ms", "1 ms", "9.9 ms", "10 ms", "12 ms", "999 ms", "1.0 s", "12 s", "1 d"]);

  // An older state of a window never replaces a newer one, and there is a bound.
  const shelf = await run(async () => {
    const { Shelf } = await import("/ui/shelf.js");
    const shelf = new Shelf();
    const item = (minute, more) => ({
      window_start: new Date(minute * 60_000).toISOString(), window_end: new Date((minute + 1) * 60_000).toISOString(),
      branch_id: 1, pay_count: 1, revision: 0, final: false, ...more,
    });
    shelf.put(item(0, { pay_count: 3, final: true, revision: 1 }));
    shelf.put(item(0, { pay_count: 2 }));
    const kept = shelf.all()[0].pay_count;
    for (let minute = 1; minute < 30_000; minute += 1) shelf.put(item(minute));
    const ends = shelf.all().map(({ end }) => end);
    return { kept, size: shelf.items.size, newest: Math.max(...ends) };
  });
  // Branches are integers and texts, in one order, and an address brings back those that were chosen.
  const branches = await run(async () => {
    const { byBranch } = await import("/ui/shelf.js");
    const { readView, writeView } = await import("/ui/address.js");
    const before = location.hash;
    const chosen = [7, "007", "DE,12/ä 🏪", "a%2Cb&c=d#e", "9999999999"];
    writeView({ branches: chosen });
    const read = readView().branches;
    location.hash = "#branches=7,7,%ZZ,,x";
    const other = readView().branches;
    history.replaceState(null, "", before || location.pathname);
    return { sorted: ["b", 10, "a", 9, "10a"].sort(byBranch), chosen, read, other };
  });
  assert.deepEqual(branches.sorted, [9, 10, "10a", "a", "b"]);
  assert.deepEqual(branches.read, branches.chosen);
  assert.deepEqual(branches.other, [7, "x"]);
  assert.equal(shelf.kept, 3);
  assert.ok(shelf.size <= 12_000, `${shelf.size} windows are kept`);
  assert.equal(shelf.newest, 30_000 * 60_000);
  assert.deepEqual(said, []);
});
await service.kill();
