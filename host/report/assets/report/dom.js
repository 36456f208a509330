// Elements. All text of a run gets into the page through here, as text nodes.

import { holds, listen, onSuccession, patchChildren } from "./patch.js";
import { grouped, pieces } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";

/** Longest text that is shown at once. */
const SHOWN_CHARACTERS = 20000;

/**
 * An element. `properties` are attributes; `on` holds event listeners. Children are elements, texts, arrays of
 * them, or nothing. What is invisible in a text is shown by its number.
 */
export function el(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** The same for drawings. */
export function svg(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) listen(element, event, listener);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  for (const child of children.flat(Infinity)) append(element, child);
  return element;
}

function append(element, child) {
  if (child === null || child === undefined || child === false) return;
  if (child instanceof Node) {
    element.append(child);
    holds(element, child);
    return;
  }
  for (const [piece, odd] of pieces(String(child))) {
    if (!odd) element.append(document.createTextNode(piece));
    else if (element.namespaceURI === SVG) element.append(document.createTextNode(`[${piece}]`));
    else element.append(oddCharacter(piece));
  }
}

function oddCharacter(piece) {
  const mark = document.createElement("span");
  mark.className = "odd";
  mark.title = `invisible character ${piece}`;
  mark.append(document.createTextNode(piece));
  return mark;
}

/** Replaces what stands in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  for (const child of children.flat(Infinity)) append(element, child);
  return element;
}

/** The same, but what stays the same stays the same element, with what people have opened in it. */
export function patch(element, ...children) {
  const fresh = element.cloneNode(false);
  for (const child of children.flat(Infinity)) append(fresh, child);
  patchChildren(element, fresh);
  return element;
}

/** Details that make their content when they are opened. */
export function unfolding(properties, summary, make) {
  const open = ({ currentTarget: details }) => {
    if (details.open && details.childElementCount === 1) append(details, el("div", {}, make()));
  };
  const details = el("details", { ...properties, "data-unfolds": "true", on: { toggle: open } }, summary);
  if (properties.open) append(details, el("div", {}, make()));
  return details;
}

/** A text as it is, of whatever length: the rest of a long one is shown when it is asked for. */
export function raw(text, label) {
  const block = el(
    "pre",
    { class: "raw", tabindex: "0", role: "group", "aria-label": label },
    text.slice(0, SHOWN_CHARACTERS),
  );
  if (text.length <= SHOWN_CHARACTERS) return block;
  const showAll = ({ currentTarget: more }) => {
    const whole = more.previousElementSibling;
    more.parentElement.dataset.whole = "true";
    fill(whole, text);
    more.remove();
    whole.focus();
  };
  const more = el(
    "button",
    { type: "button", class: "plain", on: { click: showAll } },
    `show all ${grouped(text.length)} characters`,
  );
  return el("div", {}, block, more);
}

/** A list of names and what they stand for; rows without a value are left out. */
export function facts(rows) {
  const shown = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el(
    "dl",
    { class: "facts" },
    shown.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
  );
}

/** A digest, if there is one. */
export const digest = (hex) => (hex ? el("code", {}, hex) : null);

/** A table. `heads` are texts or [text, class]; cells are children of `td`, or whole elements `td` or `th`. */
export function table(caption, heads, rows, properties = {}) {
  const head = heads.map((head) => {
    const [text, kind] = Array.isArray(head) ? head : [head, ""];
    return el("th", { scope: "col", class: kind }, text);
  });
  const cell = (cell, at) => {
    if (cell instanceof Element && (cell.tagName === "TD" || cell.tagName === "TH")) return cell;
    return el("td", { class: Array.isArray(heads[at]) ? heads[at][1] : "" }, cell);
  };
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table",
      properties,
      el("caption", { class: "hidden" }, caption),
      el("thead", {}, el("tr", {}, head)),
      el(
        "tbody",
        {},
        rows.map((row) => (row instanceof Element ? row : el("tr", {}, row.map(cell)))),
      ),
    ),
  );
}

/** A select element. `options` are [value, text]. */
export function select(label, options, value, changed) {
  const box = el(
    "select",
    { on: { change: (event) => changed(event.currentTarget.value) } },
    options.map(([value, text]) => el("option", { value }, text)),
  );
  box.value = value;
  return el("label", { class: "field" }, el("span", {}, label), box);
}

/** Tabs after the ARIA pattern. `panels` are [key, title, function that gives the content]. */
export function tabs(label, panels, chosen, choose) {
  const open = (list, key) => {
    const panel = list.parentElement.nextElementSibling;
    for (const button of list.children) {
      const selected = button.dataset.key === key;
      button.setAttribute("aria-selected", String(selected));
      button.tabIndex = selected ? 0 : -1;
      if (selected) panel.setAttribute("aria-labelledby", button.id);
    }
    fill(panel, panels.find(([name]) => name === key)[2]());
    choose(key);
  };
  const first = panels.some(([key]) => key === chosen) ? chosen : panels[0][0];
  const buttons = panels.map(([key, title]) =>
    el(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${key}`,
        "data-key": key,
        "aria-selected": String(key === first),
        tabindex: key === first ? "0" : "-1",
        on: { click: (event) => open(event.currentTarget.parentElement, key) },
      },
      title,
    ),
  );
  const turn = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const list = event.currentTarget;
    const at = panels.findIndex(([key]) => key === event.target.dataset.key);
    const next = list.children[(at + step + panels.length) % panels.length];
    open(list, next.dataset.key);
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
    event.preventDefault();
  };
  const list = el(
    "div",
    { role: "tablist", "aria-label": label, class: "tabs", on: { keydown: turn } },
    buttons,
  );
  const content = panels.find(([key]) => key === first)[2]();
  return el(
    "div",
    {},
    hinted(list),
    el(
      "div",
      { role: "tabpanel", class: "panel", tabindex: "0", "aria-labelledby": `tab-${first}` },
      content,
    ),
  );
}

/** A row that may be wider than the page: a fading edge says that there is more of it. */
function hinted(row) {
  return hint(el("div", { class: "hinted" }, row));
}

/** Lets such a row say so. */
export function hint(box) {
  const row = box.firstElementChild;
  const look = (box) => {
    const { scrollLeft, clientWidth, scrollWidth } = box.firstElementChild;
    box.classList.toggle("more-before", scrollLeft > 4);
    box.classList.toggle("more-after", scrollLeft + clientWidth < scrollWidth - 4);
  };
  row.addEventListener("scroll", () => look(box), { passive: true });
  new ResizeObserver(() => look(box)).observe(row);
  onSuccession(box, (old) => {
    requestAnimationFrame(() => look(old));
    return false;
  });
  return box;
}

/** Content that comes later: a note until then, and what went wrong if it does not come. */
export function later(promise, show) {
  const box = el("div", { "aria-busy": "true" }, el("p", { class: "muted" }, "opening…"));
  const put = (place) =>
    promise
      .then((value) => patch(place, show(value)))
      .catch((error) => fill(place, el("p", { class: "problem" }, `this cannot be shown: ${error.message}`)))
      .finally(() => place.removeAttribute("aria-busy"));
  let taken = false;
  onSuccession(box, (old) => {
    taken = true;
    put(old);
    return true;
  });
  queueMicrotask(() => taken || put(box));
  return box;
}

/** What boxes draw, and for which width they did. */
const DRAWINGS = new WeakMap();

/** A box that draws itself anew for its width. */
export function drawn(draw) {
  const box = el("div", { class: "drawn" });
  const drawing = { draw, width: 0 };
  DRAWINGS.set(box, drawing);
  const redraw = () => {
    const now = Math.floor(box.clientWidth);
    if (now > 0 && now !== drawing.width) {
      drawing.width = now;
      fill(box, drawing.draw(now));
    }
  };
  new ResizeObserver(redraw).observe(box);
  onSuccession(box, (old) => {
    const kept = DRAWINGS.get(old);
    kept.draw = draw;
    if (kept.width > 0) patch(old, draw(kept.width));
    return true;
  });
  return box;
}
