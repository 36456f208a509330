// What a run was asked to do and with what: configuration, digests, prices, limits with what was used of them.

import { digest, el, facts, patch, raw, svg, table } from "./dom.js";
import { amount, dollars, duration, findingLine, grouped, numbered, time } from "./text.js";

/** All of it in this element. */
export function showRecord(store, element) {
  const { run } = store;
  patch(
    element,
    el(
      "div",
      { class: "two" },
      el("section", {}, el("h3", {}, "What was asked for"), asked(run)),
      el("section", {}, el("h3", {}, "With what"), withWhat(run.config)),
    ),
    el("section", {}, el("h3", {}, "Limits, and the most that was used of them"), limits(run)),
    el("section", {}, el("h3", {}, "Costs"), costs(run)),
    el("section", {}, el("h3", {}, "What the time went to"), timeSpent(run.time)),
    el(
      "section",
      {},
      el("h3", {}, "The task"),
      el("p", { class: "instructions" }, run.config.task.instructions),
      el(
        "p",
        { class: "muted" },
        run.config.task.labels.length === 0
          ? "No labels: an answer is any text."
          : `${run.config.task.labels.length} labels: ${run.config.task.labels.join(", ")}`,
      ),
      el("p", { class: "muted" }, dataFindings(run.config.task)),
      scorer(run),
    ),
  );
}

/** The task's own scorer, where it has one. */
function scorer(run) {
  const code = run.config.task.metric?.scorer;
  if (!code) return null;
  const [form, sha256] = Object.entries(code)[0];
  return el(
    "div",
    { class: "scorer" },
    el(
      "p",
      {},
      `Answers are graded by the task's own scorer, a program. Its ${form} has the sha256 `,
      digest(sha256),
    ),
    run.scorer
      ? el("details", {}, el("summary", {}, "Its source"), raw(run.scorer, "source of the scorer"))
      : null,
  );
}

function dataFindings({ findings }) {
  if (!findings) return "What the data set holds twice was not recorded.";
  if (findings.length === 0) return "No text stands in two splits, and no row is repeated.";
  return `The data: ${findings.map(findingLine).join("; ")}.`;
}

/** How many iterations were asked for, and what each has. */
function searched({ iterations, protocol }) {
  const several = protocol?.candidates ? `, ${protocol.candidates} candidates each` : "";
  return `${iterations}${several}, besides ${protocol?.baselines ? `${protocol.baselines} baselines` : "the baseline"}`;
}

function asked({ config, finished_at }) {
  const { task } = config;
  return facts([
    ["run", config.run_id],
    ["iterations", searched(config)],
    ["data set", config.dataset],
    [
      "examples",
      `${grouped(config.eval_split_size)} of ${grouped(task.val_size)} validation; ${grouped(task.train_size)} train, ${grouped(task.test_size)} held out`,
    ],
    ["proposer", config.proposer_model],
    ["the proposer's command", proposerCommand(config.proposer_command)],
    ["target", config.target_model],
    ["simulated", config.mock ? "yes, both models" : "no"],
    ["seed", String(config.seed)],
    ["calls at once", grouped(config.concurrency)],
    ["trials of each example", config.protocol?.trials ? grouped(config.protocol.trials) : null],
    ["learning", config.protocol?.learning === "online" ? "online: each batch after it was predicted" : null],
    ["epochs", config.protocol?.epochs ? grouped(config.protocol.epochs) : null],
    ["batches of learn", learnBatches(config)],
    ["budget", config.budget_usd === null ? "none" : dollars(config.budget_usd)],
    ["started", time(config.started_at)],
    ["finished", finished_at ? time(finished_at) : "not yet"],
  ]);
}

/** What a command that proposes could do, and what nobody knows of it. */
function proposerCommand(command) {
  if (!command) return null;
  const kept = command.confined
    ? "kept to its work folder"
    : `not kept from ${command.unconfined.join(", ")}`;
  const network = command.network ? "with network" : "without network";
  return `${kept}, ${network}; not on record: ${command.unknown.join(", ")}`;
}

/** How many train examples each call of `learn` has. */
function learnBatches({ learn_batches: sizes, protocol }) {
  if (protocol?.batch_size) return `${grouped(protocol.batch_size)} each`;
  if (!sizes) return "20 examples each";
  const shown = sizes.slice(0, 12).map(grouped).join(", ");
  return sizes.length > 12 ? `${shown}, … (${grouped(sizes.length)} in all)` : shown;
}

function withWhat(config) {
  const providers = Object.entries(config.providers ?? {}).map(([role, it]) => [
    `${role} at`,
    `${it.provider}, ${it.api}, ${it.base_url}, ${it.model}${it.thinking ? ", thinking" : ""}`,
  ]);
  return facts([
    ["mmh", config.host_version],
    ["run folder", `schema_version ${config.schema_version}`],
    ...providers,
    ["compiler", config.toolchain.rustc.split("\n")[0]],
    ["compiles for", config.toolchain.target],
    ["flags", el("code", {}, config.toolchain.flags.join(" "))],
    ["WIT package", config.wit.package],
    ["WIT sha256", digest(config.wit.digest)],
    ["data set sha256", digest(config.dataset_digest)],
    ["SDK source sha256", digest(config.sdk_digest)],
    ["SDK build sha256", digest(config.sdk_build_digest)],
  ]);
}

function limits(run) {
  const rows = run.limits.map(({ name, unit, limit, used }) => [
    name,
    amount(limit, unit),
    used === null ? "not recorded" : amount(used, unit),
    used === null ? "" : [usedBar(used / limit), ` ${share(used / limit)}`],
  ]);
  return table("limits and usage", ["limit", ["allowed", "num"], ["used at most", "num"], "of it"], rows);
}

/** The parts of the search's time, which add up to it. */
function timeSpent(spent) {
  if (!spent) return el("p", { class: "muted" }, "It was not measured.");
  const parts = [
    ["proposer", spent.proposer_ms, "waiting for its replies"],
    ["target", spent.target_ms, "waiting for at least one of its replies"],
    ["compiling", spent.compiling_ms, "sources to components, components to machine code"],
    ["sandbox", spent.sandbox_ms, "harnesses run, and the task's own scorer"],
    ["own", spent.own_ms, "all else: tools of the proposer, grading, recording"],
  ];
  const all = parts.reduce((sum, [, ms]) => sum + ms, 0);
  const of = (ms) => (all === 0 ? 0 : ms / all);
  const row = ([name, ms, what]) => [name, duration(ms), [usedBar(of(ms)), ` ${share(of(ms))}`], what];
  const rows = [...parts.map(row), ["all", duration(all), "", "each moment counts once"]];
  return table("what the time went to", ["part", ["time", "num"], "of it", "what it is"], rows);
}

const share = (of) =>
  of === 0 ? "0 %" : of < 0.001 ? "< 0.1 %" : `${(100 * of).toFixed(of < 0.1 ? 1 : 0)} %`;

function usedBar(of) {
  const width = 80;
  const used = Math.min(width, width * of);
  return svg(
    "svg",
    { viewBox: `0 0 ${width} 8`, width, height: 8, class: "used", "aria-hidden": "true" },
    svg("rect", { x: 0, y: 0, width, height: 8, class: "all" }),
    svg("rect", { x: 0, y: 0, width: used, height: 8, class: of >= 0.9 ? "much" : "some" }),
  );
}

function costs(run) {
  const { costs, total_cost } = run;
  // What a proposer spends that is no model is known to nobody here.
  const ofProposer = (shown) => (run.config.proposer_kind === "tools" ? "unknown" : shown);
  const row = (name, cost) => [
    name,
    ofProposer(grouped(cost.proposer_input_tokens)),
    ofProposer(grouped(cost.proposer_cache_read_tokens)),
    ofProposer(grouped(cost.proposer_output_tokens)),
    ofProposer(dollars(cost.proposer_usd)),
    grouped(cost.target_input_tokens),
    grouped(cost.target_cache_read_tokens),
    grouped(cost.target_output_tokens),
    dollars(cost.target_usd),
    dollars(cost.estimated_usd),
  ];
  const rows = (costs?.iterations ?? []).map((it) => row(numbered(it.index), it));
  if (costs) rows.push(row("held out", costs.test));
  rows.push(row("total", total_cost));
  const num = (text) => [text, "num"];
  const heads = [
    "",
    num("proposer in"),
    num("cached"),
    num("out"),
    num("USD"),
    num("target in"),
    num("cached"),
    num("out"),
    num("USD"),
    num("all USD"),
  ];
  const unknown =
    total_cost.unknown_usd > 0
      ? el(
          "p",
          {},
          `Calls that were not answered may have cost up to ${dollars(total_cost.unknown_usd)} besides.`,
        )
      : null;
  return [table("costs in tokens and dollars", heads, rows, { class: "costs" }), unknown];
}
