"""One candidate, which is code, evaluated by the adapter of GEPA's `optimize_anything`, with `execute_code` in processes.

`gepa_code.py CANDIDATE each` starts a process for each example, as the adapter calls an evaluator, several at once;
`batch` uses one process for all examples; `cached` is `each` with the cache of evaluations on the disk.
"""

import os
import pathlib
import sys

from gepa.adapters.optimize_anything_adapter.optimize_anything_adapter import OptimizeAnythingAdapter
from gepa.optimize_anything import EvaluatorWrapper
from gepa.utils.code_execution import ExecutionMode, execute_code

import work

ALL = "\n\ndef classify_all(task, texts, ask):\n    return [classify(task, text, ask) for text in texts]\n"

task, examples, way = work.task(), work.rows("val"), sys.argv[2]


def returned(code, function, *arguments):
    """What a function of the candidate returns, in a process of its own."""
    result = execute_code(
        code, timeout=60, mode=ExecutionMode.SUBPROCESS, entry_point=function, entry_point_args=arguments
    )
    if not result.success:
        raise RuntimeError(result.error + result.stderr)
    return result.variables["__return__"]


def score(candidate, example):
    label = returned(candidate["code"], "classify", task, example["text"], work.ask)
    return float(label == example["label"]), {"label": label}


def scores(pairs):
    code = pairs[0][0]["code"] + ALL
    labels = returned(code, "classify_all", task, [example["text"] for _, example in pairs], work.ask)
    return [(float(label == example["label"]), {"label": label}) for label, (_, example) in zip(labels, pairs)]


adapter = OptimizeAnythingAdapter(
    evaluator=None if way == "batch" else EvaluatorWrapper(score, single_instance_mode=False),
    batch_evaluator=scores if way == "batch" else None,
    max_workers=os.cpu_count(),
    cache_mode="disk" if way == "cached" else "off",
    cache_dir="gepa-cache" if way == "cached" else None,
)
batch = adapter.evaluate(examples, {"code": pathlib.Path(sys.argv[1]).read_text()})
work.told(sum(batch.scores) / len(batch.scores))
