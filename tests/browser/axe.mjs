// node axe.mjs ADDRESS...: no violation of WCAG level A or AA that axe-core finds, in any view of these pages: light and dark, on
// a desk and on a phone, each tab, with rows, notes and problems open.

import assert from "node:assert/strict";
import { AXE, open, violations, withBrowser } from "./browser.mjs";

/** How pages are looked at: the colours, the width, and the tabs besides the one that is opened last. */
const CASES = [
  ["light", 1280, ["timeline", "source", "diff", "changed", "record"]],
  ["dark", 1280, ["diff", "changed"]],
  ["light", 390, []],
];

const [, , ...addresses] = process.argv;

/** Opens what can be opened in a run's page. */
async function openThings(page) {
  await page.fill("#where", "wrong and");
  await page.locator("#where-problem", { hasText: /./ }).waitFor();
  await page.evaluate(() => {
    // Two of each kind tell what the others have.
    const kinds = new Map();
    for (const details of document.querySelectorAll("details:not([open])")) {
      const kind = `${details.className} ${details.parentElement.className} ${details.parentElement.parentElement.className}`;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (kinds.get(kind) <= 2) details.open = true;
    }
  });
  const note = page.locator(".notes-of button").first();
  if ((await note.count()) > 0) await note.click();
}

await withBrowser(async (browser) => {
  for (const address of addresses) {
    for (const [colorScheme, width, tabs] of CASES) {
      const name = `${address.split("/").slice(-2).join("/")}, ${colorScheme}, ${width}`;
      // Dark differs in its colours alone.
      const rules = colorScheme === "dark" ? ["color-contrast"] : null;
      const { page, context } = await open(browser, address, {
        colorScheme,
        viewport: { width, height: 844 },
        bypassCSP: true,
      });
      await page.addScriptTag({ path: AXE });
      if ((await page.locator("body[data-page=run]").count()) === 0) {
        assert.deepEqual(await violations(page, "body", rules), [], name);
      } else {
        await openThings(page);
        for (const tab of tabs) {
          await page.click(`#tab-${tab}`);
          await openThings(page);
          assert.deepEqual(await violations(page, "#iteration", rules), [], `${name}: ${tab}`);
        }
        await page.click("#tab-learned");
        await openThings(page);
        assert.deepEqual(await violations(page, "body", rules), [], `${name}: all that opens`);
      }
      await context.close();
    }
  }
});
