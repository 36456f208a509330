#!/usr/bin/env python3
"""Loads a run of mmh into pandas, and draws its accuracy curve and the best iteration's confusion matrix.

    python3 -m venv venv
    venv/bin/pip install -r examples/requirements.txt
    venv/bin/python examples/analyse.py runs/first -o figures

The lines that begin with `# %%` are cells: editors that know notebooks run them one by one. Field names are
those of mini-meta-harness, and more; host/record/src/format.rs documents them.
"""

# %%
import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd


# %% Loading
def load_summary(run: Path) -> dict:
    """summary.json: config, iterations, unscored, total_cost, best_iteration_index, test."""
    return json.loads((run / "summary.json").read_text(encoding="utf-8"))


def iterations_frame(summary: dict) -> pd.DataFrame:
    """One row for each scored iteration: accuracy with its interval, cost, prompt size, fuel."""
    columns = {
        "score.accuracy": "accuracy",
        "score.interval.low": "low",
        "score.interval.high": "high",
        "score.n_correct": "n_correct",
        "score.n_examples": "n_examples",
        "score.n_errors": "n_errors",
        "score.mean_prompt_bytes": "mean_prompt_bytes",
        "score.total_fuel": "total_fuel",
        "cost.estimated_usd": "usd",
        "cost.target_input_tokens": "target_input_tokens",
        "cost.target_output_tokens": "target_output_tokens",
    }
    frame = pd.json_normalize(summary["iterations"])
    if frame.empty:
        return pd.DataFrame(columns=list(columns.values())).rename_axis("iteration")
    return frame.rename(columns=columns).set_index("index").rename_axis("iteration")[list(columns.values())]


def load_traces(run: Path, iterations) -> pd.DataFrame:
    """One row for each example of each iteration: eval_trace.jsonl, line by line."""
    frames = []
    for index in iterations:
        # Not splitlines(): it would also split at line separators inside a text.
        with open(run / "iterations" / f"{index:03}" / "eval_trace.jsonl", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        frames.append(pd.DataFrame(rows).assign(iteration=index))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


# %% Questions
def flips(traces: pd.DataFrame, before: int, after: int) -> pd.DataFrame:
    """The examples that `after` fixed (True) or broke (False), against `before`."""
    right = traces.pivot(index="example_id", columns="iteration", values="correct")
    changed = right[right[before] != right[after]]
    return changed[[after]].rename(columns={after: "fixed"})


def confusion(traces: pd.DataFrame, iteration: int) -> pd.DataFrame:
    """Gold labels by predicted ones; an example without an answer has its own column."""
    rows = traces[traces["iteration"] == iteration]
    predicted = rows["predicted_label"].fillna("(no answer)").rename("predicted")
    return pd.crosstab(rows["gold_label"].rename("gold"), predicted)


# %% Pictures
def title(summary: dict, what: str) -> str:
    simulated = " (SIMULATED models)" if summary["config"]["mock"] else ""
    return f"{summary['config']['dataset']}: {what}{simulated}"


def draw_accuracy(summary: dict, frame: pd.DataFrame, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    errors = [frame["accuracy"] - frame["low"], frame["high"] - frame["accuracy"]]
    axes.errorbar(frame.index, frame["accuracy"], yerr=errors, fmt="o", capsize=3, label="validation")
    axes.step(frame.index, frame["accuracy"].cummax(), where="post", color="black", label="best so far")
    for number, test in enumerate(summary["test"]):
        label = "held-out test" if number == 0 else None
        axes.plot(test["index"], test["score"]["accuracy"], "D", mfc="white", color="tab:red", label=label)
    axes.set(xlabel="iteration", ylabel="accuracy", title=title(summary, "accuracy by iteration"))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    figure.savefig(path)
    plt.close(figure)


def draw_confusion(summary: dict, matrix: pd.DataFrame, iteration: int, path: Path) -> None:
    side = 2.5 + 0.3 * max(matrix.shape)
    figure, axes = plt.subplots(figsize=(side, side), layout="constrained")
    axes.imshow(matrix, cmap="cividis")
    axes.set_xticks(range(matrix.shape[1]), matrix.columns, rotation=90)
    axes.set_yticks(range(matrix.shape[0]), matrix.index)
    axes.set(xlabel="predicted", ylabel="gold", title=title(summary, f"iteration {iteration:03}"))
    middle = matrix.to_numpy().max() / 2
    for row, column in zip(*matrix.to_numpy().nonzero()):
        count = matrix.iat[row, column]
        color = "black" if count > middle else "white"
        axes.text(column, row, count, ha="center", va="center", color=color, fontsize=8)
    figure.savefig(path)
    plt.close(figure)


# %% All of it
def main() -> None:
    parser = argparse.ArgumentParser(description="Analyses a run of mmh with pandas.")
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("-o", "--output", type=Path, default=Path("."), help="where the pictures go")
    args = parser.parse_args()
    summary = load_summary(args.run)
    frame = iterations_frame(summary)
    print(title(summary, "scored iterations"))
    print(frame.to_string(float_format=lambda value: f"{value:.4g}"))
    best = summary["best_iteration_index"]
    if best is None:
        return
    traces = load_traces(args.run, frame.index)
    if 0 in frame.index and best != 0:
        fixed = flips(traces, 0, best)["fixed"]
        print(f"\niteration {best:03} against 000: {fixed.sum()} fixed, {(~fixed).sum()} broken")
    matrix = confusion(traces, best)
    print(f"\nconfusion of iteration {best:03}: {matrix.to_numpy().sum()} examples")
    args.output.mkdir(parents=True, exist_ok=True)
    draw_accuracy(summary, frame, args.output / "accuracy.png")
    draw_confusion(summary, matrix, best, args.output / "confusion.png")


if __name__ == "__main__":
    main()
