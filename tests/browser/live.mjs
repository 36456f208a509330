// node live.mjs URL OTHER PROGRAM ARGUMENT...: the list of runs; then a run that the program makes meanwhile, until
// it is finished; then it and another one side by side.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { drawings, open, withBrowser } from "./browser.mjs";

const [, , url, other, program, ...args] = process.argv;
const run = args[args.indexOf("--run-id") + 1];

/** A candidate under way looks like one; what is opened stays open, and keeps its place, its scroll and the focus. */
async function patched(page) {
  const going = page.locator("#scoreboard tr.under-way");
  await going.first().waitFor({ timeout: 60000 });
  const text = await going.first().textContent();
  assert.ok(text.includes("under way") && !text.includes("no score"), text);
  await page.waitForSelector("#example-list summary", { timeout: 60000 });
  await page.locator("#example-list summary").nth(3).click();
  await page.waitForSelector(".trace .call .raw");
  const kept = await page.evaluate(async () => {
    const row = document.querySelector(".example[open]");
    row.querySelector(".call .raw").scrollTop = 40;
    row.querySelector(".trace .pick").focus();
    row.scrollIntoView();
    row.dataset.mine = "yes";
    // Nothing that goes on elsewhere makes this row anew.
    await new Promise((resolve) => setTimeout(resolve, 200));
    return { id: row.id, picks: row.querySelectorAll(".pick").length, top: row.getBoundingClientRect().top };
  });
  const before = Number(await page.getAttribute("#live", "data-looks"));
  await page.waitForFunction(
    ([before, picks]) =>
      Number(document.getElementById("live").dataset.looks) > before + 1 &&
      document.querySelectorAll(".example[open] .pick").length > picks,
    [before, kept.picks],
    { timeout: 90000 },
  );
  const now = await page.evaluate((id) => {
    const row = document.getElementById(id);
    return {
      open: row.open,
      scroll: row.querySelector(".call .raw").scrollTop,
      focus: document.activeElement.className,
      top: row.getBoundingClientRect().top,
    };
  }, kept.id);
  assert.equal(now.open, true, "it is still open");
  assert.equal(now.scroll, 40, "its text is scrolled as before");
  assert.match(now.focus, /^pick/, "the focus stays");
  assert.ok(Math.abs(now.top - kept.top) < 40, `it stays where it was: ${kept.top}, now ${now.top}`);
}

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
  assert.match(await page.textContent("#notices"), /The run is under way/, "a run that goes on says so");
  await patched(page);
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
  // A run that is killed says so, although nothing in its folder changes any more.
  const killed = spawn(
    program,
    args.map((word) => (word === run ? "killed" : word)),
    { stdio: "ignore" },
  );
  await page.goto(url);
  await page.click('a[href="/run/killed"]', { timeout: 60000 });
  await page.locator("#scoreboard tr.under-way").first().waitFor({ timeout: 60000 });
  killed.kill("SIGKILL");
  await page.locator("#notices", { hasText: "The run was cut off" }).waitFor({ timeout: 30000 });
  assert.match(await page.textContent("#scoreboard tr.unscored .status"), /cut off/);
  assert.equal(await page.locator("#scoreboard tr.under-way").count(), 0);

  await page.goto(`${url}compare/${run}/${other}`);
  await page.waitForSelector("body[data-ready]");
  await drawings(page);
  assert.equal(await page.locator(".chart[aria-label^=accuracy]").count(), 2, "two curves");
  assert.match(await page.textContent("#runs-box"), /common example/);

  // Several runs: chosen in the list, sorted by a column that stands in the address.
  await page.goto(url);
  await page.waitForSelector("body[data-ready]");
  const ids = await page
    .locator("input[type=checkbox]")
    .evaluateAll((boxes) => boxes.map((box) => box.id.replace("choose-", "")));
  assert.equal(ids.length, 4);
  for (const id of ids.filter((id) => id !== "killed")) await page.check(`[id="choose-${id}"]`);
  await page.click("#compare-chosen");
  await page.waitForSelector("body[data-page=runs][data-ready] #runs-table");
  await drawings(page);
  const column = async (at) =>
    (await page.locator(`#runs-table tbody tr td:nth-child(${at})`).allTextContents()).map((text) =>
      parseFloat(text),
    );
  for (const [click, sign] of [
    ["best", 1],
    ["best", -1],
  ]) {
    await page.click(`#runs-table th a >> text=/^${click}/`);
    await page.waitForSelector(`#runs-table th[aria-sort=${sign > 0 ? "ascending" : "descending"}]`);
    const figures = await column(6);
    assert.deepEqual(
      figures,
      [...figures].sort((one, other) => sign * (one - other)),
      `sorted by ${click}`,
    );
  }
  assert.equal(await page.evaluate(() => location.hash), "#sort=best-down");
  assert.equal(await page.getAttribute("#runs-table th[aria-sort]", "aria-sort"), "descending");
  await page.reload();
  await page.waitForSelector("#runs-table th[aria-sort=descending]");
  await page.goBack();
  await page.waitForSelector("#runs-table th[aria-sort=ascending]");
  assert.equal(
    (await page.locator("#frontiers a.point text", { hasText: "3" }).count()) > 0,
    true,
    "each run has its frontier",
  );
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(wrong, []);
});
