// node live.mjs URL OTHER PROGRAM ARGUMENT...: the list of runs; then a run that the program makes meanwhile, until
// it is finished; then it and another one side by side.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { drawings, open, withBrowser } from "./browser.mjs";

const [, , url, other, program, ...args] = process.argv;
const run = args[args.indexOf("--run-id") + 1];

await withBrowser(async (browser) => {
  const { page, wrong } = await open(browser, url);
  assert.equal(await page.locator(`a[href="/run/${run}"]`).count(), 0);
  const made = spawn(program, args, { stdio: "ignore" });
  const ended = new Promise((resolve) => made.on("exit", resolve));
  await page.click(`a[href="/run/${run}"]`, { timeout: 60000 });
  await page.waitForSelector("body[data-page=run][data-ready]");
  const rows = () => page.locator("#scoreboard tr[data-iteration]").count();
  const first = await rows();
  await page.waitForFunction(
    (first) => document.querySelectorAll("#scoreboard tr[data-iteration]").length > first,
    first,
    { timeout: 90000 },
  );
  assert.match(await page.textContent("#notices"), /Not finished/, "a run that goes on says so");
  await page.waitForFunction(() => document.getElementById("live").textContent === "finished", null, {
    timeout: 120000,
  });
  assert.ok(Number(await page.getAttribute("#live", "data-looks")) >= 2, "it was updated more than once");
  assert.equal(await ended, 0);
  const final = await (await page.request.get(`${url}data/${run}/run`)).json();
  assert.equal(await rows(), final.iterations.length);
  for (const it of final.iterations.filter((it) => it.score)) {
    assert.equal(
      await page.textContent(`#scoreboard tr[data-iteration="${it.index}"] .accuracy b`),
      `${(100 * it.score.accuracy).toFixed(1)} %`,
    );
  }
  await page.locator("#example-list summary").first().click();
  await page.waitForSelector(".trace .call .raw");

  await page.goto(`${url}compare/${run}/${other}`);
  await page.waitForSelector("body[data-ready]");
  await drawings(page);
  assert.equal(await page.locator(".chart[aria-label^=accuracy]").count(), 2, "two curves");
  assert.match(await page.textContent("#runs-box"), /common example/);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(wrong, []);
});
