// node live.mjs URL RUN: the list, then a run that is under way, until it is finished; then two runs side by side.

import assert from "node:assert/strict";
import { open, withBrowser } from "./browser.mjs";

const [, , url, run, other] = process.argv;

await withBrowser(async (browser) => {
  const { page, wrong } = await open(browser, url);
  await page.click(`a[href="/run/${run}"]`);
  await page.waitForSelector("body[data-page=run][data-ready]");
  const rows = () => page.locator("#scoreboard tr[data-iteration]").count();
  const first = await rows();
  await page.waitForFunction((first) => document.querySelectorAll("#scoreboard tr[data-iteration]").length > first, first, { timeout: 90000 });
  assert.match(await page.textContent("#notices"), /Not finished/, "a run that goes on says so");
  await page.waitForFunction(() => document.getElementById("live").textContent === "finished", null, { timeout: 120000 });
  assert.ok(Number(await page.getAttribute("#live", "data-looks")) >= 2, "it was updated more than once");
  const final = await (await page.request.get(`${url}data/${run}/run`)).json();
  assert.equal(await rows(), final.iterations.length);
  for (const it of final.iterations.filter((it) => it.score)) {
    assert.equal(await page.textContent(`#scoreboard tr[data-iteration="${it.index}"] .accuracy b`), `${(100 * it.score.accuracy).toFixed(1)} %`);
  }
  await page.locator("#example-list summary").first().click();
  await page.waitForSelector(".trace .call .raw");

  await page.goto(`${url}compare/${run}/${other}`);
  await page.waitForSelector("body[data-ready]");
  assert.equal(await page.locator(".chart[aria-label^=accuracy]").count(), 2, "two curves");
  assert.match(await page.textContent("#runs-box"), /common example/);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(wrong, []);
});
