// node findings.mjs FILE TEXT...: what the page says of held-out examples and of the data. A TEXT behind a "-" is not there.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { open, withBrowser } from "./browser.mjs";

const [, , file, ...texts] = process.argv;

await withBrowser(async (browser) => {
  const { page, wrong } = await open(browser, pathToFileURL(file).href);
  const said = (await page.textContent("#finding")) + (await page.textContent("#notices"));
  for (const text of texts) {
    const [expected, absent] = text.startsWith("-") ? [text.slice(1), true] : [text, false];
    assert.equal(said.includes(expected), !absent, `${text}: ${said}`);
  }
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(wrong, []);
});
