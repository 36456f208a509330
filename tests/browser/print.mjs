// node print.mjs FILE: what a printed page has: nothing cut at the right, and nothing that only a screen can use.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { open, withBrowser } from "./browser.mjs";

const [, , file] = process.argv;

/** The width of a sheet of A4 without its margins, in pixels. */
const SHEET = 718;

await withBrowser(async (browser) => {
  const { page, wrong } = await open(browser, pathToFileURL(file).href, {
    viewport: { width: SHEET, height: 1000 },
  });
  await page.emulateMedia({ media: "print" });
  await page.waitForTimeout(200);
  const found = await page.evaluate((sheet) => {
    const visible = (it) => it.checkVisibility() && !it.closest(".hidden");
    const wide = [...document.querySelectorAll("main *")].filter(
      (it) => visible(it) && it.getBoundingClientRect().right > sheet + 1,
    );
    const controls = [
      ...document.querySelectorAll(
        "header, .filters, .controls, #replay, .tabs [aria-selected=false], input, select",
      ),
    ].filter(visible);
    const name = (it) =>
      `${it.tagName}.${it.className?.baseVal ?? it.className} ${it.textContent.slice(0, 40)}`;
    const figures = [...document.querySelectorAll("figure, tr")]
      .filter(visible)
      .map((it) => getComputedStyle(it).breakInside);
    return {
      wide: wide.map(name).slice(0, 5),
      controls: controls.map(name),
      breaks: figures.filter((it) => it !== "avoid").length,
    };
  }, SHEET);
  assert.deepEqual(found, { wide: [], controls: [], breaks: 0 });
  const pdf = await page.pdf({
    format: "A4",
    margin: { top: "10mm", bottom: "10mm", left: "10mm", right: "10mm" },
  });
  const pages = pdf.toString("latin1").match(/\/Type\s*\/Page\b/g).length;
  assert.ok(pages >= 2 && pages < 60, `${pages} pages`);
  assert.deepEqual(wrong, []);
});
