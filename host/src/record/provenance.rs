//! How a component was made, and what it scored: in-toto Statements v1, unsigned. One has a SLSA v1
//! provenance predicate, the other one a test-result predicate.
//!
//! Shapes after <https://in-toto.io/Statement/v1>, <https://slsa.dev/provenance/v1> and
//! <https://in-toto.io/attestation/test-result/v0.1>.

use serde_json::{Value, json};

use super::format::{Config, Score, TraceRow};
use crate::{dataset::Split, digest::Digest};

/// What a test result is about.
pub struct Tested<'a> {
    pub component: Digest,
    pub split: Split,
    pub score: &'a Score,
    pub traces: &'a [TraceRow],
}

/// The statement that ties a component to a score: on which examples of which data set, by which model,
/// seed and limits. An example that is answered right has passed.
pub fn test_result(tested: &Tested<'_>, config: &Config) -> Value {
    let ids = |correct: bool| -> Vec<&str> {
        let rows = tested.traces.iter().filter(|row| row.correct == correct);
        rows.map(|row| row.example_id.as_str()).collect()
    };
    let limits = Digest::of(serde_json::to_vec(&config.limits).unwrap_or_default());
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "harness.wasm", "digest": { "sha256": tested.component } }],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": if tested.score.n_correct == tested.score.n_examples { "PASSED" } else { "FAILED" },
            "configuration": [
                {
                    "name": config.dataset,
                    "digest": { "sha256": config.dataset_digest },
                    "annotations": { "split": tested.split.name(), "examples": tested.traces.len() },
                },
                {
                    "name": "limits",
                    "digest": { "sha256": limits },
                    "annotations": { "target_model": config.target_model, "seed": config.seed, "mock": config.mock },
                },
            ],
            "passedTests": ids(true),
            "failedTests": ids(false),
            "annotations": {
                "accuracy": tested.score.accuracy,
                "total_fuel": tested.score.total_fuel,
                "state_sha256": tested.score.state_digest,
            },
        },
    })
}

/// What the statement is about.
pub struct Made {
    pub source: Digest,
    pub component: Digest,
    /// The content-hash key under which the component is cached.
    pub key: Digest,
}

/// The statement of how a component was made.
pub fn statement(made: &Made, config: &Config, lock: Digest) -> Value {
    let digest = |digest: Digest| json!({ "sha256": digest });
    let compiler = Digest::of(&config.toolchain.rustc);
    let mut dependencies = vec![
        json!({ "name": "harness.rs", "digest": digest(made.source) }),
        json!({ "name": "mmh-sdk-source", "digest": digest(config.sdk_digest) }),
        json!({ "name": "mmh-sdk-build", "digest": digest(config.sdk_build_digest) }),
        json!({ "name": config.wit.package, "digest": digest(config.wit.digest) }),
        json!({ "name": "sdk.lock", "digest": digest(lock) }),
        json!({ "name": "rustc -vV", "digest": digest(compiler) }),
    ];
    dependencies.extend(config.toolchain.linker.iter().map(|tool| {
        json!({
            "name": tool.name,
            "digest": digest(tool.sha256),
            "annotations": { "version": tool.version },
        })
    }));
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "harness.wasm", "digest": digest(made.component) }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "mmh:rustc-component@1",
                "externalParameters": { "source": { "name": "harness.rs", "digest": digest(made.source) } },
                "internalParameters": {
                    "target": config.toolchain.target,
                    "flags": config.toolchain.flags,
                    "rustc": config.toolchain.rustc,
                    "key": made.key,
                },
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": { "id": format!("mmh@{}", config.host_version) },
                "metadata": { "invocationId": config.run_id },
            },
        },
    })
}
