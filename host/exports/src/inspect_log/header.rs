//! The header of a log: what was evaluated, with what, and what it scored.

use mmh_record::{
    format::{IterationSummary, Score},
    objective::Objective,
};
use serde_json::{Map, Value, json};

use super::{Log, Sums, usage};
use crate::stable_id;

/// The version of the format.
const VERSION: u32 = 2;

/// The header of a log with these samples.
pub(super) fn of(log: &Log<'_>, sums: &Sums) -> Value {
    let (config, candidate) = (log.config, candidate(log));
    let time = |of: fn(&IterationSummary) -> String| candidate.map(of).unwrap_or_default();
    json!({
        "version": VERSION,
        "status": "success",
        "eval": eval(log, sums),
        "plan": { "name": "plan", "steps": [{ "solver": solver(log), "params": {} }], "config": {} },
        "results": {
            "total_samples": log.score.n_answers(),
            "completed_samples": sums.completed,
            "scores": [{
                "name": scorer(log),
                "scorer": scorer(log),
                "scored_samples": log.score.n_answers(),
                "unscored_samples": 0,
                "params": {},
                "metrics": metrics(&log.score, Objective::of(config)),
            }],
        },
        "stats": {
            "started_at": time(|it| it.started_at.to_string()),
            "completed_at": time(|it| it.finished_at.to_string()),
            "model_usage": { (config.target_model.as_str()): usage(&sums.usage, sums.cost_usd) },
        },
    })
}

fn eval(log: &Log<'_>, sums: &Sums) -> Value {
    let (config, evaluation) = (log.config, log.evaluation);
    let split = evaluation.split.name();
    let id = |what: &str| {
        stable_id(&["inspect", what, &config.run_id, &config.started_at.to_string(), &evaluation.folder])
    };
    let candidate = candidate(log);
    let mut tags = vec![split];
    if config.mock {
        tags.push("simulated");
    }
    json!({
        "eval_id": id("eval"),
        "run_id": stable_id(&["inspect", "run", &config.run_id, &config.started_at.to_string()]),
        "created": config.started_at.to_string(),
        "task": config.dataset,
        "task_id": stable_id(&["inspect", "task", &config.dataset_digest.to_string(), split]),
        "task_version": 0,
        "task_display_name": format!("{} ({split}), iteration {:03} of {}", config.dataset, evaluation.index, config.run_id),
        "task_args": { "split": split, "instructions": config.task.instructions },
        "solver": solver(log),
        "solver_args": {
            "run": config.run_id,
            "iteration": evaluation.index,
            "component_sha256": candidate.map(|it| it.component_digest),
        },
        "tags": tags,
        "dataset": { "name": config.dataset, "samples": sums.ids.len(), "sample_ids": sums.ids, "shuffled": false },
        "model": config.target_model,
        "model_args": {},
        "config": { "epochs": config.protocol.trials.max(1) },
        "packages": { "mmh": config.host_version },
        "metadata": {
            "run_id": config.run_id,
            "iteration": evaluation.index,
            "parent": candidate.and_then(|it| it.parent),
            "reasoning": candidate.map(|it| it.reasoning.as_str()),
            "seed": config.seed,
            "simulated": config.mock,
            "proposer_model": config.proposer_model,
            "dataset_sha256": config.dataset_digest,
        },
    })
}

fn candidate<'a>(log: &'a Log<'_>) -> Option<&'a IterationSummary> {
    log.summary.iterations.iter().find(|it| it.index == log.evaluation.index)
}

/// What answers a sample, in Inspect's word.
fn solver(log: &Log<'_>) -> String {
    format!("harness {:03}", log.evaluation.index)
}

/// The name of the one score that a sample has.
pub(super) fn scorer(log: &Log<'_>) -> &'static str {
    match Objective::of(log.config) {
        Objective::Accuracy => "match",
        Objective::Score => "score",
    }
}

fn metrics(score: &Score, objective: Objective) -> Value {
    let interval = objective.interval(score);
    let mut values = vec![("accuracy".to_owned(), score.accuracy)];
    values.extend(score.mean_score.map(|mean| ("mean_score".to_owned(), mean)));
    values.extend(score.mean_parts.iter().map(|(name, mean)| (format!("mean {name}"), *mean)));
    values.extend([("interval_low".to_owned(), interval.low), ("interval_high".to_owned(), interval.high)]);
    // What the run compares by is first: Inspect shows that one.
    values.sort_by_key(|(name, _)| *name != objective.fields()[0]);
    let metric =
        |(name, value): (String, f64)| (name.clone(), json!({ "name": name, "value": value, "params": {} }));
    Value::Object(values.into_iter().map(metric).collect::<Map<_, _>>())
}
