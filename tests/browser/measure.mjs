// node measure.mjs FILE [TIMES]: how long a report takes from opening until it can be used, and its first trace.

import { pathToFileURL } from "node:url";
import { open, withBrowser } from "./browser.mjs";

const [, , file, times = "5"] = process.argv;

await withBrowser(async (browser) => {
  for (let round = 0; round < Number(times); round += 1) {
    const { page, context } = await open(browser, pathToFileURL(file).href);
    const usable = await page.evaluate(() => performance.getEntriesByName("usable")[0].startTime);
    const start = Date.now();
    await page.locator("#example-list summary").first().click();
    await page.waitForSelector(".trace .call .raw");
    console.log(`usable after ${usable.toFixed(0)} ms, a trace ${Date.now() - start} ms after the click`);
    await context.close();
  }
});
