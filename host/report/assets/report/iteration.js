// One iteration, in tabs: why it was made, what its proposer did, what it is, what it changed.

import { digest, el, facts, later, patch, raw, tabs, unfolding } from "./dom.js";
import { annotated } from "./annotated.js";
import { highlighted } from "./rust.js";
import { markdown } from "./markdown.js";
import {
  amount,
  answers,
  bytes,
  count,
  dollars,
  duration,
  grouped,
  headline,
  numbered,
  time,
} from "./text.js";
import { promptTokens } from "./compared.js";
import { modelCalls } from "./calls.js";
import { predictionsSection, stateSection } from "./learned.js";
import { noiseNote } from "./noise.js";
import { isGoing } from "./tree.js";

/**
 * The chosen iteration in this element. `state` is kept while a run goes on: `iteration`, `tab`; `remember` is told when
 * another tab is chosen.
 */
export function showIteration(store, element, state, remember = () => {}) {
  const it = store.iterations.get(state.iteration);
  if (!it) {
    patch(element, el("p", { class: "muted" }, "There is no such iteration."));
    return;
  }
  const panels = [
    ["reasoning", "Reasoning", () => reasoningPanel(it)],
    [
      "timeline",
      `Timeline${it.turns.length > 0 ? ` · ${count(it.turns.length, "turn")}` : ""}`,
      () => timelinePanel(store, it),
    ],
    ["source", "Source", () => sourcePanel(it)],
    ["diff", it.parent === null ? "Diff" : `Diff against ${numbered(it.parent)}`, () => diffPanel(store, it)],
    ["changed", "Fixed and broken", () => changedPanel(store, it)],
    ["learned", "Learned", () => learnedPanel(store, it)],
    ["record", "Record", () => recordPanel(it, store.run.config)],
  ];
  const choose = (key) => {
    state.tab = key;
    element.firstElementChild.dataset.key = keyOfShown(it, state);
    remember();
  };
  // Another iteration is another element, so that nothing that was opened in one is open in the next.
  const shown = el(
    "div",
    { "data-key": keyOfShown(it, state) },
    el(
      "div",
      { class: "title-row" },
      el("h2", { id: "iteration-title", tabindex: "-1" }, `Iteration ${numbered(it.index)}`),
      pager(store, it),
    ),
    el("p", { class: "lead" }, headline(it.reasoning) || it.reason || ""),
    iterationFacts(store, it),
    annotated(store, `iteration-${it.index}`, `iteration ${numbered(it.index)}`),
    tabs(`iteration ${numbered(it.index)}`, panels, state.tab, choose),
  );
  patch(element, shown);
}

const keyOfShown = (it, { tab }) => `iteration-${it.index}-${tab}`;

/** Links to the iterations before and after. */
function pager(store, it) {
  const all = store.run.iterations.map((it) => it.index);
  const at = all.indexOf(it.index);
  const link = (index, text, key) =>
    index === undefined
      ? el("span", { class: "muted", "aria-hidden": "true" }, text)
      : el(
          "a",
          {
            href: `#iteration-${index}`,
            "aria-label": `iteration ${numbered(index)}`,
            "aria-keyshortcuts": key,
          },
          text,
        );
  return el(
    "nav",
    { class: "pager", "aria-label": "iterations" },
    link(all[at - 1], `← ${all[at - 1] === undefined ? "" : numbered(all[at - 1])}`, "["),
    link(all[at + 1], `${all[at + 1] === undefined ? "" : numbered(all[at + 1])} →`, "]"),
  );
}

function iterationFacts(store, it) {
  const { score } = it;
  const { objective } = store;
  const best = store.bestBefore(it.index);
  const rows = score
    ? [
        [objective.name, [el("b", {}, objective.shown(score)), ` ${objective.between(score)}`]],
        ["right", `${grouped(score.n_correct)} of ${grouped(answers(score))}`],
        ...ofTrials(objective, score.trials),
        ["predicted while learning", online(objective, score.online)],
        ["against parent (inferred)", against(store, it, it.parent)],
        [
          "against the baseline",
          it.parent === store.run.baseline ? null : against(store, it, store.run.baseline),
        ],
        [
          "against best before",
          best && ![it.parent, store.run.baseline].includes(best.index)
            ? against(store, it, best.index)
            : null,
        ],
        ["LEAK", leak(objective, it)],
        ["no answer", outcomes(score)],
        ["parts", means(score)],
        ["prompt per example", `${bytes(score.mean_prompt_bytes)}, ${promptTokensInWords(score)}`],
        [
          "calls per example",
          `${Number(score.mean_model_calls.toFixed(2))}${it.remark ? `: it ${it.remark}` : ""}`,
        ],
        ["fuel per example", grouped(score.total_fuel / Math.max(1, answers(score)))],
        ["took", it.started_at ? duration(Date.parse(it.finished_at) - Date.parse(it.started_at)) : null],
      ]
    : [
        [
          "score",
          el(
            "span",
            { class: isGoing(it) ? "going" : "status" },
            isGoing(it) ? "none yet" : "none, which is not 0 %",
          ),
        ],
        ["status", it.status],
        ["why", it.reason],
        ["examples so far", it.results.example.length > 0 ? grouped(it.results.example.length) : null],
      ];
  return facts(rows);
}

/** What several trials of each example came to. */
function ofTrials(objective, trials) {
  if (!trials) return [];
  const pass = trials.pass[trials.pass.length - 1];
  const means = trials.means.slice(0, 8).map((mean) => objective.written(mean));
  const more = trials.means.length > 8 ? `, and ${trials.means.length - 8} more` : "";
  return [
    [`${trials.count} trials of each example`, `${means.join(", ")}${more}`],
    ["spread", `${(100 * trials.spread).toFixed(1)} points: the standard deviation between the trials`],
    [
      `pass^${trials.count}`,
      `${objective.written(pass)}: the chance that all trials of an example are right`,
    ],
  ];
}

/** What the train examples scored, each predicted before its answer was learned. */
function online(objective, score) {
  if (!score) return null;
  const right = `${grouped(score.n_correct)} of ${grouped(score.n_examples)} train examples right`;
  return `${objective.shown(score)}, ${objective.between(score)}, ${right}`;
}

function leak(objective, it) {
  if (it.leaks === 0) return null;
  const what = `carries ${grouped(it.leaks)} validation or test examples along`;
  return el("span", { class: "bad" }, `${what}: its ${objective.name} says nothing`);
}

function against(store, it, other) {
  const earlier = store.iterations.get(other);
  if (!earlier?.score || other === it.index) return null;
  const { fixed, broken } = store.changes("val", other, it.index);
  return [
    el("a", { href: `#iteration-${other}` }, numbered(other)),
    ` ${store.objective.difference(it.score, earlier.score)} points: `,
    el("span", { class: "good" }, `${fixed.length} fixed`),
    ", ",
    el("span", { class: "bad" }, `${broken.length} broken`),
    " ",
    noiseNote(store.verdict("val", other, it.index)),
  ];
}

/** The means of the parts of all grades. */
const means = (score) =>
  Object.entries(score.mean_parts ?? {})
    .map(([name, mean]) => `${name} ${mean.toFixed(3)}`)
    .join(", ");

/** The prompt tokens of an example; not all providers tell them. */
function promptTokensInWords(score) {
  const about = score.estimated_calls > 0 ? "about " : "";
  const estimated =
    score.estimated_calls > 0 ? `, estimated for ${count(score.estimated_calls, "call")}` : "";
  return `${about}${grouped(promptTokens(score))} tokens${estimated}`;
}

/** What ended without an answer, by kind. */
function outcomes(score) {
  const bad = Object.entries(score.outcomes).filter(([kind]) => kind !== "ok");
  return bad.length === 0 ? "none" : bad.map(([kind, number]) => `${grouped(number)} ${kind}`).join(", ");
}

function reasoningPanel(it) {
  if (it.reasoning.trim() !== "") return el("div", { class: "prose" }, markdown(it.reasoning));
  return el(
    "p",
    { class: "muted" },
    it.reason ? `No reasoning was submitted. ${it.reason}` : "No reasoning was submitted yet.",
  );
}

/** What the proposer did, turn by turn; and the whole conversation, when it is asked for. */
function timelinePanel(store, it) {
  if (it.turns.length === 0)
    return el(
      "p",
      { class: "muted" },
      store.isBaseline(it.index)
        ? "A baseline is not proposed: the search starts from it."
        : "No turn of the proposer is recorded yet.",
    );
  const turns = it.turns.map((turn) =>
    timelineTurn(
      turn,
      it.reads.filter((read) => read.step === turn.step),
    ),
  );
  const whole = unfolding({ class: "whole" }, el("summary", {}, "The whole conversation, as it was"), () =>
    later(store.details("val", it.index), conversation),
  );
  return [effort(it), readsInBrief(it), el("ol", { class: "timeline" }, turns), whole];
}

/** Trials and notes. */
function effort(it) {
  const { val, train } = it.trials;
  const tried = `It tried harnesses ${count(val, "time")} on validation examples and ${count(train, "time")} on train examples before it submitted.`;
  const notes = it.notes.map((note) => el("li", {}, note));
  return [
    el("p", { class: "tried" }, tried),
    notes.length > 0
      ? el("details", { class: "notes" }, el("summary", {}, `It left ${count(notes.length, "note")}`), el("ul", {}, notes))
      : null,
  ];
}

function readsInBrief(it) {
  const files = new Map();
  for (const read of it.reads) {
    const known = files.get(read.path) ?? { times: 0, bytes: 0 };
    files.set(read.path, { times: known.times + 1, bytes: known.bytes + read.bytes });
  }
  const all = it.reads.reduce((sum, read) => sum + read.bytes, 0);
  const list = [...files].map(([path, { times, bytes: size }]) =>
    el(
      "li",
      {},
      el("code", {}, path),
      el("span", { class: "muted" }, ` ${bytes(size)}${times > 1 ? ` in ${times} reads` : ""}`),
    ),
  );
  return el(
    "details",
    { class: "reads" },
    el("summary", {}, `It read ${count(files.size, "file")}, ${bytes(all)} in all`),
    el("ul", { class: "columns" }, list),
  );
}

function timelineTurn(turn, reads) {
  const tools = turn.tools.map((tool) =>
    el(
      "li",
      { class: tool.is_error ? "tool refused" : "tool" },
      el("code", {}, tool.name),
      el("span", { class: "arguments" }, tool.arguments),
      tool.says === null
        ? el("span", { class: "muted" }, "no result is recorded")
        : el(
            "span",
            { class: "says" },
            tool.is_error
              ? el("b", { class: "bad" }, "refused: ")
              : el("span", { class: "muted" }, `${bytes(tool.bytes)} `),
            tool.is_error ? tool.says : "",
          ),
    ),
  );
  const sizes = turnSizes(turn);
  return el(
    "li",
    {},
    el("div", { class: "turn" }, el("b", {}, `turn ${turn.step}`), el("span", { class: "muted" }, sizes)),
    turn.trimmed > 0
      ? el("p", { class: "muted" }, `before it, ${count(turn.trimmed, "earlier result")} made room`)
      : null,
    turn.thinking ? el("p", { class: "thought" }, turn.thinking) : null,
    turn.text ? el("p", {}, turn.text) : null,
    el("ul", { class: "tools" }, tools),
    reads.length > 0
      ? el(
          "p",
          { class: "read" },
          "read ",
          reads.map((read, at) => [at > 0 ? ", " : "", el("code", {}, read.path)]),
        )
      : null,
  );
}

/** What a turn took, in words. */
function turnSizes(turn) {
  const parts = [`${grouped(turn.input_tokens)} tokens in`, `${grouped(turn.output_tokens)} out`];
  if (turn.cost_usd > 0) parts.push(dollars(turn.cost_usd));
  if (turn.latency_ms > 0) parts.push(duration(turn.latency_ms));
  return parts.join(", ");
}

const SAID = {
  told: "told",
  thinking: "thought",
  text: "said",
  call: "called",
  result: "result of",
  error: "refused by",
  trimmed: "made room",
  control: "found out",
  end: "ended",
};

function conversation(details) {
  if (details.block.transcript.length === 0 && details.leftOut.transcript === 0)
    return el("p", { class: "muted" }, "No conversation is recorded.");
  const parts = details.block.transcript.map((said) => {
    const text = details.text(said.text);
    const title = `${said.step > 0 ? `turn ${said.step}: ` : ""}${SAID[said.kind] ?? said.kind} ${said.name}`;
    const short = ["text", "thinking", "trimmed", "control", "end"].includes(said.kind);
    return unfolding(
      { class: `said ${said.kind}`, open: short },
      el("summary", {}, title, el("span", { class: "muted" }, ` ${bytes(text.length)}`)),
      () => raw(text, title),
    );
  });
  return [parts, moreIn("proposer.jsonl", details.leftOut.transcript)];
}

/** Where rows are that there was no room for. */
const moreIn = (file, rows) =>
  rows === 0
    ? null
    : el("p", { class: "muted" }, `There was no room for ${count(rows, "more row")} of ${file}.`);

/** Why an iteration has no source. */
function withoutSource(it) {
  return it.source_note ? `This is ${it.source_note}.` : "No source was submitted.";
}

/** A source, line by line. */
function sourcePanel(it) {
  if (it.source === "") return el("p", { class: "muted" }, withoutSource(it));
  const lines = highlighted(it.source).map((line, at) => codeLine(at + 1, line));
  return [
    el(
      "p",
      { class: "muted" },
      `${count(lines.length, "line")}, ${bytes(it.source.length)}${it.source_note ? `; ${it.source_note}` : ""}`,
    ),
    el("div", { class: "code", tabindex: "0", role: "region", "aria-label": "source" }, lines),
  ];
}

const tokens = (line) =>
  line.map(([kind, text]) => (kind === "" ? text : el("span", { class: `t-${kind}` }, text)));

const codeLine = (number, line) =>
  el("div", { class: "line" }, el("span", { class: "number" }, String(number)), el("code", {}, tokens(line)));

/** Lines that stay around a change. */
const CONTEXT = 3;

function diffPanel(store, it) {
  const parent = store.iterations.get(it.parent);
  if (!parent)
    return el(
      "p",
      { class: "muted" },
      it.source === ""
        ? withoutSource(it)
        : "It has no parent: it shares no line with an earlier harness.",
    );
  return [
    el(
      "p",
      { class: "muted" },
      `from ${numbered(parent.index)}, its inferred parent: the earlier harness that it shares most lines with: `,
      diffSizes(it),
      it.source_note ? `; ${it.source_note}` : "",
    ),
    diffLines(parent.source, it.source, it.changes),
  ];
}

/** How many lines came and went. */
export function diffSizes(it) {
  const changed = it.changes.filter((change) => !change.same);
  const sum = (side) => changed.reduce((sum, change) => sum + change[side], 0);
  return [
    el("span", { class: "good" }, `+${sum("new")}`),
    " ",
    el("span", { class: "bad" }, `−${sum("old")}`),
    " lines",
  ];
}

/** A diff with some lines around each change; what is left out between can be opened. */
export function diffLines(old, now, changes) {
  const [before, after] = [highlighted(old), highlighted(now)];
  let [left, right] = [0, 0];
  const rows = [];
  changes.forEach((change, at) => {
    if (change.same) {
      const head = at === 0 ? 0 : CONTEXT;
      const tail = at === changes.length - 1 ? 0 : CONTEXT;
      const line = (offset) => diffLine(" ", left + offset + 1, right + offset + 1, after[right + offset]);
      const some = (from, to) =>
        Array.from({ length: Math.max(0, to - from) }, (_, step) => line(from + step));
      if (change.new <= head + tail + 1) rows.push(some(0, change.new));
      else
        rows.push(
          some(0, head),
          leftOut(change.new - head - tail, some(head, change.new - tail)),
          some(change.new - tail, change.new),
        );
    } else {
      for (let step = 0; step < change.old; step += 1)
        rows.push(diffLine("−", left + step + 1, "", before[left + step]));
      for (let step = 0; step < change.new; step += 1)
        rows.push(diffLine("+", "", right + step + 1, after[right + step]));
    }
    left += change.old;
    right += change.new;
  });
  return el(
    "div",
    { class: "code diff", tabindex: "0", role: "region", "aria-label": "diff against the parent" },
    rows,
  );
}

function diffLine(sign, left, right, line) {
  const kind = { "+": "added", "−": "removed" }[sign] ?? "";
  return el(
    "div",
    { class: `line ${kind}` },
    el("span", { class: "number" }, String(left)),
    el("span", { class: "number" }, String(right)),
    el("span", { class: "sign" }, sign),
    el("code", {}, tokens(line ?? [])),
  );
}

function leftOut(number, lines) {
  const show = ({ currentTarget: button }) => {
    button.parentElement.dataset.whole = "true";
    button.replaceWith(...lines);
  };
  return el(
    "button",
    { type: "button", class: "left-out", on: { click: show } },
    `${count(number, "line")} that did not change`,
  );
}

/** Examples that flipped, against the parent and against the best before. */
function changedPanel(store, it) {
  const best = store.bestBefore(it.index);
  const others = [...new Set([it.parent, best?.index])].filter(
    (index) => index !== null && index !== undefined,
  );
  if (it.results.example.length === 0) return el("p", { class: "muted" }, "No example was evaluated.");
  if (others.length === 0) return el("p", { class: "muted" }, "There is nothing before it to compare with.");
  return others.map((other) => {
    const { fixed, broken, trialsFixed, trialsBroken } = store.changes("val", other, it.index);
    const name = `${numbered(other)}${other === it.parent ? ", its parent (inferred)" : ""}${other === best?.index ? ", the best before" : ""}`;
    const trials = store.hasTrials
      ? [
          el(
            "p",
            { class: "muted" },
            "An example counts as fixed where more of its trials are right than before. Trial by trial:",
          ),
          flipped(store, it.index, other, trialsFixed, "fixed", "✓", "trial"),
          flipped(store, it.index, other, trialsBroken, "broken", "✗", "trial"),
        ]
      : null;
    return el(
      "section",
      {},
      el("h3", {}, `Against ${name} `, noiseNote(store.verdict("val", other, it.index))),
      flipped(store, it.index, other, fixed, "fixed", "✓"),
      flipped(store, it.index, other, broken, "broken", "✗"),
      trials,
    );
  });
}

/** Most examples of a list of changes. */
const FLIPS = 500;

function flipped(store, index, other, examples, what, glyph, noun = "example") {
  const { run } = store;
  const items = examples.slice(0, FLIPS).map((example) => {
    const { id, input, gold } = run.val[example];
    const said = (index) =>
      store.predicted("val", index, example) ?? store.outcome("val", index, example) ?? "nothing";
    return el(
      "li",
      {},
      el("a", { href: `#example-val-${example}-${index}` }, el("code", {}, id)),
      ` ${run.labels[gold]}: `,
      el("span", { class: "muted" }, `${said(other)} → `),
      said(index),
      el("span", { class: "snippet" }, input.slice(0, 200)),
    );
  });
  return el(
    "details",
    { class: what, open: examples.length <= 12, "data-key": `${noun}-${what}-${other}` },
    el(
      "summary",
      {},
      el(
        "span",
        { class: what === "fixed" ? "good" : "bad" },
        `${glyph} ${count(examples.length, noun)} ${what}`,
      ),
    ),
    el("ul", { class: "flips" }, items),
    examples.length > FLIPS
      ? el(
          "p",
          { class: "muted" },
          `The first ${FLIPS} are shown. The list of examples has all: show "${what} against its parent".`,
        )
      : null,
  );
}

/** What the harness learned before it was asked, batch by batch. */
function learnedPanel(store, it) {
  return later(store.details("val", it.index), (details) => {
    const hasBatches = details.block.learn.length > 0 || details.leftOut.batches > 0;
    if (!hasBatches && !details.block.state)
      return el("p", { class: "muted" }, "Nothing is recorded of what it learned.");
    const batches = details.block.learn.map((batch) =>
      unfolding(
        { "data-key": `batch-${batch.batch}` },
        el(
          "summary",
          {},
          `batch ${batch.batch}: ${count(batch.examples, "example")}, ${batch.outcome}, fuel ${grouped(batch.fuel)}, state ${bytes(batch.state_bytes)}`,
        ),
        () => [
          facts([
            ["memory", bytes(batch.memory)],
            ["state sha256", digest(batch.state_digest)],
            ["model calls", String(batch.calls.length)],
            ["error", details.text(batch.error)],
          ]),
          batch.logs.map(([level, text]) => raw(`${level}: ${details.text(text)}`, "log")),
          modelCalls(details, batch.calls),
        ],
      ),
    );
    return [
      stateSection(details.block.state),
      predictionsSection(details),
      hasBatches ? el("h3", {}, "Batch by batch") : null,
      batches,
      moreIn("learn_trace.jsonl", details.leftOut.batches),
    ];
  });
}

/** What an agent says that it spent. Nobody can check it. */
function claimed(claims) {
  if (!claims) return "";
  const tokens = (known) => (known === null ? "unknown" : grouped(known));
  const money = claims.usd === null ? "" : `, ${dollars(claims.usd)}`;
  return `; its own output says ${tokens(claims.input_tokens)} tokens in, ${tokens(claims.output_tokens)} out${money}`;
}

/** Digests, provenance, and what was counted. */
function recordPanel(it, config) {
  const { cost } = it;
  const json = (name, value) =>
    value
      ? el("details", {}, el("summary", {}, name), raw(JSON.stringify(value, null, 2), name))
      : el("p", { class: "muted" }, `${name} is not here`);
  return [
    facts([
      ["source sha256", digest(it.source_digest)],
      ["component sha256", digest(it.component_digest)],
      ["component", it.component_bytes === null ? null : bytes(it.component_bytes)],
      ["started", time(it.started_at)],
      ["finished", time(it.finished_at)],
      [
        "proposer",
        cost && config.proposer_kind !== "tools"
          ? `${grouped(cost.proposer_input_tokens)} tokens in, ${grouped(cost.proposer_output_tokens)} out, ${dollars(cost.proposer_usd)}`
          : config.proposer_kind === "tools"
            ? `no model of this program: what it spent is unknown${claimed(it.claimed)}`
            : null,
      ],
      [
        "target",
        cost
          ? `${grouped(cost.target_input_tokens)} tokens in, ${grouped(cost.target_output_tokens)} out, ${dollars(cost.target_usd)}`
          : null,
      ],
      ["most fuel", it.score ? amount(it.score.max_fuel, "fuel") : null],
      ["most memory", it.score ? bytes(it.score.max_peak_memory_bytes) : null],
      ["fuel to learn", it.score ? amount(it.score.learn_fuel, "fuel") : null],
      ["state", it.score ? bytes(it.score.state_bytes) : null],
      ["state sha256", digest(it.score?.state_digest)],
    ]),
    json("provenance.json: how the component was made", it.provenance),
    json("test-result.json: which component had which score", it.test_result),
    json("score.json", it.score),
  ];
}
