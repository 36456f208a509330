// Pages that only a server has: the list of runs, and runs side by side.

import { drawn, el, fill, patch, table } from "./dom.js";
import { costChart, costParts, scoreChart, scoreRange } from "./charts.js";
import { finding, legend, notices, scoreLegend } from "./overview.js";
import { Store, RIGHT, served } from "./model.js";
import { Objective } from "./objective.js";
import { frontiersChart, runsTable } from "./many.js";
import { count, dollars, grouped, numbered, time } from "./text.js";

const NONE = "–";

/** All runs of the folder. */
export function showRuns(runs, element) {
  const row = (run) => [
    run.opens ? choice(run) : "",
    el(
      "th",
      { scope: "row" },
      run.opens ? el("a", { href: `/run/${encodeURIComponent(run.id)}` }, run.id) : run.id,
    ),
    run.problem
      ? el("span", { class: "bad" }, run.problem)
      : run.mock
        ? [el("span", { class: "tag simulated" }, "SIMULATED"), " ", run.state]
        : run.state,
    run.dataset ?? NONE,
    run.target_model ?? NONE,
    figure(run, run.best),
    figure(run, run.test),
    run.iterations === null ? NONE : `${run.iterations} of ${run.asked}`,
    run.usd === null ? NONE : dollars(run.usd),
    run.started_at ? time(run.started_at) : NONE,
  ];
  const heads = [
    el("span", { class: "hidden" }, "chosen"),
    "run",
    "state",
    "data set",
    "target",
    ["best", "num"],
    ["held out", "num"],
    ["iterations", "num"],
    ["cost", "num"],
    "started",
  ];
  patch(
    element,
    runs.length === 0
      ? el("p", { class: "muted" }, "There is no run in this folder yet.")
      : table("runs", heads, runs.map(row)),
    runs.filter((run) => run.opens).length > 1 ? compareChosen() : null,
  );
}

/** Runs that are chosen to be compared, in the order in which they were chosen, and how many there can be. */
const CHOSEN = new Set();
const COMPARED = 16;

function choice(run) {
  const change = ({ currentTarget: box }) => {
    if (box.checked && CHOSEN.size < COMPARED) CHOSEN.add(run.id);
    else CHOSEN.delete(run.id);
    box.checked = CHOSEN.has(run.id);
    patch(document.getElementById("compare-chosen"), compareLabel());
  };
  const box = el("input", {
    type: "checkbox",
    id: `choose-${run.id}`,
    "aria-label": `compare ${run.id}`,
    on: { change },
  });
  box.checked = CHOSEN.has(run.id);
  return box;
}

const compareLabel = () =>
  `Compare ${CHOSEN.size < 2 ? "the runs that are ticked, two or more" : count(CHOSEN.size, "run")}`;

function compareChosen() {
  const go = () =>
    CHOSEN.size >= 2 && location.assign(`/compare/${[...CHOSEN].map(encodeURIComponent).join("/")}`);
  return el(
    "p",
    { class: "several-runs" },
    el("button", { type: "button", id: "compare-chosen", on: { click: go } }, compareLabel()),
  );
}

/** What the objective of a listed run compares, if it is known. */
const figure = (run, value) => (value === null ? NONE : new Objective(run.objective).written(value));

/** What the runs compare: one figure, or several, which are not the same. */
const figures = (stores) => [...new Set(stores.map((store) => store.objective.name))].join(" or ");

/** Runs side by side, over common scales. */
export async function showComparison(ids, element) {
  const stores = await Promise.all(ids.map(async (id) => new Store(await served(id)("run"), served(id))));
  const scale = { range: scoreRange(stores), top: commonTop(stores) };
  fill(
    element,
    runsTable(stores, ids),
    el(
      "figure",
      { id: "frontiers" },
      el(
        "figcaption",
        {},
        el("b", {}, "Frontiers"),
        ` each run's ${figures(stores)} over prompt tokens on validation, by the number of its row`,
      ),
      drawn((width) => frontiersChart(stores, ids, width)),
    ),
    el(
      "div",
      { class: "two" },
      stores.map((store, at) => side(store, ids[at], scale)),
    ),
    stores.length === 2 ? agreement(stores, ids) : null,
    differences(
      stores.map((store) => store.run.config),
      ids,
    ),
  );
}

/** The highest bar of both runs, where both count the same. */
function commonTop(stores) {
  const kinds = stores.map((store) => costParts(store.run));
  if (kinds.some((kind) => kind.money !== kinds[0].money)) return null;
  const all = stores.flatMap(({ run }, at) =>
    [...run.iterations.map((it) => it.cost), run.costs?.test]
      .filter(Boolean)
      .map((cost) => kinds[at].of(cost, "proposer") + kinds[at].of(cost, "target")),
  );
  return Math.max(1e-9, ...all);
}

function side(store, id, { range, top }) {
  const base = `/run/${encodeURIComponent(id)}`;
  return el(
    "section",
    {},
    el("h3", {}, el("a", { href: base }, id)),
    notices(store),
    finding(store, base),
    el(
      "figure",
      {},
      el("figcaption", {}, el("b", {}, store.objective.title), scoreLegend(store)),
      drawn((width) => scoreChart(store, width, { range, base })),
    ),
    el(
      "figure",
      {},
      el(
        "figcaption",
        {},
        el("b", {}, "Cost"),
        legend([
          ["proposer", "proposer"],
          ["target", "target"],
        ]),
      ),
      drawn((width) => costChart(store, width, { top })),
    ),
  );
}

/** What both best harnesses make of the examples that both runs have. */
function agreement([left, right], [first, second]) {
  const [one, other] = [left.run.best, right.run.best];
  if (one === null || other === null) return null;
  const there = new Map(right.run.val.map((example, at) => [example.id, [at, example]]));
  const counts = { both: 0, left: 0, right: 0, neither: 0 };
  left.run.val.forEach((example, at) => {
    const found = there.get(example.id);
    if (!found || found[1].input !== example.input) return;
    const states = [
      left.evaluation("val", one).state(at) === RIGHT,
      right.evaluation("val", other).state(found[0]) === RIGHT,
    ];
    counts[states[0] ? (states[1] ? "both" : "left") : states[1] ? "right" : "neither"] += 1;
  });
  const common = counts.both + counts.left + counts.right + counts.neither;
  if (common === 0) return el("p", { class: "muted" }, "These runs have no example in common.");
  const rows = [
    ["both right", grouped(counts.both)],
    [`only ${first}`, grouped(counts.left)],
    [`only ${second}`, grouped(counts.right)],
    ["neither", grouped(counts.neither)],
  ];
  return el(
    "section",
    {},
    el(
      "h3",
      {},
      `Best against best: ${numbered(one)} and ${numbered(other)} on ${count(common, "common example")}`,
    ),
    table("agreement", ["", ["examples", "num"]], rows),
  );
}

/** Where their configurations differ. */
function differences(configs, ids) {
  const flat = configs.map((config) => new Map(flattened("", config)));
  const names = [...new Set(flat.flatMap((config) => [...config.keys()]))].filter(
    (name) => !["run_id", "started_at"].includes(name),
  );
  const rows = names
    .filter((name) => flat.some((config) => config.get(name) !== flat[0].get(name)))
    .map((name) => [el("th", { scope: "row" }, name), ...flat.map((config) => config.get(name) ?? NONE)]);
  if (rows.length === 0) return el("p", {}, "They were asked for the same, with the same tools.");
  return el(
    "section",
    {},
    el("h3", {}, "What was asked for differently"),
    table("configurations", ["", ...ids], rows),
  );
}

function flattened(prefix, value) {
  if (value === null || typeof value !== "object") return [[prefix, String(value)]];
  if (Array.isArray(value)) return [[prefix, value.join(", ")]];
  return Object.entries(value).flatMap(([name, value]) =>
    flattened(prefix ? `${prefix}.${name}` : name, value),
  );
}
