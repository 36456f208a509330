// What a reader wants to know first: what was found, how it went, and what it cost.

import { drawn, el, patch, table } from "./dom.js";
import { annotated } from "./annotated.js";
import { noiseNote } from "./noise.js";
import { isGoing, treeFigure } from "./tree.js";
import { allCandidates, costChart, costParts, intervalBar, scoreChart, scoreRange } from "./charts.js";
import { comparisons, frontierChart, frontierTable } from "./compared.js";
import {
  answers,
  bytes,
  compact,
  count,
  dollars,
  duration,
  findingLine,
  grouped,
  headline,
  numbered,
  time,
} from "./text.js";

/** What must be said before any figure is read. */
export function notices(store) {
  const { run } = store;
  const all = [];
  if (run.config.mock) {
    all.push([
      "SIMULATED",
      "Both models of this run are simulated. Its figures show that the search works, and say nothing about a real model.",
    ]);
  }
  if (run.stopped) all.push(["Stopped", `${run.stopped.status}: ${run.stopped.reason}`]);
  else if (!run.finished_at) {
    const here = `${run.iterations.length} of ${count(allCandidates(run.config), "iteration")} are here`;
    all.push(
      run.going
        ? ["Not finished", `The run is under way: ${here}.`]
        : [
            "Not finished",
            `The run was cut off, and nobody works on it: ${here}. \`mmh run --resume\` goes on with it.`,
          ],
    );
  }
  const ungraded = run.iterations.filter((it) => it.score?.scorer?.n_errors > 0);
  if (ungraded.length > 0)
    all.push([
      "Grading",
      ungraded
        .map(
          ({ index, score: { scorer } }) => `${numbered(index)}: ${scorer.n_errors} of ${scorer.n_answers}`,
        )
        .join("; ") +
        ". So many answers got no grade, because the task's own scorer failed on them: they are worth 0.",
    ]);
  const findings = run.config.task.findings ?? [];
  if (findings.length > 0)
    all.push([
      "Data",
      findings.slice(0, 12).map(findingLine).join("; ") +
        (findings.length > 12 ? `; and ${findings.length - 12} more` : ""),
    ]);
  if (run.traces_left_out > 0)
    all.push([
      "Large",
      `${count(run.traces_left_out, "trace")} of this run ${run.traces_left_out === 1 ? "is" : "are"} not in this page, which has room for the first examples only. All results are here; \`mmh view\` shows all traces.`,
    ]);
  if (run.inputs_cut)
    all.push(["Large", "There are so many examples that of each text only the beginning is in this page."]);
  if (run.problems.length > 0)
    all.push([
      "Incomplete",
      run.problems.slice(0, 12).join("; ") +
        (run.problems.length > 12 ? `; and ${run.problems.length - 12} more` : ""),
    ]);
  return el(
    "div",
    { class: "notices" },
    all.map(([name, text]) =>
      el(
        "p",
        { class: `notice ${name === "SIMULATED" ? "simulated" : ""}`, "data-key": `notice-${name}` },
        el("strong", {}, name),
        " ",
        text,
      ),
    ),
  );
}

/** The finding in a sentence or two. `base` is the address of the run's page, where this is another one. */
export function finding(store, base = "") {
  const number = (index) => el("a", { href: `${base}#iteration-${index}` }, numbered(index));
  const { run, objective } = store;
  const scored = store.scored();
  const best = store.iterations.get(run.best);
  if (scored.length === 0 || !best?.score) return el("p", { class: "finding" }, "Nothing is scored yet.");
  const baseline = store.iterations.get(run.baseline);
  const of = `of ${grouped(best.score.n_examples)} validation examples`;
  const parts = [];
  if (store.isBaseline(best.index) || !baseline?.score) {
    parts.push(
      "The best harness is iteration ",
      number(best.index),
      " with ",
      strong(objective.shown(best.score)),
      ` ${of}.`,
    );
  } else {
    parts.push(
      "From ",
      strong(objective.shown(baseline.score)),
      " to ",
      strong(objective.shown(best.score)),
      " ",
      noiseNote(store.verdict("val", baseline.index, best.index)),
      ` ${of}: iteration `,
      number(best.index),
      " is the best, an optimistic estimate, as it is the best of ",
      count(scored.length, "score"),
      ".",
    );
  }
  const isNamed = (it) =>
    !run.config.protocol?.held_out || it.index === run.best || it.index === run.baseline;
  const isCompared = (it) => !store.isBaseline(it.index) || it.index === run.baseline;
  const tests = run.held_out.filter((it) => it.score && isNamed(it) && isCompared(it));
  if (tests.length > 0) {
    const n = grouped(tests[0].score.n_examples);
    parts.push(
      " Held out: ",
      tests.map((it, at) => [at > 0 ? " → " : "", strong(objective.shown(it.score))]),
      ` of ${n} examples${seenBefore(run.config.task)}`,
    );
  }
  return el("p", { class: "finding" }, parts);
}

/** Whether the search has seen held-out texts, as far as the run says. */
function seenBefore(task) {
  if (!task.findings) return ".";
  const seen = task.findings.filter((it) => it.kind === "overlap" && it.splits?.[1] === "test");
  if (seen.length === 0) return " that no harness and no proposer saw before.";
  return `; ${seen.map(findingLine).join("; ")}.`;
}

const strong = (text) => el("strong", {}, text);
/** The figures at the top. */
export function keyFigures(store) {
  const { run, objective } = store;
  const best = store.iterations.get(run.best);
  const test = run.held_out.find((it) => it.index === run.best && it.score);
  const cost = costParts(run);
  const spent = cost.of(run.total_cost, "proposer") + cost.of(run.total_cost, "target");
  const going = run.iterations.filter(isGoing).length;
  const unscored = run.iterations.filter((it) => !it.score).length - going;
  const states = [
    going > 0 ? `${going} under way` : "",
    unscored > 0 ? `${unscored} without a score` : "",
  ].filter(Boolean);
  const took = run.finished_at ? Date.parse(run.finished_at) - Date.parse(run.config.started_at) : null;
  const figures = [
    [
      "best on validation",
      best?.score ? objective.shown(best.score) : "–",
      best?.score ? objective.between(best.score) : "",
    ],
    [
      "the same, held out",
      test ? objective.shown(test.score) : "–",
      test ? objective.between(test.score) : "not scored",
    ],
    ["iterations", String(run.iterations.length), states.join(", ") || "all scored"],
    cost.money
      ? [
          "cost",
          dollars(spent),
          run.config.budget_usd === null
            ? "no budget was set"
            : `of a budget of ${dollars(run.config.budget_usd)}`,
        ]
      : ["tokens", compact(spent), run.config.mock ? "simulated, at no cost" : "without a price"],
    ["time", took ? duration(took) : "–", time(run.config.started_at)],
  ];
  return el(
    "dl",
    { class: "figures" },
    figures.map(([name, value, note]) =>
      el("div", {}, el("dt", {}, name), el("dd", {}, el("b", {}, value), el("span", {}, note))),
    ),
  );
}

/** The drawings with their legends. */
export function searchCharts(store) {
  const cost = costParts(store.run);
  return el(
    "div",
    {},
    el(
      "figure",
      {},
      el("figcaption", {}, el("b", {}, store.objective.title), " by iteration ", scoreLegend(store)),
      drawn((width) => scoreChart(store, width)),
    ),
    el(
      "figure",
      {},
      el(
        "figcaption",
        {},
        el("b", {}, "Cost"),
        ` by iteration, in ${cost.unit}${store.run.config.mock ? " (simulated)" : ""} `,
        legend([
          ["proposer", "proposer"],
          ["target", "target"],
        ]),
      ),
      drawn((width) => costChart(store, width)),
    ),
    treeFigure(store),
    store.run.compared.frontier.length > 0 ? frontierFigure(store) : null,
  );
}

/** The frontier as a drawing and as a table. */
function frontierFigure(store) {
  const marks = [
    ["full", "on the frontier: no other has as good a score with as few tokens"],
    ["dot", "other iterations"],
  ];
  return el(
    "figure",
    { id: "frontier" },
    el(
      "figcaption",
      {},
      el("b", {}, store.objective.title),
      " over prompt tokens, on validation ",
      legend(marks),
    ),
    drawn((width) => frontierChart(store, width)),
    frontierTable(store),
  );
}

/** What the marks of the chart of scores mean. */
export function scoreLegend(store) {
  const marks = [
    ["dot", "validation, with 95 % interval"],
    ["steps", "best so far"],
  ];
  if (store.run.held_out.length > 0) marks.push(["diamond", "held out"]);
  if (store.run.iterations.some(isGoing)) marks.push(["going", "under way"]);
  if (store.run.iterations.some((it) => !it.score && !isGoing(it))) marks.push(["cross", "no score"]);
  return legend(marks);
}

/** Marks and what they mean. */
export function legend(marks) {
  return el(
    "span",
    { class: "legend" },
    marks.map(([kind, text]) =>
      el("span", {}, el("i", { class: `mark ${kind}`, "aria-hidden": "true" }), text),
    ),
  );
}

/** All iterations in a table, with links to each. */
export function scoreboard(store) {
  const { run } = store;
  const range = scoreRange([store]);
  const cost = costParts(run);
  const heads = [
    ["", ""],
    store.objective.name,
    ["95 % interval", "wide"],
    ["parent (inferred)", "num wide"],
    ["fixed, broken, p", "num"],
    ["no answer", "num wide minor"],
    ["prompt", "num wide minor"],
    ["fuel each", "num wide minor"],
    [cost.money ? "cost" : "tokens", "num wide"],
    ["what it tries", "say"],
  ];
  const rows = run.iterations.map((it) =>
    it.score ? scoredRow(store, it, range, cost) : unscoredRow(it, cost),
  );
  return table("scoreboard", heads, rows, { class: "scoreboard", id: "scoreboard" });
}

function name(it, best, member = false) {
  return el(
    "th",
    { scope: "row" },
    el("a", { href: `#iteration-${it.index}` }, numbered(it.index)),
    best ? el("span", { class: "tag" }, "best") : null,
    member && !best ? el("span", { class: "tag plain" }, "frontier") : null,
    it.remark ? el("span", { class: "tag remark" }, it.remark) : null,
  );
}

const cell = (kind, ...children) => el("td", { class: kind }, children);

function scoredRow(store, it, range, cost) {
  const { score } = it;
  const { objective } = store;
  const changes = it.parent === null ? null : store.changes("val", it.parent, it.index);
  const parent = store.iterations.get(it.parent);
  const best = store.run.best === it.index;
  return el(
    "tr",
    { class: best ? "best" : "", "data-iteration": it.index, "data-key": `score-${it.index}` },
    name(
      it,
      best,
      store.run.compared.frontier.some((member) => member.index === it.index),
    ),
    cell(
      "accuracy",
      el("b", {}, objective.shown(score)),
      parent?.score ? el("span", { class: "delta" }, objective.difference(score, parent.score)) : null,
    ),
    cell("wide", intervalBar(objective, score, range), el("span", { class: "muted" }, objective.ends(score))),
    cell(
      "num wide",
      it.parent === null ? "–" : el("a", { href: `#iteration-${it.parent}` }, numbered(it.parent)),
    ),
    cell(
      "num",
      changes
        ? [
            el("span", { class: "good" }, `+${changes.fixed.length}`),
            " ",
            el("span", { class: "bad" }, `−${changes.broken.length}`),
            " ",
            noiseNote(store.verdict("val", it.parent, it.index)),
          ]
        : "–",
    ),
    cell(
      "num wide minor",
      score.n_errors === 0 ? "0" : el("span", { class: "bad" }, grouped(score.n_errors)),
    ),
    cell("num wide minor", bytes(score.mean_prompt_bytes)),
    cell("num wide minor", compact(score.total_fuel / Math.max(1, answers(score)))),
    cell("num wide", it.cost ? cost.shown(cost.of(it.cost, "proposer") + cost.of(it.cost, "target")) : "–"),
    cell("say", it.leaks > 0 ? el("span", { class: "bad" }, "LEAK: ") : "", headline(it.reasoning)),
  );
}

function unscoredRow(it, cost) {
  const none = cell("num wide minor", "–");
  return el(
    "tr",
    {
      class: isGoing(it) ? "under-way" : "unscored",
      "data-iteration": it.index,
      "data-key": `score-${it.index}`,
    },
    name(it, false),
    cell(
      "accuracy",
      isGoing(it)
        ? el("span", { class: "going" }, el("span", { class: "spinner", "aria-hidden": "true" }), "under way")
        : el("span", { class: "status" }, `no score: ${it.status}`),
    ),
    cell("wide", ""),
    cell(
      "num wide",
      it.parent === null ? "–" : el("a", { href: `#iteration-${it.parent}` }, numbered(it.parent)),
    ),
    cell("num", "–"),
    [none, none.cloneNode(true), none.cloneNode(true)],
    cell("num wide", it.cost ? cost.shown(cost.of(it.cost, "proposer") + cost.of(it.cost, "target")) : "–"),
    cell("say", it.reason ? headline(it.reason) : ""),
  );
}

/** The overview in these elements. */
export function showOverview(store, elements) {
  patch(elements.notices, notices(store));
  patch(elements.finding, finding(store), annotated(store, "run", "this run"), keyFigures(store));
  patch(elements.charts, searchCharts(store));
  patch(elements.scoreboard, scoreboard(store), comparisons(store));
}
