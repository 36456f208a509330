// A run as the page's parts ask for it: what is in the data, and what follows from it.

import { Notes } from "./notes.js";
import { Objective } from "./objective.js";
import { exampleOf } from "./text.js";

/** What became of an example in one evaluation. */
export const RIGHT = "right";
export const WRONG = "wrong";
export const FAILED = "failed";
export const ABSENT = "absent";

/** How each is shown besides its colour. */
export const GLYPHS = { right: "✓", wrong: "✗", failed: "!", absent: "·" };

/** Where a page of one file has its data. Texts that are not in it are nowhere. */
export async function embedded(name) {
  const block = document.getElementById(`block-${name}`);
  if (!block) return null;
  const bytes = Uint8Array.from(atob(block.textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

/** Where a page that is served has its data. There, every evaluation has all its texts itself. */
export function served(run) {
  return async (name) => {
    if (name === "shared") return null;
    const response = await fetch(`/data/${encodeURIComponent(run)}/${name}`);
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  };
}

/** Whether a page has all texts at hand, in itself or at its server. */
const hasAll = (load) => load !== embedded;

/** The results of one evaluation, by example. */
class Evaluation {
  constructor(results, size) {
    this.results = results;
    this.size = results.example.length;
    this.at = new Int32Array(size).fill(-1);
    results.example.forEach((example, at) => (this.at[example] = at));
  }

  /** What became of an example. */
  state(example) {
    const at = this.at[example];
    if (at < 0) return ABSENT;
    if (this.results.correct[at]) return RIGHT;
    return this.results.predicted[at] < 0 ? FAILED : WRONG;
  }

  /** One of the columns; undefined for an example that was not evaluated. */
  of(example, column) {
    const at = this.at[example];
    return at < 0 ? undefined : this.results[column][at];
  }
}

/** A block without any text. */
const NO_TEXTS = {
  pieces: [],
  rows: [],
  learn: [],
  transcript: [],
  left_out: { traces: 0, batches: 0, predictions: 0, transcript: 0 },
};

/** The long texts of one evaluation, made of pieces. The first pieces are those that all evaluations share. */
class Details {
  constructor(block, shared) {
    this.block = block;
    this.pieces = shared.concat(block.pieces);
    this.rows = new Map(block.rows.map((row) => [row.example, row]));
    /** How many rows have no texts in here. */
    this.leftOut = block.left_out;
  }

  /** The text that stands for these pairs of a first piece and a count. */
  text(runs) {
    let text = "";
    for (let at = 0; at < runs.length; at += 2)
      text += this.pieces.slice(runs[at], runs[at] + runs[at + 1]).join("");
    return text;
  }

  /** The examples in whose texts a needle stands. Prompts are looked at if that is asked for. */
  found(needle, inPrompts) {
    const hits = this.pieces.map((piece) => piece.toLowerCase().includes(needle));
    const hit = (runs) => {
      for (let at = 0; at < runs.length; at += 2) {
        if (hits.slice(runs[at], runs[at] + runs[at + 1]).includes(true)) return true;
      }
      return false;
    };
    const texts = (row) => [
      row.error,
      row.stdout,
      row.stderr,
      ...row.fields.map((field) => field[1]),
      ...row.logs.map((log) => log[1]),
      ...row.calls.flatMap((call) => [
        call.reply,
        call.thinking,
        call.error,
        ...(inPrompts ? call.messages.map((message) => message[1]) : []),
      ]),
    ];
    return new Set(this.block.rows.filter((row) => texts(row).some(hit)).map((row) => row.example));
  }
}

/** Below this a p-value counts as more than noise, as for the program. */
const SIGNIFICANCE = 0.05;

/** The two-sided p-value of McNemar's exact test, as the program has it. */
function mcnemar(fixed, broken) {
  const [less, all] = [Math.min(fixed, broken), fixed + broken];
  // The logarithm of the number of ways to choose `at` of all, at - 1 before it.
  let [ways, tail] = [0, 0];
  for (let at = 0; at <= less; at += 1) {
    if (at > 0) ways += Math.log(all - at + 1) - Math.log(at);
    tail += Math.exp(ways - all * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}

/** A run and what follows from it. */
export class Store {
  constructor(run, load) {
    this.load = load;
    this.opened = new Map();
    this.iterations = new Map();
    this.notes = new Notes(null, null);
    this.renew(run);
  }

  /** Takes over the run as it stands now. */
  renew(run) {
    // The texts of an evaluation that was finished are those that are known.
    for (const name of this.opened.keys()) {
      const isFinal = name.startsWith("val") && this.iterations.get(Number(name.split("-")[1]))?.score;
      if (!isFinal) this.opened.delete(name);
    }
    this.run = run;
    this.objective = new Objective(run.objective);
    this.changed = new Map();
    this.disagreements = new Map();
    this.comparedRows = new Map(run.compared.rows.map((row) => [row.index, row]));
    this.iterations = new Map(run.iterations.map((it) => [it.index, it]));
    this.evaluations = new Map();
    for (const it of run.iterations)
      this.evaluations.set(`val-${it.index}`, new Evaluation(it.results, run.val.length));
    for (const it of run.held_out)
      this.evaluations.set(`test-${it.index}`, new Evaluation(it.results, run.test.length));
  }

  /** What was evaluated: `val` or `test`, of an iteration. */
  evaluation(split, index) {
    return (
      this.evaluations.get(`${split}-${index}`) ?? new Evaluation({ example: [] }, this.run[split].length)
    );
  }

  /** The iterations that have results of this split. */
  evaluated(split) {
    const name = `evaluated ${split}`;
    if (!this.changed.has(name)) this.changed.set(name, this.findEvaluated(split));
    return this.changed.get(name);
  }

  findEvaluated(split) {
    const all = split === "val" ? this.run.iterations : this.run.held_out;
    return all.filter((it) => it.results.example.length > 0).map((it) => it.index);
  }

  /** The long texts of an evaluation. Opened once, or again if that has failed. */
  details(split, index) {
    const name = `${split}-${String(index).padStart(3, "0")}`;
    if (!this.opened.has(name)) {
      const opening = this.open(name);
      opening.catch(() => this.opened.delete(name));
      this.opened.set(name, opening);
    }
    return this.opened.get(name);
  }

  /**
   * The texts of one example: [details, its row], without a row where the page does not have them. Texts that are not
   * in the evaluation's own block are asked for by the example's place.
   */
  async trace(split, index, example) {
    const { id } = this.run[split][example];
    const details = await this.details(split, index);
    const row = details.rows.get(id);
    if (row || details.leftOut.traces === 0 || !hasAll(this.load)) return [details, row];
    const at = this.evaluation(split, index).at[example];
    const block = at < 0 ? null : await this.load(`${split}-${String(index).padStart(3, "0")}/${at}`);
    const alone = new Details(block ?? NO_TEXTS, []);
    return [alone, alone.rows.get(id)];
  }

  /** Whether the texts of this example are neither here nor at a server. */
  isLeftOut(details) {
    return details.leftOut.traces > 0 && !hasAll(this.load);
  }

  async open(name) {
    this.shared ??= this.load("shared");
    const [block, shared] = await Promise.all([this.load(name), this.shared]);
    return new Details(block ?? NO_TEXTS, shared ?? []);
  }

  /** Whether the search starts from this iteration. */
  isBaseline(index) {
    return index < (this.run.config.protocol?.baselines ?? 1);
  }

  scored() {
    return this.run.iterations.filter((it) => it.score);
  }

  /** The best of the iterations before this one; of equals, the first. */
  bestBefore(index) {
    return this.objective.bestOf(this.scored().filter((it) => it.index < index));
  }

  /**
   * Examples that the later evaluation has right and the earlier one has not, and the other way round. With several
   * trials: examples of which more trials, or fewer, are right, each by the first trial that changed.
   */
  changes(split, earlier, later) {
    const name = `${split} ${earlier} ${later}`;
    if (!this.changed.has(name)) this.changed.set(name, this.findChanges(split, earlier, later));
    return this.changed.get(name);
  }

  findChanges(split, earlier, later) {
    const [old, now] = [this.evaluation(split, earlier), this.evaluation(split, later)];
    const trials = new Map();
    this.run[split].forEach(({ id }, at) => {
      const [before, after] = [old.state(at), now.state(at)];
      if (before === ABSENT || after === ABSENT) return;
      const example = exampleOf(id);
      const found = trials.get(example) ?? { more: 0, better: [], worse: [] };
      trials.set(example, found);
      found.more += (after === RIGHT) - (before === RIGHT);
      if (before !== RIGHT && after === RIGHT) found.better.push(at);
      if (before === RIGHT && after !== RIGHT) found.worse.push(at);
    });
    const all = [...trials.values()];
    const fixed = all.filter((it) => it.more > 0).map((it) => it.better[0]);
    const broken = all.filter((it) => it.more < 0).map((it) => it.worse[0]);
    // What flipped trial by trial, whatever the example's other trials did.
    const trialsFixed = all.flatMap((it) => it.better);
    const trialsBroken = all.flatMap((it) => it.worse);
    return { fixed, broken, trialsFixed, trialsBroken };
  }

  /** Whether each example was evaluated several times. */
  get hasTrials() {
    return (this.run.config.protocol?.trials ?? 1) > 1;
  }

  /**
   * What a difference between two evaluations is worth: its p-value in words, and whether it may be noise. Null where
   * only the program can tell.
   */
  verdict(split, earlier, later) {
    const row = split === "val" ? this.comparedRows.get(later) : undefined;
    const known = [row?.baseline, row?.parent, row?.before].find((it) => it?.with === earlier);
    if (known)
      return { p: known.p_holm ?? known.p, corrected: known.p_holm !== null, noise: known.may_be_noise };
    if (this.hasTrials || this.objective.figureField !== "accuracy") return null;
    const { fixed, broken } = this.changes(split, earlier, later);
    const p = mcnemar(fixed.length, broken.length);
    return { p: p < 0.001 ? "<.001" : p.toFixed(3), corrected: false, noise: p >= SIGNIFICANCE };
  }

  /** What an answer is worth: 0 or 1 where it is right or wrong. */
  worth(split, index, example) {
    const evaluation = this.evaluation(split, index);
    const at = evaluation.at[example];
    if (at < 0) return undefined;
    return evaluation.results.score?.[at] ?? evaluation.results.correct[at];
  }

  /** The chance that two candidates answer an example differently. */
  disagreement(split, example) {
    if (!this.disagreements.has(split)) this.disagreements.set(split, new Map());
    const known = this.disagreements.get(split);
    if (!known.has(example)) known.set(example, this.findDisagreement(split, example));
    return known.get(example);
  }

  findDisagreement(split, example) {
    const counts = new Map();
    let all = 0;
    for (const index of this.evaluated(split)) {
      const predicted = this.evaluation(split, index).of(example, "predicted");
      if (predicted === undefined) continue;
      counts.set(predicted, (counts.get(predicted) ?? 0) + 1);
      all += 1;
    }
    const same = [...counts.values()].reduce((sum, count) => sum + count * (count - 1), 0);
    return all < 2 ? 0 : 1 - same / (all * (all - 1));
  }

  /** Candidates that have an example right. */
  winners(split, example) {
    return this.evaluated(split).filter((index) => this.evaluation(split, index).state(example) === RIGHT);
  }

  /** The label that was predicted, or null. */
  predicted(split, index, example) {
    const label = this.evaluation(split, index).of(example, "predicted");
    return label === undefined || label < 0 ? null : this.run.labels[label];
  }

  outcome(split, index, example) {
    return this.run.outcomes[this.evaluation(split, index).of(example, "outcome")];
  }
}
