// What a harness has learned: its state as a tree or as bytes, and what it predicted while it learned.

import { el, raw, table, unfolding } from "./dom.js";
import { bytes, count, grouped } from "./text.js";

/** Entries of a list or an object that are shown at once, and levels that are open at first. */
const ENTRIES = 50;
const OPEN_LEVELS = 2;

/** Predictions that are listed. */
const PREDICTIONS = 500;

/** The state after the last batch. */
export function stateSection(state) {
  if (!state) return null;
  const shown =
    state.json !== null
      ? el("div", { class: "tree-of-values" }, valueTree("state", state.json, 0))
      : raw(hexView(state.hex), "state in hexadecimal");
  const part = state.hex.length / 2;
  const note = state.json === null && part < state.bytes ? `; the first ${bytes(part)} are shown` : "";
  return el(
    "section",
    { class: "learned-state" },
    el(
      "h3",
      {},
      "The state that it learned",
      el("span", { class: "muted" }, ` ${bytes(state.bytes)}${note}`),
    ),
    shown,
  );
}

/** A value of JSON, with what it holds folded below it. */
function valueTree(name, value, level) {
  const label = el("span", { class: "name" }, name);
  if (value === null || typeof value !== "object") {
    const kind = value === null ? "null" : typeof value;
    return el("div", { class: "leaf" }, label, el("span", { class: `value ${kind}` }, JSON.stringify(value)));
  }
  const entries = Array.isArray(value) ? value.map((it, at) => [String(at), it]) : Object.entries(value);
  const size = Array.isArray(value) ? count(entries.length, "item") : count(entries.length, "field");
  if (entries.length === 0) return el("div", { class: "leaf" }, label, el("span", { class: "muted" }, size));
  return unfolding(
    { open: level < OPEN_LEVELS && entries.length <= ENTRIES },
    el("summary", {}, label, el("span", { class: "muted" }, size)),
    () => someEntries(entries, 0, level),
  );
}

function someEntries(entries, from, level) {
  const shown = entries.slice(from, from + ENTRIES).map(([name, value]) => valueTree(name, value, level + 1));
  const rest = entries.length - from - ENTRIES;
  if (rest <= 0) return shown;
  const more = unfolding({}, el("summary", { class: "muted" }, `${grouped(rest)} more`), () =>
    someEntries(entries, from + ENTRIES, level),
  );
  return [shown, more];
}

/** Sixteen bytes a line: where they begin, in hexadecimal, and as characters where they are printable. */
function hexView(hex) {
  const all = hex.match(/../g) ?? [];
  const lines = [];
  for (let at = 0; at < all.length; at += 16) {
    const line = all.slice(at, at + 16);
    const characters = line.map((byte) => {
      const code = parseInt(byte, 16);
      return code >= 32 && code < 127 ? String.fromCharCode(code) : ".";
    });
    lines.push(`${at.toString(16).padStart(8, "0")}  ${line.join(" ").padEnd(47)}  ${characters.join("")}`);
  }
  return lines.join("\n");
}

/** The train examples that were predicted before their answers were learned. */
export function predictionsSection(details) {
  const { predictions = [] } = details.block;
  if (predictions.length === 0) return null;
  const right = predictions.filter((it) => it.right).length;
  const rows = predictions
    .slice(0, PREDICTIONS)
    .map((it) => [
      el("code", {}, it.example),
      el("span", { class: it.right ? "good" : "bad" }, it.right ? "✓ right" : "✗ wrong"),
      it.gold,
      it.predicted ?? el("span", { class: "bad" }, it.outcome),
      details.text(it.input).slice(0, 160),
    ]);
  const rest = predictions.length - rows.length + (details.leftOut.predictions ?? 0);
  return el(
    "section",
    { class: "predictions" },
    el("h3", {}, `Predicted while learning: ${grouped(right)} of ${grouped(predictions.length)} right`),
    unfolding({}, el("summary", {}, `all ${count(rows.length, "prediction")}, in order`), () => [
      table(
        "predictions while learning",
        [["example", "wide"], ["", "wide"], "gold", "predicted", "text"],
        rows,
      ),
      rest > 0
        ? el("p", { class: "muted" }, `${count(rest, "more prediction")} in online_trace.jsonl.`)
        : null,
    ]),
  );
}
