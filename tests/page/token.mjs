// With a token configured the page opens, shows nothing, asks, and says when the answer is wrong.

import assert from "node:assert/strict";
import { assertAccessible, assertFits, becomes, tab, withBrowser } from "./browser.mjs";
import { serve } from "./service.mjs";

const service = await serve();
await withBrowser(async (browser) => {
  const { page, said } = await tab(browser, undefined, ["401"]);
  await page.goto(`${service.url}/`);
  await becomes(page, "locked");
  await page.waitForSelector("#token-dialog[open]");
  assert.equal(await page.evaluate(() => document.activeElement.id), "token");
  assert.equal(await page.textContent("#token-wrong"), "");
  await assertAccessible(page, "asking for the token");
  await assertFits(page, "asking for the token");

  await page.keyboard.type("guessed");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#token-wrong").textContent.includes("did not accept"));
  assert.ok(await page.isHidden("#figures"));

  await page.fill("#token", process.env.TOKEN);
  await page.keyboard.press("Enter");
  await becomes(page, "live");
  assert.ok(await page.isVisible("#figures"));
  await page.reload();
  await becomes(page, "live");
  assert.ok(!page.url().includes(process.env.TOKEN));
  const kept = await page.evaluate(() => [sessionStorage.length, JSON.stringify(localStorage)]);
  assert.equal(kept[0], 1);
  assert.ok(!kept[1].includes(process.env.TOKEN), "the token outlives the tab");
  assert.deepEqual(said, []);
});
await service.kill();
