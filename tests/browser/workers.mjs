// node workers.mjs URL HOSTILE: the workers that a page of `mmh view --workers` shows: two of them at first, of which one has a hostile
// name. It prints what is to happen next (`do WORD`), and expects that the page shows it.

import assert from "node:assert/strict";
import { AXE, open, violations, withBrowser } from "./browser.mjs";

const [, , url, hostile] = process.argv;

/** A worker's row, by its name. */
const row = (page, name) => page.locator("#workers-box tbody tr", { hasText: name });

const rows = (page, count) =>
  page.waitForFunction(
    (count) => document.querySelectorAll("#workers-box tbody tr").length === count,
    count,
    { timeout: 20000 },
  );

await withBrowser(async (browser) => {
  // In every form of the page: nothing that axe finds, and nothing that is wider than a phone.
  for (const [colorScheme, width] of [
    ["light", 1280],
    ["dark", 1280],
    ["light", 390],
  ]) {
    for (const address of [`${url}run/a`, url]) {
      const { page, context } = await open(browser, address, {
        colorScheme,
        viewport: { width, height: 844 },
        bypassCSP: true,
      });
      await rows(page, 2);
      await page.addScriptTag({ path: AXE });
      assert.deepEqual(await violations(page, "#workers"), [], `${address}, ${colorScheme}, ${width}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(wide <= 0, `${address} is ${wide} pixels wider than ${width}`);
      await context.close();
    }
  }

  const { page, wrong } = await open(browser, `${url}run/a`);
  await rows(page, 2);
  assert.match(await page.textContent("#workers-line"), /^2 workers at nats:.* 2 processors for mmh /);
  assert.equal(await row(page, hostile).count(), 1, "a name is text");
  assert.equal(await page.locator("#workers img").count(), 0);
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  await page.evaluate(() => {
    for (const row of document.querySelectorAll("#workers-box tbody tr")) row.isOld = true;
  });

  // A search uses them: the page is patched while they work.
  console.log("do search");
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll("#workers-box tbody tr")].filter(
        (row) => row.isOld && Number(row.lastElementChild.textContent.replaceAll(",", "")) > 0,
      ).length === 2,
    null,
    { timeout: 60000 },
  );
  const list = await open(browser, url);
  await rows(list.page, 2);
  assert.deepEqual(list.wrong, []);
  await list.context.close();

  // Workers that come: one of them says that it is of another version.
  console.log("do stranger");
  await rows(page, 3);
  assert.match(await row(page, "stranger").textContent(), /mmh 9.9.9 <b>.*takes no calls of this version/);
  assert.match(await page.textContent("#workers-line"), /^3 workers at .* 2 processors for /, "strangers do not count");
  console.log("do kill");
  await rows(page, 1);

  // A server that is away, and one that comes back.
  console.log("do stop");
  await page.locator("#workers .notice", { hasText: "cannot connect to the NATS server" }).waitFor();
  assert.equal(await row(page, hostile).count(), 1, "what was known stays");
  console.log("do start");
  await page.locator("#workers .notice").waitFor({ state: "detached", timeout: 30000 });
  await rows(page, 1);

  // The page's own server goes away.
  console.log("do end");
  await page.locator("#workers .notice", { hasText: "the server of this page is away" }).waitFor();
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(
    wrong.filter((it) => !/ERR_|Failed to load|Failed to fetch/.test(it)),
    [],
  );
});
