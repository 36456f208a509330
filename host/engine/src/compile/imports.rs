//! Which interfaces a harness or a scorer may import: checked by name, before anything is linked.

use super::{Rejection, RejectionKind, nesting::Outline};
use crate::sandbox::{PACKAGE, World, major, policy};

pub use super::Origin;

/// How many refused imports a message names.
const SHOWN: usize = 5;

/// What can be told of a component without validating it, if all its imports are allowed.
pub fn check(bytes: &[u8], origin: Origin) -> Result<Outline, Rejection> {
    let outline =
        Outline::of(bytes).map_err(|problem| Rejection::new(RejectionKind::BadComponent, problem))?;
    if let Some(problem) = outline.beyond() {
        return Err(Rejection::new(RejectionKind::BadComponent, problem));
    }
    let is_refused = |import: &&String| !policy::allows(import, origin);
    let refused: Vec<&str> = outline.imports.iter().filter(is_refused).map(String::as_str).collect();
    match refused.first() {
        None => Ok(outline),
        Some(_) => Err(Rejection::new(RejectionKind::BadImport, refusal(&refused, origin))),
    }
}

/// The names that a component imports, in its order, without types. The error says why the bytes are no component.
pub fn list(bytes: &[u8]) -> Result<Vec<String>, String> {
    Ok(Outline::of(bytes)?.imports)
}

/// The message of a refusal: it names the refused imports, and what is allowed.
fn refusal(refused: &[&str], origin: Origin) -> String {
    let other_version = refused.iter().find_map(|import| {
        let (name, version) = import.split_once('@').unwrap_or((import, ""));
        policy::is_own(name).then_some(version)
    });
    if let Some(version) = other_version {
        return refusal_of_version(version);
    }
    let more =
        if refused.len() > SHOWN { format!(" and {} more", refused.len() - SHOWN) } else { String::new() };
    let allowed = match origin {
        Origin::Source => {
            "what Rust's standard library needs of wasi:cli, wasi:clocks, wasi:io and wasi:random 0.2 are allowed"
        }
        Origin::Given => {
            "the interfaces of wasi:cli, wasi:clocks, wasi:filesystem, wasi:http, wasi:io, wasi:random and \
             wasi:sockets 0.2 that language runtimes need are allowed"
        }
    };
    format!(
        "the component imports {}{more}, which a harness may not use: only {PACKAGE}/{{{}}} and {allowed}",
        refused[..refused.len().min(SHOWN)].join(", "),
        policy::OWN.join(",")
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
        let rejection = check(&component, Origin::Given).expect_err("it is refused");
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
            assert_eq!(refusal(imports, Origin::Given), expected);
        }
    }
}
