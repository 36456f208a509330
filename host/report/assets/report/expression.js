// Filters as expressions, such as `wrong and calls > 1 and label == "dengue"`: read into a tree of plain data, and looked up
// in it example by example. Nothing of an expression is ever run as a script.

/** The longest expression, and how deep its parentheses may be. */
const LONGEST = 500;
const DEEPEST = 40;

/** What is wrong with an expression, and at which character, counted from 1. */
class ExpressionError extends Error {
  constructor(message, at) {
    super(`${message} (character ${at + 1})`);
  }
}

const COMPARISONS = {
  "==": (left, right) => left === right,
  "!=": (left, right) => left !== right,
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
};

/** Words, numbers, texts in quotes, and signs: [kind, value, where it begins]. */
function wordsOf(text) {
  const words = [];
  const pattern =
    /\s+|([A-Za-z_][A-Za-z_0-9]*)|(\d+(?:\.\d+)?)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(==|!=|<=|>=|<|>|=|\(|\)|-)/y;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const found = pattern.exec(text);
    if (!found) throw new ExpressionError(oddSign(text, at), at);
    const [, word, number, double, single, sign] = found;
    if (word !== undefined) words.push(["word", word, at]);
    else if (number !== undefined) words.push(["number", Number(number), at]);
    else if (sign !== undefined) words.push(["sign", sign === "=" ? "==" : sign, at]);
    else if (double !== undefined || single !== undefined)
      words.push(["text", (double ?? single).replace(/\\(.)/gs, "$1"), at]);
  }
  words.push(["end", "", text.length]);
  return words;
}

function oddSign(text, at) {
  const sign = String.fromCodePoint(text.codePointAt(at));
  if (sign === '"' || sign === "'") return `the text that begins with ${sign} has no end`;
  if (sign === "&" || sign === "|") return `"and" and "or" are written as words`;
  if (sign === "!") return `"not" is written as a word`;
  return `"${sign}" is nothing that an expression can have`;
}

/** Reads an expression. `names` are those that it may use, each with its kind: `boolean`, `number` or `text`. */
class Parser {
  constructor(text, names) {
    this.words = wordsOf(text);
    this.names = names;
    this.at = 0;
    this.depth = 0;
  }

  get next() {
    return this.words[this.at];
  }

  is(kind, value) {
    return this.next[0] === kind && this.next[1] === value;
  }

  take(kind, value) {
    if (!this.is(kind, value)) return false;
    this.at += 1;
    return true;
  }

  whole() {
    const tree = this.boolean(this.either());
    const [kind, value, at] = this.next;
    if (kind !== "end") throw new ExpressionError(`"and" or "or" is expected before "${value}"`, at);
    return tree;
  }

  /** A tree that must say yes or no. */
  boolean(tree) {
    if (tree.kind !== "boolean")
      throw new ExpressionError(
        `a ${tree.kind} alone says neither yes nor no: compare it, as in ${tree.example}`,
        tree.at,
      );
    return tree;
  }

  joined(word, part, of) {
    let left = part();
    while (this.take("word", word))
      left = { kind: "boolean", of, parts: [this.boolean(left), this.boolean(part())], at: left.at };
    return left;
  }

  either() {
    return this.joined("or", () => this.both(), "or");
  }

  both() {
    return this.joined("and", () => this.not(), "and");
  }

  not() {
    const { 2: at } = this.next;
    if (!this.take("word", "not")) return this.comparison();
    return this.deeper(at, () => ({ kind: "boolean", of: "not", parts: [this.boolean(this.not())], at }));
  }

  deeper(at, read) {
    this.depth += 1;
    if (this.depth > DEEPEST) throw new ExpressionError("there are too many parts inside of each other", at);
    const tree = read();
    this.depth -= 1;
    return tree;
  }

  comparison() {
    const left = this.value();
    const [kind, sign, at] = this.next;
    if (this.take("word", "contains")) return this.compared(left, "contains", at);
    if (kind !== "sign" || !COMPARISONS[sign]) return left;
    this.at += 1;
    return this.compared(left, sign, at);
  }

  compared(left, sign, at) {
    const right = this.value();
    if (left.kind !== right.kind)
      throw new ExpressionError(`a ${left.kind} cannot be compared with a ${right.kind}`, at);
    if (sign === "contains" && left.kind !== "text")
      throw new ExpressionError("only a text can contain another one", at);
    if (left.kind === "boolean" && !["==", "!="].includes(sign))
      throw new ExpressionError("yes and no can only be compared by == and !=", at);
    return { kind: "boolean", of: "compare", sign, parts: [left, right], at: left.at };
  }

  value() {
    const [kind, value, at] = this.next;
    this.at += 1;
    if (kind === "number" || kind === "text") {
      const example = kind === "number" ? "calls > 1" : 'label == "dengue"';
      return { kind, of: "value", value, at, example };
    }
    if (kind === "sign" && value === "-" && this.next[0] === "number") {
      const number = this.value();
      return { ...number, value: -number.value, at };
    }
    if (kind === "sign" && value === "(") {
      return this.deeper(at, () => {
        const tree = this.either();
        if (!this.take("sign", ")")) throw new ExpressionError('the "(" has no ")"', at);
        return tree;
      });
    }
    if (kind === "word" && !["and", "or", "not", "contains"].includes(value)) return this.named(value, at);
    const before = this.words[this.at - 2]?.[1];
    throw new ExpressionError(
      before === undefined ? "a value is expected" : `a value is expected after "${before}"`,
      at,
    );
  }

  named(name, at) {
    if (name === "true" || name === "false")
      return { kind: "boolean", of: "value", value: name === "true", at };
    const kind = Object.hasOwn(this.names, name) ? this.names[name] : null;
    if (kind === null)
      throw new ExpressionError(`"${name}" is no name; there are ${Object.keys(this.names).join(", ")}`, at);
    const example = kind === "number" ? `${name} > 1` : `${name} == "…"`;
    return { kind, of: "name", name, at, example };
  }
}

/** The tree of an expression; null where there is none. Throws an ExpressionError that says what is wrong. */
export function parsed(text, names) {
  if (text.trim() === "") return null;
  if (text.length > LONGEST)
    throw new ExpressionError(`an expression has ${LONGEST} characters at most`, LONGEST);
  return new Parser(text, names).whole();
}

/** What a tree says. `lookUp` gives the value of a name. */
export function evaluated(tree, lookUp) {
  switch (tree.of) {
    case "value":
      return tree.value;
    case "name":
      return lookUp(tree.name);
    case "and":
      return tree.parts.every((part) => evaluated(part, lookUp));
    case "or":
      return tree.parts.some((part) => evaluated(part, lookUp));
    case "not":
      return !evaluated(tree.parts[0], lookUp);
    default:
      return comparedBy(tree, lookUp);
  }
}

/** What is not known compares with nothing. Texts are compared without regard to capitals. */
function comparedBy({ sign, parts }, lookUp) {
  const [left, right] = parts.map((part) => evaluated(part, lookUp));
  if (left === undefined || right === undefined || left === null || right === null)
    return sign === "!=" && left !== right;
  const [one, other] = [left, right].map((value) =>
    typeof value === "string" ? value.toLowerCase() : value,
  );
  return sign === "contains" ? one.includes(other) : COMPARISONS[sign](one, other);
}
