// node noted.mjs FILE: the tags and notes in the page of one file: they are shown as text and found by an expression, and cannot be changed.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { open, withBrowser } from "./browser.mjs";

const [, , file] = process.argv;

await withBrowser(async (browser) => {
  const { page, wrong } = await open(browser, pathToFileURL(file).href);
  await page.click('#scoreboard a[href="#iteration-1"]');
  const note = page.locator("#iteration-box .notes-of .note");
  assert.match(await note.textContent(), /<img src=x/, "a note is text");
  await page.fill("#where", 'tags contains "odd"');
  await page.waitForFunction(() =>
    document.querySelector("#examples-box [role=status]").textContent.startsWith("2 examples"),
  );
  await page.locator("#example-list summary").first().click();
  await page.locator(".trace .tag.own", { hasText: "odd" }).waitFor();
  assert.equal(await page.locator(".notes-of button").count(), 0, "nothing can be kept in a file");
  assert.equal(await page.locator("#finding .notes-of").count(), 0, "there is none on the run");
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(wrong, []);
});
