"""The evaluation file that OpenEvolve loads: it imports the candidate and scores it."""

import work


def evaluate(program_path):
    task, examples = work.task(), work.rows("val")
    candidate = work.loaded(program_path)
    labels = [candidate.classify(task, row["text"], work.ask) for row in examples]
    return {"combined_score": work.accuracy(labels, examples)}
