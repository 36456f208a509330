"""One candidate, evaluated by ShinkaEvolve as a local job: `shinka_run.py CANDIDATE`.

It waits for the job's end instead of looking every 0.1 s as the runner does, and imports only the scheduler.
"""

import pathlib
import sys
import tempfile

from shinka.launch import JobScheduler, LocalJobConfig

import work

evaluate = pathlib.Path(__file__).with_name("shinka_evaluate.py")
scheduler = JobScheduler("local", LocalJobConfig(eval_program_path=str(evaluate), time="00:05:00"))
results = tempfile.mkdtemp()
job = scheduler.submit_async(sys.argv[1], results)
found = scheduler.get_job_results(job, results)
scheduler.shutdown()
work.told(found["metrics"]["combined_score"])
