// node notes.mjs URL RUN FILE: tags and notes on a run, an iteration and an example, which the server keeps in FILE.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { open, withBrowser } from "./browser.mjs";

const [, , url, run, file] = process.argv;
const HOSTILE = "<img src=x onerror=window.pwned=1> \u202ex";

/** Writes tags and a note into this box. */
async function write(page, box, tags, note) {
  await box.locator("button").first().click();
  await box.locator("input").fill(tags);
  await box.locator("textarea").fill(note);
  await box.locator("button[type=submit]").click();
}

await withBrowser(async (browser) => {
  const { page, wrong, context } = await open(browser, `${url}run/${run}`);
  assert.ok(!existsSync(file));
  await write(page, page.locator("#finding .notes-of"), "paper, keep", "the one of the paper");
  await page.locator("#finding .tag.own", { hasText: "keep" }).waitFor();
  await page.click('#scoreboard a[href="#iteration-1"]');
  await write(page, page.locator("#iteration-box .notes-of").first(), "", HOSTILE);
  await page.locator("#iteration-box .note", { hasText: "<img src=x" }).waitFor();
  await page.locator("#example-list summary").first().click();
  await write(page, page.locator(".trace .notes-of"), "odd", "");
  await page.locator(".trace .tag.own", { hasText: "odd" }).waitFor();
  const { notes } = JSON.parse(readFileSync(file, "utf8"));
  assert.deepEqual(notes.run, { tags: ["paper", "keep"], note: "the one of the paper" });
  assert.deepEqual(notes["iteration-1"], { tags: [], note: HOSTILE });
  assert.equal(Object.keys(notes).length, 3);

  // What cannot be kept is said, and what was written stays.
  const box = page.locator("#iteration-box .notes-of").first();
  await write(page, box, "x".repeat(50), "y");
  await box.locator(".problem", { hasText: "a tag has 1 to 40 characters" }).waitFor();
  assert.equal(await box.locator("textarea").inputValue(), "y");
  await box.locator("button", { hasText: "cancel" }).click();

  // They are found by an expression, in both trials of the example, and are there when the page is opened again.
  await page.fill("#where", 'tags contains "odd"');
  await page.waitForFunction(() =>
    document.querySelector("#examples-box [role=status]").textContent.startsWith("2 examples"),
  );
  await page.goto(`${url}run/${run}`);
  await page.waitForSelector("body[data-ready]");
  assert.match(await page.textContent("#finding .notes-of"), /paper.*keep.*the one of the paper/);
  await write(page, page.locator("#finding .notes-of"), "", "");
  await page.locator("#finding .notes-of", { hasText: "+ tag or note" }).waitFor();
  assert.equal(JSON.parse(readFileSync(file, "utf8")).notes.run, undefined, "an empty note is none");
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(
    wrong.filter((it) => !it.includes("400")),
    [],
  );
  await context.close();
});
