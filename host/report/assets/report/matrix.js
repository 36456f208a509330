// Every example by every candidate, with the answers side by side, and the candidates that have each right.

import { el, patch, select } from "./dom.js";
import { count, grouped, numbered } from "./text.js";
import { ABSENT, FAILED, GLYPHS, RIGHT } from "./model.js";
import { noiseNote } from "./noise.js";

/** Rows that are shown at once. */
const MATRIX_ROWS = 40;

/** Winners that are named. */
const NAMED_WINNERS = 3;

const SORTS = [
  ["disagreement", "most disagreement first"],
  ["order", "in order"],
  ["hardest", "fewest candidates right first"],
  ["easiest", "most candidates right first"],
];

const ONLY = [
  ["", "all examples"],
  ["differ", "on which candidates differ"],
  ["one", "that one candidate alone has right"],
  ["none", "that none has right"],
];

/** The matrix as it is at first. */
export const firstMatrix = () => ({ split: "val", sort: "disagreement", only: "", rows: MATRIX_ROWS });

/** The matrix in this element. `chosen` is kept while a run goes on; `remember` is told when it was changed. */
export function showMatrix(store, element, chosen, remember) {
  const indices = store.evaluated(chosen.split);
  if (indices.length === 0) {
    patch(element, el("p", { class: "muted" }, "Nothing is evaluated yet."));
    return;
  }
  const again = (name, value) => {
    chosen[name] = value;
    if (name !== "rows") chosen.rows = MATRIX_ROWS;
    showMatrix(store, element, chosen, remember);
    remember();
  };
  const splits = [
    ["val", "validation"],
    ...(store.evaluated("test").length > 0 ? [["test", "held out"]] : []),
  ];
  const examples = sortedExamples(store, chosen, indices);
  const shown = examples.slice(0, chosen.rows);
  const rest = examples.length - shown.length;
  patch(
    element,
    el(
      "form",
      { class: "filters", "aria-label": "which answers are shown" },
      select("Examples", splits, chosen.split, (value) => again("split", value)),
      select("Order", SORTS, chosen.sort, (value) => again("sort", value)),
      select("Show examples", ONLY, chosen.only, (value) => again("only", value)),
    ),
    el(
      "p",
      { class: "muted", role: "status" },
      `${count(examples.length, "example")} of ${grouped(store.run[chosen.split].length)}`,
    ),
    answersTable(store, chosen, indices, shown),
    rest > 0
      ? el(
          "button",
          {
            type: "button",
            class: "plain",
            "data-key": "more-answers",
            on: { click: () => again("rows", chosen.rows + MATRIX_ROWS) },
          },
          `show ${Math.min(MATRIX_ROWS, rest)} more`,
        )
      : null,
  );
}

function sortedExamples(store, { split, sort, only }, indices) {
  const rights = (example) => store.winners(split, example).length;
  const isShown =
    {
      "": () => true,
      differ: (example) => store.disagreement(split, example) > 0,
      one: (example) => rights(example) === 1 && indices.length > 1,
      none: (example) => rights(example) === 0,
    }[only] ?? (() => true);
  const examples = store.run[split].map((_, example) => example).filter(isShown);
  const figures = new Map();
  const by = (figure) => {
    for (const example of examples) figures.set(example, figure(example));
    return examples.sort((one, other) => figures.get(other) - figures.get(one) || one - other);
  };
  if (sort === "disagreement") return by((example) => store.disagreement(split, example));
  if (sort === "hardest") return by((example) => -rights(example));
  if (sort === "easiest") return by(rights);
  return examples;
}

function answersTable(store, { split }, indices, examples) {
  const { run, objective } = store;
  const scores = split === "val" ? store.iterations : new Map(run.held_out.map((it) => [it.index, it]));
  const heads = indices.map((index) => {
    const score = scores.get(index)?.score;
    return el(
      "th",
      { scope: "col", "data-key": `column-${index}` },
      el("a", { href: `#iteration-${index}` }, numbered(index)),
      el(
        "span",
        { class: "muted" },
        score ? objective.shown(score) : (store.iterations.get(index)?.status ?? ""),
      ),
      index === run.baseline
        ? el("span", { class: "muted" }, "baseline")
        : noiseNote(store.verdict(split, run.baseline, index)),
      store.iterations.get(index)?.remark
        ? el("span", { class: "tag remark" }, store.iterations.get(index).remark)
        : null,
    );
  });
  return el(
    "div",
    {
      class: "scroll answers",
      tabindex: "0",
      role: "region",
      "aria-label": "answers of every candidate",
      "data-key": "answers",
    },
    el(
      "table",
      {},
      el("caption", { class: "hidden" }, "answers of every candidate, an example a row"),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", { scope: "col", class: "first" }, "example"),
          el("th", { scope: "col" }, "gold"),
          el("th", { scope: "col" }, "right in"),
          heads,
        ),
      ),
      el(
        "tbody",
        {},
        examples.map((example) => answersRow(store, split, indices, example)),
      ),
    ),
  );
}

function answersRow(store, split, indices, example) {
  const { id, input, gold } = store.run[split][example];
  const winners = store.winners(split, example);
  const best = indices.includes(store.run.best) ? store.run.best : indices.at(-1);
  return el(
    "tr",
    { "data-key": `answers-${split}-${example}` },
    el(
      "th",
      { scope: "row", class: "first" },
      el("a", { href: `#example-${split}-${example}-${best}` }, id),
      el("span", { class: "snippet", title: input.slice(0, 400) }, input.slice(0, 80)),
    ),
    el("td", { class: "gold" }, short(store.run.labels[gold])),
    el("td", { class: "winners" }, winnersInWords(winners, indices)),
    indices.map((index) => answerCell(store, split, index, example)),
  );
}

/** Who has an example right: names of a few, otherwise how many. */
function winnersInWords(winners, indices) {
  if (winners.length === 0) return "none";
  if (winners.length === indices.length) return "all";
  const named = winners
    .slice(0, NAMED_WINNERS)
    .map((index, at) => [at > 0 ? ", " : "", el("a", { href: `#iteration-${index}` }, numbered(index))]);
  if (winners.length > NAMED_WINNERS) return `${winners.length} of ${indices.length}`;
  return winners.length === 1 ? ["only ", named] : named;
}

function answerCell(store, split, index, example) {
  const state = store.evaluation(split, index).state(example);
  if (state === ABSENT) return el("td", { class: "answer absent" }, GLYPHS[ABSENT]);
  const said =
    state === FAILED ? store.outcome(split, index, example) : store.predicted(split, index, example);
  const worth = store.worth(split, index, example);
  const part = worth > 0 && worth < 1 ? ` ${Number(worth.toFixed(2))}` : "";
  return el(
    "td",
    { class: `answer ${state}`, title: said === null ? null : said.slice(0, 400) },
    el("span", { class: `glyph ${state}` }, GLYPHS[state], el("span", { class: "hidden" }, state)),
    state === RIGHT && said === store.run.labels[store.run[split][example].gold]
      ? ""
      : `\u00a0${short(said ?? "–")}`,
    part,
  );
}

const short = (text) => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
