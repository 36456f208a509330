"""One candidate, evaluated by OpenEvolve in a worker of its own process pool.

`openevolve_run.py CANDIDATE [TASKS]`: TASKS is OpenEvolve's setting `max_tasks_per_child`; 1 gives each candidate a
new worker, which is started afresh rather than forked.
"""

import pathlib
import sys

from openevolve import process_parallel
from openevolve.config import Config, LLMModelConfig
from openevolve.database import ProgramDatabase

import work


def evaluated(code):
    """Runs in the worker: what its iterations do with the program that a model wrote."""
    process_parallel._lazy_init_worker_components()
    evaluator = process_parallel._worker_evaluator
    return process_parallel._run_worker_async(evaluator.evaluate_program(code, "candidate"))


def main():
    config = Config()
    config.evaluator.cascade_evaluation = False
    model = LLMModelConfig(name="instant", api_base=work.URL.geturl(), api_key="none")
    config.llm.models = config.llm.evaluator_models = [model]
    config.max_tasks_per_child = int(sys.argv[2]) if len(sys.argv) > 2 else None
    evaluation = pathlib.Path(__file__).with_name("openevolve_evaluator.py")
    pool = process_parallel.ProcessParallelController(config, str(evaluation), ProgramDatabase(config.database))
    pool.start()
    metrics = pool.executor.submit(evaluated, pathlib.Path(sys.argv[1]).read_text()).result()
    pool.stop()
    work.told(metrics["combined_score"])


if __name__ == "__main__":
    main()
