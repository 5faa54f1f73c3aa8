// On a desk and in a hand, by day and by night: everything is there, fits, and can be read by all.

import assert from "node:assert/strict";
import { SCREENS, assertAccessible, assertFits, openLive, picture, tab, withBrowser } from "./browser.mjs";
import { ask, eventually, serve } from "./service.mjs";

const service = await serve();
await eventually("the whole topic", async () => (await ask(service.url, "ledger")).consumed === Number(process.env.CONSUMED));
const { windows } = await ask(service.url, "windows");

await withBrowser(async (browser) => {
  for (const screen of SCREENS) {
    const { page, said, close } = await tab(browser, screen);
    await openLive(page, service.url);
    await page.waitForSelector("#records li");
    for (const section of ["summary", "windows", "totals", "ledger", "partitions", "records", "parts"]) {
      assert.ok(await page.isVisible(`.${section}`), `${section} on ${screen.name}`);
    }
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
    assert.equal(paper[0] < 60, screen.scheme === "dark", `${screen.name}: ${paper}`);
    // It asks for windows of its own, which may come after the lists.
    await page.waitForSelector(".chart canvas");
    const canvas = await page.$eval(".chart canvas", (node) => node.getBoundingClientRect().toJSON());
    assert.ok(canvas.width > 250 && canvas.height > 150, `${screen.name}: ${canvas.width} × ${canvas.height}`);
    await assertFits(page, screen.name);
    await assertAccessible(page, screen.name);
    await picture(page, screen.name);

    for (const { name } of windows) {
      await page.check(`input[name=window][value="${name}"]`, { force: true });
      await page.waitForSelector(`input[name=window][value="${name}"]:checked`, { state: "attached" });
      await page.waitForSelector(".chart canvas");
      await page.waitForTimeout(300);
      await assertFits(page, `${screen.name}, ${name}`);
    }
    await page.click("#as-table");
    await page.waitForSelector("#chart-table td");
    await assertFits(page, `${screen.name}, table`);
    await assertAccessible(page, `${screen.name}, table`);

    // The toggle beats the system, and stays.
    const other = screen.scheme === "dark" ? "light" : "dark";
    await page.selectOption("#theme", other);
    await page.reload();
    await page.waitForSelector(`html[data-theme="${other}"][data-state="live"]`, { state: "attached" });
    await assertAccessible(page, `${screen.name}, turned ${other}`);
    assert.deepEqual(said, [], screen.name);
    await close();
  }
  const narrow = await tab(browser, { width: 360, height: 740, scheme: "light" });
  await openLive(narrow.page, service.url, "#list=rejects");
  await narrow.page.waitForSelector("#records li");
  await assertFits(narrow.page, "360 px");
});
await service.kill();
