// The workers that run the harnesses of a search, as the server of the page knows them. Only a page that is served with
// `--workers` has them.

import { el, patch, table } from "./dom.js";
import { part } from "./run_page.js";
import { count, grouped } from "./text.js";

/** Shows them whenever this stream of events tells of them. */
export function followWorkers(source) {
  let last = null;
  const show = (problem) => {
    if (last === null) return;
    part("workers").hidden = false;
    showWorkers({ ...last, problem: problem ?? last.problem }, part("workers-box"));
  };
  source.addEventListener("workers", (event) => {
    last = JSON.parse(event.data);
    show();
  });
  source.addEventListener("error", () => show("the server of this page is away"));
}

/** How they stand. What is listed last is marked as old while nobody knows more. */
function showWorkers(fleet, element) {
  const { queue } = fleet;
  const lacking = fleet.count - fleet.workers.length;
  patch(
    element,
    fleet.problem
      ? el("p", { class: "notice", role: "status" }, `${fleet.problem}. This is what was known before:`)
      : null,
    el(
      "p",
      { id: "workers-line" },
      `${count(fleet.count, "worker")} at ${fleet.server}: ${count(fleet.processors, "processor")} for ${fleet.version}, ` +
        `${perSecond(fleet.calls_per_s)} calls a second. In the queue: ${count(queue.waiting, "call")} not taken, ` +
        `${grouped(queue.taken)} under way, ${grouped(queue.taken_again)} of them not for the first time.`,
    ),
    fleet.workers.length === 0
      ? el("p", { class: "muted" }, "No worker is there: `mmh worker --nats URL` starts one.")
      : table("workers", HEADS, fleet.workers.map(row)),
    lacking > 0 ? el("p", { class: "muted" }, `${count(lacking, "more worker")} not listed here`) : null,
  );
}

const HEADS = [
  "worker",
  ["processors", "num"],
  ["under way", "num"],
  ["wait for a model", "num"],
  ["calls a second", "num"],
  ["done", "num"],
];

const row = (worker) =>
  el(
    "tr",
    { "data-key": `worker-${worker.id}` },
    el(
      "th",
      { scope: "row" },
      worker.name,
      worker.other_version
        ? el("span", { class: "muted" }, ` ${worker.other_version}, which takes no calls of this version`)
        : null,
    ),
    [worker.processors, worker.under_way, worker.waiting].map(number),
    el("td", { class: "num" }, perSecond(worker.calls_per_s)),
    number(worker.done),
  );

const number = (value) => el("td", { class: "num" }, grouped(value));

const perSecond = (value) => value.toFixed(1);
