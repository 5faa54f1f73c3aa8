// Branches that are texts are shown, chosen, kept in the address and asked for, whatever they are called.

import assert from "node:assert/strict";
import { openLive, tab, withBrowser } from "./browser.mjs";
import { ask, eventually, serve } from "./service.mjs";

const service = await serve();
await eventually("the whole topic", async () => (await ask(service.url, "ledger")).consumed === Number(process.env.CONSUMED));
const names = JSON.parse(process.env.NAMES);
const chosen = process.env.CHOSEN;

await withBrowser(async (browser) => {
  const { page, said } = await tab(browser);
  await openLive(page, service.url);
  const chips = () => page.$$eval(".chip", (labels) => labels.map((label) => label.textContent));
  await page.waitForFunction((count) => document.querySelectorAll(".chip").length === count, names.length);
  assert.deepEqual(await chips(), names);
  assert.deepEqual(await page.$$eval("#totals th", (heads) => heads.map((head) => head.textContent)), names);

  const asked = page.waitForRequest((request) => request.url().includes("branch="));
  await page.$$eval(".chip", (labels, name) => labels.find((label) => label.textContent === name).click(), chosen);
  assert.equal(new URL((await asked).url()).searchParams.get("branch"), chosen);
  await page.click("#as-table");
  await page.waitForSelector("#chart-table td");
  assert.deepEqual(await page.$$eval("#chart-table thead th", (heads) => heads.slice(1).map((head) => head.textContent)), [chosen]);

  // The address brings it back, and all others with one press.
  await page.reload();
  await page.waitForSelector("#chart-table td");
  assert.deepEqual(await page.$$eval(".chip input:checked", (inputs) => inputs.map((input) => input.parentElement.textContent)), [chosen]);
  await page.click("#branches button");
  await page.waitForFunction(() => !location.hash.includes("branches"));
  assert.equal(await page.evaluate(() => window.smuggled), undefined);
  assert.deepEqual(said, []);
});
await service.kill();
