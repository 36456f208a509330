// Brings a part of the page up to date without making it anew: what stays the same stays the same element, so that
// scroll, focus and what people have opened stay with it. Nothing here makes elements.

/** Listeners by element and event. An element that stays gets those of the element that would have taken its place. */
const LISTENERS = new WeakMap();

/** What else an element takes over from the one that would have taken its place: functions of the element that stays. */
const SUCCESSIONS = new WeakMap();

/** Elements that listen, or take something over, or hold such ones: two of them that look the same may differ. */
const LIVE = new WeakSet();

/** Notes that an element holds this one. */
export function holds(element, child) {
  if (LIVE.has(child)) LIVE.add(element);
}

/** Listens to an event of an element. There is one listener for each. */
export function listen(element, event, listener) {
  LIVE.add(element);
  const known = LISTENERS.get(element) ?? new Map();
  LISTENERS.set(element, known);
  if (!known.has(event)) element.addEventListener(event, (it) => known.get(event)?.(it));
  known.set(event, listener);
}

/** `takeOver` is called with the element that stays where this one would be; it says whether its children are done. */
export function onSuccession(element, takeOver) {
  LIVE.add(element);
  SUCCESSIONS.set(element, takeOver);
}

/** A name that an element has among its siblings. */
const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset?.key || null : null);

/** Whether one can become the other. */
const isAlike = (one, other) =>
  one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

/** Makes the children of an element those of another one, which is given up. */
export function patchChildren(old, fresh) {
  const wanted = new Set([...fresh.children].map(keyOf));
  const keyed = new Map();
  for (const child of [...old.children]) {
    const key = keyOf(child);
    if (key !== null && !wanted.has(key)) child.remove();
    else if (key !== null) keyed.set(key, child);
  }
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const key = keyOf(child);
    const match = key === null ? at : keyed.get(key);
    if (!match || !isAlike(match, child)) {
      old.insertBefore(child, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    patchNode(match, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function patchNode(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (!LIVE.has(fresh) && old.isEqualNode(fresh)) return;
  // Somebody has asked for the whole of a text.
  if (old.dataset.whole) return;
  patchListeners(old, fresh);
  patchAttributes(old, fresh);
  if (SUCCESSIONS.get(fresh)?.(old)) return;
  // What was put into it when it was opened is its own business.
  if (old.dataset.unfolds) {
    patchNode(old.firstElementChild, fresh.firstElementChild);
    old.children[1]?.firstElementChild?.dispatchEvent(new Event("renew"));
    return;
  }
  patchChildren(old, fresh);
  // What somebody types is theirs.
  if (old === document.activeElement && old.matches("textarea, input:not([type=checkbox])")) return;
  for (const name of ["value", "checked"])
    if (name in fresh && old[name] !== fresh[name]) old[name] = fresh[name];
}

function patchListeners(old, fresh) {
  const [before, now] = [LISTENERS.get(old), LISTENERS.get(fresh)];
  for (const event of before?.keys() ?? []) if (!now?.has(event)) before.delete(event);
  for (const [event, listener] of now ?? []) listen(old, event, listener);
}

function patchAttributes(old, fresh) {
  for (const { name, value } of fresh.attributes)
    if (old.getAttribute(name) !== value && name !== "open") old.setAttribute(name, value);
  if (old.attributes.length === fresh.attributes.length && !old.hasAttribute("open")) return;
  for (const { name } of [...old.attributes])
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
}
