// Starts the page: finds its data, fills its parts, and follows a run that goes on.

import { el, fill, hint } from "./dom.js";
import { embedded, served } from "./model.js";
import { Notes, servedNotes } from "./notes.js";
import { part, startRun } from "./run_page.js";
import { showComparison, showRuns } from "./runs.js";
import { followWorkers } from "./workers.js";

/** The shortest time between two looks at a run that goes on, in milliseconds. A large run is looked at less often. */
const PAUSE = 300;
const PAUSES_A_LOOK = 3;

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
      const run = await page.store.load("run");
      const start = performance.now();
      page.update(run);
      performance.clearMeasures();
      performance.measure("update", { start, end: performance.now() });
      fill(status, page.store.run.finished_at || page.store.run.stopped ? "finished" : "live");
      status.dataset.looks = String(Number(status.dataset.looks ?? 0) + 1);
    } catch (error) {
      fill(status, `not up to date: ${error.message}`);
    }
    const took = performance.now() - begun;
    setTimeout(() => ((busy = false), look()), Math.max(PAUSE, PAUSES_A_LOOK * took));
  };
  source.addEventListener("changed", () => ((wanted = true), look()));
  followWorkers(source);
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
    keepUp(await startRun(served(ids[0]), true, await servedNotes(ids[0])), ids[0]);
    return;
  }
  document.body.dataset.page = "runs";
  if (kind === "compare") {
    fill(part("title"), ids.length === 2 ? `${ids[0]} and ${ids[1]}` : `${ids.length} runs`);
    fill(part("subtitle"), "side by side, over common scales");
    await showComparison(ids, part("runs-box"));
    return;
  }
  fill(part("title"), "Runs");
  const look = async () => showRuns(await (await fetch("/data")).json(), part("runs-box"));
  await look();
  const source = new EventSource("/events");
  source.addEventListener("changed", look);
  followWorkers(source);
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
hint(document.querySelector("header .hinted"));
const startEmbedded = async () => startRun(embedded, false, new Notes(null, await embedded("notes")));
const started = document.getElementById("block-run") ? startEmbedded() : startServed();
started
  .then(() => {
    document.body.dataset.ready = "true";
    performance.mark("usable");
  })
  .catch((error) => {
    document.body.dataset.page = "failed";
    fill(part("notices"), el("p", { class: "notice" }, `This page cannot be shown: ${error.message}`));
  });
