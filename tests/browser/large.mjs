// node large.mjs FILE URL LAST: a run with more traces than a page has room for, as a report and in the live view. LAST is
// the number of its last example.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { open, withBrowser } from "./browser.mjs";

const [, , file, url, last] = process.argv;

/** The text of an example's trace, once it is there. */
async function trace(page, example) {
  await page.evaluate((hash) => (location.hash = hash), `#example-val-${example}-1`);
  const opened = page.locator(`#example-val-${example} .trace`);
  await opened.waitFor();
  await page.waitForFunction(() => !document.querySelector("#example-list [aria-busy]"));
  return opened.textContent();
}

await withBrowser(async (browser) => {
  const pages = [
    [pathToFileURL(file).href, /\d+ traces of this run are not in this page/, /has no room for this trace/],
    [url, /^(?!.*not in this page)/, /Which label fits best\?/],
  ];
  for (const [address, notice, ofLast] of pages) {
    const { page, wrong, context } = await open(browser, address);
    assert.match(await page.textContent("#notices"), notice);
    assert.match(await page.textContent("#examples-box [role=status]"), /^400 examples of 400/);
    assert.match(await trace(page, 0), /Which label fits best\?/, "the first trace is there");
    assert.match(await trace(page, Number(last)), ofLast);
    await page.check("#examples-box input[type=checkbox]");
    await page.fill("#examples-box input[type=search]", "as harness 1 does");
    await page.waitForFunction(() =>
      /of 400; prompts, replies and logs of the first \d+ were searched/.test(
        document.querySelector("#examples-box [role=status]").textContent,
      ),
    );
    assert.deepEqual(await page.evaluate(() => window.violations), []);
    assert.deepEqual(wrong, []);
    await context.close();
  }
});
