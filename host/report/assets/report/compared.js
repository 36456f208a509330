// Iterations beside each other: the frontier of score and prompt tokens, and what the comparisons say.

import { el, svg, table } from "./dom.js";
import { LEFT, RIGHT_MARGIN, scoreRange } from "./charts.js";
import { dollars, grouped, numbered } from "./text.js";

/** What a number beside a point takes: two of them never overlap, and none covers a point. */
const LABEL = { width: 26, height: 13 };

/** Places for the numbers of these points, in order, each where there is room: [point, x, y of the text, its anchor]. */
function labelPlaces(points, all, width, bottom) {
  const taken = all.map(({ left, top }) => [left - 5, top - 5, left + 5, top + 5]);
  const isFree = ([x1, y1, x2, y2]) =>
    x1 >= LEFT &&
    x2 <= width &&
    y1 >= 0 &&
    y2 <= bottom &&
    taken.every(([a1, b1, a2, b2]) => x2 <= a1 || a2 <= x1 || y2 <= b1 || b2 <= y1);
  const places = [];
  for (const point of points) {
    const { left, top } = point;
    for (const [right, above] of [
      [8, -4],
      [8, 14],
      [-8 - LABEL.width, -4],
      [-8 - LABEL.width, 14],
      [-LABEL.width / 2, -9],
      [-LABEL.width / 2, 19],
    ]) {
      const box = [left + right, top + above - LABEL.height + 3, left + right + LABEL.width, top + above + 3];
      if (!isFree(box)) continue;
      taken.push(box);
      places.push([point, left + right, top + above]);
      break;
    }
  }
  return places;
}

/** Mean input tokens of an example, all its model calls together. */
export const promptTokens = (score) =>
  score.mean_prompt_tokens ?? score.total_input_tokens / Math.max(1, score.n_examples);

/** Steps of an axis from 0: whole numbers of the form 1, 2 or 5 and zeros, about as many as are asked for. */
export function stepsOfAxis(most, wanted) {
  const rough = Math.max(most, 1) / wanted;
  const zeros = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((it) => it * zeros).find((it) => it >= rough);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, at) => at * step);
}

/** The plane of scores over prompt tokens: its places, and the drawing with its axes around what is in it. */
export function tokenPlane({ range, most, width, height, objective, label }) {
  const bottom = height - 44;
  const x = (tokens) => LEFT + ((width - LEFT - RIGHT_MARGIN) * tokens) / most;
  const y = (figure) => 14 + (bottom - 14) * (1 - (figure - range[0]) / (range[1] - range[0]));
  const rows = [];
  for (let figure = range[0]; figure <= range[1] + 1e-9; figure += range[1] - range[0] > 0.55 ? 0.2 : 0.1)
    rows.push(
      svg("line", { x1: LEFT, x2: width - RIGHT_MARGIN, y1: y(figure), y2: y(figure), class: "grid" }),
      svg(
        "text",
        { x: LEFT - 8, y: y(figure) + 4, class: "tick", "text-anchor": "end" },
        objective.written(figure, 0),
      ),
    );
  const ticks = stepsOfAxis(most, Math.max(2, Math.floor(width / 130))).map((tokens) =>
    svg("text", { x: x(tokens), y: bottom + 18, class: "tick", "text-anchor": "middle" }, grouped(tokens)),
  );
  const drawing = (...content) =>
    svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, width, height, class: "chart frontier", role: "group", "aria-label": label },
      rows,
      svg("line", { x1: LEFT, x2: width - RIGHT_MARGIN, y1: bottom, y2: bottom, class: "axis" }),
      ticks,
      svg(
        "text",
        { x: (LEFT + width) / 2, y: height - 8, class: "tick", "text-anchor": "middle" },
        "prompt tokens per example",
      ),
      ...content,
    );
  // The last member's step goes on to the end: nothing with more tokens is better.
  const steps = (members) =>
    members
      .map((it, at) =>
        at === 0 ? `M${x(it.prompt_tokens)} ${y(it.score)}` : `H${x(it.prompt_tokens)}V${y(it.score)}`,
      )
      .join("") + `H${width - RIGHT_MARGIN}`;
  return { x, y, bottom, drawing, steps };
}

/** Scores over prompt tokens. Members of the frontier are filled and joined, others hollow. */
export function frontierChart(store, width, { height = 260, base = "" } = {}) {
  const { objective } = store;
  const scored = store.scored();
  const members = store.run.compared.frontier;
  const isMember = new Set(members.map((it) => it.index));
  const { x, y, bottom, drawing, steps } = tokenPlane({
    range: scoreRange([store]),
    most: Math.max(...scored.map((it) => promptTokens(it.score)), 1) * 1.06,
    width,
    height,
    objective,
    label: inWords(store),
  });
  const points = scored.map((it) => ({
    it,
    left: x(promptTokens(it.score)),
    top: y(objective.value(it.score)),
  }));
  const named = [
    ...points.filter(({ it }) => isMember.has(it.index)),
    ...points.filter(({ it }) => !isMember.has(it.index)),
  ];
  return drawing(
    members.length > 1 ? svg("path", { d: steps(members), class: "best-so-far" }) : null,
    points.map(({ it, left, top }) => {
      const said = `${isMember.has(it.index) ? "on the frontier, " : ""}iteration ${numbered(it.index)}: ${objective.shown(it.score)} with ${tokensInWords(promptTokens(it.score))}${it.remark ? `, ${it.remark}` : ""}`;
      return svg(
        "a",
        {
          href: `${base}#iteration-${it.index}`,
          "aria-label": said,
          tabindex: "-1",
          "data-key": `point-${it.index}`,
          class: `point${isMember.has(it.index) ? " best" : ""}`,
        },
        svg("title", {}, said),
        svg("circle", { cx: left, cy: top, r: isMember.has(it.index) ? 5.5 : 4 }),
      );
    }),
    labelPlaces(named, points, width, bottom).map(([{ it }, left, top]) =>
      svg("text", { x: left, y: top, class: "tick", "data-key": `label-${it.index}` }, numbered(it.index)),
    ),
  );
}

const tokensInWords = (tokens) => `${grouped(tokens)} prompt tokens an example`;

function inWords(store) {
  const { objective } = store;
  const members = store.run.compared.frontier.map(
    (it) => `${numbered(it.index)} with ${objective.written(it.score)} and ${grouped(it.prompt_tokens)}`,
  );
  if (members.length === 0) return `${objective.name} over prompt tokens: nothing is scored yet`;
  return `${objective.name} over prompt tokens per example; on the frontier ${members.join(", ")}. The table below has all of it.`;
}

/** The members of the frontier in a table. */
export function frontierTable(store) {
  const { run, objective } = store;
  const members = run.compared.frontier;
  const num = (text) => [text, "num"];
  const row = (it) => [
    el("a", { href: `#iteration-${it.index}` }, numbered(it.index)),
    objective.written(it.score),
    `${objective.written(it.interval.low)} to ${objective.written(it.interval.high)}`,
    `${it.estimated ? "about " : ""}${grouped(it.prompt_tokens)}`,
    String(Number(it.model_calls.toFixed(2))),
    run.config.mock ? "–" : dollars(it.cost_usd),
    store.iterations.get(it.index)?.remark ?? "",
  ];
  const heads = [
    "on the frontier",
    num(objective.name),
    num("95 % interval"),
    num("prompt tokens"),
    num("model calls"),
    num("cost"),
    "",
  ];
  return [
    table("the frontier, each per example", heads, members.map(row), { class: "frontier" }),
    members.some((it) => it.estimated)
      ? el(
          "p",
          { class: "muted" },
          "“about”: the provider did not tell the tokens of some calls, so they were estimated from the texts.",
        )
      : null,
  ];
}

/** The comparisons: each iteration with the best before and with the baseline, and what follows in words. */
export function comparisons(store) {
  const { compared } = store.run;
  if (compared.rows.length === 0 && compared.words.length === 0) return null;
  const num = (text) => [text, "num"];
  const noise = (it, p) => [p, it.may_be_noise ? el("span", { class: "noise" }, " may be noise") : null];
  const before = (it) =>
    it ? [link(it.with), it.change, it.fixed, it.broken, noise(it, it.p)] : ["–", "–", "–", "–", "–"];
  const baseline = (it) =>
    it ? [it.change, it.fixed, it.broken, it.p, noise(it, it.p_holm)] : ["–", "–", "–", "–", "–"];
  const heads = [
    "iteration",
    "best before",
    num("change"),
    num("fixed"),
    num("broken"),
    num("p"),
    num("against the baseline: change"),
    num("fixed"),
    num("broken"),
    num("p"),
    num("p corrected (Holm)"),
  ];
  const rows = compared.rows.map((it) => [link(it.index), ...before(it.before), ...baseline(it.baseline)]);
  return el(
    "section",
    { id: "comparisons", "aria-labelledby": "comparisons-title" },
    el("h3", { id: "comparisons-title" }, "Comparisons"),
    rows.length > 0 ? table("comparisons of iterations", heads, rows, { class: "costs" }) : null,
    rows.length > 0 ? el("p", { class: "muted" }, `${compared.note}.`) : null,
    el(
      "ul",
      { class: "words" },
      compared.words.map((line) => el("li", { class: line.startsWith("  ") ? "under" : "" }, line.trim())),
    ),
  );
}

const link = (index) => el("a", { href: `#iteration-${index}` }, numbered(index));
