// Rust source in coloured pieces. It knows tokens and no grammar: enough to read by.

const KEYWORDS = new Set(
  (
    "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut " +
    "pub ref return self Self static struct super trait true type unsafe use where while"
  ).split(" "),
);

/** One token at the start of what is left; the kinds stand in the order of the groups. */
const TOKEN = new RegExp(
  [
    /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))/,
    /(?<string>b?r(?<marks>#*)"[\s\S]*?(?:"\k<marks>|$)|b?"(?:\\[\s\S]|[^"\\])*(?:"|$)|b?'(?:\\[^\n]{1,9}?|[^'\\\n])')/,
    /(?<attribute>#!?\[[^\]\n]*\])/,
    /(?<number>\b\d[\w]*(?:\.\d[\w]*)?)/,
    /(?<lifetime>'[A-Za-z_]\w*)/,
    /(?<macro>\b[A-Za-z_]\w*!(?!=))/,
    /(?<word>[A-Za-z_]\w*)/,
    /(?<other>\s+|[\s\S])/,
  ]
    .map((part) => part.source)
    .join("|"),
  "gy",
);

/** The lines of a source, each a list of [kind, text]; the kind is "" for what is not special. */
export function highlighted(source) {
  const lines = [[]];
  for (const match of source.matchAll(TOKEN)) {
    const kind = kindOf(match, source);
    match[0].split("\n").forEach((text, at) => {
      if (at > 0) lines.push([]);
      const line = lines[lines.length - 1];
      const last = line[line.length - 1];
      if (last && last[0] === kind) last[1] += text;
      else if (text !== "") line.push([kind, text]);
    });
  }
  if (lines.length > 1 && lines[lines.length - 1].length === 0) lines.pop();
  return lines;
}

function kindOf(match, source) {
  const { word, marks, other, ...groups } = match.groups;
  if (word !== undefined) {
    if (KEYWORDS.has(word)) return "keyword";
    if (/^[A-Z]/.test(word)) return "type";
    return source[match.index + word.length] === "(" ? "function" : "";
  }
  return Object.keys(groups).find((kind) => groups[kind] !== undefined) ?? "";
}
