// node fabricate.mjs FROM TO ITERATIONS EXAMPLES: a run folder of any size, made of the rows of a real one, to
// measure the page with. No run of any model: its figures mean nothing.

import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [, , from, to, iterationsAsked, examplesAsked] = process.argv;
const [iterations, examples] = [Number(iterationsAsked), Number(examplesAsked)];
const json = (file) => JSON.parse(readFileSync(join(from, file), "utf8"));
const lines = (file) =>
  existsSync(join(from, file))
    ? readFileSync(join(from, file), "utf8")
        .trim()
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];
const put = (file, rows) =>
  writeFileSync(join(to, file), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

const summary = json("summary.json");
const scored = summary.iterations;
const config = {
  ...json("config.json"),
  run_id: "fabricated",
  iterations: iterations - 1,
  eval_split_size: examples,
};
mkdirSync(join(to, "iterations"), { recursive: true });
writeFileSync(join(to, "config.json"), JSON.stringify(config));

const made = [];
for (let index = 0; index < iterations; index += 1) {
  const base = scored[index === 0 ? 0 : 1 + ((index - 1) % (scored.length - 1))];
  const old = `iterations/${String(base.index).padStart(3, "0")}`;
  const folder = `iterations/${String(index).padStart(3, "0")}`;
  mkdirSync(join(to, folder));
  for (const file of readdirSync(join(from, old))) {
    if (!["eval_trace.jsonl", "model_calls.jsonl"].includes(file))
      cpSync(join(from, old, file), join(to, folder, file));
  }
  const [rows, calls] = [lines(`${old}/eval_trace.jsonl`), lines(`${old}/model_calls.jsonl`)];
  const byExample = new Map(rows.map((row) => [row.example_id, []]));
  for (const call of calls) byExample.get(call.example_id)?.push(call);
  const traces = [];
  const asked = [];
  for (let at = 0; at < examples; at += 1) {
    const row = rows[at % rows.length];
    const id = `val-${String(at).padStart(4, "0")}`;
    const right = (at * 7919 + index * 104729) % 100 < 40 + index / 2;
    traces.push({
      ...row,
      example_id: id,
      input: `${row.input} (${at})`,
      correct: right,
      predicted_label: right ? row.gold_label : row.predicted_label,
    });
    for (const call of byExample.get(row.example_id) ?? []) {
      const request = structuredClone(call.request);
      for (const message of request.messages)
        for (const block of message.content)
          if (block.text) block.text = block.text.replace(row.input, `${row.input} (${at})`);
      asked.push({ ...call, example_id: id, request });
    }
  }
  put(`${folder}/eval_trace.jsonl`, traces);
  put(`${folder}/model_calls.jsonl`, [
    ...calls.filter((call) => call.example_id.startsWith("learn-")),
    ...asked,
  ]);
  const n_correct = traces.filter((row) => row.correct).length;
  const score = {
    ...base.score,
    n_examples: examples,
    n_correct,
    accuracy: n_correct / examples,
    interval: { low: n_correct / examples - 0.04, high: n_correct / examples + 0.04 },
  };
  made.push({
    ...base,
    index,
    parent: index === 0 ? null : index - 1,
    harness_code: `${base.harness_code}\n// ${index}\n`,
    score,
  });
}
const best = made.reduce((best, it) => (it.score.accuracy > best.score.accuracy ? it : best));
writeFileSync(
  join(to, "summary.json"),
  JSON.stringify({
    ...summary,
    config,
    iterations: made,
    unscored: [],
    test: [],
    best_iteration_index: best.index,
  }),
);
writeFileSync(
  join(to, "cost.json"),
  JSON.stringify({ ...json("cost.json"), iterations: made.map((it) => ({ index: it.index, ...it.cost })) }),
);
