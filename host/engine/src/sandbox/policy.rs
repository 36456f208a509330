//! The policy of imports, by name: what a component may import, and what it finds there. `linking` links the
//! virtual interfaces, `refusing` the empty and refusing ones. Nothing else is linked.

use super::{PACKAGE, World};

/// Where a component comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From a source, by the compiler in the jail. Its author can mend what is refused, and should know of it at once.
    Source,
    /// From outside, made by the tools of any language. Their runtimes import more than a harness uses.
    Given,
}

/// The host's own interfaces.
pub const OWN: [&str; 3] = ["model", "log", "types"];

/// The WASI 0.2 interfaces that are there, but virtual: no arguments, no environment, empty standard input, captured
/// output, clocks of their own, seeded randomness.
const VIRTUAL: [&str; 18] = [
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

/// The WASI 0.2 interfaces that language runtimes import whether or not a harness uses them. A component from outside may
/// import them, and finds no file, no network and no server: see `refusing`. A harness that is built from
/// Rust source imports them only if it uses them, and is refused by name.
const REFUSING: [&str; 11] = [
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// Whether a component may import this interface, which is named with its version.
pub fn allows(import: &str, origin: Origin) -> bool {
    let (name, version) = parts(import);
    match own_interface(name) {
        Some(_) => is_own(name) && World::of_version(version).is_some(),
        None => {
            let is_wasi = VIRTUAL.contains(&name) && version.starts_with("0.2.");
            is_wasi || (origin == Origin::Given && is_refusing(import))
        }
    }
}

/// Whether an interface, which is named with its version, is one that is there and refuses whatever is asked of it.
pub fn is_refusing(import: &str) -> bool {
    let (name, version) = parts(import);
    REFUSING.contains(&name) && version.starts_with("0.2.")
}

/// Whether this is the name of one of the host's own interfaces, without its version.
pub fn is_own(name: &str) -> bool {
    own_interface(name).is_some_and(|interface| OWN.contains(&interface))
}

fn own_interface(name: &str) -> Option<&str> {
    name.strip_prefix(PACKAGE)?.strip_prefix('/')
}

fn parts(import: &str) -> (&str, &str) {
    import.split_once('@').unwrap_or((import, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decides_by_name_version_and_origin() {
        // import, whether a component made of source may have it, and whether one from outside may
        let table = [
            ("mmh:harness/model@2.0.0", true, true),
            ("mmh:harness/log@2.7.3", true, true),
            ("mmh:harness/model@1.0.0", false, false),
            ("mmh:harness/model@3.0.0", false, false),
            ("mmh:harness/model", false, false),
            ("mmh:harness/files@2.0.0", false, false),
            ("wasi:cli/stdout@0.2.3", true, true),
            ("wasi:cli/stdout@0.3.0", false, false),
            ("wasi:cli/run@0.2.3", false, false),
            ("wasi:cli/stdout-and-more@0.2.3", false, false),
            ("wasi:filesystem/types@0.2.6", false, true),
            ("wasi:filesystem/types@0.3.0", false, false),
            ("wasi:filesystem/types", false, false),
            ("wasi:sockets/tcp@0.2.3", false, true),
            ("wasi:http/outgoing-handler@0.2.3", false, true),
            ("wasi:http/incoming-handler@0.2.3", false, false),
            ("wasi:keyvalue/store@0.2.0", false, false),
            ("env", false, false),
        ];
        for (import, of_source, given) in table {
            assert_eq!(allows(import, Origin::Source), of_source, "{import}");
            assert_eq!(allows(import, Origin::Given), given, "{import}");
        }
    }
}
