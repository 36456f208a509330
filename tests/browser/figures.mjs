// node figures.mjs PROGRAM RUN: what pages of two sizes take, beside their limits: bytes, time until they can be used, and the script
// of a live update. PROGRAM is mmh; the pages are of runs that `fabricate.mjs` makes of RUN. Figures for people, not a test.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { open, withBrowser } from "./browser.mjs";

const [, , program, run] = process.argv;

/** Iterations, examples, the most bytes of a page, the most milliseconds until it can be used. */
const SIZES = [
  [13, 100, 1500000, 1000],
  [60, 500, Infinity, 3000],
];
const UPDATE = 100;
const ROUNDS = 5;

const median = (figures) => [...figures].sort((one, other) => one - other)[Math.floor(figures.length / 2)];

function print(what, figure, limit, unit) {
  const shown = Number.isFinite(limit) ? `${limit} ${unit}` : "";
  console.log(`${what.padEnd(44)}${`${figure.toFixed(0)} ${unit}`.padStart(14)}${shown.padStart(14)}`);
}

/** Milliseconds until a page can be used. */
async function usable(browser, address) {
  const { page, context } = await open(browser, address);
  const found = await page.evaluate(() => performance.getEntriesByName("usable")[0].startTime);
  await context.close();
  return found;
}

/** The milliseconds of script that updates of a live page take: what is in sight, and each part out of sight, which comes later. */
async function updates(browser, address, folder) {
  const { page, context } = await open(browser, address);
  const [seen, later] = [[], []];
  const file = join(folder, "summary.json");
  // The first look comes as the page opens.
  await page.waitForTimeout(1000);
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = Number(await page.getAttribute("#live", "data-looks"));
    const summary = JSON.parse(readFileSync(file, "utf8"));
    // Every score changes, and with it every part of the page.
    for (const it of summary.iterations) it.score.total_fuel += 1000000;
    writeFileSync(file, JSON.stringify(summary));
    await page.waitForFunction(
      (before) => Number(document.getElementById("live").dataset.looks ?? 0) > before,
      before,
    );
    seen.push(await page.evaluate(() => performance.getEntriesByName("update")[0].duration));
    await page.waitForTimeout(2500);
    const parts = await page.evaluate(() => performance.getEntriesByName("later").map((it) => it.duration));
    later.push(Math.max(0, ...parts));
  }
  await context.close();
  return [median(seen), median(later)];
}

const folder = mkdtempSync(join(tmpdir(), "figures-"));
const runs = join(folder, "runs");
mkdirSync(runs);
await withBrowser(async (browser) => {
  const view = spawn(program, ["view", runs], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    for (const [iterations, examples, bytes, milliseconds] of SIZES) {
      const size = `${iterations} x ${examples}`;
      const [made, file] = [join(runs, `f${iterations}`), join(folder, `f${iterations}.html`)];
      execFileSync("node", ["fabricate.mjs", run, made, String(iterations), String(examples)]);
      execFileSync(program, ["report", made, "-o", file], { stdio: "ignore" });
      print(`page, ${size}`, statSync(file).size, bytes, "bytes");
      const times = [];
      for (let round = 0; round < ROUNDS; round += 1)
        times.push(await usable(browser, pathToFileURL(file).href));
      print(`  usable after`, median(times), milliseconds, "ms");
    }
    const url = await new Promise((resolve) =>
      view.stdout.once("data", (said) => resolve(String(said).trim())),
    );
    for (const [iterations, examples] of SIZES) {
      const [seen, later] = await updates(browser, `${url}run/f${iterations}`, join(runs, `f${iterations}`));
      print(`live update, ${iterations} x ${examples}, script`, seen, UPDATE, "ms");
      print("  a part out of sight, later", later, UPDATE, "ms");
    }
  } finally {
    view.kill();
    rmSync(folder, { recursive: true });
  }
});
