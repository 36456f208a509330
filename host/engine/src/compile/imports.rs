//! The policy of imports: which interfaces a harness or a scorer may import.

use wasmparser::{ComponentTypeRef, Encoding, Parser, Payload};

use super::{Rejection, RejectionKind};
use crate::sandbox::{PACKAGE, World, major};

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

/// How many refused imports a message names.
const SHOWN: usize = 5;

/// The component's imports, if all of them are allowed.
pub fn check(bytes: &[u8]) -> Result<Vec<String>, Rejection> {
    let imports = list(bytes).map_err(|problem| Rejection::new(RejectionKind::BadComponent, problem))?;
    let refused: Vec<&str> =
        imports.iter().filter(|import| !is_allowed(import)).map(String::as_str).collect();
    match refused.first() {
        None => Ok(imports),
        Some(_) => Err(Rejection::new(RejectionKind::BadImport, refusal(&refused))),
    }
}

/// The names that a component imports, in its order, without types. The error says why the bytes are no component of
/// the allowed form.
pub fn list(bytes: &[u8]) -> Result<Vec<String>, String> {
    let malformed = |error: &dyn std::fmt::Display| format!("the component is malformed: {error}");
    let (mut imports, mut depth) = (Vec::new(), 0usize);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| malformed(&error))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err("it is a core module, not a component".into());
            }
            // The host moves what two components hand each other, and no fuel counts it.
            Payload::ComponentSection { .. } => {
                return Err("it holds another component: a harness is one".into());
            }
            Payload::ModuleSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|error| malformed(&error))?;
                    // An imported type has no code, and gives no access to anything.
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

fn is_allowed(import: &str) -> bool {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    match own_interface(name) {
        Some(interface) => OWN.contains(&interface) && World::of_version(version).is_some(),
        None => WASI.contains(&name) && version.starts_with("0.2."),
    }
}

fn own_interface(name: &str) -> Option<&str> {
    name.strip_prefix(PACKAGE)?.strip_prefix('/')
}

/// The message of a refusal: it names the refused imports, and what is allowed.
fn refusal(refused: &[&str]) -> String {
    let other_version = refused.iter().find_map(|import| {
        let (name, version) = import.split_once('@').unwrap_or((import, ""));
        own_interface(name).filter(|interface| OWN.contains(interface)).map(|_| version)
    });
    if let Some(version) = other_version {
        return refusal_of_version(version);
    }
    let more =
        if refused.len() > SHOWN { format!(" and {} more", refused.len() - SHOWN) } else { String::new() };
    format!(
        "the component imports {}{more}, which a harness may not use: only {PACKAGE}/{{{}}} and what Rust's \
         standard library needs of wasi:cli, wasi:clocks, wasi:io and wasi:random 0.2 are allowed",
        refused[..refused.len().min(SHOWN)].join(", "),
        OWN.join(",")
    )
}

/// The message for a component that was built against another version of the contract.
fn refusal_of_version(version: &str) -> String {
    let own = World::LATEST;
    let again = format!("build it again from its source with the SDK of {PACKAGE}@{}", own.version());
    let (built, step) = match major(version) {
        None if version.is_empty() => (format!("{PACKAGE} without a version"), again),
        None => (format!("{PACKAGE}@{version}"), again),
        Some(major) if major > own.major() => {
            (format!("{PACKAGE}@{version}"), format!("use an mmh that speaks {PACKAGE}@{major}, or {again}"))
        }
        Some(_) => (format!("{PACKAGE}@{version}"), again),
    };
    format!(
        "the component was built against {built}, but this mmh speaks {PACKAGE}@{}: {step}",
        own.version()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_short_and_plain() {
        // A component with one import of a function, of a type with its own index, under this name.
        let name = format!("\u{1b}[31m\n{}", "x".repeat(100_000 - 6));
        let mut section = vec![1, 0];
        leb128(name.len(), &mut section);
        section.extend(name.as_bytes());
        section.extend([1, 0]);
        let mut component = b"\0asm\x0d\0\x01\0\x0a".to_vec();
        leb128(section.len(), &mut component);
        component.extend(section);
        let rejection = check(&component).expect_err("it is refused");
        assert_eq!(rejection.kind, RejectionKind::BadImport, "{}", rejection.message);
        assert!(rejection.message.chars().count() <= 1_000);
        assert!(rejection.message.starts_with("the component imports xxx"), "{}", rejection.message);
    }

    fn leb128(mut number: usize, out: &mut Vec<u8>) {
        while number >= 0x80 {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    }

    #[test]
    fn decides_by_name_and_version() {
        let table = [
            ("mmh:harness/model@2.0.0", true),
            ("mmh:harness/log@2.7.3", true),
            ("mmh:harness/model@1.0.0", false),
            ("mmh:harness/model@3.0.0", false),
            ("mmh:harness/model", false),
            ("mmh:harness/files@2.0.0", false),
            ("wasi:cli/stdout@0.2.3", true),
            ("wasi:cli/stdout@0.3.0", false),
            ("wasi:filesystem/types@0.2.6", false),
            ("wasi:sockets/tcp@0.2.3", false),
            ("wasi:http/outgoing-handler@0.2.3", false),
            ("wasi:cli/stdout-and-more@0.2.3", false),
            ("env", false),
        ];
        for (import, allowed) in table {
            assert_eq!(is_allowed(import), allowed, "{import}");
        }
    }

    #[test]
    fn a_refusal_of_another_version_names_both_and_the_next_step() {
        let again = "build it again from its source with the SDK of mmh:harness@2.0.0";
        let newer = format!("use an mmh that speaks mmh:harness@3, or {again}");
        let table = [
            (&["mmh:harness/types@1.0.0"][..], "mmh:harness@1.0.0", again),
            (&["wasi:http/types@0.2.3", "mmh:harness/log@1.0.0"], "mmh:harness@1.0.0", again),
            (&["mmh:harness/model@3.1.0"], "mmh:harness@3.1.0", newer.as_str()),
            (&["mmh:harness/model"], "mmh:harness without a version", again),
            (&["mmh:harness/model@next"], "mmh:harness@next", again),
        ];
        for (imports, built, step) in table {
            let expected = format!(
                "the component was built against {built}, but this mmh speaks mmh:harness@2.0.0: {step}"
            );
            assert_eq!(refusal(imports), expected);
        }
    }
}
