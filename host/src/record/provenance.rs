//! How a component was made: an in-toto Statement v1 with a SLSA v1 provenance predicate, unsigned.
//!
//! Shapes after <https://in-toto.io/Statement/v1> and <https://slsa.dev/provenance/v1>.

use serde_json::{Value, json};

use super::format::Config;
use crate::digest::Digest;

/// What the statement is about.
pub struct Made {
    pub source: Digest,
    pub component: Digest,
    /// The content-hash key under which the component is cached.
    pub key: Digest,
}

/// The statement for one component.
pub fn statement(made: &Made, config: &Config, lock: Digest) -> Value {
    let digest = |digest: Digest| json!({ "sha256": digest });
    let compiler = Digest::of(&config.toolchain.rustc);
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
                "resolvedDependencies": [
                    { "name": "harness.rs", "digest": digest(made.source) },
                    { "name": "mmh-sdk-source", "digest": digest(config.sdk_digest) },
                    { "name": "mmh-sdk-build", "digest": digest(config.sdk_build_digest) },
                    { "name": config.wit.package, "digest": digest(config.wit.digest) },
                    { "name": "sdk.lock", "digest": digest(lock) },
                    { "name": "rustc -vV", "digest": digest(compiler) },
                ],
            },
            "runDetails": {
                "builder": { "id": format!("mmh@{}", config.host_version) },
                "metadata": { "invocationId": config.run_id },
            },
        },
    })
}
