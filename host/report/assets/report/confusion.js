// What is taken for what: confusion matrices of two iterations side by side, and where they differ most.

import { el, patch, select, table } from "./dom.js";
import { noiseNote } from "./noise.js";
import { count, numbered, points } from "./text.js";

/** What is compared at first: the baseline with the best. */
export function firstComparison(store) {
  return { split: "val", left: 0, right: store.run.best ?? 0 };
}

/** Both matrices in this element. `chosen` is kept while a run goes on; `open` shows the examples of a cell. */
export function showConfusion(store, element, chosen, open, remember = () => {}) {
  const indices = store.evaluated(chosen.split);
  if (indices.length === 0) {
    patch(element, el("p", { class: "muted" }, "Nothing is evaluated yet."));
    return;
  }
  for (const side of ["left", "right"])
    if (!indices.includes(chosen[side])) chosen[side] = side === "left" ? indices[0] : indices.at(-1);
  const again = (name, value) => {
    chosen[name] = value;
    showConfusion(store, element, chosen, open, remember);
    remember();
  };
  const options = indices.map((index) => [
    String(index),
    `${numbered(index)}${store.isBaseline(index) ? " (baseline)" : ""}${index === store.run.best ? " (best)" : ""}`,
  ]);
  const splits =
    store.evaluated("test").length > 0
      ? [
          ["val", "validation"],
          ["test", "held out"],
        ]
      : [["val", "validation"]];
  const sides = [...new Set([chosen.left, chosen.right])];
  patch(
    element,
    el(
      "form",
      { class: "filters", "aria-label": "what is compared" },
      select("Examples", splits, chosen.split, (value) => again("split", value)),
      select("Left", options, String(chosen.left), (value) => again("left", Number(value))),
      select("Right", options, String(chosen.right), (value) => again("right", Number(value))),
    ),
    el(
      "div",
      { class: "matrices" },
      sides.map((index) => matrix(store, chosen.split, index, open)),
    ),
    mostConfused(store, chosen),
  );
}

/** The names of a matrix: the task's labels, then whatever else was said, then nothing. */
const names = (store) => [...store.run.config.task.labels, "another label", "no answer"];

/** How often each label was taken for which: counts[gold][predicted], by `names`. */
export function confusions(store, split, index) {
  const size = store.run.config.task.labels.length;
  const counts = Array.from({ length: size + 1 }, () => new Array(size + 2).fill(0));
  const { results } = store.evaluation(split, index);
  results.example.forEach((example, at) => {
    const predicted = results.predicted[at];
    const gold = Math.min(store.run[split][example].gold, size);
    counts[gold][predicted < 0 ? size + 1 : Math.min(predicted, size)] += 1;
  });
  return counts;
}

function matrix(store, split, index, open) {
  const labels = names(store);
  const counts = confusions(store, split, index);
  const rows = [...counts.keys()].filter((gold) => counts[gold].some((count) => count > 0));
  const columns = [...labels.keys()].filter(
    (at) => rows.includes(at) || rows.some((gold) => counts[gold][at] > 0),
  );
  const most = Math.max(1, ...rows.map((gold) => counts[gold].reduce((sum, count) => sum + count, 0)));
  const name = (at) => labels[at];
  const wanted = (at) => (at === labels.length - 1 ? "-1" : at === labels.length - 2 ? "" : String(at));
  const title = `${numbered(index)}: gold labels down, predictions across`;
  const head = el(
    "tr",
    {},
    el("td", {}),
    columns.map((at) => el("th", { scope: "col", title: name(at) }, el("span", {}, name(at)))),
  );
  const body = rows.map((gold) => {
    const all = counts[gold].reduce((sum, count) => sum + count, 0);
    return el(
      "tr",
      {},
      el("th", { scope: "row", title: name(gold) }, name(gold)),
      columns.map((at) =>
        matrixCell(
          counts[gold][at],
          gold === at,
          most,
          `${numbered(index)}: ${count(counts[gold][at], "example")} of ${name(gold)} taken for ${name(at)}`,
          () => open({ split, iteration: index, gold: wanted(gold), predicted: wanted(at) }),
        ),
      ),
      el("td", { class: "recall" }, `${counts[gold][gold]}/${all}`),
    );
  });
  head.append(el("th", { scope: "col" }, el("span", {}, "right")));
  return el(
    "figure",
    { class: "matrix" },
    el(
      "figcaption",
      {},
      el("b", {}, `Iteration ${numbered(index)}`),
      " gold labels down, predictions across",
    ),
    el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
      el(
        "table",
        {},
        el("caption", { class: "hidden" }, title),
        el("thead", {}, head),
        el("tbody", {}, body),
      ),
    ),
  );
}

/** A count; it opens its examples. What is right stands on the diagonal in a frame, what is wrong does not. */
function matrixCell(number, diagonal, most, said, open) {
  const kind = diagonal ? "diagonal" : "";
  if (number === 0) return el("td", { class: kind });
  const depth = Math.min(4, Math.ceil((4 * number) / most));
  return el(
    "td",
    { class: `${kind} depth-${depth}` },
    el("button", { type: "button", title: said, "aria-label": said, on: { click: open } }, String(number)),
  );
}

/** The pairs that are confused most, with what became of them. */
function mostConfused(store, { split, left, right }) {
  const [before, after] = [confusions(store, split, left), confusions(store, split, right)];
  const labels = names(store);
  const pairs = [];
  before.forEach((row, gold) =>
    row.forEach((number, predicted) => {
      const now = after[gold][predicted];
      if (gold !== predicted && number + now > 0) pairs.push({ gold, predicted, number, now });
    }),
  );
  pairs.sort(
    (one, other) =>
      Math.max(other.number, other.now) - Math.max(one.number, one.now) || other.number - one.number,
  );
  const rows = pairs
    .slice(0, 12)
    .map(({ gold, predicted, number, now }) => [
      labels[gold],
      labels[predicted],
      String(number),
      String(now),
      now === number ? "=" : now < number ? `▼ ${number - now} fewer` : `▲ ${now - number} more`,
    ]);
  if (rows.length === 0) return null;
  const recall = (counts, gold) =>
    counts[gold][gold] /
    Math.max(
      1,
      counts[gold].reduce((sum, count) => sum + count, 0),
    );
  const shifts = store.run.config.task.labels
    .map((label, gold) => ({ label, shift: recall(after, gold) - recall(before, gold) }))
    .filter(({ shift }) => shift !== 0);
  shifts.sort((one, other) => other.shift - one.shift);
  const named = (some) => some.map(({ label, shift }) => `${label} (${points(shift)})`).join(", ") || "none";
  return el(
    "div",
    { class: "two" },
    el(
      "section",
      {},
      el("h3", {}, "Most confused"),
      table(
        "most confused pairs",
        ["gold", "predicted", [numbered(left), "num"], [numbered(right), "num"], "change"],
        rows,
      ),
    ),
    left === right
      ? null
      : el(
          "section",
          {},
          el(
            "h3",
            {},
            `Labels from ${numbered(left)} to ${numbered(right)} `,
            noiseNote(store.verdict(split, left, right)),
          ),
          el("p", {}, el("b", {}, "▲ better, in points: "), named(shifts.filter(({ shift }) => shift > 0))),
          el(
            "p",
            {},
            el("b", {}, "▼ worse, in points: "),
            named(shifts.filter(({ shift }) => shift < 0).reverse()),
          ),
        ),
  );
}
