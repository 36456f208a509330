"""Grades answers as docs/tasks.md describes metrics, without a line of the program: what its grades are compared with.

Reads lines of JSON with a metric, a right answer and an answer, and prints score, correctness and parts of each.
"""

import json
import re
import string
import sys
import unicodedata
from collections import Counter

USUAL_STEPS = {
    "exact": ["trim"],
    "set": ["trim"],
    "json": ["trim"],
    "normalised": ["nfkc", "lowercase", "collapse-spaces"],
    "contains": ["nfkc", "lowercase", "collapse-spaces"],
    "token-f1": ["lowercase", "strip-punctuation", "strip-articles", "collapse-spaces"],
    "number": [],
}
STEPS = {
    "trim": str.strip,
    "lowercase": str.lower,
    "nfkc": lambda it: unicodedata.normalize("NFKC", it),
    "collapse-spaces": lambda it: " ".join(it.split()),
    "strip-punctuation": lambda it: "".join(
        c for c in it if c not in string.punctuation and unicodedata.category(c)[0] != "P"
    ),
    "strip-articles": lambda it: re.sub(r"(?i)\b(a|an|the)\b", " ", it),
}


def normal(metric, text):
    for step in metric.get("normalise", USUAL_STEPS[metric["kind"]]):
        text = STEPS[step](text)
    return text


def extracted(metric, text):
    for pattern in metric.get("extract", []):
        found = list(re.finditer(pattern, text))
        if found:
            match = found[-1] if metric.get("take") == "last" else found[0]
            return next((group for group in match.groups() if group is not None), match.group())
    return None if metric.get("strict") else text


def listed(text):
    try:
        items = json.loads(text)
    except ValueError:
        return None
    if not isinstance(items, list):
        return None
    return [item if isinstance(item, str) else json.dumps(item, separators=(",", ":")) for item in items]


def members(metric, text):
    items = listed(text)
    if items is None:
        separators = metric.get("separators", [",", ";", "\n"])
        items = re.split("|".join(re.escape(it) for it in separators), text)
    return {normal(metric, item) for item in items} - {""}


def number(metric, text):
    text = text.strip()
    units = sorted(metric.get("units", []), key=len, reverse=True)
    text = next((text.removesuffix(it) for it in units if text.endswith(it)), text).strip()
    text = next((text.removeprefix(it) for it in units if text.startswith(it)), text).strip()
    percent = metric.get("percent", False) and text.endswith("%")
    text = text.rstrip("% ") if percent else text
    if not re.fullmatch(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?(e[+-]?\d+)?", text, re.I | re.A) or not re.search(r"\d", text):
        return None
    value = float(text.replace(",", ""))
    return None if abs(value) == float("inf") else value / 100 if percent else value


def close(metric, gold, found):
    return abs(found - gold) <= max(metric.get("tolerance", 0), metric.get("relative", 0) * abs(gold))


def overlap(common, gold, found):
    empty = 1.0 if gold == found == 0 else 0.0
    return {
        "precision": common / found if found else empty,
        "recall": common / gold if gold else empty,
        "f1": 2 * common / (gold + found) if gold + found else 1.0,
    }


def same(metric, gold, found):
    is_number = lambda it: isinstance(it, (int, float)) and not isinstance(it, bool)
    if is_number(gold) and is_number(found):
        return close(metric, gold, found)
    if isinstance(gold, str) or isinstance(found, str):
        texts = [it if isinstance(it, str) else json.dumps(it) for it in (gold, found)]
        return None not in (gold, found) and normal(metric, texts[0]) == normal(metric, texts[1])
    if isinstance(gold, list) and isinstance(found, list):
        return len(gold) == len(found) and all(same(metric, *pair) for pair in zip(gold, found))
    return type(gold) is type(found) and gold == found


def compare(metric, gold, answer):
    """Whether the answer is right, and the parts of its grade."""
    kind = metric["kind"]
    if kind in ("exact", "normalised"):
        return normal(metric, gold) == normal(metric, answer), {}
    if kind == "contains":
        wanted, text = normal(metric, gold), normal(metric, answer)
        if metric.get("words"):
            left, right = (r"(?<![^\W_])" if wanted[:1].isalnum() else "", r"(?![^\W_])" if wanted[-1:].isalnum() else "")
            return bool(wanted) and re.search(left + re.escape(wanted) + right, text) is not None, {}
        return bool(wanted) and wanted in text, {}
    if kind == "number":
        numbers = number(metric, gold), number(metric, answer)
        return None not in numbers and close(metric, *numbers), {}
    if kind == "set":
        gold, found = members(metric, gold), members(metric, answer)
        parts = overlap(len(gold & found), len(gold), len(found))
        parts["jaccard"] = len(gold & found) / len(gold | found) if gold | found else 1.0
        return gold == found, parts
    if kind == "token-f1":
        gold, answer = normal(metric, gold), normal(metric, answer)
        split = str.split if metric.get("tokens", "words") == "words" else lambda it: list("".join(it.split()))
        common = (Counter(split(gold)) & Counter(split(answer))).total()
        return gold == answer, overlap(common, len(split(gold)), len(split(answer)))
    try:
        gold, found = json.loads(gold), json.loads(answer)
    except ValueError:
        found = None
    found = found if isinstance(found, dict) else {}
    parts = {it: float(it in found and same(metric, gold[it], found[it])) for it in metric["fields"]}
    return all(parts.values()), parts


def grade_one(metric, gold, answer):
    kind = metric["kind"]
    gold, answer = extracted(metric, gold), extracted(metric, answer)
    if gold is None or answer is None:
        correct, parts = compare(metric, *{"set": ("a", "b"), "token-f1": ("x", "y")}.get(kind, ("1", "2")))
    else:
        correct, parts = compare(metric, gold, answer)
    name = metric.get("score", {"token-f1": "f1", "json": "mean"}.get(kind, "correct"))
    if name == "correct":
        score = float(correct)
    elif name == "mean":
        score = sum(parts.values()) / len(parts)
    else:
        score = parts[name]
    if "threshold" in metric:
        correct = score >= metric["threshold"]
    return {"score": score, "correct": correct, "parts": parts}


def grade(metric, gold, answer):
    golds = listed(gold) if metric.get("several") else [gold]
    return max((grade_one(metric, it, answer) for it in golds), key=lambda it: (it["score"], it["correct"]))


for line in sys.stdin:
    case = json.loads(line)
    print(json.dumps(grade(case["metric"], case["gold"], case["answer"])))
