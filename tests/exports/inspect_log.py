"""inspect_log.py LOG...: reads logs as Inspect does, with its strictest parser, and prints what stands in them."""
import json
import sys

from inspect_ai.log import read_eval_log, read_eval_log_sample, read_eval_log_sample_summaries, recompute_metrics

for path in sys.argv[1:]:
    log = read_eval_log(path)
    header = read_eval_log(path, header_only=True)
    assert header.samples is None and header.eval == log.eval
    summaries = read_eval_log_sample_summaries(path)
    order = lambda samples: sorted((it.id, it.epoch) for it in samples)
    assert order(summaries) == order(log.samples)
    one = read_eval_log_sample(path, id=log.samples[0].id, epoch=1)
    assert one.messages == log.samples[0].messages
    [score] = log.results.scores
    first = next(iter(score.metrics.values()))
    # Inspect's own accuracy of these samples is the run's.
    if score.name == "match":
        right = [it.scores["match"].as_str() == "C" for it in log.samples]
        assert abs(sum(right) / len(right) - score.metrics["accuracy"].value) < 1e-9
    used = sum((u.total_tokens for it in log.samples for u in it.model_usage.values()))
    assert used == sum(u.total_tokens for u in log.stats.model_usage.values())
    events = [event for it in log.samples for event in it.events]
    assert all(event.event == "model" and event.output.completion for event in events if not event.error)
    print(json.dumps({
        "status": log.status, "model": log.eval.model, "samples": len(log.samples), "score": score.name,
        "headline": [first.name, first.value], "epochs": log.eval.config.epochs, "tags": log.tags,
        "messages": sum(len(it.messages) for it in log.samples), "events": len(events),
        "errors": sum(it.error is not None for it in log.samples), "tokens": used,
        "texts": log.samples[0].messages[-1].text if log.samples[0].messages else "",
    }))
