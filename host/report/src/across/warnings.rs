//! What makes runs hard to compare.

use std::collections::BTreeSet;

use super::{Column, Entry, Group, RunScores};
use mmh_record::{data::Split, format::Summary};

/// What is to be known of one run.
pub fn of_run(summary: &Summary, entries: &[Entry], split: Split) -> Vec<String> {
    let mut found = Vec::new();
    if summary.finished_at.is_none() {
        found.push("the run is not finished".to_owned());
    }
    let scored = summary.iterations.len();
    if split == Split::Val && scored > 1 {
        found.push(format!(
            "no held-out scores; the best of {scored} on validation is an optimistic estimate"
        ));
    }
    let leaking = summary.iterations.iter().filter(|it| !it.leaks.is_empty());
    for it in leaking.filter(|it| entries.iter().any(|entry| entry.index == it.index)) {
        found.push(format!("LEAK: {:03} carries validation or test examples along", it.index));
    }
    if split == Split::Test {
        let seen = summary.config.task.seen_tests().unwrap_or_default();
        found.extend(seen.into_iter().map(|finding| finding.line()));
    }
    found
}

/// What has to be the same where figures are put together: who is asked, who writes, and whether they are simulated.
pub fn models(run: &RunScores) -> (&str, &str, bool) {
    (&run.target_model, &run.proposer_model, run.mock)
}

/// What is to be known of all of them together.
pub fn of_all(columns: &[Column], groups: &[Group], runs: &[RunScores]) -> Vec<String> {
    let mut found = Vec::new();
    let simulated: Vec<&str> = runs.iter().filter(|run| run.mock).map(|run| run.name.as_str()).collect();
    if !simulated.is_empty() {
        found.push(format!(
            "SIMULATED models in {}: the figures show that the search works, not how a real model does",
            simulated.join(", ")
        ));
    }
    for column in columns {
        let of_column = runs.iter().filter(|run| run.dataset_digest == column.digest);
        let samples: BTreeSet<_> = of_column.map(|run| run.sample).collect();
        if samples.len() > 1 {
            found.push(format!("the runs of {} were not scored on the same examples", column.name));
        }
    }
    for group in groups {
        found.extend(of_group(&group.runs.iter().flatten().map(|at| &runs[*at]).collect::<Vec<_>>()));
    }
    found
}

/// What makes the mean of these runs a mean of different things.
fn of_group(runs: &[&RunScores]) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, of: &dyn Fn(&RunScores) -> String| {
        let values: BTreeSet<String> = runs.iter().map(|run| of(run)).collect();
        if values.len() > 1 {
            let told = runs.iter().map(|run| format!("{} has {}", run.name, of(run)));
            found.push(format!("a mean over runs with {what}: {}", told.collect::<Vec<_>>().join(", ")));
        }
    };
    differ("different targets", &|run| run.target_model.clone());
    differ("different proposers", &|run| run.proposer_model.clone());
    differ("different figures", &|run| run.figure.to_owned());
    differ("scores of different splits", &|run| run.split.to_owned());
    found
}
