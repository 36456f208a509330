// What is shown as an address: the part behind the `#` says which section, iteration, tab, filters and examples are meant,
// so that back and forward work, and a link that is sent shows the same. What is as at first is left out.

import { firstFilters } from "./examples.js";
import { firstComparison } from "./confusion.js";
import { firstMatrix } from "./matrix.js";

/** Most examples that an address keeps open. */
const OPENED = 8;

/** The label's name for an address, from the number that a filter has. */
const labelName = (run, number) =>
  number === "" || number === "-1" ? "" : (run.labels[Number(number)] ?? "");

/** The number of a label by its name, as a filter has it. */
function labelNumber(run, name) {
  const number = run.labels.indexOf(name);
  return number < 0 ? "" : String(number);
}

/** The parts of an address: their names, as what a page has them, and how a page gets them. */
function partsOf({ store, iteration, filters, comparison, matrix, replay }) {
  const { run } = store;
  const [plain, other, rows] = [firstFilters(store), firstComparison(store), firstMatrix()];
  const iterations = new Set(run.iterations.map((it) => it.index));
  const text = (object, name, first) => [
    object[name] === first ? "" : String(object[name]),
    (value) => (object[name] = value || first),
  ];
  const among = (object, name, first, all) => [
    text(object, name, first)[0],
    (value) => (object[name] = all.includes(value) ? value : first),
  ];
  const number = (object, name, first) => [
    object[name] === first ? "" : String(object[name]),
    (value) => (object[name] = value !== "" && iterations.has(Number(value)) ? Number(value) : first),
  ];
  const label = (name) => [
    labelName(run, filters[name]),
    (value) => (filters[name] = labelNumber(run, value)),
  ];
  const splits = ["val", "test"];
  return {
    it: [
      iteration.chosen ? String(iteration.iteration) : "",
      (value) => choose(iteration, run, iterations, value),
    ],
    tab: text(iteration, "tab", "reasoning"),
    split: among(filters, "split", plain.split, splits),
    in: number(filters, "iteration", plain.iteration),
    show: text(filters, "show", plain.show),
    gold: label("gold"),
    predicted: label("predicted"),
    unanswered: [
      filters.predicted === "-1" ? "1" : "",
      (value) => value === "1" && (filters.predicted = "-1"),
    ],
    outcome: [
      filters.outcome === "" ? "" : run.outcomes[Number(filters.outcome)],
      (value) => (filters.outcome = run.outcomes.includes(value) ? String(run.outcomes.indexOf(value)) : ""),
    ],
    search: text(filters, "text", ""),
    prompts: [filters.prompts ? "1" : "", (value) => (filters.prompts = value === "1")],
    where: text(filters, "where", ""),
    open: [openedText(filters), (value) => (filters.open = openedMap(value))],
    compare: among(comparison, "split", other.split, splits),
    left: number(comparison, "left", other.left),
    right: number(comparison, "right", other.right),
    answers: among(matrix, "split", rows.split, splits),
    sort: text(matrix, "sort", rows.sort),
    only: text(matrix, "only", rows.only),
    event: [
      replay.at > 0 && Number.isFinite(replay.at) && replay.moved ? String(replay.at) : "",
      (value) => goTo(replay, value),
    ],
  };
}

/** Without an iteration, the page chooses one itself. */
function choose(iteration, run, iterations, value) {
  iteration.chosen = value !== "" && iterations.has(Number(value));
  iteration.iteration = iteration.chosen ? Number(value) : (run.best ?? 0);
}

function goTo(replay, value) {
  replay.moved = /^\d{1,7}$/.test(value);
  if (replay.moved) replay.at = Number(value);
}

const openedText = ({ open }) =>
  [...open]
    .slice(0, OPENED)
    .map(([example, index]) => `${example}.${index}`)
    .join(" ");

function openedMap(text) {
  const found = [...text.matchAll(/\b(\d{1,7})\.(\d{1,7})\b/g)].slice(0, OPENED);
  return new Map(found.map(([, example, index]) => [Number(example), Number(index)]));
}

/** The address of a page, with this section. */
export function addressOf(page, place) {
  const query = new URLSearchParams();
  const isNamed = place.startsWith("iteration-");
  for (const [name, [value]] of Object.entries(partsOf(page)))
    if (value !== "" && !(name === "it" && isNamed)) query.set(name, value);
  const text = query.toString();
  return `#${place}${text === "" ? "" : `?${text}`}`;
}

/** The section of an address, and its other parts. Null where there are none: then it is a step within a page. */
export function partsOfAddress(hash) {
  const [, place, query] = hash.match(/^#?([^?]*)\??(.*)$/s);
  return { place, query: query === "" ? null : query };
}

/** Gives a page what an address says. What it does not say is as at first. */
export function takeOver(page, query) {
  const values = new URLSearchParams(query ?? "");
  for (const [name, [, set]] of Object.entries(partsOf(page))) set(values.get(name) ?? "");
}
