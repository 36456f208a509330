// node partial.mjs FILE: a run that was cut off in iteration 001, after 7 examples.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { open, withBrowser } from "./browser.mjs";

const [, , file] = process.argv;

await withBrowser(async (browser) => {
  const { page, wrong } = await open(browser, pathToFileURL(file).href);
  const notices = await page.textContent("#notices");
  for (const part of [
    "Not finished",
    "The run was cut off",
    "mmh run --resume",
    "cost.json is damaged",
    "iterations/000/provenance.json is missing",
  ])
    assert.ok(notices.includes(part), `${part}: ${notices}`);
  const row = await page.textContent('#scoreboard tr[data-iteration="1"]');
  assert.ok(row.includes("cut off") && row.includes("7 examples so far") && !row.includes("0.0 %"), row);
  assert.equal((await page.locator(".chart a.point").count()) >= 1, true);
  assert.equal(
    (await page.locator('.chart a.unscored[href="#iteration-1"]').count()) >= 1,
    true,
    "it stands where no score is",
  );
  await page.click('#scoreboard a[href="#iteration-1"]');
  await page.click("#tab-timeline");
  assert.ok((await page.locator(".timeline > li").count()) > 0);
  await page.focus(".replay");
  await page.keyboard.press("End");
  assert.match(await page.textContent(".caption"), /no more is recorded/);
  await page.locator("#example-list summary").first().click();
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(wrong, []);
});
