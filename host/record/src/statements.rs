//! In-toto Statements v1, unsigned: [`provenance`] says how a component was made (SLSA v1 provenance predicate), and
//! [`test_result`] says what it scored (test-result predicate).
//!
//! They follow <https://in-toto.io/Statement/v1>, <https://slsa.dev/provenance/v1> and
//! <https://in-toto.io/attestation/test-result/v0.1> and have no other fields, so that strict readers accept them.

use serde_json::{Value, json};

use super::{
    folder::json_bytes,
    format::{Config, GivenComponent, Score},
    layout,
};
use crate::{data::Split, digest::Digest, language::HarnessLanguage, objective::Objective};

/// Who builds harnesses: a URI, as SLSA asks for it.
const BUILDER: &str = "pkg:generic/mmh";

/// The same where somebody else did, with tools that this program knows by name at most.
const NOT_BUILT_HERE: &str = "urn:mmh:builder:not-mmh";

/// What a test result is about.
pub struct Tested<'a> {
    /// The digest of `harness.wasm`.
    pub component: Digest,
    /// The split of the examples.
    pub split: Split,
    /// The content of the `score.json` in the same folder.
    pub score: &'a Score,
    /// The ids of the examples that were answered right, in their order.
    pub passed: Vec<&'a str>,
    /// The ids of all other examples, in their order.
    pub failed: Vec<&'a str>,
}

impl<'a> Tested<'a> {
    /// The statement's data for an evaluation of these examples, each with whether it was answered right.
    pub fn of(
        component: Digest,
        split: Split,
        score: &'a Score,
        examples: impl IntoIterator<Item = (&'a str, bool)>,
    ) -> Self {
        let (mut passed, mut failed) = (Vec::new(), Vec::new());
        for (id, is_right) in examples {
            if is_right { &mut passed } else { &mut failed }.push(id);
        }
        Self { component, split, score, passed, failed }
    }
}

/// `test-result.json`: the statement that ties a component to a score: on which examples of which data set, by which model,
/// seed and limits. An example that is answered right has passed.
pub fn test_result(tested: &Tested<'_>, config: &Config) -> Value {
    let limits = limits_digest(config);
    let score = tested.score;
    let objective = Objective::of(config);
    let mut configuration = vec![
        json!({
            "name": config.dataset,
            "digest": { "sha256": config.dataset_digest },
            "annotations": { "split": tested.split.name(), "examples": tested.passed.len() + tested.failed.len() },
        }),
        json!({
            "name": "limits",
            "digest": { "sha256": limits },
            "annotations": { "target_model": config.target_model, "seed": config.seed, "mock": config.mock },
        }),
        json!({
            "name": layout::SCORE,
            "digest": { "sha256": Digest::of(json_bytes(score)) },
            "annotations": { (objective.name()): objective.value(score), "total_fuel": score.total_fuel },
        }),
    ];
    configuration.extend(
        score.state_digest.map(|digest| json!({ "name": layout::STATE, "digest": { "sha256": digest } })),
    );
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": layout::COMPONENT, "digest": { "sha256": tested.component } }],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": if tested.failed.is_empty() { "PASSED" } else { "FAILED" },
            "configuration": configuration,
            "passedTests": tested.passed,
            "failedTests": tested.failed,
        },
    })
}

/// The digest by which a statement names the limits of a run.
pub fn limits_digest(config: &Config) -> Digest {
    Digest::of(serde_json::to_vec(&config.limits).unwrap_or_default())
}

/// What a statement of provenance is about.
pub struct Made {
    /// The digest of the source.
    pub source: Digest,
    /// The digest of `harness.wasm`.
    pub component: Digest,
    /// The content-hash key under which the component is cached.
    pub key: Digest,
}

/// `provenance.json`: the statement of how a component was made, of which source, SDK, lock file and tools.
pub fn provenance(made: &Made, config: &Config, lock: Digest) -> Value {
    let digest = |digest: Digest| json!({ "sha256": digest });
    let named = |name: &str, of: Digest| json!({ "name": name, "digest": digest(of) });
    let source = config.harness_language.source();
    let wit = named(&config.wit.package, config.wit.digest);
    let (build_type, compiler, mut dependencies) = match config.harness_language {
        HarnessLanguage::Rust => {
            let sdk = named("mmh-sdk-source", config.sdk_digest);
            let build = named("mmh-sdk-build", config.sdk_build_digest);
            let of = vec![named(source, made.source), sdk, build, wit, named("sdk.lock", lock)];
            ("urn:mmh:build:rustc-component:1", "rustc", of)
        }
        HarnessLanguage::Python => {
            let of = vec![named(source, made.source), wit, named("requirements.txt", lock)];
            ("urn:mmh:build:componentize-py:1", "componentize_py", of)
        }
    };
    let tools = config.toolchain.compiler.iter().chain(&config.toolchain.linker);
    dependencies.extend(tools.map(|tool| {
        json!({
            "name": tool.name,
            "digest": digest(tool.sha256),
            "annotations": { "version": tool.version },
        })
    }));
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": layout::COMPONENT, "digest": digest(made.component) }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": build_type,
                "externalParameters": { "source": named(source, made.source) },
                "internalParameters": {
                    "target": config.toolchain.target,
                    "flags": config.toolchain.flags,
                    (compiler): config.toolchain.rustc,
                    "key": made.key,
                },
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": { "id": format!("{BUILDER}@{}", config.host_version) },
                "metadata": { "invocationId": config.run_id },
            },
        },
    })
}

/// `provenance.json` of a component that this program did not compile: who built it, as far as that was said, and the digests
/// of its project's files. Nothing in it is proved but the digest of the component.
pub fn given(given: &GivenComponent) -> Value {
    let said = [
        ("from", given.from.name()),
        ("language", given.language.as_str()),
        ("built_by", given.built_by.as_str()),
        ("version", given.version.as_str()),
    ];
    let said = said.into_iter().filter(|(_, value)| !value.is_empty());
    let parameters: serde_json::Map<String, Value> =
        said.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let files = given.files.iter();
    let files = files.map(|(name, digest)| json!({ "name": name, "digest": { "sha256": digest } }));
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": layout::COMPONENT, "digest": { "sha256": given.sha256 } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:mmh:build:given-component:1",
                "externalParameters": parameters,
                "resolvedDependencies": files.collect::<Vec<_>>(),
            },
            "runDetails": { "builder": { "id": NOT_BUILT_HERE } },
        },
    })
}
