// Every example across all iterations, with filters, and the trace of each.

import { el, facts, fill, later, patch, raw, select, unfolding } from "./dom.js";
import { listen } from "./patch.js";
import { annotated } from "./annotated.js";
import { modelCalls } from "./calls.js";
import { strip } from "./charts.js";
import { noteName, whereField, whereOf } from "./where.js";
import { bytes, count, duration, exampleOf, grouped, numbered } from "./text.js";
import { FAILED, GLYPHS, RIGHT } from "./model.js";

/** Rows that are shown at once. */
const ROWS = 50;

/** Labels that can be chosen. */
const LABELS = 300;

const SHOW = [
  ["all", "all examples"],
  ["failures", "failures: wrong or no answer"],
  ["right", "right"],
  ["changed", "changed against its parent"],
  ["fixed", "fixed against its parent"],
  ["broken", "broken against its parent"],
  ["changed-baseline", "changed against the baseline"],
  ["unstable", "right in some iterations, not in all"],
  ["never", "right in no iteration"],
];

/** The filters as they are at first. */
export function firstFilters(store) {
  return {
    split: "val",
    iteration: store.run.best ?? 0,
    show: "all",
    gold: "",
    predicted: "",
    outcome: "",
    text: "",
    /** Whether the search looks at prompts too: they repeat what many examples have. */
    prompts: false,
    /** An expression, as it was written. */
    where: "",
    /** The examples that are open, and the iteration whose trace each shows. */
    open: new Map(),
    rows: ROWS,
  };
}

/**
 * The list and its filters in this element. `filters` is kept while a run goes on; `remember` is told when they were
 * changed: whether by typing. What has not changed stays the same element.
 */
export function showExamples(store, element, filters, remember = () => {}) {
  if (!element.querySelector("#example-list"))
    fill(
      element,
      el("div", { class: "filter-box" }),
      stripLegend(),
      el("p", { class: "muted", role: "status" }),
      el("div", { id: "example-list" }),
    );
  const [status, list] = [element.querySelector("[role=status]"), element.querySelector("#example-list")];
  const refresh = async () => {
    filters.asked = (filters.asked ?? 0) + 1;
    const mine = filters.asked;
    const shown = await matching(store, filters).catch((error) => error);
    // Somebody has asked for something else meanwhile.
    if (mine !== filters.asked) return;
    if (shown instanceof Error) {
      fill(status, `the texts cannot be searched: ${shown.message}`);
      return;
    }
    const { examples, searched } = shown;
    patch(
      status,
      `${count(examples.length, "example")} of ${grouped(store.run[filters.split].length)}${searched}`,
    );
    patch(list, exampleRows(store, filters, examples, { refresh, remember }));
  };
  patch(element.querySelector(".filter-box"), filterForm(store, element, filters, { refresh, remember }));
  return refresh();
}

function stripLegend() {
  const kinds = [
    ["right", "right"],
    ["wrong", "wrong"],
    ["failed", "no answer"],
    ["absent", "not evaluated"],
  ];
  return el(
    "p",
    { class: "legend" },
    "by iteration, left to right: ",
    kinds.map(([state, text]) => el("span", {}, strip([state], 10), text)),
  );
}

function filterForm(store, element, filters, { refresh, remember }) {
  const { run } = store;
  const set = (name, isTyped) => (value) => {
    filters[name] = value;
    filters.rows = ROWS;
    refresh();
    remember(isTyped);
  };
  const indices = store.evaluated(filters.split);
  if (!indices.includes(filters.iteration)) filters.iteration = indices.at(-1) ?? 0;
  const iterations = indices.map((index) => [
    String(index),
    `${numbered(index)}${index === run.best ? " (best)" : ""}`,
  ]);
  const labels = [
    ["", "any"],
    ...run.labels.slice(0, LABELS).map((label, at) => [String(at), label.slice(0, 80)]),
  ];
  const outcomes = run.outcomes
    .map((name, at) => [String(at), name])
    .filter(([at]) => used(store, filters, Number(at)));
  const search = el("input", {
    type: "search",
    value: filters.text,
    placeholder: "in texts, replies, logs",
    on: { input: debounced(set("text", true)) },
  });
  const prompts = el("input", {
    type: "checkbox",
    checked: filters.prompts,
    on: { change: (event) => set("prompts")(event.currentTarget.checked) },
  });
  prompts.checked = filters.prompts;
  const splits =
    store.evaluated("test").length > 0
      ? [
          ["val", "validation"],
          ["test", "held out"],
        ]
      : [["val", "validation"]];
  const changeSplit = (value) => {
    filters.split = value;
    filters.rows = ROWS;
    filters.open.clear();
    showExamples(store, element, filters, remember);
    remember(false);
  };
  return el(
    "form",
    {
      class: "filters",
      role: "search",
      "aria-label": "examples",
      on: { submit: (event) => event.preventDefault() },
    },
    select("Examples", splits, filters.split, changeSplit),
    select("In iteration", iterations, String(filters.iteration), (value) => {
      for (const example of filters.open.keys()) filters.open.set(example, Number(value));
      set("iteration")(Number(value));
    }),
    select("Show", SHOW, filters.show, set("show")),
    select("Gold label", labels, filters.gold, set("gold")),
    select("Predicted", [...labels, ["-1", "no answer"]], filters.predicted, set("predicted")),
    select("Outcome", [["", "any"], ...outcomes], filters.outcome, set("outcome")),
    el("label", { class: "field grow" }, el("span", {}, "Search"), search),
    el("label", { class: "check" }, prompts, "in prompts too"),
    whereField(filters, debounced(set("where", true))),
  );
}

function used(store, filters, outcome) {
  return store
    .evaluated(filters.split)
    .some((index) => store.evaluation(filters.split, index).results.outcome.includes(outcome));
}

function debounced(act) {
  let timer = 0;
  return ({ currentTarget }) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(currentTarget.value), 150);
  };
}

/** The examples that the filters let through, by number, and what of them was searched if that is not all. */
async function matching(store, filters) {
  const { run } = store;
  const { split, iteration } = filters;
  const evaluation = store.evaluation(split, iteration);
  const shows = showing(store, filters, evaluation);
  const needle = filters.text.trim().toLowerCase();
  const details = needle === "" ? null : await store.details(split, iteration);
  const texts = details?.found(needle, filters.prompts) ?? null;
  const searched =
    (details?.leftOut.traces ?? 0) > 0
      ? `; ${filters.prompts ? "prompts, " : ""}replies and logs of the first ${grouped(details.rows.size)} were searched`
      : "";
  const asked = whereOf(store, filters, parentOf(store, filters));
  const hit = (example) =>
    texts === null ||
    texts.has(example.id) ||
    [example.id, example.input, run.labels[example.gold]].some((text) => text.toLowerCase().includes(needle));
  const is = (wanted, value) => wanted === "" || Number(wanted) === value;
  const examples = run[split]
    .map((example, at) => [example, at])
    .filter(
      ([example, at]) =>
        shows(at) &&
        is(filters.gold, example.gold) &&
        is(filters.predicted, evaluation.of(at, "predicted")) &&
        is(filters.outcome, evaluation.of(at, "outcome")) &&
        asked(example, at) &&
        hit(example),
    )
    .map(([, at]) => at);
  return { examples, searched };
}

/** What an iteration is compared with: its parent, or the baseline where it has none. */
const parentOf = (store, { split, iteration }) =>
  split === "val" ? (store.iterations.get(iteration)?.parent ?? store.run.baseline) : store.run.baseline;

function showing(store, { split, iteration, show }, evaluation) {
  const right = (example) => evaluation.state(example) === RIGHT;
  const among = (examples) => {
    const set = new Set(examples);
    return (example) => set.has(example);
  };
  const parent = parentOf(store, { split, iteration });
  const states = (example) => statesOf(store, split, example).filter((state) => state !== "absent");
  const { trialsFixed: fixed, trialsBroken: broken } = store.changes(split, parent, iteration);
  const baseline = store.changes(split, store.run.baseline, iteration);
  const shown = {
    all: () => true,
    failures: (example) => evaluation.at[example] >= 0 && !right(example),
    right,
    fixed: among(fixed),
    broken: among(broken),
    changed: among([...fixed, ...broken]),
    "changed-baseline": among([...baseline.trialsFixed, ...baseline.trialsBroken]),
    unstable: (example) => new Set(states(example).map((state) => state === RIGHT)).size === 2,
    never: (example) => states(example).length > 0 && !states(example).includes(RIGHT),
  };
  return shown[show] ?? shown.all;
}

/** What became of an example, evaluation by evaluation. */
function statesOf(store, split, example) {
  const all = split === "val" ? store.run.iterations : store.run.held_out;
  return all.map((it) => store.evaluation(split, it.index).state(example));
}

function exampleRows(store, filters, shown, { refresh, remember }) {
  const rows = shown.slice(0, filters.rows).map((example) => exampleRow(store, filters, example, remember));
  if (shown.length <= filters.rows)
    return rows.length > 0
      ? el("ol", { class: "examples" }, rows)
      : el("p", { class: "muted" }, "No example is left by these filters.");
  const more = () => {
    filters.rows += ROWS;
    refresh();
  };
  return [
    el("ol", { class: "examples" }, rows),
    el(
      "button",
      { type: "button", class: "plain", on: { click: more } },
      `show ${Math.min(ROWS, shown.length - filters.rows)} more`,
    ),
  ];
}

function exampleRow(store, filters, example, remember) {
  const { run } = store;
  const { split, iteration } = filters;
  const { id, input, gold } = run[split][example];
  const state = store.evaluation(split, iteration).state(example);
  const states = statesOf(store, split, example);
  const rights = states.filter((state) => state === RIGHT).length;
  const said =
    state === FAILED ? store.outcome(split, iteration, example) : store.predicted(split, iteration, example);
  const shows = filters.open.get(example);
  const keep = (index) => {
    filters.open.set(example, index);
    remember(false);
  };
  const trace = unfolding(
    { class: "example", id: `example-${split}-${example}`, open: shows !== undefined },
    el(
      "summary",
      {},
      el(
        "span",
        { class: `glyph ${state}`, title: state },
        GLYPHS[state],
        el("span", { class: "hidden" }, state),
      ),
      el("code", { class: "id" }, id),
      el(
        "span",
        { class: "labels" },
        run.labels[gold],
        state === RIGHT ? "" : el("span", { class: "bad" }, ` ≠ ${said ?? "–"}`),
      ),
      el("span", { class: "snippet" }, input.slice(0, 160)),
      el(
        "span",
        { class: "across" },
        strip(states),
        el("span", { class: "hidden" }, `right in ${rights} of ${states.length}`),
      ),
    ),
    () => exampleTrace(store, split, example, shows ?? filters.iteration, keep),
  );
  listen(trace.firstElementChild, "click", ({ currentTarget: { parentElement: row } }) => {
    // The row opens after the click.
    if (row.open) filters.open.delete(example);
    else filters.open.set(example, filters.iteration);
    remember(false);
  });
  return el("li", { "data-key": `row-${split}-${example}-${iteration}` }, trace);
}

/** An example's text, what came of it in every iteration, and the trace of the chosen one. */
function exampleTrace(store, split, example, chosen, keep) {
  const { id, input, gold } = store.run[split][example];
  const box = el("div");
  let current = chosen;
  const buttons = () =>
    store.evaluated(split).map((index) => pick(store, split, example, index, index === current, choose));
  const choose = (index) => {
    show(index);
    keep(index);
  };
  const show = (index) => {
    current = index;
    patch(picks, buttons());
    fill(
      box,
      traceFacts(store, split, index, example),
      later(store.trace(split, index, example), ([details, row]) => traceTexts(store, details, row)),
    );
  };
  const picks = el("div", { class: "picks", role: "group", "aria-label": "trace of iteration" });
  show(chosen);
  // A run that goes on has more iterations to choose from.
  return el(
    "div",
    { class: "trace", on: { renew: () => patch(picks, buttons()) } },
    annotated(store, noteName(split, id), `example ${exampleOf(id)}`),
    el("h4", {}, "Input"),
    raw(input, "input"),
    el("p", {}, "Gold label: ", el("b", {}, store.run.labels[gold])),
    el("h4", {}, "Trace of iteration"),
    picks,
    box,
  );
}

function pick(store, split, example, index, isPressed, show) {
  const state = store.evaluation(split, index).state(example);
  return el(
    "button",
    {
      type: "button",
      class: `pick ${state}`,
      "data-key": `pick-${index}`,
      "aria-pressed": String(isPressed),
      "aria-label": `iteration ${numbered(index)}, ${state}`,
      on: { click: () => show(index) },
    },
    `${GLYPHS[state]} ${numbered(index)}`,
  );
}

function traceFacts(store, split, index, example) {
  const evaluation = store.evaluation(split, index);
  const of = (column) => evaluation.of(example, column);
  if (of("fuel") === undefined) return el("p", { class: "muted" }, "It was not evaluated in this iteration.");
  const cached = of("cached") > 0 ? `, ${of("cached")} from the cache` : "";
  return facts([
    ["outcome", `${store.outcome(split, index, example)}, ${evaluation.state(example)}`],
    ["predicted", store.predicted(split, index, example) ?? "no answer"],
    ["fuel", grouped(of("fuel"))],
    ["memory", bytes(of("memory"))],
    ["model calls", `${of("calls")}${cached}`],
    ["prompt", bytes(of("prompt_bytes"))],
    ["tokens", `${grouped(of("input_tokens"))} in, ${grouped(of("output_tokens"))} out`],
    ["latency", duration(of("latency_ms"))],
  ]);
}

function traceTexts(store, details, row) {
  if (!row && store.isLeftOut(details)) return el("p", { class: "muted" }, elsewhere(store));
  if (!row) return el("p", { class: "muted" }, "Its prompts and logs are not recorded.");
  const named = (name, references) =>
    references.length > 0 ? [el("h4", {}, name), raw(details.text(references), name)] : null;
  const worth = Object.entries(row.parts).map(([name, part]) => [name, String(Number(part.toFixed(4)))]);
  if (row.score !== null) worth.unshift(["score", String(Number(row.score.toFixed(4)))]);
  const logs = row.logs.map(([level, text]) => `${level}: ${details.text(text)}`).join("\n");
  return [
    worth.length > 0 ? [el("h4", {}, "What the answer is worth"), facts(worth)] : null,
    row.fields.length > 0
      ? [
          el("h4", {}, "Fields"),
          facts(row.fields.map(([name, text]) => [name, raw(details.text(text), name)])),
        ]
      : null,
    named("Error", row.error),
    modelCalls(details, row.calls),
    logs === "" ? null : [el("h4", {}, "Log"), raw(logs, "log")],
    named("Standard output", row.stdout),
    named("Standard error", row.stderr),
    row.scorer ? scorerTexts(details, row.scorer) : null,
  ];
}

/** How the task's own scorer graded the answer. */
function scorerTexts(details, scorer) {
  const text = (name, references) =>
    references.length > 0 ? [el("h5", {}, name), raw(details.text(references), name)] : null;
  const logs = scorer.logs.map(([level, said]) => `${level}: ${details.text(said)}`).join("\n");
  const failed = scorer.outcome !== "ok";
  return el(
    "section",
    { class: "scorer" },
    el("h4", {}, "Grading"),
    facts([
      ["scorer", failed ? `${scorer.outcome}: no grade, so the answer is worth 0` : "ok"],
      ["score", String(scorer.score)],
      ...scorer.parts.map(([name, value]) => [name, String(value)]),
      ["fuel of the scorer", grouped(scorer.fuel)],
      ["memory of the scorer", bytes(scorer.memory)],
    ]),
    text("error of the scorer", scorer.error),
    modelCalls(details, scorer.calls),
    logs === "" ? null : [el("h5", {}, "log of the scorer"), raw(logs, "log of the scorer")],
    text("standard output of the scorer", scorer.stdout),
    text("standard error of the scorer", scorer.stderr),
  );
}

/** Where traces are that are not in the page. */
const elsewhere = (store) =>
  `This page has no room for this trace. \`mmh view\` shows it: run ${store.run.config.run_id}.`;
