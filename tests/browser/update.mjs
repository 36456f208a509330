// node update.mjs URL RUN [TIMES]: how long a live page's script takes to show that a run has gone on. URL is the run's page at
// `mmh view`, RUN its folder, in which the time of its end is changed. A figure for people, not a test.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open, withBrowser } from "./browser.mjs";

const [, , url, folder, times = "5"] = process.argv;
const file = join(folder, "summary.json");

await withBrowser(async (browser) => {
  const { page } = await open(browser, url);
  const looks = async () => Number(await page.getAttribute("#live", "data-looks"));
  for (let round = 0; round < Number(times); round += 1) {
    const before = await looks();
    const summary = JSON.parse(readFileSync(file, "utf8"));
    // Every score changes, and with it every part of the page.
    for (const it of summary.iterations) it.score.total_fuel += 1000000;
    writeFileSync(file, JSON.stringify(summary));
    await page.waitForFunction((before) => Number(document.getElementById("live").dataset.looks ?? 0) > before, before);
    const took = await page.evaluate(() => performance.getEntriesByName("update")[0].duration);
    await page.waitForTimeout(2500);
    const later = await page.evaluate(() => performance.getEntriesByName("later").map((it) => it.duration));
    const most = Math.max(0, ...later).toFixed(0);
    console.log(`an update took ${took.toFixed(0)} ms of script, and each of ${later.length} parts out of sight up to ${most} ms later`);
  }
});
