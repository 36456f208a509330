// Texts and numbers as people read them. Nothing here touches the page.

/** Characters that hide, or turn what stands around them: they are shown by their number. */
const INVISIBLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e0fff}]/gu;

/** A text in pieces: [piece, whether it stands for an invisible character]. */
export function pieces(text) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(INVISIBLE)) {
    if (match.index > from) found.push([text.slice(from, match.index), false]);
    const number = match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    found.push([`U+${number}`, true]);
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push([text.slice(from), false]);
  return found;
}

/** A text in which invisible characters are replaced by their numbers, where only text can stand. */
export function plain(text) {
  return pieces(text)
    .map(([piece, odd]) => (odd ? `[${piece}]` : piece))
    .join("");
}

/** A difference of two shares in percentage points, with its sign. */
export function points(difference) {
  const value = (100 * difference).toFixed(1);
  return Number(value) === 0 ? "±0.0" : `${difference > 0 ? "+" : "−"}${value.replace("-", "")}`;
}

/** 1234567 -> 1,234,567 */
export const grouped = (number) =>
  Math.round(number)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** In the largest unit that keeps it above 1: 1.2 k, 30.3 M. */
export function compact(number) {
  for (const [size, unit] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ]) {
    if (number >= size) return `${(number / size).toFixed(number >= 100 * size ? 0 : 1)} ${unit}`;
  }
  return grouped(number);
}

export function bytes(number) {
  for (const [size, unit] of [
    [2 ** 30, "GiB"],
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
  ]) {
    if (number >= size) return `${Number((number / size).toFixed(1))} ${unit}`;
  }
  return `${grouped(number)} B`;
}

/** The example that an id names, without the number of the trial. */
export const exampleOf = (id) => id.replace(/~[1-9]\d*$/, "");

/** How many answers a score counts: one an example, or one a trial of each. */
export const answers = (score) => score.n_examples * (score.trials?.count ?? 1);

export const dollars = (usd) => `$${usd.toFixed(usd !== 0 && Math.abs(usd) < 0.1 ? 4 : 2)}`;

export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Number(milliseconds.toFixed(1))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 2026-11-24T22:49:02.1Z -> 2026-11-24 22:49:02 UTC */
export const time = (stamp) => (stamp ? stamp.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC") : "");

/** An amount in the unit of a limit. */
export function amount(number, unit) {
  if (unit === "bytes") return bytes(number);
  if (unit === "ms") return duration(number);
  return `${grouped(number)} ${unit}`;
}

/** An iteration's number as its folder has it. */
export const numbered = (index) => String(index).padStart(3, "0");

/** "1 example", "2 examples" */
export const count = (number, noun) => `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;

/** The first line that says something, without a heading's marks. */
export function headline(markdown) {
  const line = markdown.split("\n").find((line) => line.trim() !== "") ?? "";
  const text = line.replace(/^#+\s*/, "").trim();
  return text.length > 140 ? `${text.slice(0, 139)}…` : text;
}

/** A finding about the data with what it is about. */
export function findingLine(it) {
  const more = it.count > it.ids.length ? ", …" : "";
  return `${it.text}: ${it.ids.join(", ")}${more}`;
}
