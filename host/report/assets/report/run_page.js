// The page of one run: its sections, what people have chosen in them, and the address that says so.

import { fill } from "./dom.js";
import { addressOf, partsOfAddress, takeOver } from "./address.js";
import { Store } from "./model.js";
import { showOverview } from "./overview.js";
import { showIteration } from "./iteration.js";
import { firstFilters, showExamples } from "./examples.js";
import { firstComparison, showConfusion } from "./confusion.js";
import { firstMatrix, showMatrix } from "./matrix.js";
import { showReplay } from "./replay.js";
import { showRecord } from "./record.js";
import { plain } from "./text.js";

export const part = (name) => document.getElementById(name);

/** When parts that nobody looks at are brought up to date, in milliseconds after the others, one after the other. */
const LATER = 400;

/** The sections of a run's page. */
const SECTIONS = ["overview", "iteration", "examples", "answers", "confusion", "replay", "record"];

/** The page of one run. What people have chosen is kept when the run goes on, and stands in the address. */
class RunPage {
  constructor(store, live) {
    this.store = store;
    /** `chosen` is whether people have chosen the iteration themselves. */
    this.iteration = { iteration: store.run.best ?? 0, tab: "reasoning", chosen: false };
    this.filters = firstFilters(store);
    this.comparison = firstComparison(store);
    this.matrix = firstMatrix();
    this.replay = { at: live ? Infinity : 0, speed: "500", timer: 0, moved: false };
    /** What each section showed last, where that can be told cheaply. */
    this.signatures = new Map();
    /** Sections that are looked at, and those that are not up to date. */
    this.seen = new Set(SECTIONS);
    this.stale = new Set();
    /** The section in which something is being typed. */
    this.typed = null;
  }

  show() {
    const { store } = this;
    document.title = `${plain(store.run.config.run_id)} · mmh`;
    fill(part("title"), store.run.config.run_id);
    fill(
      part("subtitle"),
      `${store.run.config.dataset} · ${store.run.config.proposer_model} proposes, ${store.run.config.target_model} answers`,
    );
    for (const section of SECTIONS) this.showSection(section);
  }

  /** Brings a section up to date. */
  showSection(section) {
    this.stale.delete(section);
    const { store } = this;
    const keep = (place) => (isTyped) => this.remember(place, isTyped === true);
    switch (section) {
      case "overview":
        showOverview(store, {
          notices: part("notices"),
          finding: part("finding"),
          charts: part("charts"),
          scoreboard: part("scoreboard-box"),
        });
        this.markChosen();
        return undefined;
      case "iteration":
        return this.showIteration();
      case "examples":
        return showExamples(store, part("examples-box"), this.filters, keep("examples"));
      case "answers":
        return showMatrix(store, part("answers-box"), this.matrix, keep("answers"));
      case "confusion":
        return showConfusion(
          store,
          part("confusion-box"),
          this.comparison,
          (cell) => this.openCell(cell),
          keep("confusion"),
        );
      case "replay":
        return showReplay(store, part("replay-box"), this.replay, () => this.remember("replay", true));
      default:
        return this.showIfNew(
          "record",
          [store.run.costs, store.run.limits, store.run.time, store.run.finished_at],
          () => showRecord(store, part("record-box")),
        );
    }
  }

  showIteration() {
    const { store, iteration } = this;
    const known = [
      iteration.tab,
      store.iterations.get(iteration.iteration),
      store.comparedRows.get(iteration.iteration),
      store.run.iterations.length,
    ];
    const keep = () => this.remember(`iteration-${iteration.iteration}`);
    this.showIfNew("iteration", known, () => showIteration(store, part("iteration-box"), iteration, keep));
    this.markChosen();
  }

  markChosen() {
    for (const row of document.querySelectorAll("[data-iteration]"))
      row.classList.toggle("chosen", Number(row.dataset.iteration) === this.iteration.iteration);
  }

  /** Shows a section unless what it is made of is what it was. */
  showIfNew(section, made, show) {
    const signature = JSON.stringify(made);
    if (this.signatures.get(section) === signature) return;
    this.signatures.set(section, signature);
    show();
  }

  /** Notes in the address what is shown, as a step to come back from. What is typed in one go is one step. */
  remember(place, isTyped = false) {
    const address = addressOf(this, place);
    if (address === location.hash) return;
    const goesOn = isTyped && this.typed === place;
    this.typed = isTyped ? place : null;
    history[goesOn ? "replaceState" : "pushState"]({ whole: true }, "", address);
  }

  /** Completes the address of a link that was followed. */
  settle(place) {
    this.typed = null;
    history.replaceState({ whole: true }, "", addressOf(this, place));
  }

  /** The examples of a cell of a confusion matrix. */
  async openCell({ split, iteration, gold, predicted }) {
    Object.assign(this.filters, firstFilters(this.store), { split, iteration, gold, predicted });
    this.remember("examples");
    await this.showSection("examples");
    part("examples").scrollIntoView();
  }

  /** Shows what an address says: all of it, as it was when it was noted. */
  async goTo(hash) {
    const { place, query } = partsOfAddress(hash);
    this.typed = null;
    takeOver(this, query);
    const iteration = this.iterationOf(place);
    if (iteration !== null) Object.assign(this.iteration, { iteration, chosen: true });
    part("example-list")?.replaceChildren();
    for (const section of SECTIONS) if (section !== "overview") await this.showSection(section);
    return place;
  }

  /** The iteration that a place names: `iteration-3`. */
  iterationOf(place) {
    const named = place.match(/^iteration-(\d+)$/);
    return named && this.store.iterations.has(Number(named[1])) ? Number(named[1]) : null;
  }

  /** Follows a link within the page: `#iteration-3`, `#example-val-17-3`, or a section. */
  async follow(hash) {
    const { place } = partsOfAddress(hash);
    const iteration = this.iterationOf(place);
    const example = place.match(/^example-(val|test)-(\d+)-(\d+)$/);
    if (iteration !== null) {
      Object.assign(this.iteration, { iteration, chosen: true });
      this.showIteration();
    }
    if (example) {
      await this.openExample(example[1], Number(example[2]), Number(example[3]));
      this.settle("examples");
    } else if (iteration !== null || SECTIONS.includes(place)) {
      this.settle(place);
      this.scrollTo(place);
    }
  }

  /** Scrolls to what a place names, and gives it the focus. */
  scrollTo(place) {
    const section = SECTIONS.find((section) => place === section || place.startsWith(`${section}-`));
    if (!section) return;
    part(section).scrollIntoView();
    if (section === "iteration") part("iteration-title").focus({ preventScroll: true });
  }

  async openExample(split, example, iteration) {
    const known = this.store.run[split][example];
    if (!known) return;
    Object.assign(this.filters, firstFilters(this.store), { split, iteration, text: known.id });
    this.filters.open.set(example, iteration);
    part("example-list").replaceChildren();
    await this.showSection("examples");
    const trace = part(`example-${split}-${example}`);
    if (!trace) return;
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

  /** Notes which sections are looked at, and brings those up to date that come into sight. */
  watch() {
    const watcher = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (!isIntersecting) this.seen.delete(target.id);
          else this.seen.add(target.id);
          if (isIntersecting && this.stale.has(target.id)) this.showSection(target.id);
        }
      },
      { rootMargin: "300px" },
    );
    for (const section of SECTIONS) watcher.observe(part(section));
    window.addEventListener("beforeprint", () => this.catchUp());
  }

  /** Brings everything up to date. */
  catchUp() {
    for (const section of [...this.stale]) this.showSection(section);
  }

  /** The run has gone on: shows it as it stands now, and leaves people where they are. What is out of sight comes later. */
  update(run) {
    const atEnd = this.replay.at >= Number(part("replay-bar").max);
    this.store.renew(run);
    if (!this.iteration.chosen) this.iteration.iteration = run.iterations.at(-1)?.index ?? 0;
    if (atEnd && !this.replay.timer) this.replay.at = Infinity;
    for (const section of SECTIONS) {
      if (this.seen.has(section)) this.showSection(section);
      else this.stale.add(section);
    }
    clearTimeout(this.timer);
    const next = () => {
      const [section] = this.stale;
      if (section === undefined) return;
      const start = performance.now();
      this.showSection(section);
      performance.measure("later", { start, end: performance.now(), detail: section });
      this.timer = setTimeout(next, LATER / 4);
    };
    this.timer = setTimeout(next, LATER);
  }
}

export async function startRun(load, live, notes = null) {
  const run = await load("run");
  if (!run) throw new Error("the data of the run is not in this page");
  const store = new Store(run, load);
  if (notes) store.notes = notes;
  const page = new RunPage(store, live);
  document.body.dataset.page = "run";
  await startAddress(page);
  page.watch();
  document.addEventListener("keydown", (event) => page.key(event));
  return page;
}

/** Shows what the address says, and follows it. */
async function startAddress(page) {
  page.show();
  const { place, query } = partsOfAddress(location.hash);
  const isExample = place.startsWith("example-");
  if (query !== null || page.iterationOf(place) !== null) await page.goTo(location.hash);
  if (isExample) await page.follow(location.hash);
  history.replaceState({ whole: true }, "");
  if (place !== "" && !isExample) {
    page.scrollTo(place);
    // Drawings above get their height a moment later.
    requestAnimationFrame(() => requestAnimationFrame(() => page.scrollTo(place)));
  }
  window.addEventListener("popstate", ({ state }) => {
    const isStep = !state?.whole && partsOfAddress(location.hash).query === null;
    if (isStep) page.follow(location.hash);
    else page.goTo(location.hash).then((place) => state?.whole || page.scrollTo(place));
  });
}
