//! Checks a configuration against the data set, the simulated models, and values that follow from its own others.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{MAX_DIFFERENCES, SimulatedModels, explain};
use crate::{dataset::Dataset, evaluate};
use mmh_record::{
    format::{Config, ProposerKind, SCHEMA_VERSION, Summary},
    layout,
    manifest::Finding,
};

/// The wrong values of a configuration.
pub fn check(
    config: &Config,
    summary: &Summary,
    dataset: Option<&Dataset>,
    simulated: SimulatedModels,
) -> Vec<Finding> {
    let mut expected = Config { schema_version: SCHEMA_VERSION, ..config.clone() };
    if let Some(dataset) = dataset {
        expected.dataset = dataset.task.name.clone();
        expected.task = dataset.info();
        expected.dataset_digest = dataset.digest;
        expected.eval_split_size = config.eval_split_size.min(dataset.val.len());
        if !config.learn_batches.is_empty() || config.protocol.batch_size.is_some() {
            expected.learn_batches = evaluate::planned(&dataset.train, &config.limits, &config.protocol);
        }
    }
    let simulated = simulated(config.seed);
    let simulated = [simulated.0.id().to_owned(), simulated.1.id().to_owned()];
    let named = [&config.target_model, &config.proposer_model];
    // Simulated models have no server, and no real model has their names.
    expected.mock = config.providers.is_empty() || named.into_iter().any(|name| simulated.contains(name));
    // A proposer that calls the tools itself is no model, and has a name of its own.
    if simulated.contains(&config.proposer_model) {
        expected.proposer_kind = ProposerKind::Conversation;
    }
    if expected.mock {
        let [target, proposer] = simulated;
        expected.target_model = target;
        if expected.proposer_kind == ProposerKind::Conversation {
            expected.proposer_model = proposer;
        }
        expected.providers = BTreeMap::new();
        expected.budget_usd = None;
        expected.prices.values_mut().for_each(|price| *price = Default::default());
    } else {
        expected.prices = prices(config);
    }
    let mut findings = differences(layout::CONFIG, &json(&expected), &json(config));
    if !expected.mock && config.budget_usd.is_none() {
        findings.push(Finding::new("config.json: budget_usd", "a budget", "null"));
    }
    let is_open = summary.finished_at.is_none() && summary.stopped.is_none();
    if !(is_open && is_from_before(config, &summary.config)) {
        findings.extend(differences("summary.json: config", &json(config), &json(&summary.config)));
    }
    findings
}

/// Whether a summary has the configuration from before the run was resumed. It is written after `config.json`.
fn is_from_before(config: &Config, of_summary: &Config) -> bool {
    let (kept, same) = (of_summary.resumes.len(), config.resumes.starts_with(&of_summary.resumes));
    let without_list = Config { resumes: Vec::new(), ..of_summary.clone() };
    same && config.history().into_iter().rev().nth(kept) == Some(without_list)
}

/// The prices of a run's models, by their names.
fn prices(config: &Config) -> BTreeMap<String, mmh_record::pricing::Price> {
    let models = [("proposer", &config.proposer_model), ("target", &config.target_model)];
    let priced = models
        .into_iter()
        .filter_map(|(role, model)| Some((model.clone(), config.providers.get(role)?.price.clone())));
    priced.collect()
}

fn differences(file: &str, expected: &Value, found: &Value) -> Vec<Finding> {
    let differing = explain::json(expected, found, MAX_DIFFERENCES).into_iter();
    differing
        .map(|(field, expected, found)| Finding::new(format!("{file}: {field}"), expected, found))
        .collect()
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
