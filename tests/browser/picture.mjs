// node picture.mjs FILE PICTURE.png: the first screen of a report, as a reader sees it.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { open, withBrowser } from "./browser.mjs";

const [, , file, picture] = process.argv;

await withBrowser(async (browser) => {
  const { page, wrong } = await open(browser, pathToFileURL(file).href, { viewport: { width: 1160, height: 800 } });
  await page.screenshot({ path: picture });
  assert.ok((await page.locator("#scoreboard tr").count()) > 2, "a scoreboard");
  assert.deepEqual(wrong, []);
});
