// What the browser tests share: Chromium with a fresh profile, and a page that reports what goes wrong in it.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

/** The script of axe-core, for pages that are opened with `bypassCSP`, and the levels of WCAG that are checked. */
export const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** Names under which a browser is found; `xtask/src/needs.rs` has the same. MMH_TEST_BROWSER names another one. */
const BROWSERS = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** Longest time of one test, in milliseconds. The browser ends with it. */
const PATIENCE = 170000;

/** The browser's own file. */
function browserFile() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const all = BROWSERS.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = process.env.MMH_TEST_BROWSER ?? all.find((file) => existsSync(file));
  if (!found)
    throw new Error("there is no browser: `cargo xtask setup` installs chromium, MMH_TEST_BROWSER names one");
  return found;
}

/** Runs a test with a browser, and ends it in any case. Ends the process with 1 if something does not hold. */
export async function withBrowser(test) {
  const timer = setTimeout(() => {
    console.error("the test took too long");
    process.exit(1);
  }, PATIENCE);
  const browser = await chromium.launch({ executablePath: browserFile(), args: FLAGS });
  try {
    await test(browser);
  } catch (error) {
    console.error(error.stack);
    process.exitCode = 1;
  } finally {
    await browser.close();
    clearTimeout(timer);
  }
}

/** A page at this address, usable, with a list of everything that went wrong in it. */
export async function open(browser, address, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && wrong.push(`console: ${message.text()}`));
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`),
    );
  });
  await page.goto(address);
  await page.waitForSelector("body[data-ready]");
  await drawings(page);
  return { page, wrong, context };
}

/** Waits until every drawing is there: the page makes each once the browser has told it how wide it is. */
export async function drawings(page) {
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".drawn")].every((box) => box.clientWidth === 0 || box.firstChild),
  );
}

/** What axe finds now, in words: in the whole page or in a part of it, by all rules or by some. */
export async function violations(page, part = "body", rules = null) {
  await drawings(page);
  await page.waitForFunction(() => !document.querySelector("[aria-busy]"));
  const found = await page.evaluate(
    async ([levels, part, rules]) => {
      const { violations } = await window.axe.run(part === "body" ? document : part, {
        runOnly: rules ? { type: "rule", values: rules } : { type: "tag", values: levels },
        resultTypes: ["violations"],
      });
      return violations.map((it) => [
        it.id,
        it.nodes.length,
        it.nodes[0].html.slice(0, 160),
        it.nodes[0].failureSummary,
      ]);
    },
    [LEVELS, part, rules],
  );
  return found;
}
