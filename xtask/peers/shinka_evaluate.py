"""The evaluation program that ShinkaEvolve starts: a run of the candidate for each example."""

import argparse

from shinka.core import run_shinka_eval

import work

arguments = argparse.ArgumentParser()
arguments.add_argument("--program_path")
arguments.add_argument("--results_dir")
arguments = arguments.parse_args()
task, examples = work.task(), work.rows("val")
run_shinka_eval(
    program_path=arguments.program_path,
    results_dir=arguments.results_dir,
    experiment_fn_name="classify",
    num_runs=len(examples),
    get_experiment_kwargs=lambda at: {"task": task, "text": examples[at]["text"], "ask": work.ask},
    aggregate_metrics_fn=lambda labels: {"combined_score": work.accuracy(labels, examples)},
)
