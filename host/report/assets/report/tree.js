// The candidates as a tree: each beside its parent, a column for each generation.

import { el, svg } from "./dom.js";
import { count, headline, numbered } from "./text.js";

/** The room of a candidate: labels are narrower and lower, so that they never overlap. */
const STEP = { across: 122, down: 46 };
const EDGE = { left: 16, top: 34 };

/** The generation of a candidate: 0 for the baselines. */
function generationOf(run, index) {
  const { baselines = 1, candidates = 1 } = run.config.protocol ?? {};
  return index < baselines ? 0 : Math.floor((index - baselines) / candidates) + 1;
}

/** Where each candidate stands: its generation across, a row of its own down; a first child goes on in its parent's row. */
function placesOf(store) {
  const { run } = store;
  const children = new Map();
  const roots = [];
  for (const it of run.iterations) {
    const parent = store.iterations.has(it.parent) && it.parent < it.index ? it.parent : null;
    if (parent === null) roots.push(it);
    else children.set(parent, [...(children.get(parent) ?? []), it]);
  }
  const places = new Map();
  let row = -1;
  // Without recursion: a chain may be as long as a run.
  const waiting = roots.map((it) => [it, false]).reverse();
  while (waiting.length > 0) {
    const [it, goesOn] = waiting.pop();
    const parent = places.get(it.parent);
    const generation = generationOf(run, it.index);
    const isFree = goesOn && parent.row === row && generation > parent.generation;
    if (!isFree) row += 1;
    places.set(it.index, { it, generation, row });
    const own = children.get(it.index) ?? [];
    for (let at = own.length - 1; at >= 0; at -= 1) waiting.push([own[at], at === 0]);
  }
  return { places, rows: row + 1 };
}

/** The tree as a drawing that scrolls where there are many generations. */
export function treeFigure(store) {
  if (store.run.iterations.length < 2) return null;
  const { places, rows } = placesOf(store);
  const generations = Math.max(...[...places.values()].map((it) => it.generation)) + 1;
  const [width, height] = [EDGE.left + generations * STEP.across, EDGE.top + rows * STEP.down];
  const all = [...places.values()];
  const drawing = svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      class: "chart tree",
      role: "group",
      "aria-label": treeInWords(store, all, generations),
    },
    Array.from({ length: generations }, (_, at) =>
      svg(
        "text",
        { x: EDGE.left + at * STEP.across, y: 14, class: "tick" },
        at === 0 ? "baselines" : `generation ${at}`,
      ),
    ),
    all.map((place) => branch(places.get(place.it.parent), place)),
    all.map((place) => treeNode(store, place)),
  );
  return el(
    "figure",
    { id: "tree" },
    el(
      "figcaption",
      {},
      el("b", {}, "Candidates"),
      " by parent and generation ",
      el(
        "span",
        { class: "muted" },
        "Parents are inferred, and so drawn dotted: the earlier harness that a source shares most lines with.",
      ),
    ),
    el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "tree of candidates" },
      drawing,
    ),
  );
}

const xOf = ({ generation }) => EDGE.left + 8 + generation * STEP.across;
const yOf = ({ row }) => EDGE.top + 8 + row * STEP.down;

/** The line from a parent. Lines leave downwards and arrive from the left, so that none runs through a label. */
function branch(parent, place) {
  if (!parent) return null;
  const [x1, y1, x2, y2] = [xOf(parent), yOf(parent), xOf(place), yOf(place)];
  const path =
    y1 === y2
      ? `M${x1 + 7} ${y1}H${x2 - 8}`
      : `M${x1} ${y1 + 7}V${y2 - 8}Q${x1} ${y2} ${x1 + 8} ${y2}H${x2 - 8}`;
  return svg("path", { d: path, class: "branch" });
}

function treeNode(store, place) {
  const { it } = place;
  const { objective, run } = store;
  const [x, y] = [xOf(place), yOf(place)];
  const kind = it.score ? (run.best === it.index ? "best" : "") : isGoing(it) ? "going" : "unscored";
  const shown = it.score ? objective.shown(it.score) : it.status;
  const label = shown.length > 12 ? `${shown.slice(0, 11)}…` : shown;
  const parent = it.parent === null ? "" : `, from ${numbered(it.parent)} (inferred)`;
  const said = `iteration ${numbered(it.index)}: ${it.score ? objective.inWords(it.score) : it.status}${parent}${it.remark ? `, ${it.remark}` : ""}. ${headline(it.reasoning)}`;
  return svg(
    "a",
    {
      href: `#iteration-${it.index}`,
      "aria-label": said,
      class: `point ${kind}`,
      "data-key": `node-${it.index}`,
    },
    svg("title", {}, said),
    svg("rect", { x: x - 12, y: y - 12, width: STEP.across - 8, height: STEP.down - 6, class: "hit" }),
    svg("circle", { cx: x, cy: y, r: 6 }),
    svg("text", { x: x + 11, y: y + 17, class: "tick" }, `${numbered(it.index)} ${label}`),
  );
}

/** Whether somebody works on a candidate. */
export const isGoing = (it) => it.status === "under way";

function treeInWords(store, all, generations) {
  const parents = all
    .filter((place) => place.it.parent !== null)
    .map(({ it }) => `${numbered(it.index)} from ${numbered(it.parent)}`);
  return `${count(all.length, "candidate")} in ${count(generations - 1, "generation")} after the baselines; parents, inferred: ${parents.join(", ") || "none"}`;
}
