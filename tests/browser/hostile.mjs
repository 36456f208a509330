// node hostile.mjs FILE MARK...: a report of a run whose texts are attacks. All of it is opened; all of it is text.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { open, withBrowser } from "./browser.mjs";

const [, , file, ...marks] = process.argv;

/** Opens everything that can be opened in the part of the page that is shown. */
async function openAll(page) {
  for (;;) {
    const opened = await page.evaluate(() => {
      const closed = [...document.querySelectorAll("details:not([open])")];
      closed.forEach((details) => (details.open = true));
      return closed.length;
    });
    await page.waitForFunction(() => !document.querySelector("[aria-busy]"));
    if (opened === 0) return;
  }
}

const dangerous = () => {
  const wrong = [];
  for (const element of document.querySelectorAll("body *")) {
    if (
      [
        "IMG",
        "IFRAME",
        "OBJECT",
        "EMBED",
        "LINK",
        "BASE",
        "FORM",
        "META",
        "VIDEO",
        "AUDIO",
        "FRAME",
      ].includes(element.tagName) &&
      !element.classList.contains("filters")
    )
      wrong.push(element.tagName);
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || (["href", "src", "action"].includes(name) && !/^[#/]/.test(value)))
        wrong.push(`${element.tagName} ${name}=${value}`);
    }
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (
      node.parentElement.tagName !== "SCRIPT" &&
      /[\u200b-\u200f\u202a-\u202e\u2066-\u2069\u0000-\u0008\u001b]/.test(node.data)
    )
      wrong.push(`invisible in ${node.parentElement.tagName}.${node.parentElement.className}`);
  }
  return wrong;
};

await withBrowser(async (browser) => {
  const { page, wrong } = await open(browser, pathToFileURL(file).href);
  const scripts = await page.evaluate(() => document.scripts.length);
  const blocks = await page.evaluate(
    () => document.querySelectorAll("script[type='application/gzip']").length,
  );
  assert.equal(scripts, blocks + 1, "one script, and data");
  let seen = "";
  const iterations = await page.evaluate(() =>
    [...document.querySelectorAll("#scoreboard [data-iteration]")].map((row) => row.dataset.iteration),
  );
  for (const iteration of iterations) {
    await page.evaluate((iteration) => (location.hash = `#iteration-${iteration}`), iteration);
    await page.waitForFunction(
      (iteration) =>
        Number(document.getElementById("iteration-title").textContent.slice(-3)) === Number(iteration),
      iteration,
    );
    for (const tab of ["reasoning", "timeline", "source", "diff", "changed", "learned", "record"]) {
      await page.click(`#tab-${tab}`);
      await openAll(page);
      seen += await page.textContent("#iteration-box");
      assert.deepEqual(await page.evaluate(dangerous), [], `${iteration} ${tab}`);
    }
  }
  // The other views: answers, tree, an expression with an attack, the addresses of all of it.
  for (const only of ["differ", "none", ""]) await page.selectOption("#answers-box select >> nth=2", only);
  seen += await page.textContent("#answers-box");
  for (const attack of marks) {
    await page.fill("#where", attack);
    await page.locator("#where-problem", { hasText: /./ }).waitFor();
    await page.fill("#where", `text contains "${attack.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`);
    await page.waitForFunction(() => document.getElementById("where-problem").textContent === "");
    assert.deepEqual(await page.evaluate(dangerous), [], `an expression with ${attack}`);
  }
  await page.fill("#where", "");
  await page.focus(".replay");
  await page.keyboard.press("Home");
  for (let step = 0; step < 12; step += 1) await page.click("#replay-next");
  seen += await page.textContent("body");
  for (const mark of marks) assert.ok(seen.includes(mark), `${JSON.stringify(mark)} is shown as text`);
  // Where they stand in what is new: the state as a tree, a table of Markdown, a conversation, the answers, the tree.
  for (const place of [
    "table in reasoning",
    "key of the state",
    "value of the state",
    "told the model",
    "said before",
  ])
    assert.ok(seen.includes(`${place} ${marks[0]}`), `${place} is shown as text`);
  assert.ok(
    (await page.locator("#answers-box td.answer", { hasText: marks[0] }).count()) > 0,
    "answers are shown as text",
  );
  for (const shown of ["U+202E", "U+200B", "bytes left out]"])
    assert.ok(seen.includes(shown), `${shown} is shown`);
  const more = page.locator("button", { hasText: /^show all .* characters$/ }).first();
  await more.click();
  assert.equal(await page.evaluate(() => window.pwned), undefined, "no script of theirs runs");
  assert.deepEqual(await page.evaluate(() => window.violations), [], "none of it was even tried");
  assert.deepEqual(await page.evaluate(dangerous), []);
  assert.deepEqual(wrong, []);

  // The policy itself holds, should something get through after all.
  const blocked = await page.evaluate(() => {
    const script = document.createElement("script");
    try {
      script.textContent = "window.pwned = 1";
    } catch {
      return "refused";
    }
    document.body.append(script);
    return window.pwned === undefined ? "refused" : "ran";
  });
  assert.equal(blocked, "refused", "the policy lets no other script in");
});
