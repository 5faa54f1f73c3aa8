// A real Chromium, and what every look at the page expects: no error, no violation of its policy,
// no sideways scroll.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.TOOLBOX}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const SCREENS = [
  { name: "desktop-light", width: 1280, height: 900, scheme: "light" },
  { name: "desktop-dark", width: 1280, height: 900, scheme: "dark" },
  { name: "phone-light", width: 390, height: 844, scheme: "light" },
  { name: "phone-dark", width: 390, height: 844, scheme: "dark" },
];

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Runs `work` with a browser, which ends with it. */
export async function withBrowser(work) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
  try {
    await work(browser);
  } finally {
    await browser.close();
  }
}

/** A tab of a screen. `said` gathers errors and violations, but for those in `expected`. */
export async function tab(browser, screen = SCREENS[0], expected = []) {
  const context = await browser.newContext({
    viewport: { width: screen.width, height: screen.height },
    colorScheme: screen.scheme,
    hasTouch: screen.width < 500,
    locale: "en-US",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const said = [];
  page.on("console", (message) => {
    // A service without a stream is asked instead.
    if (["error", "warning"].includes(message.type()) && !expected.some((word) => message.text().includes(word))) said.push(message.text());
  });
  page.on("pageerror", (error) => said.push(error.stack ?? error.message));
  return { page, said, close: () => context.close() };
}

/** Waits until the page is in a state. */
export async function becomes(page, state) {
  await page.waitForSelector(`html[data-state="${state}"]`, { state: "attached" });
}

/**
 * Requests go their usual way again. One that is being answered by a route is answered first: Playwright takes it away
 * from a route that is removed meanwhile.
 */
export async function unrouted(page) {
  await page.unrouteAll({ behavior: "wait" });
}

/** Opens the page and waits for its figures. */
export async function openLive(page, url, hash = "") {
  await page.goto(`${url}/${hash}`);
  await becomes(page, "live");
  await page.waitForFunction(() => document.querySelector("#payments").textContent.match(/\d/));
}

/** Fails on serious violations, naming them and where they are. */
export async function assertAccessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const words = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
  assert.deepEqual(words, [], where);
}

/** Fails if the page is wider than its window, or anything sticks out of it. */
export async function assertFits(page, where) {
  const out = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) return [`the page is ${document.documentElement.scrollWidth} wide, the window ${width}`];
    const inScroller = (node) => node.closest(".scroller, pre, .hidden-text, .chart");
    return [...document.querySelectorAll("main *, header *, footer *")]
      .filter((node) => node.checkVisibility() && !inScroller(node))
      .filter((node) => node.getBoundingClientRect().right > width + 1)
      .map((node) => `${node.tagName}#${node.id}.${node.className}`);
  });
  assert.deepEqual(out, [], where);
}

/** Saves what is seen. */
export async function picture(page, name) {
  await page.screenshot({ path: `${process.env.PICTURES}/${name}.png`, fullPage: true });
}
