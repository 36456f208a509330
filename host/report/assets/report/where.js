// The filter by an expression: what it can ask of an example, its field, and what is wrong with what was written.

import { el, fill, unfolding } from "./dom.js";
import { evaluated, parsed } from "./expression.js";
import { exampleOf } from "./text.js";
import { ABSENT, FAILED, RIGHT } from "./model.js";

/** What an expression can ask of an example in the chosen iteration: the kind of each name, and where its value is. */
const NAMES = {
  right: ["boolean", ({ state }) => state === RIGHT],
  wrong: ["boolean", ({ state }) => state !== RIGHT && state !== ABSENT],
  failed: ["boolean", ({ state }) => state === FAILED],
  fixed: ["boolean", ({ flips, at }) => flips.trialsFixed.includes(at)],
  broken: ["boolean", ({ flips, at }) => flips.trialsBroken.includes(at)],
  label: ["text", ({ store, example }) => store.run.labels[example.gold]],
  predicted: ["text", ({ store, split, iteration, at }) => store.predicted(split, iteration, at)],
  outcome: ["text", ({ store, split, iteration, at }) => store.outcome(split, iteration, at)],
  id: ["text", ({ example }) => example.id],
  text: ["text", ({ example }) => example.input],
  score: ["number", ({ store, split, iteration, at }) => store.worth(split, iteration, at)],
  calls: ["number", ({ of }) => of("calls")],
  cached: ["number", ({ of }) => of("cached")],
  tokens_in: ["number", ({ of }) => of("input_tokens")],
  tokens_out: ["number", ({ of }) => of("output_tokens")],
  prompt_bytes: ["number", ({ of }) => of("prompt_bytes")],
  fuel: ["number", ({ of }) => of("fuel")],
  memory: ["number", ({ of }) => of("memory")],
  latency_ms: ["number", ({ of }) => of("latency_ms")],
  right_in: ["number", ({ store, split, at }) => store.winners(split, at).length],
  disagreement: ["number", ({ store, split, at }) => store.disagreement(split, at)],
  tags: ["text", ({ store, split, example }) => store.notes.of(noteName(split, example.id)).tags.join(", ")],
  note: ["text", ({ store, split, example }) => store.notes.of(noteName(split, example.id)).note],
};

const KINDS_OF_NAMES = Object.fromEntries(Object.entries(NAMES).map(([name, [kind]]) => [name, kind]));

/** What a note on an example is kept under: all its trials have one. */
export const noteName = (split, id) => `example-${split}-${exampleOf(id)}`;

/** The field for an expression, with what is wrong with it. */
export function whereField(filters, changed) {
  const { problem } = readWhere(filters);
  const box = el("input", {
    type: "text",
    id: "where",
    value: filters.where,
    spellcheck: "false",
    autocomplete: "off",
    maxlength: "500",
    placeholder: 'wrong and calls > 1 and label == "…"',
    "aria-describedby": "where-problem where-names",
    "aria-invalid": problem === null ? null : "true",
    on: { input: changed },
  });
  return el(
    "div",
    { class: "where" },
    el("label", { class: "field" }, el("span", {}, "Where"), box),
    el("p", { id: "where-problem", class: "problem", role: "alert" }, problem ?? ""),
    unfolding({ class: "muted", id: "where-names" }, el("summary", {}, "what an expression can have"), () => [
      "The names ",
      Object.entries(KINDS_OF_NAMES).map(([name, kind], at) => [
        at > 0 ? ", " : "",
        el("code", {}, name),
        kind === "boolean" ? "" : ` (a ${kind})`,
      ]),
      "; numbers, texts in quotes; == != < <= > >= and contains; and, or, not, parentheses. Texts are compared without regard to capitals.",
    ]),
  );
}

/** The expression of the filters as a tree, or what is wrong with it. */
function readWhere({ where }) {
  try {
    return { tree: parsed(where, KINDS_OF_NAMES), problem: null };
  } catch (error) {
    return { tree: null, problem: error.message };
  }
}

/** Whether an example is one that the expression asks for. */
export function whereOf(store, filters, parent) {
  const { tree, problem } = readWhere(filters);
  const place = document.getElementById("where-problem");
  if (place) fill(place, problem ?? "");
  document.getElementById("where")?.toggleAttribute("aria-invalid", problem !== null);
  if (tree === null) return () => true;
  const { split, iteration } = filters;
  const evaluation = store.evaluation(split, iteration);
  const flips = store.changes(split, parent, iteration);
  return (example, at) => {
    const it = {
      store,
      split,
      iteration,
      example,
      at,
      flips,
      state: evaluation.state(at),
      of: (column) => evaluation.of(at, column),
    };
    return evaluated(tree, (name) => NAMES[name][1](it)) === true;
  };
}
