// Takes the pictures: a desk by day and by night, and a hand.

import { openLive, tab, withBrowser, SCREENS } from "../../tests/page/browser.mjs";
import { serve } from "../../tests/page/service.mjs";

const [, , folder] = process.argv;
const service = await serve();
await withBrowser(async (browser) => {
  for (const screen of SCREENS.slice(0, 3)) {
    const { page, close } = await tab(browser, screen);
    await openLive(page, service.url);
    await page.waitForTimeout(8_000);
    await page.screenshot({ path: `${folder}/page-${screen.name.replace("phone-light", "phone")}.png` });
    await close();
  }
});
await service.kill();
