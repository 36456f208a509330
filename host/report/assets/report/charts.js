// The drawings that compare iterations: scores with intervals, and costs. Each is drawn for a width, and
// says in words what it shows.

import { svg } from "./dom.js";
import { compact, dollars, numbered } from "./text.js";

export const LEFT = 56;
export const RIGHT_MARGIN = 14;

/** How many iterations there are, if the search is not ended early. */
export const allCandidates = ({ iterations, protocol }) =>
  (protocol?.baselines ?? 1) + iterations * (protocol?.candidates ?? 1);

/** Where iterations stand from left to right. `extra` places are kept free behind them. */
function columns(run, width, extra = 0) {
  const last = Math.max(allCandidates(run.config) - 1, ...run.iterations.map((it) => it.index));
  const step = (width - LEFT - RIGHT_MARGIN) / (last + 1 + extra);
  return { last, step, x: (index) => LEFT + step * (index + 0.5) };
}

/** The numbers of iterations under a drawing, as many as there is room for; `kept` is free space at the end. */
function numbers(scale, top, kept = 0) {
  const every = Math.max(1, Math.ceil(30 / scale.step));
  const shown = Array.from({ length: scale.last + 1 }, (_, index) => index).filter(
    (index) => index % every === 0 && (scale.last + 1 - index) * scale.step > kept,
  );
  return shown.map((index) =>
    svg("text", { x: scale.x(index), y: top, class: "tick", "text-anchor": "middle" }, numbered(index)),
  );
}

/** The range of an axis of scores: whole tenths around everything that is shown. */
export function scoreRange(stores) {
  const intervals = stores.flatMap((store) =>
    [...store.scored(), ...store.run.held_out.filter((it) => it.score)].map((it) =>
      store.objective.interval(it.score),
    ),
  );
  const [least, most] = stores[0].objective.range;
  if (intervals.length === 0) return [least, most];
  const low = Math.floor(Math.min(...intervals.map((interval) => interval.low)) * 10) / 10;
  const high = Math.ceil(Math.max(...intervals.map((interval) => interval.high)) * 10) / 10;
  return [Math.max(least, low), Math.min(most, Math.max(high, low + 0.1))];
}

/**
 * Scores by iteration. `until` is the last iteration that is shown, `heldOut` whether held-out scores are,
 * `marked` one that stands out. Each point is a link to its iteration, on the page at `base`.
 */
export function scoreChart(store, width, options = {}) {
  const {
    until = Infinity,
    heldOut = true,
    marked = null,
    range = scoreRange([store]),
    height = 300,
    base = "",
  } = options;
  const { run, objective } = store;
  const scale = columns(run, width);
  const bottom = height - 46;
  const y = (share) => 14 + (bottom - 14) * (1 - (share - range[0]) / (range[1] - range[0]));
  const scored = store.scored().filter((it) => it.index <= until);
  const unscored = run.iterations.filter((it) => !it.score && it.index <= until);
  const tests = heldOut ? run.held_out.filter((it) => it.score) : [];
  const best = objective.bestOf(scored);
  return svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      class: "chart",
      role: "group",
      "aria-label": scoresInWords(objective, scored, unscored, tests, best),
    },
    grid(objective, range, width, y),
    bestSoFar(objective, scored, scale, y),
    scored.map((it) =>
      scorePoint(objective, it, scale.x(it.index), y, {
        best: it === best,
        marked: marked === it.index,
        base,
      }),
    ),
    tests.map((it) => heldOutPoint(objective, it, scale.x(it.index) + Math.min(12, scale.step * 0.32), y)),
    best ? bestLabel(objective, best, scale.x(best.index), y, width) : null,
    unscored.map((it) => unscoredMark(it, scale.x(it.index), bottom + 14, marked === it.index, base)),
    numbers(scale, height - 6),
  );
}

function grid(objective, range, width, y) {
  const lines = [];
  const step = range[1] - range[0] > 0.55 ? 0.2 : 0.1;
  for (let share = Math.ceil(range[0] / step - 1e-9) * step; share <= range[1] + 1e-9; share += step) {
    lines.push(
      svg("line", { x1: LEFT, x2: width - RIGHT_MARGIN, y1: y(share), y2: y(share), class: "grid" }),
    );
    lines.push(
      svg(
        "text",
        { x: LEFT - 8, y: y(share) + 4, class: "tick", "text-anchor": "end" },
        objective.written(share, 0),
      ),
    );
  }
  return lines;
}

/** The best score so far as steps. */
function bestSoFar(objective, scored, scale, y) {
  if (scored.length < 2) return null;
  let path = "";
  let best = null;
  for (const it of scored) {
    const x = scale.x(it.index);
    const better = best === null || objective.isBetter(it.score, best);
    if (better) best = it.score;
    if (path === "") path = `M${x} ${y(objective.value(it.score))}`;
    else path += better ? `H${x}V${y(objective.value(it.score))}` : `H${x}`;
  }
  return svg("path", { d: path, class: "best-so-far" });
}

function scorePoint(objective, it, x, y, { best, marked, base }) {
  const interval = objective.interval(it.score);
  const said = `iteration ${numbered(it.index)}: ${objective.inWords(it.score)}`;
  return svg(
    "a",
    {
      href: `${base}#iteration-${it.index}`,
      "aria-label": said,
      tabindex: "-1",
      class: `point${best ? " best" : ""}${marked ? " marked" : ""}`,
    },
    svg("title", {}, said),
    svg("rect", {
      x: x - 9,
      y: y(interval.high) - 4,
      width: 18,
      height: y(interval.low) - y(interval.high) + 8,
      class: "hit",
    }),
    svg("line", { x1: x, x2: x, y1: y(interval.low), y2: y(interval.high), class: "whisker" }),
    svg("circle", { cx: x, cy: y(objective.value(it.score)), r: best ? 6 : 4.5 }),
  );
}

function heldOutPoint(objective, it, x, y) {
  const interval = objective.interval(it.score);
  const said = `held-out, iteration ${numbered(it.index)}: ${objective.inWords(it.score)}`;
  const at = y(objective.value(it.score));
  return svg(
    "g",
    { class: "held-out" },
    svg("title", {}, said),
    svg("line", { x1: x, x2: x, y1: y(interval.low), y2: y(interval.high), class: "whisker" }),
    svg("path", { d: `M${x} ${at - 6}L${x + 6} ${at}L${x} ${at + 6}L${x - 6} ${at}Z` }),
  );
}

function bestLabel(objective, best, x, y, width) {
  const end = x > width - 90;
  return svg(
    "text",
    {
      x: end ? x - 11 : x + 11,
      y: y(objective.value(best.score)) - 9,
      class: "value",
      "text-anchor": end ? "end" : "start",
    },
    objective.shown(best.score),
  );
}

/** An iteration without a score stands under the axis: it is not 0 %. */
function unscoredMark(it, x, y, marked, base) {
  const isGoing = it.status === "under way";
  const said = `iteration ${numbered(it.index)}: ${isGoing ? `under way, ${it.reason}` : `${it.status}, no score`}`;
  return svg(
    "a",
    {
      href: `${base}#iteration-${it.index}`,
      "aria-label": said,
      tabindex: "-1",
      class: `${it.status === "under way" ? "going" : "unscored"}${marked ? " marked" : ""}`,
    },
    svg("title", {}, said),
    svg("rect", { x: x - 9, y: y - 9, width: 18, height: 18, class: "hit" }),
    svg("path", {
      d: isGoing
        ? `M${x - 4} ${y}H${x + 4}`
        : `M${x - 4} ${y - 4}L${x + 4} ${y + 4}M${x - 4} ${y + 4}L${x + 4} ${y - 4}`,
    }),
  );
}

function scoresInWords(objective, scored, unscored, tests, best) {
  if (scored.length === 0) return `${objective.name} by iteration: nothing is scored yet`;
  const parts = [
    `${objective.name} by iteration with 95 % intervals: from ${objective.shown(scored[0].score)} in ${numbered(scored[0].index)}`,
  ];
  parts.push(`best ${objective.shown(best.score)} in ${numbered(best.index)}`);
  if (unscored.length > 0)
    parts.push(`without a score ${unscored.map((it) => numbered(it.index)).join(", ")}`);
  for (const it of tests) parts.push(`held-out ${objective.shown(it.score)} for ${numbered(it.index)}`);
  return `${parts.join("; ")}. The scoreboard below has all of it.`;
}

/** What is paid, or in a simulated run, what would be counted. */
export function costParts(run) {
  const money = run.total_cost.estimated_usd > 0;
  const tokens = (cost, who) => cost[`${who}_input_tokens`] + cost[`${who}_output_tokens`];
  const of = (cost, who) => (money ? cost[`${who}_usd`] : tokens(cost, who));
  return { money, of, shown: money ? dollars : compact, unit: money ? "US dollars" : "tokens" };
}

/** Costs by iteration, the proposer's under the target's, and at the end those of the held-out evaluation. */
export function costChart(store, width, { height = 150, top = null } = {}) {
  const { run } = store;
  const parts = costParts(run);
  const bars = run.iterations.filter((it) => it.cost).map((it) => [it.index, numbered(it.index), it.cost]);
  const scale = columns(run, width, run.costs ? 1 : 0);
  const tested = run.costs && parts.of(run.costs.test, "target") > 0;
  if (tested) bars.push([scale.last + 1, "test", run.costs.test]);
  const total = (cost) => parts.of(cost, "proposer") + parts.of(cost, "target");
  const most = top ?? Math.max(...bars.map(([, , cost]) => total(cost)), 1e-9);
  const bottom = height - 24;
  const long = (value) => ((bottom - 20) * value) / most;
  const broad = Math.min(34, scale.step * 0.62);
  const bar = ([index, name, cost]) => {
    const [proposer, target] = [parts.of(cost, "proposer"), parts.of(cost, "target")];
    const x = scale.x(index) - broad / 2;
    const said = `${name}: proposer ${parts.shown(proposer)}, target ${parts.shown(target)}`;
    return svg(
      "g",
      {},
      svg("title", {}, said),
      svg("rect", { x, y: bottom - long(proposer), width: broad, height: long(proposer), class: "proposer" }),
      svg("rect", {
        x,
        y: bottom - long(proposer) - long(target),
        width: broad,
        height: long(target),
        class: "target",
      }),
      scale.step >= 44
        ? svg(
            "text",
            {
              x: x + broad / 2,
              y: bottom - long(proposer + target) - 5,
              class: "tick",
              "text-anchor": "middle",
            },
            parts.shown(proposer + target),
          )
        : null,
    );
  };
  return svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      class: "chart cost",
      role: "img",
      "aria-label": `cost by iteration in ${parts.unit}, proposer and target; the table of costs has all of it`,
    },
    svg("line", { x1: LEFT, x2: width - RIGHT_MARGIN, y1: bottom, y2: bottom, class: "axis" }),
    svg("text", { x: LEFT - 8, y: 24, class: "tick", "text-anchor": "end" }, parts.shown(most)),
    svg("text", { x: LEFT - 8, y: bottom + 4, class: "tick", "text-anchor": "end" }, "0"),
    bars.map(bar),
    numbers(scale, height - 6, tested ? 34 : 0),
    tested
      ? svg(
          "text",
          { x: scale.x(scale.last + 1), y: height - 6, class: "tick", "text-anchor": "middle" },
          "test",
        )
      : null,
  );
}

/** One score's interval on a common scale, for a table's row. */
export function intervalBar(objective, score, range, width = 96) {
  const x = (share) => 4 + ((width - 8) * (share - range[0])) / (range[1] - range[0]);
  const { low, high } = objective.interval(score);
  return svg(
    "svg",
    { viewBox: `0 0 ${width} 14`, width, height: 14, class: "interval", "aria-hidden": "true" },
    svg("line", { x1: 0, x2: width, y1: 7, y2: 7, class: "grid" }),
    svg("line", { x1: x(low), x2: x(high), y1: 7, y2: 7, class: "whisker" }),
    svg("circle", { cx: x(objective.value(score)), cy: 7, r: 3.5 }),
  );
}

/** What became of one example in each iteration: full for right, hollow for wrong, crossed for no answer. */
export function strip(states, size = 9) {
  const paths = { right: "", wrong: "", failed: "", absent: "" };
  states.forEach((state, at) => {
    const x = at * (size + 2) + 1;
    const end = size - 1;
    if (state === "right") paths.right += `M${x} 1h${size}v${size}h-${size}z`;
    else if (state === "wrong") paths.wrong += `M${x + 0.5} 1.5h${end}v${end}h-${end}z`;
    else if (state === "failed")
      paths.failed += `M${x + 1} 2l${end - 1} ${end - 1}m0 -${end - 1}l-${end - 1} ${end - 1}`;
    else paths.absent += `M${x + size / 2 - 1} ${1 + size / 2}h2`;
  });
  const width = states.length * (size + 2) + 1;
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${size + 2}`, width, height: size + 2, class: "strip", "aria-hidden": "true" },
    Object.entries(paths)
      .filter(([, path]) => path !== "")
      .map(([state, path]) => svg("path", { d: path, class: state })),
  );
}
