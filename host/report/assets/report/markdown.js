// The few marks of Markdown that proposers use, as elements. Everything else stays the text that it is: no
// links, no pictures, no markup.

import { el } from "./dom.js";

const ITEM = /^\s*(?:[-*+]|\d+[.)])\s+/;

/** Elements for a text in Markdown. */
export function markdown(text) {
  const blocks = [];
  const lines = text.split("\n");
  let at = 0;
  while (at < lines.length) {
    const [block, next] = blockAt(lines, at);
    if (block) blocks.push(block);
    at = next;
  }
  return blocks;
}

function blockAt(lines, at) {
  const line = lines[at];
  if (line.trim() === "") return [null, at + 1];
  if (/^\s*```/.test(line)) return fenced(lines, at);
  const heading = line.match(/^(#{1,6})\s+(.*)$/);
  if (heading) return [el(`h${Math.min(6, heading[1].length + 3)}`, {}, inline(heading[2])), at + 1];
  if (ITEM.test(line)) return list(lines, at);
  if (isTable(lines, at)) return tableOf(lines, at);
  let end = at + 1;
  while (
    end < lines.length &&
    lines[end].trim() !== "" &&
    !/^\s*```|^#{1,6}\s/.test(lines[end]) &&
    !ITEM.test(lines[end]) &&
    !isTable(lines, end)
  )
    end += 1;
  return [el("p", {}, inline(lines.slice(at, end).join("\n"))), end];
}

function fenced(lines, at) {
  let end = at + 1;
  while (end < lines.length && !/^\s*```/.test(lines[end])) end += 1;
  return [
    el(
      "pre",
      { class: "raw", tabindex: "0", role: "group", "aria-label": "code" },
      lines.slice(at + 1, end).join("\n"),
    ),
    end + 1,
  ];
}

function list(lines, at) {
  const items = [];
  let end = at;
  while (end < lines.length && (ITEM.test(lines[end]) || (/^\s+\S/.test(lines[end]) && items.length > 0))) {
    if (ITEM.test(lines[end])) items.push(lines[end].replace(ITEM, ""));
    else items[items.length - 1] += ` ${lines[end].trim()}`;
    end += 1;
  }
  const tag = /^\s*\d/.test(lines[at]) ? "ol" : "ul";
  return [
    el(
      tag,
      {},
      items.map((item) => el("li", {}, inline(item))),
    ),
    end,
  ];
}

/** The line below a table's head, and the most columns and rows of a table. */
const RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const COLUMNS = 40;
const TABLE_ROWS = 500;

const isTable = (lines, at) =>
  lines[at].includes("|") && at + 1 < lines.length && lines[at + 1].includes("-") && RULE.test(lines[at + 1]);

/** The cells of a line. A `|` behind a backslash is text. */
function cellsOf(line) {
  const cells = line
    .trim()
    .replace(/^\|/, "")
    .split(/(?<!\\)\|/);
  if (cells.length > 1 && cells.at(-1).trim() === "") cells.pop();
  return cells.slice(0, COLUMNS).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function tableOf(lines, at) {
  const heads = cellsOf(lines[at]);
  const sides = cellsOf(lines[at + 1]).map((rule) => (rule.endsWith(":") ? "num" : ""));
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && end - at - 2 < TABLE_ROWS) end += 1;
  const rows = lines.slice(at + 2, end).map((line) => {
    const cells = cellsOf(line);
    return el(
      "tr",
      {},
      heads.map((_, column) => el("td", { class: sides[column] }, inline(cells[column] ?? ""))),
    );
  });
  const head = heads.map((cell, column) => el("th", { scope: "col", class: sides[column] }, inline(cell)));
  const whole = el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
  return [el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "table" }, whole), end];
}

/** Code, strong and emphasized text. */
function inline(text) {
  return text.split(/(`[^`\n]+`|\*\*[^*\n]+\*\*|\*[^*\s][^*\n]*\*)/).map((part) => {
    if (/^`.+`$/.test(part)) return el("code", {}, part.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(part)) return el("strong", {}, part.slice(2, -2));
    if (/^\*.+\*$/.test(part)) return el("em", {}, part.slice(1, -1));
    return part;
  });
}
