// Starts the page: finds its data, fills its parts, follows links and keys, and a run that goes on.

import { el, fill } from "./dom.js";
import { Store, embedded, served } from "./model.js";
import { showOverview } from "./overview.js";
import { showIteration } from "./iteration.js";
import { firstFilters, showExamples } from "./examples.js";
import { firstComparison, showConfusion } from "./confusion.js";
import { showReplay } from "./replay.js";
import { showRecord } from "./record.js";
import { showComparison, showRuns } from "./runs.js";
import { plain } from "./text.js";

const part = (name) => document.getElementById(name);

/** The shortest time between two looks at a run that goes on, in milliseconds. A large run is looked at less often. */
const PAUSE = 300;
const PAUSES_A_LOOK = 3;

/** The page of one run. What people have chosen is kept when the run goes on. */
class RunPage {
  constructor(store, live) {
    this.store = store;
    this.iteration = { iteration: store.run.best ?? 0, tab: "reasoning" };
    this.filters = firstFilters(store);
    this.comparison = firstComparison(store);
    this.replay = { at: live ? Infinity : 0, speed: "500", timer: 0 };
    /** Whether people have chosen an iteration themselves. */
    this.chosen = false;
  }

  show() {
    const { store } = this;
    document.title = `${plain(store.run.config.run_id)} · mmh`;
    fill(part("title"), store.run.config.run_id);
    fill(
      part("subtitle"),
      `${store.run.config.dataset} · ${store.run.config.proposer_model} proposes, ${store.run.config.target_model} answers`,
    );
    showOverview(store, {
      notices: part("notices"),
      finding: part("finding"),
      charts: part("charts"),
      scoreboard: part("scoreboard-box"),
    });
    this.showIteration();
    showExamples(store, part("examples-box"), this.filters);
    this.showConfusion();
    showReplay(store, part("replay-box"), this.replay);
    showRecord(store, part("record-box"));
  }

  showIteration() {
    showIteration(this.store, part("iteration-box"), this.iteration);
    for (const row of document.querySelectorAll("[data-iteration]"))
      row.classList.toggle("chosen", Number(row.dataset.iteration) === this.iteration.iteration);
  }

  showConfusion() {
    showConfusion(
      this.store,
      part("confusion-box"),
      this.comparison,
      ({ split, iteration, gold, predicted }) => {
        Object.assign(this.filters, firstFilters(this.store), { split, iteration, gold, predicted });
        showExamples(this.store, part("examples-box"), this.filters);
        part("examples").scrollIntoView();
      },
    );
  }

  /** Goes where the address points: #iteration-3, or #example-val-17-3. */
  async follow(hash) {
    const iteration = hash.match(/^#iteration-(\d+)$/);
    if (iteration && this.store.iterations.has(Number(iteration[1]))) {
      this.iteration.iteration = Number(iteration[1]);
      this.chosen = true;
      this.showIteration();
      part("iteration").scrollIntoView();
      part("iteration-title").focus({ preventScroll: true });
    }
    const example = hash.match(/^#example-(val|test)-(\d+)-(\d+)$/);
    if (example) await this.openExample(example[1], Number(example[2]), Number(example[3]));
  }

  async openExample(split, example, iteration) {
    const known = this.store.run[split][example];
    if (!known) return;
    Object.assign(this.filters, firstFilters(this.store), { split, iteration, text: known.id });
    await showExamples(this.store, part("examples-box"), this.filters);
    const trace = part(`example-${split}-${example}`);
    if (!trace) return;
    trace.open = true;
    trace.scrollIntoView();
    trace.querySelector("summary").focus({ preventScroll: true });
  }

  /** Brackets go to the iteration before and after. */
  key(event) {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.altKey || event.metaKey)
      return;
    const step = { "[": -1, "]": 1 }[event.key];
    if (!step) return;
    const all = this.store.run.iterations.map((it) => it.index);
    const next = all[all.indexOf(this.iteration.iteration) + step];
    if (next !== undefined) location.hash = `#iteration-${next}`;
  }

  /** The run has gone on: shows it as it stands now, and leaves people where they are. */
  update(run) {
    const before = this.store;
    const atEnd = this.replay.at >= Number(part("replay-bar").max);
    this.store = new Store(run, before.load);
    for (const [name, details] of before.opened) {
      const index = Number(name.split("-")[1]);
      const scored = before.iterations.get(index)?.score;
      if (scored && name.startsWith("val")) this.store.opened.set(name, details);
    }
    if (!this.chosen) this.iteration.iteration = run.iterations.at(-1)?.index ?? 0;
    if (atEnd && !this.replay.timer) this.replay.at = Infinity;
    const held = [...document.querySelectorAll("details[open][id]")].map((details) => details.id);
    const focused = document.activeElement?.id;
    const scroll = window.scrollY;
    this.show();
    for (const id of held) if (part(id)) part(id).open = true;
    if (focused) part(focused)?.focus({ preventScroll: true });
    window.scrollTo(0, scroll);
  }
}

async function startRun(load, live) {
  const run = await load("run");
  if (!run) throw new Error("the data of the run is not in this page");
  const page = new RunPage(new Store(run, load), live);
  document.body.dataset.page = "run";
  page.show();
  window.addEventListener("hashchange", () => page.follow(location.hash));
  document.addEventListener("keydown", (event) => page.key(event));
  await page.follow(location.hash);
  return page;
}

/** Keeps a page up to date. A page that is not looked at waits. */
function keepUp(page, id) {
  const status = part("live");
  status.hidden = false;
  const source = new EventSource(`/events/${encodeURIComponent(id)}`);
  let wanted = false;
  let busy = false;
  const look = async () => {
    if (busy || !wanted) return;
    busy = true;
    wanted = false;
    const begun = performance.now();
    try {
      page.update(await page.store.load("run"));
      fill(status, page.store.run.finished_at || page.store.run.stopped ? "finished" : "live");
      status.dataset.looks = String(Number(status.dataset.looks ?? 0) + 1);
    } catch (error) {
      fill(status, `not up to date: ${error.message}`);
    }
    const took = performance.now() - begun;
    setTimeout(() => ((busy = false), look()), Math.max(PAUSE, PAUSES_A_LOOK * took));
  };
  source.addEventListener("changed", () => ((wanted = true), look()));
  source.addEventListener("open", () =>
    fill(status, page.store.run.finished_at || page.store.run.stopped ? "finished" : "live"),
  );
  // A stream that is refused stays closed; one that breaks is opened again.
  source.addEventListener("error", () =>
    fill(
      status,
      source.readyState === EventSource.CLOSED
        ? "not live: too many pages of this server are open; close some and reload this one"
        : "the server is away",
    ),
  );
}

async function startServed() {
  const [, kind, ...ids] = location.pathname.split("/").map(decodeURIComponent);
  part("home").hidden = false;
  if (kind === "run") {
    keepUp(await startRun(served(ids[0]), true), ids[0]);
    return;
  }
  document.body.dataset.page = "runs";
  if (kind === "compare") {
    fill(part("title"), `${ids[0]} and ${ids[1]}`);
    fill(part("subtitle"), "two runs side by side, over common scales");
    await showComparison(ids, part("runs-box"));
    return;
  }
  fill(part("title"), "Runs");
  const look = async () => showRuns(await (await fetch("/data")).json(), part("runs-box"));
  await look();
  new EventSource("/events").addEventListener("changed", look);
}

/** Light, dark, or as the system has it. */
function startTheme() {
  const themes = ["auto", "light", "dark"];
  let theme = "auto";
  try {
    theme = localStorage.getItem("mmh-theme") ?? "auto";
  } catch {
    // A page without storage forgets.
  }
  const button = part("theme");
  const show = () => {
    document.documentElement.dataset.theme = theme;
    fill(button, `theme: ${theme}`);
  };
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    try {
      localStorage.setItem("mmh-theme", theme);
    } catch {
      // As above.
    }
    show();
  });
  show();
}

startTheme();
const started = document.getElementById("block-run") ? startRun(embedded, false) : startServed();
started
  .then(() => {
    document.body.dataset.ready = "true";
    performance.mark("usable");
  })
  .catch((error) => {
    document.body.dataset.page = "failed";
    fill(part("notices"), el("p", { class: "notice" }, `This page cannot be shown: ${error.message}`));
  });
