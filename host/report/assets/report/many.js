// Several runs beside each other: in one table that can be sorted, and with their frontiers in one drawing.

import { el, patch, svg } from "./dom.js";
import { costParts, scoreRange } from "./charts.js";
import { promptTokens, tokenPlane } from "./compared.js";
import { noiseNote } from "./noise.js";
import { grouped, numbered } from "./text.js";

/** Marks of the lines of runs, besides their numbers. */
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 5", "12 4"];

/** What a run says in one row. */
function summed(store, id, number) {
  const { run, objective } = store;
  const [best, baseline] = [store.iterations.get(run.best), store.iterations.get(run.baseline)];
  const test = run.held_out.find((it) => it.index === run.best && it.score);
  const cost = costParts(run);
  const spent = cost.of(run.total_cost, "proposer") + cost.of(run.total_cost, "target");
  return { store, run, objective, id, number, best, baseline, test, cost, spent };
}

const NOTHING = "–";
const hasScore = (it) => Boolean(it?.score);

/** The columns: name, class, what is sorted by, what is shown. */
const COLUMNS_OF_RUNS = {
  number: ["#", "num", (it) => it.number, (it) => String(it.number)],
  run: ["run", "", (it) => it.id, (it) => el("a", { href: `/run/${encodeURIComponent(it.id)}` }, it.id)],
  data: ["data set", "", (it) => it.run.config.dataset, (it) => it.run.config.dataset],
  target: ["target", "", (it) => it.run.config.target_model, (it) => it.run.config.target_model],
  baseline: ["baseline", "num", (it) => figureOf(it, it.baseline), (it) => shownOf(it, it.baseline)],
  best: ["best", "num", (it) => figureOf(it, it.best), (it) => bestShown(it)],
  change: ["change", "num", (it) => changeOf(it), (it) => changeShown(it)],
  test: ["held out", "num", (it) => figureOf(it, it.test), (it) => shownOf(it, it.test)],
  tokens: [
    "prompt tokens of the best",
    "num",
    (it) => (hasScore(it.best) ? promptTokens(it.best.score) : null),
    (it) => (hasScore(it.best) ? grouped(promptTokens(it.best.score)) : NOTHING),
  ],
  frontier: [
    "on the frontier",
    "",
    (it) => it.run.compared.frontier.length,
    (it) => it.run.compared.frontier.map((member) => numbered(member.index)).join(", ") || NOTHING,
  ],
  iterations: [
    "iterations",
    "num",
    (it) => it.run.iterations.length,
    (it) => String(it.run.iterations.length),
  ],
  cost: [
    "cost",
    "num",
    (it) => it.spent,
    (it) => `${it.cost.shown(it.spent)}${it.cost.money ? "" : " tokens"}`,
  ],
};

const figureOf = ({ objective }, it) => (hasScore(it) ? objective.value(it.score) : null);
const shownOf = ({ objective }, it) => (hasScore(it) ? objective.shown(it.score) : NOTHING);

function changeOf({ objective, best, baseline }) {
  return hasScore(best) && hasScore(baseline)
    ? objective.value(best.score) - objective.value(baseline.score)
    : null;
}

/** The best harness of a run, and what must be said of it: that it asks no model. */
function bestShown(it) {
  if (!hasScore(it.best)) return NOTHING;
  const { index, remark } = it.best;
  return [
    shownOf(it, it.best),
    " ",
    el("a", { href: `/run/${encodeURIComponent(it.id)}#iteration-${index}` }, numbered(index)),
    remark ? el("span", { class: "tag remark" }, remark) : null,
  ];
}

function changeShown({ store, objective, best, baseline }) {
  if (!hasScore(best) || !hasScore(baseline) || best === baseline) return NOTHING;
  return [
    objective.difference(best.score, baseline.score),
    " ",
    noiseNote(store.verdict("val", baseline.index, best.index)),
  ];
}

/** Which column the address sorts by, and whether the largest come first. */
function sortOf(hash) {
  const [, column, down] = hash.match(/^#sort=(\w+?)(-down)?$/) ?? [];
  return { column: Object.hasOwn(COLUMNS_OF_RUNS, column ?? "") ? column : "number", down: Boolean(down) };
}

/** All runs in a table. Which column sorts it stands in the address. */
export function runsTable(stores, ids) {
  const rows = stores.map((store, at) => summed(store, ids[at], at + 1));
  const box = el("div", {
    class: "scroll",
    tabindex: "0",
    role: "region",
    "aria-label": "runs",
    id: "runs-table",
  });
  const show = () => patch(box, sortedTable(rows, sortOf(location.hash)));
  window.addEventListener("hashchange", show);
  show();
  return box;
}

function sortedTable(rows, { column, down }) {
  const value = COLUMNS_OF_RUNS[column][2];
  const compared = (one, other) => {
    const [left, right] = [value(one), value(other)];
    // What is not known comes last.
    if (left === null || right === null) return (left === null) - (right === null);
    const order = typeof left === "string" ? left.localeCompare(right) : left - right;
    return down ? -order : order;
  };
  const heads = Object.entries(COLUMNS_OF_RUNS).map(([name, [title, kind]]) => {
    const sorts = name === column;
    const next = sorts && !down ? `#sort=${name}-down` : `#sort=${name}`;
    return el(
      "th",
      { scope: "col", class: kind, "aria-sort": sorts ? (down ? "descending" : "ascending") : null },
      el("a", { href: next, class: "sort" }, title, sorts ? (down ? " ▼" : " ▲") : ""),
    );
  });
  const body = [...rows].sort(compared).map((it) =>
    el(
      "tr",
      { "data-key": `run-${it.id}` },
      Object.values(COLUMNS_OF_RUNS).map(([, kind, , shown]) => el("td", { class: kind }, shown(it))),
    ),
  );
  return el(
    "table",
    { class: "several" },
    el("caption", { class: "hidden" }, "runs"),
    el("thead", {}, el("tr", {}, heads)),
    el("tbody", {}, body),
  );
}

/** The frontiers of all runs over common axes. Points have the number of their run. */
export function frontiersChart(stores, ids, width, height = 300) {
  const members = stores.map((store) => store.run.compared.frontier);
  const { objective } = stores[0];
  const said = members.map(
    (all, at) =>
      `${at + 1}, ${ids[at]}: ${all.map((it) => `${objective.written(it.score)} with ${grouped(it.prompt_tokens)}`).join(", ") || "none"}`,
  );
  const plane = tokenPlane({
    range: scoreRange(stores),
    most: Math.max(...members.flat().map((it) => it.prompt_tokens), 1) * 1.08,
    width,
    height,
    objective,
    label: `frontiers: ${said.join("; ")}`,
  });
  return plane.drawing(members.map((all, at) => frontierOfRun(all, at, plane, ids[at], objective)));
}

function frontierOfRun(members, at, { x, y, steps }, id, objective) {
  const points = members.map((it) => {
    const said = `${at + 1}, ${id}, iteration ${numbered(it.index)}: ${objective.written(it.score)} with ${grouped(it.prompt_tokens)} prompt tokens an example`;
    return svg(
      "a",
      {
        href: `/run/${encodeURIComponent(id)}#iteration-${it.index}`,
        "aria-label": said,
        tabindex: "-1",
        class: "point numbered",
      },
      svg("title", {}, said),
      svg("circle", { cx: x(it.prompt_tokens), cy: y(it.score), r: 8 }),
      svg(
        "text",
        { x: x(it.prompt_tokens), y: y(it.score) + 4, class: "tick", "text-anchor": "middle" },
        String(at + 1),
      ),
    );
  });
  return [
    members.length > 0
      ? svg("path", {
          d: steps(members),
          class: "frontier-line",
          "stroke-dasharray": DASHES[at % DASHES.length],
        })
      : null,
    points,
  ];
}
