// node address.mjs FILE: what is shown stands in the address; back and forward go through it; a link that is sent shows the same.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { open, withBrowser } from "./browser.mjs";

const [, , file] = process.argv;
const address = pathToFileURL(file).href;

/** Steps on a page: a name, what is done, what the address is then, and what is seen. */
const STEPS = [
  [
    "a link to an iteration",
    (page) => page.click('#scoreboard a[href="#iteration-1"]'),
    "#iteration-1",
    "Iteration 001",
  ],
  ["a tab", (page) => page.click("#tab-diff"), "#iteration-1?tab=diff", "tab-diff"],
  [
    "a filter",
    (page) => page.selectOption("#examples-box select >> nth=2", "right"),
    "#examples?it=1&tab=diff&show=right",
    "right",
  ],
  [
    "an expression",
    (page) => page.fill("#where", "right"),
    "#examples?it=1&tab=diff&show=right&where=right",
    "right",
  ],
  [
    "what is typed on",
    (page) => page.fill("#where", "right and calls >= 0"),
    "#examples?it=1&tab=diff&show=right&where=right+and+calls+%3E%3D+0",
    "right and calls >= 0",
  ],
  [
    "an order of the answers",
    (page) => page.selectOption("#answers-box select >> nth=1", "hardest"),
    /^#answers\?.*&sort=hardest$/,
    "hardest",
  ],
  [
    "runs of a confusion",
    (page) => page.selectOption("#confusion-box select >> nth=1", "1"),
    /^#confusion\?.*left=1/,
    "left 1",
  ],
];

/** What of the page the steps have to do with. */
const seen = (page) =>
  page.evaluate(() => {
    const value = (selector) => document.querySelector(selector).value;
    return {
      iteration: document.getElementById("iteration-title").textContent,
      tab: document.querySelector("[role=tab][aria-selected=true]").id,
      show: document.querySelectorAll("#examples-box select")[2].value,
      where: value("#where"),
      sort: document.querySelectorAll("#answers-box select")[1].value,
      left: `left ${document.querySelectorAll("#confusion-box select")[1].value}`,
      open: [...document.querySelectorAll(".example[open]")].map((it) => it.id),
      pressed: document.querySelector(".pick[aria-pressed=true]")?.textContent ?? null,
      shown: document.querySelector("#examples-box [role=status]").textContent,
    };
  });

await withBrowser(async (browser) => {
  const { page, wrong, context } = await open(browser, address);
  const hash = () => page.evaluate(() => location.hash);
  const states = [[await hash(), await seen(page)]];
  for (const [name, act, expected, sign] of STEPS) {
    await act(page);
    await page.waitForFunction((before) => location.hash !== before, states.at(-1)[0]);
    // The list of examples comes a moment later.
    await page.waitForTimeout(150);
    const now = await hash();
    if (expected instanceof RegExp) assert.match(now, expected, name);
    else assert.equal(now, expected, name);
    const state = await seen(page);
    assert.ok(Object.values(state).includes(sign), `${name}: ${JSON.stringify(state)}`);
    // What was typed in one go is one step.
    if (name === "what is typed on") states.pop();
    states.push([now, state]);
  }
  await page.locator("#example-list summary").first().click();
  await page.waitForSelector(".trace .call .raw");
  states.push([await hash(), await seen(page)]);
  await page.locator(".trace .pick").first().click();
  states.push([await hash(), await seen(page)]);
  assert.match(states.at(-1)[0], /open=\d+\.0/);

  const same = async ([address, state], name) => {
    await page.waitForFunction((address) => location.hash === address, address);
    await page.waitForTimeout(250);
    assert.deepEqual(await seen(page), state, name);
  };
  for (let at = states.length - 2; at >= 0; at -= 1) {
    await page.goBack();
    await same(states[at], `back to ${states[at][0]}`);
  }
  for (let at = 1; at < states.length; at += 1) {
    await page.goForward();
    await same(states[at], `forward to ${states[at][0]}`);
  }
  assert.deepEqual(wrong, []);
  await context.close();

  // A link that is sent shows the same on another machine.
  const [sent, state] = states.at(-1);
  const other = await open(browser, address + sent);
  await other.page.waitForSelector(".trace .call .raw");
  assert.deepEqual(await seen(other.page), state, sent);
  assert.equal(await other.page.evaluate(() => location.hash), sent);
  const top = await other.page.evaluate(
    () => document.getElementById("examples").getBoundingClientRect().top,
  );
  assert.ok(Math.abs(top) < 200, `it is scrolled to the section: ${top}`);
  await other.context.close();

  // Addresses of nothing, and hostile ones, show the page as at first.
  for (const odd of [
    "#iteration-99",
    "#iteration-1?tab=x&in=99&show=x&gold=%3Cb%3E&open=9999.9&sort=x&only=x&event=x&left=-1&%",
    "#example-val-9999-0",
    "#x?where=%22",
    "#__proto__?constructor=1",
  ]) {
    const { page, wrong, context } = await open(browser, address + odd);
    assert.match(await page.textContent("#examples-box [role=status]"), /examples? of/, odd);
    assert.ok((await page.locator("#answers-box tbody tr").count()) > 0, odd);
    assert.deepEqual(wrong, [], odd);
    await context.close();
  }
});
