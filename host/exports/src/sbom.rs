//! What a component is made of, as CycloneDX 1.6: the compiler, the target, and in Rust the crates of the SDK by its lock file.

mod given;

use std::collections::BTreeMap;

use mmh_record::{built::Tool, digest::Digest, format::Config, layout};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::stable_id;

/// Where the crates of a lock file come from that are on crates.io.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The compiler of harnesses in Python, and its package.
const PYTHON_COMPILER: &str = "componentize-py";

/// What the bill is about.
pub struct Component<'a> {
    /// The candidate's index.
    pub index: u32,
    /// The digest of `harness.wasm`.
    pub component: Digest,
    /// The digest of the source.
    pub source: Digest,
    /// When the component was made, in RFC 3339.
    pub made_at: String,
    /// The lock file of the SDK that it was linked with, if it was made with one.
    pub lock: &'a str,
}

/// Why there is no bill.
#[derive(Debug, thiserror::Error)]
#[error("the SDK's lock file cannot be read: {0}")]
pub struct LockError(#[from] toml::de::Error);

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Package {
    fn reference(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }
}

/// The bill of materials of a component.
pub fn cyclonedx(of: &Component<'_>, config: &Config) -> Result<Value, LockError> {
    if let Some(given) = config.given(of.index) {
        return Ok(given::cyclonedx(of, given, config));
    }
    let is_rust = config.harness_language.is_rust();
    let lock: Lock = if is_rust { toml::from_str(of.lock)? } else { Lock { package: Vec::new() } };
    let mut components: Vec<Value> = lock.package.iter().map(|package| library(package, config)).collect();
    let source = json!({
        "type": "file", "bom-ref": "source", "name": config.harness_language.source(), "hashes": hashes(&of.source.to_string()),
    });
    let wit = json!({
        "type": "data", "bom-ref": "wit", "name": config.wit.package,
        "hashes": hashes(&config.wit.digest.to_string()),
    });
    components.extend([source, wit]);
    components.extend(tools(config).map(|(at, tool)| {
        // What takes part in building and is no part of what was built.
        let scope = if is_linked(tool) { "required" } else { "excluded" };
        let mut component = json!({
            "type": "application", "bom-ref": format!("tool-{at}"), "name": tool.name, "version": tool.version,
            "scope": scope, "hashes": hashes(&tool.sha256.to_string()),
        });
        if tool.name == PYTHON_COMPILER {
            component["purl"] = json!(format!("pkg:pypi/{}@{}", tool.name, tool.version));
        }
        component
    }));
    let about_build = match is_rust {
        true => ("mmh:sdk-build-sha256", config.sdk_build_digest.to_string()),
        false => ("mmh:requirements-sha256", config.sdk_digest.to_string()),
    };
    let about = [
        ("mmh:target", config.toolchain.target.as_str()),
        ("mmh:flags", &config.toolchain.flags.join(" ")),
        (if is_rust { "mmh:rustc" } else { "mmh:compiler" }, &config.toolchain.rustc),
        (about_build.0, &about_build.1),
    ];
    let mut bill = bill(of, config, &about);
    bill["metadata"]["lifecycles"] = json!([{ "phase": "build" }]);
    bill["components"] = components.into();
    bill["dependencies"] = dependencies(&root(of), &lock, config).into();
    Ok(bill)
}

/// The reference of the component that a bill is of.
fn root(of: &Component<'_>) -> String {
    format!("urn:mmh:component:{}", of.component)
}

/// A bill without its parts: which component it is of, and these properties besides its run and iteration.
fn bill(of: &Component<'_>, config: &Config, about: &[(&str, &str)]) -> Value {
    let serial = stable_id(&["cyclonedx", &config.run_id, &of.made_at, &of.component.to_string()]);
    let index = layout::folder_name(of.index);
    let place = [("mmh:run", config.run_id.as_str()), ("mmh:iteration", &index)];
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{serial}"),
        "version": 1,
        "metadata": {
            "timestamp": of.made_at,
            "tools": { "components": [{ "type": "application", "name": "mmh", "version": config.host_version }] },
            "component": {
                "type": "application",
                "bom-ref": root(of),
                "name": layout::COMPONENT,
                "version": of.component.to_string(),
                "mime-type": "application/wasm",
                "hashes": hashes(&of.component.to_string()),
                "properties": properties(&[&place, about].concat()),
            },
        },
    })
}

/// A crate of the lock file.
fn library(package: &Package, config: &Config) -> Value {
    let mut library = json!({
        "type": "library", "bom-ref": package.reference(), "name": package.name, "version": package.version,
    });
    if package.source.as_deref() == Some(CRATES_IO) {
        library["purl"] = json!(package.reference());
    }
    match &package.checksum {
        // Of the crate's archive, as the registry has it.
        Some(checksum) => library["hashes"] = hashes(checksum),
        // The SDK itself comes with the program: the digest is that of its sources.
        None => {
            library["properties"] = properties(&[("mmh:sdk-source-sha256", &config.sdk_digest.to_string())]);
        }
    }
    library
}

/// Which part needs which.
fn dependencies(root: &str, lock: &Lock, config: &Config) -> Vec<Value> {
    let mut by_name: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    lock.package.iter().for_each(|package| by_name.entry(&package.name).or_default().push(package));
    // A dependency is a name, and a version as well where there are several.
    let found = |needed: &String| {
        let (name, version) =
            needed.split_once(' ').map_or((needed.as_str(), None), |(name, rest)| (name, Some(rest)));
        let all = by_name.get(name).map_or(&[][..], Vec::as_slice);
        all.iter().find(|it| version.is_none_or(|wanted| wanted.split(' ').next() == Some(&it.version)))
    };
    let is_needed = |package: &&Package| {
        !lock.package.iter().any(|it| {
            it.dependencies.iter().filter_map(found).any(|it| it.reference() == package.reference())
        })
    };
    let mut of_root: Vec<String> = lock.package.iter().filter(is_needed).map(Package::reference).collect();
    of_root.extend(["source".to_owned(), "wit".to_owned()]);
    of_root.extend(tools(config).map(|(at, _)| format!("tool-{at}")));
    let mut all = vec![json!({ "ref": root, "dependsOn": of_root })];
    all.extend(lock.package.iter().map(|package| {
        let needs: Vec<String> =
            package.dependencies.iter().filter_map(found).map(|it| it.reference()).collect();
        json!({ "ref": package.reference(), "dependsOn": needs })
    }));
    all
}

fn tools(config: &Config) -> impl Iterator<Item = (usize, &Tool)> {
    config.toolchain.compiler.iter().chain(&config.toolchain.linker).enumerate()
}

/// Whether it is linked into the component, as the standard library is. The compiler of Python has the runtime.
fn is_linked(tool: &Tool) -> bool {
    tool.name.starts_with("standard library") || tool.name == PYTHON_COMPILER
}

fn hashes(sha256: &str) -> Value {
    json!([{ "alg": "SHA-256", "content": sha256 }])
}

fn properties(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}
