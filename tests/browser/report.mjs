// node report.mjs FILE SUMMARY.json LINE...: a report of a simulated run, looked at and used as people would.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { drawings, open, withBrowser } from "./browser.mjs";

const [, , file, summaryFile, ...terminal] = process.argv;
const address = pathToFileURL(file).href;
const summary = JSON.parse(readFileSync(summaryFile, "utf8"));
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const numbered = (index) => String(index).padStart(3, "0");
const best = summary.iterations.find((it) => it.index === summary.best_iteration_index);

/** The figures on the page are those of the run. */
async function figures(page) {
  assert.match(await page.textContent("#notices"), /SIMULATED/);
  assert.match(
    await page.textContent("#finding"),
    new RegExp(percent(best.score.accuracy).replace(".", "\\.")),
  );
  for (const it of summary.iterations) {
    const row = page.locator(`#scoreboard tr[data-iteration="${it.index}"]`);
    assert.equal(
      await row.locator(".accuracy b").textContent(),
      percent(it.score.accuracy),
      `accuracy of ${it.index}`,
    );
    assert.equal(
      (await page
        .locator(`.chart a[href="#iteration-${it.index}"][aria-label*="${percent(it.score.accuracy)}"]`)
        .count()) > 0,
      true,
      `point of ${it.index}`,
    );
  }
  for (const it of summary.unscored) {
    const text = await page.textContent(`#scoreboard tr[data-iteration="${it.index}"]`);
    assert.ok(
      text.includes(it.status) && !text.includes("%"),
      `an iteration without a score has no per cent: ${text}`,
    );
  }
  for (const test of summary.test) {
    assert.ok(
      (await page.textContent("#finding")).includes(percent(test.score.accuracy)),
      `held out ${test.index}`,
    );
  }
}

/** The frontier in a drawing and in a table, and the comparisons in the words of the terminal. */
async function frontier(page) {
  const members = JSON.parse(readFileSync(join(dirname(summaryFile), "frontier.json"), "utf8")).members;
  assert.ok(members.length > 0);
  const chart = page.locator("svg.chart.frontier");
  assert.equal(await chart.locator("a.point").count(), summary.iterations.length, "a point for each score");
  assert.equal(await chart.locator("a.point.best").count(), members.length, "members stand out");
  const said = await chart.getAttribute("aria-label");
  const rows = page.locator("#frontier table tbody tr");
  assert.equal(await rows.count(), members.length);
  for (const [at, it] of members.entries()) {
    const text = await rows.nth(at).textContent();
    const tokens = Math.round(it.prompt_tokens).toLocaleString("en");
    for (const figure of [numbered(it.index), percent(it.score), tokens])
      assert.ok(text.includes(figure) && said.includes(figure), `${figure} is not in ${text} and ${said}`);
    const point = chart.locator(`a[href="#iteration-${it.index}"]`);
    assert.match(await point.getAttribute("aria-label"), /^on the frontier, iteration/);
  }
  const words = await page.textContent("#comparisons .words");
  for (const said of terminal) assert.ok(words.includes(said), `${said} is not in ${words}`);
  const rowsOfAll = page.locator("#comparisons tbody tr");
  assert.equal(
    await rowsOfAll.count(),
    summary.iterations.length - 1,
    "all but the first have somebody before them",
  );
}

async function filters(page) {
  await page.selectOption("#examples-box select >> nth=2", "failures");
  const wrong = best.score.n_examples - best.score.n_correct;
  await page.waitForFunction(
    (wrong) =>
      document.querySelector("#examples-box [role=status]").textContent.startsWith(`${wrong} example`),
    wrong,
  );
  assert.equal(await page.locator("#example-list summary .glyph.right").count(), 0, "failures only");
  await page.fill("#examples-box input[type=search]", "no text has these words");
  await page.waitForSelector("text=No example is left by these filters.");
  // The words of a prompt are found once prompts are searched too.
  await page.fill("#examples-box input[type=search]", "diagnosis that fits best");
  await page.waitForSelector("text=No example is left by these filters.");
  await page.check("#examples-box input[type=checkbox]");
  await page.waitForFunction(
    (wrong) =>
      document.querySelector("#examples-box [role=status]").textContent.startsWith(`${wrong} example`),
    wrong,
  );
  // The list is made anew a moment after the last letter.
  await page.evaluate(() => (document.querySelector("#example-list .examples").dataset.old = "true"));
  await page.uncheck("#examples-box input[type=checkbox]");
  await page.fill("#examples-box input[type=search]", "");
  await page.waitForSelector("#example-list .examples:not([data-old])");
}

async function trace(page) {
  await page.locator("#example-list summary").first().press("Enter");
  await page.waitForSelector(".trace .call .raw");
  const text = await page.textContent(".trace");
  assert.match(text, /Labels:/, "the prompt is there");
  assert.match(text, /outcome/);
  await page.locator(".trace .pick").first().click();
  assert.equal(await page.locator(".trace .pick").first().getAttribute("aria-pressed"), "true");
}

async function iterations(page) {
  await page.click(`#scoreboard a[href="#iteration-1"] >> nth=0`);
  await page.waitForFunction(
    () => document.getElementById("iteration-title").textContent === "Iteration 001",
  );
  const source = summary.iterations.find((it) => it.index === 1)?.harness_code;
  for (const tab of ["reasoning", "timeline", "source", "diff", "changed", "learned", "record"]) {
    await page.click(`#tab-${tab}`);
    assert.equal(await page.getAttribute(`#tab-${tab}`, "aria-selected"), "true");
  }
  await page.click("#tab-timeline");
  assert.ok((await page.locator(".timeline > li").count()) > 2, "turns of the proposer");
  if (source) {
    await page.click("#tab-source");
    const lines = await page.locator("#iteration-box .code .line code").allTextContents();
    assert.equal(lines.join("\n"), source.replace(/\n$/, ""), "the source, character by character");
    await page.click("#tab-diff");
    assert.ok((await page.locator("#iteration-box .added").count()) > 0, "the diff has new lines");
  }
  await page.focus("#tab-diff");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.getAttribute("#tab-source", "aria-selected"), "true", "arrows go from tab to tab");
  await page.keyboard.press("[");
  await page.waitForFunction(
    () => document.getElementById("iteration-title").textContent === "Iteration 000",
  );
}

async function confusion(page) {
  const matrices = page.locator(".matrix");
  const diagonal = await matrices.last().locator("td.diagonal").allTextContents();
  assert.equal(
    diagonal.reduce((sum, text) => sum + Number(text), 0),
    best.score.n_correct,
    "the diagonal is what is right",
  );
  const all = await matrices.last().locator("tbody td:not(.recall)").allTextContents();
  assert.equal(
    all.reduce((sum, text) => sum + Number(text), 0),
    best.score.n_examples,
    "every example is in a cell",
  );
  const cell = matrices.last().locator("td:not(.diagonal) button").first();
  const number = Number(await cell.textContent());
  await cell.click();
  await page.waitForFunction(
    (number) =>
      document.querySelector("#examples-box [role=status]").textContent.startsWith(`${number} example`),
    number,
  );
}

async function replay(page) {
  const caption = () => page.textContent(".caption");
  await page.focus(".replay");
  await page.keyboard.press("Home");
  const first = await caption();
  await page.keyboard.press("ArrowRight");
  const second = await caption();
  assert.notEqual(first, second);
  await page.keyboard.press("ArrowLeft");
  assert.equal(await caption(), first, "a step back undoes a step forwards");
  await page.click("#replay-next-iteration");
  let lit = 0;
  let diff = 0;
  for (let step = 0; step < 25; step += 1) {
    await page.click("#replay-next");
    lit += await page.locator(".lamp.fresh").count();
    diff += await page.locator(".stage .diff .added").count();
  }
  assert.ok(lit > 0, "reads light up");
  assert.ok(diff > 0, "the diff appears");
  await page.focus(".replay");
  await page.keyboard.press("End");
  assert.match(await caption(), /the search is over/);
  await drawings(page);
  const points = await page.locator(".stage .point").count();
  assert.equal(points, summary.iterations.length, "the whole curve");
  await page.keyboard.press("Home");
  await page.selectOption(".controls select", "150");
  await page.click("#replay-play");
  await page.waitForFunction(() => Number(document.getElementById("replay-bar").value) >= 2);
  await page.click("#replay-play");
  assert.match(await page.textContent("#replay-play"), /Play/);
}

/** The page's own test of a difference says what the program's says: two-sided, so the same both ways. */
async function noise(page) {
  const rows = page.locator("#comparisons tbody tr");
  for (let at = 0; at < (await rows.count()); at += 1) {
    const [later, earlier, , , , said] = await rows.nth(at).locator("td").allTextContents();
    await page.selectOption("#confusion-box select >> nth=1", String(Number(later)));
    await page.selectOption("#confusion-box select >> nth=2", String(Number(earlier)));
    const heading = await page.locator("#confusion-box h3 .noise").first().textContent();
    const expected = said.endsWith("may be noise") ? `p ${said.split(" ")[0]}, may be noise` : `p ${said}`;
    assert.equal(heading, expected, `${later} against ${earlier}`);
  }
}

/** Texts whose contrast to their ground is less than WCAG AA asks for. */
function faint() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parsed = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((value) =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parsed(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let checked = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (
      !node.data.trim() ||
      ["SCRIPT", "STYLE", "NOSCRIPT", "TITLE", "title"].includes(element.tagName) ||
      !element.checkVisibility()
    )
      continue;
    const style = getComputedStyle(element);
    const color = parsed(element.namespaceURI.endsWith("svg") ? style.fill : style.color);
    const [light, dark] = [luminance(color), luminance(ground(element))].sort((one, other) => other - one);
    const contrast = (light + 0.05) / (dark + 0.05);
    checked += 1;
    if (contrast < 4.5)
      found.add(
        `${contrast.toFixed(2)} ${element.tagName}.${element.className?.baseVal ?? element.className}: ${node.data.trim().slice(0, 30)}`,
      );
  }
  return { checked, found: [...found] };
}

/** Controls without a name, pictures without a description, and ids that are there twice. */
function unlabelled() {
  const named = (element) =>
    (element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent).trim() !==
    "";
  const controls = [
    ...document.querySelectorAll("button, select, input, a[href], [role=region], [role=group], [role=img]"),
  ].filter((element) => !named(element));
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  return [
    ...controls.map((element) => element.outerHTML.slice(0, 80)),
    ...ids.filter((id, at) => ids.indexOf(id) !== at),
  ];
}

await withBrowser(async (browser) => {
  const requests = [];
  const { page, wrong, context } = await open(browser, address);
  page.on("request", (request) => requests.push(request.url()));
  const usable = await page.evaluate(() => performance.getEntriesByName("usable")[0].startTime);
  console.log(`usable after ${usable.toFixed(0)} ms`);
  for (const step of [figures, frontier, filters, trace, iterations, confusion, noise, replay])
    await step(page);
  assert.deepEqual(await page.evaluate(unlabelled), [], "everything is labelled");
  assert.deepEqual(await page.evaluate(() => window.violations), [], "the page keeps to its own policy");
  assert.deepEqual(requests, [], "the page asks for nothing");
  assert.deepEqual(wrong, []);
  await context.close();

  for (const colorScheme of ["light", "dark"]) {
    const { page, context } = await open(browser, address, { colorScheme });
    await page.locator("#example-list summary").first().click();
    for (const tab of ["timeline", "source", "changed", "record", "diff"]) {
      await page.click(`#tab-${tab}`);
      const { checked, found } = await page.evaluate(faint);
      assert.ok(checked > 200, `${checked} texts were looked at`);
      assert.deepEqual(found, [], `faint text, ${colorScheme}, ${tab}`);
    }
    await context.close();
  }

  const phone = await open(browser, address, { viewport: { width: 390, height: 844 } });
  const width = await phone.page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(width, 390, "nothing is wider than a phone");
  await phone.context.close();
});
