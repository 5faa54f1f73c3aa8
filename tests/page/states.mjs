// Nothing yet, no answer, trouble in a part, a ledger that does not balance: each says what it is.

import assert from "node:assert/strict";
import { SCREENS, assertAccessible, assertFits, becomes, openLive, picture, tab, unrouted, withBrowser } from "./browser.mjs";
import { serve } from "./service.mjs";

const service = await serve();
const REFUSED = ["Failed to load resource", "net::ERR"];

await withBrowser(async (browser) => {
  for (const screen of [SCREENS[0], SCREENS[3]]) {
    const { page, said, close } = await tab(browser, screen, REFUSED);
    const seen = async (name) => {
      await assertFits(page, `${name}, ${screen.name}`);
      await assertAccessible(page, `${name}, ${screen.name}`);
      await picture(page, `${name}-${screen.name}`);
    };

    let held = true;
    await page.route("**/api/v1/**", async (route) => {
      while (held) await new Promise((go) => setTimeout(go, 20));
      await route.continue();
    });
    await page.goto(`${service.url}/`);
    await page.waitForSelector(".bone");
    assert.equal(await page.getAttribute("#figures", "aria-busy"), "true");
    await seen("loading");
    held = false;
    await becomes(page, "live");
    await unrouted(page);

    // The topic is empty, and Elasticsearch is not there.
    await page.waitForSelector("#empty:not([hidden])");
    assert.match(await page.textContent("#empty"), /tidegauge produce/);
    await page.waitForFunction(() => document.querySelector("[data-part=sink] .state").dataset.state === "degraded");
    await page.waitForSelector("#banner:not([hidden])");
    assert.match(await page.textContent("#banner-text"), /^Elasticsearch is in trouble: \S/);
    assert.notEqual(await page.textContent("[data-part=sink] .reason"), "");
    await seen("empty");

    await page.route("**/api/v1/ledger", async (route) => {
      const answer = await (await route.fetch()).json();
      answer.consumed += 3;
      await route.fulfill({ json: answer });
    });
    await openLive(page, service.url);
    await page.waitForFunction(() => document.querySelector("#balance").textContent === "✗ Out of balance by -3");
    await unrouted(page);

    // Kafka is away too: the lag is unknown, and the worse trouble is named first.
    await page.route("**/api/v1/status", async (route) => {
      const answer = await (await route.fetch()).json();
      answer.parts.source = { state: "degraded", reason: "no Kafka broker answers: refused" };
      answer.lag = null;
      await route.fulfill({ json: answer });
    });
    await openLive(page, service.url);
    await page.waitForFunction(() => document.querySelector("#pulse-word").textContent === "Connected");
    assert.deepEqual(
      [await page.textContent("#lag"), await page.textContent("#lag-note")], ["unknown", "Kafka does not answer"]);
    assert.match(await page.textContent("#banner-text"), /^Kafka is in trouble: no Kafka broker answers: refused\. Elasticsearch is in trouble: \S/);
    await unrouted(page);

    await page.route("**/api/v1/**", (route) => route.abort());
    await page.reload();
    await becomes(page, "error");
    assert.equal(await page.textContent("#trouble-title"), "The service does not answer");
    await page.waitForFunction(() => document.querySelector("#trouble-next").textContent.startsWith("Trying again"));
    await seen("error");
    await unrouted(page);

    await page.route("**/api/v1/**", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ detail: "the state can't be read" }) }));
    await page.reload();
    await becomes(page, "error");
    assert.match(await page.textContent("#trouble-text"), /503: the state can't be read/);
    await unrouted(page);
    await page.click("#trouble-retry");
    await becomes(page, "live");
    assert.deepEqual(said, [], screen.name);
    await close();
  }
});
await service.kill();
