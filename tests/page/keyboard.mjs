// Without a mouse: everything that can be used is reached, shows that it is, and works.

import assert from "node:assert/strict";
import { openLive, tab, withBrowser } from "./browser.mjs";
import { ask, eventually, serve } from "./service.mjs";

const service = await serve();
await eventually("the whole topic", async () => (await ask(service.url, "ledger")).consumed === Number(process.env.CONSUMED));

await withBrowser(async (browser) => {
  const { page, said } = await tab(browser);
  await openLive(page, service.url);
  await page.waitForSelector("#records li");
  const focus = () => page.evaluate(() => {
    const node = document.activeElement;
    const shown = node.matches(".choice input") ? node.nextElementSibling : node.matches(".chip input") ? node.parentElement : node;
    const name = node.id || (node.name ? `${node.name}=${node.value}` : node.closest("label")?.textContent) || node.className || node.textContent.trim();
    return { name, ring: getComputedStyle(shown).outlineStyle !== "none" && parseFloat(getComputedStyle(shown).outlineWidth) >= 2 };
  });
  const reached = [];
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement === document.body)) break;
    const { name, ring } = await focus();
    if (name === reached[0]) break;
    assert.ok(ring, `${name} does not show that it has the focus`);
    reached.push(name);
  }
  for (const name of ["skip", "zone", "theme", "window=1m", "measure", "range", "as-table", "Branch_0", "Branch_9", "chart", "list=late", "older", "All routes"]) {
    assert.ok(reached.includes(name), `${name} is not reached: ${reached.join(", ")}`);
  }

  await page.focus("input[name=window][value='1m']");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => location.hash === "#window=10m-by-1m");
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction(() => location.hash === "#window=1m");
  await page.focus(".chip input");
  await page.keyboard.press("Space");
  await page.waitForFunction(() => location.hash === "#window=1m&branches=0");
  await page.keyboard.press("Space");
  await page.waitForFunction(() => location.hash === "#window=1m");

  await page.focus("#chart");
  await page.keyboard.press("End");
  await page.waitForSelector("#readout:not([hidden])");
  const last = await page.textContent(".readout-head");
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction((before) => document.querySelector(".readout-head").textContent !== before, last);
  await page.keyboard.press("Escape");
  await page.waitForSelector("#readout", { state: "hidden" });

  await page.focus("#as-table");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#chart-table td");
  assert.equal(await page.getAttribute("#as-table", "aria-pressed"), "true");
  await page.focus("#older");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#records-place").textContent.startsWith("6 to"));
  assert.deepEqual(said, []);
});
await service.kill();
