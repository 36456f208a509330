// node views.mjs FILE RUN: the views of a run with several candidates a generation, several trials, and online learning: the
// answers side by side, the tree, the filters by expression, what was learned, and what flipped trial by trial.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { open, withBrowser } from "./browser.mjs";

const [, , file, run] = process.argv;
const json = (name) => JSON.parse(readFileSync(join(run, name), "utf8"));
const lines = (name) =>
  readFileSync(join(run, name), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const numbered = (index) => String(index).padStart(3, "0");
const summary = json("summary.json");
const scored = summary.iterations.map((it) => it.index);
const traces = new Map(
  scored.map((index) => [
    index,
    new Map(lines(`iterations/${numbered(index)}/eval_trace.jsonl`).map((row) => [row.example_id, row])),
  ]),
);
const ids = [...traces.get(scored[0]).keys()];

/** The chance that two candidates answer an example differently, found by looking at each pair. */
function disagreement(id) {
  let [pairs, differ] = [0, 0];
  for (const one of scored)
    for (const other of scored)
      if (one < other) {
        pairs += 1;
        differ += traces.get(one).get(id).predicted_label !== traces.get(other).get(id).predicted_label;
      }
  return differ / pairs;
}

async function answers(page) {
  const rows = page.locator("#answers-box tbody tr");
  const names = await rows.locator("th a").allTextContents();
  assert.equal(names.length, Math.min(40, ids.length));
  const figures = names.map(disagreement);
  for (let at = 1; at < figures.length; at += 1)
    assert.ok(figures[at - 1] >= figures[at], `${names[at]} disagrees more than the one before`);
  for (const [at, id] of names.slice(0, 10).entries()) {
    const cells = await rows.nth(at).locator("td.answer").allTextContents();
    assert.equal(cells.length, scored.length);
    for (const [column, index] of scored.entries()) {
      const { correct, predicted_label: said } = traces.get(index).get(id);
      assert.ok(
        cells[column].includes(correct ? "right" : said === null ? "failed" : said),
        `${id} in ${index}: ${cells[column]}`,
      );
    }
    const winners = scored.filter((index) => traces.get(index).get(id).correct);
    const said = await rows.nth(at).locator("td.winners").textContent();
    const expected =
      winners.length === 0
        ? "none"
        : winners.length === scored.length
          ? "all"
          : winners.length > 3
            ? `${winners.length} of ${scored.length}`
            : winners.map(numbered).join(", ");
    assert.ok(said.endsWith(expected), `${id}: ${said}, not ${expected}`);
  }
  await page.selectOption("#answers-box select >> nth=2", "differ");
  const differ = ids.filter((id) => disagreement(id) > 0).length;
  assert.match(await page.textContent("#answers-box [role=status]"), new RegExp(`^${differ} example`));
  await rows.locator("th a").first().click();
  await page.waitForSelector("#example-list .trace .call .raw");
  assert.deepEqual(await page.locator(".example[open] code.id").allTextContents(), [
    await rows.locator("th a").first().textContent(),
  ]);
}

/** Boxes of texts of a drawing that overlap each other. */
const overlaps = (selector) => {
  const boxes = [...document.querySelectorAll(`${selector} text`)].map((it) => [
    it.textContent,
    it.getBoundingClientRect(),
  ]);
  const found = [];
  boxes.forEach(([one, a], at) =>
    boxes.slice(at + 1).forEach(([other, b]) => {
      const [width, height] = [
        Math.min(a.right, b.right) - Math.max(a.left, b.left),
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top),
      ];
      if (width > 1 && height > 3) found.push(`${one} and ${other}`);
    }),
  );
  return found;
};

async function tree(page) {
  const nodes = page.locator("#tree a.point");
  assert.equal(await nodes.count(), summary.iterations.length + summary.unscored.length);
  for (const it of summary.iterations) {
    const said = await page.locator(`#tree a[href="#iteration-${it.index}"]`).getAttribute("aria-label");
    assert.equal(said.includes(`from ${numbered(it.parent ?? 999)} (inferred)`), it.parent !== null, said);
  }
  const children = summary.iterations.filter((it) => it.parent !== null).length;
  assert.equal(await page.locator("#tree .branch").count(), children, "a line to each parent");
  for (const selector of ["#tree", "svg.chart.frontier", "#charts figure:nth-of-type(2)"])
    assert.deepEqual(await page.evaluate(overlaps, selector), [], selector);
}

/** Expressions: how many rows of the best iteration each lets through, or what is wrong with it. */
async function expressions(page) {
  const best = [...traces.get(summary.best_iteration_index).values()];
  const label = best[0].gold_label;
  const count = (is) => best.filter(is).length;
  const table = [
    ["right", count((row) => row.correct)],
    ["not right", count((row) => !row.correct)],
    ["wrong and calls >= 1", count((row) => !row.correct && row.model_calls >= 1)],
    [`label == "${label}"`, count((row) => row.gold_label === label)],
    [`label == '${label.toUpperCase()}' or wrong`, count((row) => row.gold_label === label || !row.correct)],
    [
      `label != "${label}" and (right or calls > 1)`,
      count((row) => row.gold_label !== label && (row.correct || row.model_calls > 1)),
    ],
    [`id contains "~2"`, count((row) => row.example_id.includes("~2"))],
    ["tokens_in > -1", best.length],
    ["failed = true", count((row) => row.predicted_label === null)],
    ["", best.length],
    ["wrong and", /a value is expected after "and" \(character 10\)/],
    ["calls", /compare it, as in calls > 1/],
    ["calls > 'x'", /a number cannot be compared with a text/],
    ["wrongs", /"wrongs" is no name; there are right, wrong/],
    ["constructor", /"constructor" is no name/],
    ["(right", /the "\(" has no "\)"/],
    ['label == "x', /the text that begins with " has no end/],
    ["right && wrong", /"and" and "or" are written as words/],
    ["right wrong", /"and" or "or" is expected before "wrong"/],
    ["(".repeat(60) + "right", /too many parts inside of each other/],
    ["alert(1)", /"alert" is no name/],
  ];
  await page.evaluate(() => (location.hash = "#overview"));
  await page.goto(`${pathToFileURL(file).href}`);
  await page.waitForSelector("body[data-ready]");
  for (const [text, expected] of table) {
    await page.fill("#where", text);
    if (expected instanceof RegExp)
      await page
        .waitForFunction(
          (wanted) => new RegExp(wanted).test(document.getElementById("where-problem").textContent),
          expected.source,
        )
        .catch(async () => assert.fail(`${text}: ${await page.textContent("#where-problem")}`));
    else
      await page
        .waitForFunction(
          (wanted) =>
            document.getElementById("where-problem").textContent === "" &&
            document.querySelector("#examples-box [role=status]").textContent.startsWith(`${wanted} example`),
          expected,
        )
        .catch(async () =>
          assert.fail(`${text}: ${await page.textContent("#examples-box [role=status]")}, not ${expected}`),
        );
  }
  await page.fill("#where", "");
}

async function learned(page) {
  const index = summary.best_iteration_index;
  await page.evaluate((index) => (location.hash = `#iteration-${index}`), index);
  await page.click("#tab-learned");
  const predictions = lines(`iterations/${numbered(index)}/online_trace.jsonl`);
  const right = predictions.filter((row) => row.correct).length;
  await page.locator(".predictions h3", { hasText: `${right} of ${predictions.length} right` }).waitFor();
  await page.locator(".predictions summary").click();
  const rows = page.locator(".predictions tbody tr");
  await rows.first().waitFor();
  assert.equal(await rows.count(), Math.min(500, predictions.length));
  assert.ok((await rows.first().textContent()).includes(predictions[0].example_id));
  const state = json(`iterations/${numbered(index)}/state.bin`);
  await page.locator(".tree-of-values .name").nth(1).waitFor();
  const shown = await page.textContent(".tree-of-values");
  for (const name of Object.keys(state)) assert.ok(shown.includes(name), `${name} is not in ${shown}`);
}

async function trials(page) {
  const it = summary.iterations.find((it) => it.parent !== null);
  await page.evaluate((index) => (location.hash = `#iteration-${index}`), it.index);
  await page.click("#tab-changed");
  const flips = (now, before) =>
    ids.filter(
      (id) =>
        traces.get(it.index).get(id).correct === now && traces.get(it.parent).get(id).correct === before,
    ).length;
  const text = await page.textContent("[role=tabpanel]");
  assert.ok(text.includes("its parent (inferred)"), text);
  for (const said of [`✓ ${flips(true, false)} trial`, `✗ ${flips(false, true)} trial`])
    assert.ok(text.includes(said), `${said} is not in ${text}`);
  assert.match(
    await page.textContent("#iteration-box .facts"),
    /p (<?\.?\d|0\.)\d*/,
    "differences have their p-values",
  );
}

await withBrowser(async (browser) => {
  const { page, wrong } = await open(browser, pathToFileURL(file).href);
  for (const step of [answers, tree, expressions, learned, trials]) await step(page);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(wrong, []);
});
