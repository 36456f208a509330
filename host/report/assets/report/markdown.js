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
  let end = at + 1;
  while (
    end < lines.length &&
    lines[end].trim() !== "" &&
    !/^\s*```|^#{1,6}\s/.test(lines[end]) &&
    !ITEM.test(lines[end])
  )
    end += 1;
  return [el("p", {}, inline(lines.slice(at, end).join("\n"))), end];
}

function fenced(lines, at) {
  let end = at + 1;
  while (end < lines.length && !/^\s*```/.test(lines[end])) end += 1;
  return [el("pre", { class: "raw", tabindex: "0" }, lines.slice(at + 1, end).join("\n")), end + 1];
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

/** Code, strong and emphasized text. */
function inline(text) {
  return text.split(/(`[^`\n]+`|\*\*[^*\n]+\*\*|\*[^*\s][^*\n]*\*)/).map((part) => {
    if (/^`.+`$/.test(part)) return el("code", {}, part.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(part)) return el("strong", {}, part.slice(2, -2));
    if (/^\*.+\*$/.test(part)) return el("em", {}, part.slice(1, -1));
    return part;
  });
}
