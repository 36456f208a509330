// The search as it happened, event by event: what is shown is a function of the event's number alone, so that
// one can step back as well as forwards.

import { drawn, el, fill, patch, svg } from "./dom.js";
import { scoreChart, scoreRange } from "./charts.js";
import { diffLines, diffSizes } from "./iteration.js";
import { count, grouped, headline, numbered } from "./text.js";
import { ABSENT, RIGHT } from "./model.js";

/** Milliseconds an event, by the name of the speed. */
const SPEEDS = [
  ["1200", "slow"],
  ["500", "normal"],
  ["150", "fast"],
];

/** Everything that happened, in order. */
export function replayEvents(store) {
  const { run } = store;
  const events = run.iterations.flatMap(iterationEvents);
  for (const it of run.held_out)
    if (it.score) events.push({ kind: "held-out", iteration: it.index, score: it.score });
  events.push({ kind: "end", iteration: run.iterations.at(-1)?.index ?? 0 });
  return events;
}

function iterationEvents(it) {
  const events = [];
  const add = (kind, more = {}) => events.push({ kind, iteration: it.index, ...more });
  if (it.index > 0) add("begin");
  it.turns.forEach((turn, at) => {
    add("turn", { turn: at });
    for (const tool of turn.tools.filter((tool) => tool.name === "write_harness" && tool.is_error))
      add("refused", { turn: at, says: tool.says });
  });
  const compiled = it.component_bytes !== null;
  if (it.source !== "" && (compiled || it.score)) add("submitted", { turn: it.turns.length - 1 });
  if (compiled) add("compiled", { turn: it.turns.length - 1 });
  if (it.results.example.length > 0) add("evaluated", { turn: it.turns.length - 1 });
  if (it.score) add("scored", { turn: it.turns.length - 1 });
  else if (it.status !== "under way") add("unscored", { turn: it.turns.length - 1 });
  return events;
}

/** What has happened up to an event. */
function standing(store, events, at) {
  const event = events[at];
  const past = events.slice(0, at + 1);
  const done = (kind) => past.filter((past) => past.kind === kind).map((past) => past.iteration);
  return {
    event,
    concluded: Math.max(-1, ...done("scored"), ...done("unscored")),
    evaluated: done("evaluated").at(-1) ?? null,
    submitted: done("submitted").includes(event.iteration),
    heldOut: done("held-out").length > 0,
    turn:
      event.turn ??
      (event.kind === "begin" ? -1 : (store.iterations.get(event.iteration)?.turns.length ?? 0) - 1),
  };
}

/** What an event is, in a sentence. */
export function eventInWords(store, event) {
  const it = store.iterations.get(event.iteration);
  const name = numbered(event.iteration);
  const turn = it?.turns[event.turn];
  switch (event.kind) {
    case "begin":
      return `${name}: the proposer begins`;
    case "turn":
      return `${name}, turn ${turn.step}: ${turn.tools.map((tool) => tool.name).join(", ") || "it speaks"}`;
    case "refused":
      return `${name}: the submission is refused: ${event.says ?? ""}`;
    case "submitted":
      return `${name}: a harness is submitted: ${headline(it.reasoning)}`;
    case "compiled":
      return `${name}: it compiles`;
    case "evaluated":
      return `${name}: ${count(it.results.example.length, "example")} evaluated`;
    case "scored":
      return `${name}: ${store.objective.shown(it.score)} of ${grouped(it.score.n_examples)}`;
    case "unscored":
      return `${name}: no score: ${it.status}`;
    case "held-out":
      return `${name}, held out: ${store.objective.shown(event.score)} of ${grouped(event.score.n_examples)}`;
    default:
      return store.run.finished_at ? "the search is over" : "no more is recorded";
  }
}

/**
 * The replay in this element. `state` is kept while a run goes on: `at`, `speed`, `timer`, `moved`; `remember` is told when
 * people go to an event. Shown again, it goes on with the events that there are now.
 */
export function showReplay(store, element, state, remember = () => {}) {
  if (state.renew) {
    state.renew();
    return;
  }
  let events = replayEvents(store);
  state.at = Math.min(state.at, events.length - 1);
  const stage = el("div", { class: "stage" });
  const caption = el("p", { class: "caption", role: "status" });
  const bar = el("input", {
    type: "range",
    id: "replay-bar",
    min: "0",
    max: String(events.length - 1),
    value: String(state.at),
    "aria-label": "event",
  });
  const play = el("button", { type: "button", id: "replay-play", class: "play" }, "▶ Play");
  /** What the stage is made of. */
  const signature = () => {
    const { iteration } = events[state.at];
    const done = store.evaluation("val", iteration).results.example.length;
    return JSON.stringify([events.length, state.at, events[state.at], done]);
  };
  const go = (to) => {
    state.at = Math.max(0, Math.min(events.length - 1, to));
    bar.value = String(state.at);
    const said = eventInWords(store, events[state.at]);
    bar.setAttribute("aria-valuetext", said);
    fill(caption, el("span", { class: "muted" }, `${state.at + 1} of ${events.length} · `), said);
    patch(stage, stageParts(store, events, state.at));
    state.shown = signature();
  };
  state.renew = () => {
    events = replayEvents(store);
    bar.max = String(events.length - 1);
    state.at = Math.max(0, Math.min(events.length - 1, state.at));
    if (state.shown !== signature()) go(state.at);
  };
  const moved = () => {
    state.moved = true;
    remember();
  };
  const stop = () => {
    if (state.timer) moved();
    clearInterval(state.timer);
    state.timer = 0;
    fill(play, "▶ Play");
  };
  const start = () => {
    if (state.at === events.length - 1) go(0);
    clearInterval(state.timer);
    state.timer = setInterval(
      () => (state.at < events.length - 1 ? go(state.at + 1) : stop()),
      Number(state.speed),
    );
    fill(play, "❚❚ Pause");
  };
  const toggle = () => (state.timer ? stop() : start());
  const goAndRemember = (to) => {
    stop();
    go(to);
    moved();
  };
  const jump = (direction) => goAndRemember(nextIteration(events, state.at, direction));
  const step = (by) => goAndRemember(state.at + by);
  bar.addEventListener("input", () => {
    goAndRemember(Number(bar.value));
  });
  play.addEventListener("click", toggle);
  const button = (id, label, text, act) =>
    el("button", { type: "button", id, "aria-label": label, title: label, on: { click: act } }, text);
  const speed = el(
    "select",
    { "aria-label": "speed", on: { change: () => setSpeed() } },
    SPEEDS.map(([value, name]) => el("option", { value }, name)),
  );
  speed.value = state.speed;
  const setSpeed = () => {
    state.speed = speed.value;
    if (state.timer) start();
  };
  const controls = el(
    "div",
    { class: "controls" },
    button("replay-first", "to the start", "|◀", () => goAndRemember(0)),
    button("replay-back-iteration", "an iteration back", "◀◀", () => jump(-1)),
    button("replay-back", "a step back", "◀", () => step(-1)),
    play,
    button("replay-next", "a step forwards", "▶", () => step(1)),
    button("replay-next-iteration", "an iteration forwards", "▶▶", () => jump(1)),
    speed,
    bar,
  );
  const keys = {
    " ": toggle,
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    PageDown: () => jump(1),
    PageUp: () => jump(-1),
    Home: () => goAndRemember(0),
    End: () => goAndRemember(events.length - 1),
  };
  const region = el(
    "div",
    {
      class: "replay",
      tabindex: "0",
      role: "group",
      "aria-label": "replay: space plays, arrows step, page keys go by iteration",
    },
    controls,
    caption,
    stage,
  );
  region.addEventListener("keydown", (event) => {
    const own = ["SELECT", "BUTTON"].includes(event.target.tagName) && event.key === " ";
    if (
      own ||
      event.target.tagName === "SELECT" ||
      !keys[event.key] ||
      event.ctrlKey ||
      event.altKey ||
      event.metaKey
    )
      return;
    event.preventDefault();
    keys[event.key]();
  });
  fill(element, region);
  go(state.at);
  if (state.timer) start();
}

/** Where the next or the previous iteration begins. */
function nextIteration(events, at, direction) {
  const now = events[at].iteration;
  const begins = (event, place) => place === 0 || events[place - 1].iteration !== event.iteration;
  const places = events
    .map((event, place) => [event, place])
    .filter(([event, place]) => begins(event, place))
    .map(([, place]) => place);
  if (direction > 0) return places.find((place) => place > at) ?? events.length - 1;
  const start = places.findLast((place) => place <= at);
  return at > start ? start : (places.findLast((place) => place < start) ?? 0);
}

function stageParts(store, events, at) {
  const now = standing(store, events, at);
  return [
    stagePart(`How ${store.objective.name} grows`, stageCurve(store, now)),
    stagePart(...stageExamples(store, now)),
    stagePart("What the proposer has read", stageReads(store, now)),
    stagePart(...stageWork(store, now)),
  ];
}

const stagePart = (title, content) => el("section", { class: "part" }, el("h3", {}, title), content);

function stageCurve(store, now) {
  return drawn((width) =>
    scoreChart(store, width, {
      until: now.concluded,
      heldOut: now.heldOut,
      marked: now.event.iteration,
      range: scoreRange([store]),
      height: 230,
    }),
  );
}

/** Every example as a square; those that flipped against the parent stand out. */
function stageExamples(store, now) {
  if (now.evaluated === null) return ["The examples", el("p", { class: "muted" }, "None is evaluated yet.")];
  const it = store.iterations.get(now.evaluated);
  const { fixed, broken } =
    it.parent === null ? { fixed: [], broken: [] } : store.changes("val", it.parent, it.index);
  const evaluation = store.evaluation("val", it.index);
  const states = store.run.val.map((_, example) => evaluation.state(example));
  const right = states.filter((state) => state === RIGHT).length;
  const told = it.parent === null ? "" : ` Against ${numbered(it.parent)}: `;
  return [
    `The examples in ${numbered(it.index)}`,
    [
      drawn((width) => exampleSquares(states, new Set(fixed), new Set(broken), width)),
      el(
        "p",
        { class: "muted" },
        `${right} of ${states.filter((state) => state !== ABSENT).length} right.${told}`,
        it.parent === null
          ? ""
          : [
              el("span", { class: "good" }, `▲ ${fixed.length} fixed`),
              ", ",
              el("span", { class: "bad" }, `▼ ${broken.length} broken`),
            ],
      ),
    ],
  ];
}

/** So many examples are drawn one by one; of more, all that look alike are one shape. */
const SQUARES = 2000;

function exampleSquares(states, fixed, broken, width) {
  if (states.length > SQUARES) return exampleField(states, fixed, broken, width);
  // As large as fits into a field of about 190 pixels' height.
  const size = Math.max(11, Math.min(26, Math.floor(Math.sqrt((width * 190) / Math.max(1, states.length)))));
  const columns = Math.max(1, Math.floor(width / size));
  const square = (state, example) => {
    const [x, y] = [(example % columns) * size + 2, Math.floor(example / columns) * size + 2];
    const side = size - 4;
    const flip = fixed.has(example) ? " fixed" : broken.has(example) ? " broken" : "";
    const parts = [
      svg("rect", {
        x: x + 0.5,
        y: y + 0.5,
        width: side - 1,
        height: side - 1,
        class: `square ${state}${flip}`,
      }),
    ];
    const middle = x + side / 2;
    if (flip === " fixed")
      parts.push(
        svg("path", {
          d: `M${x + 2} ${y + side - 3}L${middle} ${y + 2}L${x + side - 2} ${y + side - 3}Z`,
          class: "flip-up",
        }),
      );
    if (flip === " broken")
      parts.push(
        svg("path", {
          d: `M${x + 2} ${y + 3}L${middle} ${y + side - 2}L${x + side - 2} ${y + 3}Z`,
          class: "flip-down",
        }),
      );
    return parts;
  };
  const height = Math.ceil(states.length / columns) * size + 4;
  return squares(states, fixed, broken, { width, height }, states.map(square));
}

function exampleField(states, fixed, broken, width) {
  const size = Math.max(3, Math.min(11, Math.floor(Math.sqrt((width * 190) / states.length))));
  const columns = Math.max(1, Math.floor(width / size));
  const paths = new Map();
  states.forEach((state, example) => {
    const flip = fixed.has(example) ? " fixed" : broken.has(example) ? " broken" : "";
    const kind = `square ${state}${flip}`;
    if (!paths.has(kind)) paths.set(kind, []);
    const [x, y] = [(example % columns) * size, Math.floor(example / columns) * size];
    paths.get(kind).push(`M${x} ${y}h${size - 1}v${size - 1}h${1 - size}z`);
  });
  const height = Math.ceil(states.length / columns) * size;
  const shapes = [...paths].map(([kind, path]) => svg("path", { d: path.join(""), class: `${kind} many` }));
  return squares(states, fixed, broken, { width, height }, shapes);
}

function squares(states, fixed, broken, { width, height }, shapes) {
  return svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      class: "squares",
      role: "img",
      "aria-label": `${states.filter((state) => state === RIGHT).length} of ${states.length} examples right, ${fixed.size} fixed, ${broken.size} broken`,
    },
    shapes,
  );
}

/** The files of the run as a board; those that this iteration has read so far are lit, those of this turn most. */
function stageReads(store, now) {
  const it = store.iterations.get(now.event.iteration);
  const step = it?.turns[now.turn]?.step ?? 0;
  const lit = new Map();
  for (const read of it?.reads ?? []) {
    if (read.step > step) continue;
    const known = lit.get(read.path) ?? { times: 0, fresh: false };
    lit.set(read.path, {
      times: known.times + 1,
      fresh: known.fresh || (read.step === step && now.event.kind === "turn"),
    });
  }
  const reads = store.run.iterations.flatMap((it) => it.reads);
  const source = reads.some((read) => read.path.endsWith("/harness.py")) ? "harness.py" : "harness.rs";
  const files = [source, "reasoning.md", "score.json", "eval_trace.jsonl"];
  const others = [
    ...new Set(reads.map((read) => read.path).filter((path) => !path.startsWith("iterations/"))),
  ];
  const lamp = (path, name) => {
    const state = lit.get(path);
    const kind = state === undefined ? "" : state.fresh ? "lit fresh" : "lit";
    return el(
      "span",
      { class: `lamp ${kind}`, title: state === undefined ? path : `${path}: ${count(state.times, "read")}` },
      name,
      state === undefined ? "" : state.times > 1 ? ` ×${state.times}` : " ●",
    );
  };
  const earlier = store.run.iterations.filter((other) => other.index < now.event.iteration);
  return el(
    "div",
    { class: "board", tabindex: "0", role: "region", "aria-label": "files that were read" },
    el(
      "div",
      { class: "lamps" },
      others.length === 0
        ? el("span", { class: "muted" }, "nothing but the run itself")
        : others.map((path) => lamp(path, path)),
    ),
    earlier.map((other) =>
      el(
        "div",
        { class: "lamps" },
        el("b", {}, numbered(other.index)),
        files.map((file) => lamp(`iterations/${numbered(other.index)}/${file}`, file.replace(/\..*/, ""))),
      ),
    ),
  );
}

/** What the proposer says and does; then the diff; then what came of it. */
function stageWork(store, now) {
  const it = store.iterations.get(now.event.iteration);
  if (!it) return ["", ""];
  if (now.submitted) {
    const parent = store.iterations.get(it.parent);
    const content = parent
      ? diffLines(parent.source, it.source, it.changes)
      : el("pre", { class: "raw", tabindex: "0", role: "group", "aria-label": "source" }, it.source);
    return [
      `The harness of ${numbered(it.index)}`,
      [
        el("p", {}, el("b", {}, headline(it.reasoning)), " ", parent ? diffSizes(it) : null),
        el("div", { class: "window", tabindex: "0", role: "region", "aria-label": "the harness" }, content),
      ],
    ];
  }
  const turn = it.turns[now.turn];
  if (!turn) return ["The proposer", el("p", { class: "muted" }, "It has not said anything yet.")];
  const tools = turn.tools.map((tool) =>
    el(
      "li",
      { class: tool.is_error ? "tool refused" : "tool" },
      el("code", {}, tool.name),
      el("span", { class: "arguments" }, tool.arguments),
      tool.is_error
        ? el("span", { class: "says" }, el("b", { class: "bad" }, "refused: "), tool.says ?? "")
        : null,
    ),
  );
  return [
    `The proposer, turn ${turn.step}`,
    [
      turn.thinking ? el("p", { class: "thought" }, turn.thinking) : null,
      turn.text ? el("p", {}, turn.text) : null,
      el("ul", { class: "tools" }, tools),
    ],
  ];
}
