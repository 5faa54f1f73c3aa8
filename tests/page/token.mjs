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

// As over a network: every answer takes its time, and the next frame does not wait for it.
await withBrowser(async (browser) => {
  for (const [least, most] of [[100, 100], [20, 400], [300, 600]]) {
    const { page, said, close } = await tab(browser, undefined, ["401"]);
    const bare = [];
    let given = false;
    await page.route("**/api/v1/**", async (route) => {
      if (given && !route.request().headers().authorization) bare.push(route.request().url());
      await new Promise((go) => setTimeout(go, least + Math.random() * (most - least)));
      await route.continue().catch(() => {});
    });
    await page.goto(`${service.url}/`);
    await page.waitForSelector("#token-dialog[open]");
    given = true;
    await page.keyboard.type(process.env.TOKEN);
    await page.keyboard.press("Enter");
    await becomes(page, "loading");
    await becomes(page, "live");
    // Long enough for whatever was still under way.
    await page.waitForTimeout(2 * most + 500);
    assert.equal(await page.getAttribute("html", "data-state"), "live");
    assert.equal(await page.evaluate(() => sessionStorage.getItem("tidegauge.token")), process.env.TOKEN);
    assert.ok(await page.isHidden("#token-dialog"));
    assert.deepEqual(bare, [], "asked without the token");
    assert.deepEqual(said, []);
    await close();
  }

  // A refusal of a request without a token, or with another one, says nothing about this one.
  const { page, said, close } = await tab(browser, undefined, ["401"]);
  await page.goto(`${service.url}/`);
  await page.waitForSelector("#token-dialog[open]");
  let release;
  const released = new Promise((go) => { release = go; });
  let held = 0;
  await page.route("**/api/v1/windows", async (route) => {
    if (!route.request().headers().authorization) {
      held += 1;
      await released;
    }
    await route.continue();
  });
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.waitForTimeout(200);
  assert.equal(held, 1);
  await page.fill("#token", process.env.TOKEN);
  await page.keyboard.press("Enter");
  await becomes(page, "live");
  const refusal = page.waitForResponse((response) => response.status() === 401);
  release();
  await refusal;
  await page.waitForTimeout(1_000);
  assert.equal(await page.getAttribute("html", "data-state"), "live");
  assert.equal(await page.evaluate(() => sessionStorage.getItem("tidegauge.token")), process.env.TOKEN);

  // One that was right and is no longer is forgotten, and asked for again.
  await page.route("**/api/v1/**", (route) => route.fulfill({ status: 401, contentType: "application/problem+json", body: "{}" }));
  await page.reload();
  await becomes(page, "locked");
  await page.waitForFunction(() => document.querySelector("#token-wrong").textContent.includes("did not accept"));
  assert.equal(await page.evaluate(() => sessionStorage.getItem("tidegauge.token")), null);
  assert.deepEqual(said, []);
  await close();
});
await service.kill();
