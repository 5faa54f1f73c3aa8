// Figures move by themselves; when the service dies the page says so, and it continues when the
// service is back.

import assert from "node:assert/strict";
import { assertAccessible, assertFits, becomes, openLive, picture, tab, withBrowser } from "./browser.mjs";
import { ask, demo, eventually } from "./service.mjs";

const amount = (page) => page.evaluate(() => Number(document.querySelector("#sum").dataset.exact));

await withBrowser(async (browser) => {
  let service = await demo(200);
  const { page, said } = await tab(browser, undefined, ["Failed to load resource", "net::ERR"]);
  await openLive(page, service.url);
  const before = await amount(page);
  await page.waitForFunction((least) => Number(document.querySelector("#sum").dataset.exact) > least, before);
  await page.waitForSelector(".chart canvas");
  const drawn = await page.evaluate(() => {
    const canvas = document.querySelector(".chart canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.some((byte) => byte !== 0);
  });
  assert.ok(drawn, "the chart is empty");

  await service.kill();
  await becomes(page, "stale");
  await page.waitForSelector("#banner:not([hidden])");
  assert.match(await page.textContent("#banner-text"), /connection is lost.*Trying again/);
  assert.equal(await page.textContent("#announcement"), "The connection is lost. Figures are stale.");
  assert.ok(await amount(page) >= before, "the last figures stay");
  assert.ok(await page.isVisible("#totals tr"));
  await assertAccessible(page, "stale");
  await assertFits(page, "stale");
  await picture(page, "stale");

  // The demo's state went with it: what comes back is another life, which the page must take over.
  const { address } = service;
  service = await demo(200, address);
  await eventually("payments", async () => (await ask(service.url, "ledger")).consumed > 0);
  await becomes(page, "live");
  await page.waitForFunction(async () => {
    const { totals } = await (await fetch("/api/v1/totals")).json();
    const most = totals.reduce((sum, total) => sum + total.pay_amount, 0);
    const shown = Number(document.querySelector("#sum").dataset.exact);
    return shown > 0 && shown <= most;
  });
  const again = await amount(page);
  await page.waitForFunction((least) => Number(document.querySelector("#sum").dataset.exact) > least, again);
  assert.ok(await page.isHidden("#banner"));
  assert.deepEqual(said, []);
  await service.kill();
});
