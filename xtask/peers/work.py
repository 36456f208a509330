"""What every candidate in Python works with: the task, a client of the model, and the score.

None of the systems brings a client of a model for the code that it evolves. This one is the standard library's, with one
connection that is kept open: it is there at once, so no system is charged for the import of a large client.
"""

import http.client
import importlib.util
import json
import os
import pathlib
import urllib.parse

DATA = pathlib.Path(os.environ["PEERS_DATA"])
URL = urllib.parse.urlsplit(os.environ["PEERS_URL"])

_connection = None


def rows(split):
    """The rows of a split, each with `text` and `label`."""
    return [json.loads(line) for line in (DATA / f"{split}.jsonl").read_text().splitlines()]


def task():
    """What a candidate may know: instructions, labels and labelled examples, none of those that are scored."""
    train = rows("train")
    instructions = json.loads((DATA / "task.json").read_text())["instructions"]
    return {"instructions": instructions, "labels": sorted({row["label"] for row in train}), "train": train}


def ask(prompt, system=None):
    """One call of the model."""
    global _connection
    if _connection is None:
        _connection = http.client.HTTPConnection(URL.hostname, URL.port)
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": prompt})
    body = json.dumps({"model": "instant", "max_tokens": 64, "messages": messages})
    _connection.request("POST", f"{URL.path}/chat/completions", body, {"Content-Type": "application/json"})
    return json.load(_connection.getresponse())["choices"][0]["message"]["content"]


def loaded(path):
    """A candidate as a module of this process."""
    spec = importlib.util.spec_from_file_location("candidate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def accuracy(labels, examples):
    """The share of examples whose label was found."""
    return sum(label == row["label"] for label, row in zip(labels, examples, strict=True)) / len(examples)


def told(share):
    """Prints the score, as `cargo xtask peers` reads it."""
    print(f"accuracy {share:.6f}")
