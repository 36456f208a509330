//! What a harness may import: the policy, and nothing but the policy.

use wasmparser::{ComponentTypeRef, Encoding, Parser, Payload};

use super::{Rejection, RejectionKind};

/// The line of the WIT package that this host speaks, and its exact version.
const PACKAGE: &str = "mmh:harness";
const MAJOR: &str = "1";
pub const VERSION: &str = "1.0.0";

/// The host's own interfaces.
const OWN: [&str; 3] = ["model", "log", "types"];

/// The WASI 0.2 interfaces that Rust's standard library pulls in. The sandbox leaves them empty: no
/// arguments, no environment, virtual clocks, seeded randomness. No files: a harness that touches
/// `std::fs` is refused by name.
const WASI: [&str; 18] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// The component's imports, if every one of them is allowed.
pub fn check(bytes: &[u8]) -> Result<Vec<String>, Rejection> {
    let imports = list(bytes).map_err(|problem| Rejection::new(RejectionKind::BadComponent, problem))?;
    match imports.iter().find_map(|import| refusal(import)) {
        Some(refusal) => Err(Rejection::new(RejectionKind::BadImport, refusal)),
        None => Ok(imports),
    }
}

/// The names that a component imports, in its order.
fn list(bytes: &[u8]) -> Result<Vec<String>, String> {
    let malformed = |error: &dyn std::fmt::Display| format!("the component is malformed: {error}");
    let (mut imports, mut depth) = (Vec::new(), 0usize);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| malformed(&error))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err("it is a core module, not a component".into());
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|error| malformed(&error))?;
                    // A type has no code behind it: naming one gives no power.
                    if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                        imports.push(import.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(imports)
}

/// Why an import is refused, naming it; nothing if it is allowed.
fn refusal(import: &str) -> Option<String> {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    if let Some(interface) = name.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix('/')) {
        if version.split('.').next() != Some(MAJOR) {
            return Some(format!(
                "the component imports {import}, but this host speaks {PACKAGE}@{VERSION}: build it with an SDK of \
                 major line {MAJOR}"
            ));
        }
        if OWN.contains(&interface) {
            return None;
        }
    }
    if WASI.contains(&name) && version.starts_with("0.2.") {
        return None;
    }
    Some(format!(
        "the component imports {import}, which a harness may not use: only {PACKAGE}/{{{}}} and what Rust's standard \
         library needs of wasi:cli, wasi:clocks, wasi:io and wasi:random 0.2 are allowed",
        OWN.join(",")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decides_by_name_and_version() {
        let table = [
            ("mmh:harness/model@1.0.0", true),
            ("mmh:harness/log@1.7.3", true),
            ("mmh:harness/model@2.0.0", false),
            ("mmh:harness/model", false),
            ("mmh:harness/files@1.0.0", false),
            ("wasi:cli/stdout@0.2.3", true),
            ("wasi:cli/stdout@0.3.0", false),
            ("wasi:filesystem/types@0.2.6", false),
            ("wasi:sockets/tcp@0.2.3", false),
            ("wasi:http/outgoing-handler@0.2.3", false),
            ("wasi:cli/stdout-and-more@0.2.3", false),
            ("env", false),
        ];
        for (import, allowed) in table {
            assert_eq!(refusal(import).is_none(), allowed, "{import}");
        }
        assert!(refusal("mmh:harness/model@2.0.0").is_some_and(|why| why.contains("mmh:harness@1.0.0")));
    }
}
