//! Harnesses in Rust. `rustc` is called directly: without cargo, without build scripts, with the SDK's crates only.

use std::{io, path::Path};

use mmh_record::{
    digest::{Digest, KeyBuilder},
    format::ToolchainInfo,
    language::HarnessLanguage,
    layout,
};

use super::{
    Rejection, RejectionKind,
    language::{Job, Language, MADE, OUTPUT, Pass, RecordedTools, Said},
};
use crate::{
    cache::Cache,
    jail::{Ending, Role},
    toolchain::{
        TARGET, Toolchain, Tools,
        sdk::{self, Sdk},
    },
};

/// The file in which rustc lists all source files that it has read.
const SOURCES_NAME: &str = "harness.d";

/// How every harness is built. Part of the cache key.
pub const FLAGS: &[&str] = &[
    "--crate-name=harness",
    "--crate-type=cdylib",
    "--edition=2024",
    "-Copt-level=2",
    "-Cpanic=abort",
    // A fixed number, so that the bytes do not depend on the machine: see `cargo xtask determinism`.
    "-Ccodegen-units=4",
    // Optimising the four units together again takes as long as it saves, and makes a harness that computes much only a
    // sixth cheaper.
    "-Clto=off",
    "-Cstrip=debuginfo",
    "-Coverflow-checks=on",
    "-Funsafe_code",
];

/// Further flags for a harness whose traps name source lines. The code is the same; the component also has line
/// tables, and the names of functions, without which a line in a generic function says little.
const LINES: &[&str] = &["-Cdebuginfo=limited", "-Cstrip=none"];

/// Rust, with one toolchain and one SDK.
pub struct Rust {
    toolchain: Toolchain,
    /// The digests of what `toolchain` runs.
    tools: Tools,
    sdk: Sdk,
}

impl Rust {
    /// Rust with this toolchain, and an SDK that it has built. Computes the digests of the toolchain's programs, or
    /// takes them from the cache.
    pub async fn new(toolchain: Toolchain, sdk: Sdk, cache: &Cache) -> Self {
        let tools = Tools::identify(&toolchain, cache).await;
        Self { toolchain, tools, sdk }
    }

    /// All flags of a pass but those that name files.
    fn flags(pass: Pass) -> Vec<&'static str> {
        match pass {
            Pass::Build => FLAGS.to_vec(),
            // Of two settings of one option, the last one holds.
            Pass::Lines => [FLAGS, LINES].concat(),
        }
    }
}

impl Language for Rust {
    fn language(&self) -> HarnessLanguage {
        HarnessLanguage::Rust
    }

    fn compiler_name(&self) -> &'static str {
        "rustc"
    }

    fn enter(&self, key: KeyBuilder, pass: Pass) -> KeyBuilder {
        let key = key
            .part("sdk-source", sdk::source_digest().bytes())
            .part("sdk-build", self.sdk.digest.bytes())
            .part("wit", sdk::WIT)
            .part("lock", sdk::LOCK)
            .part("compiler", &self.toolchain.version)
            .part("target", TARGET)
            .part("flags", Self::flags(pass).join("\n"));
        let tools = self.tools.compiler.iter().chain(&self.tools.linker);
        tools.fold(key, |key, tool| key.part(&tool.name, tool.sha256.bytes()))
    }

    fn job(&self, folder: &Path, pass: Pass) -> Job {
        let mut args: Vec<String> = Self::flags(pass).into_iter().map(str::to_owned).collect();
        args.extend([format!("--target={TARGET}"), "--color=never".into(), "--diagnostic-width=120".into()]);
        args.push(format!("-Ldependency={}", self.sdk.folder.display()));
        for (name, file) in &self.sdk.externs {
            args.push(format!("--extern={name}={}", self.sdk.folder.join(file).display()));
        }
        for (from, to) in [(folder, "/"), (&self.toolchain.sysroot, "/rust"), (&self.sdk.folder, "/mmh-sdk")]
        {
            args.push(format!("--remap-path-prefix={}={to}", from.display()));
        }
        // The folder is for what rustc makes on the way.
        args.push(format!("--out-dir={OUTPUT}"));
        args.push(format!("--emit=dep-info={OUTPUT}/{SOURCES_NAME},link={OUTPUT}/{MADE}"));
        args.push(layout::SOURCE.into());
        let mut read = self.toolchain.read.clone();
        read.push(self.sdk.folder.clone());
        // The linker's temporary files go where writing is allowed. A relative path, because a candidate can read
        // this variable while it is compiled.
        let env = vec![("TMPDIR".into(), OUTPUT.into())];
        Job { program: self.toolchain.rustc.clone(), args, env, read, role: Role::Compiler }
    }

    fn other_file(&self, output: &Path) -> io::Result<Option<String>> {
        let list = output.join(SOURCES_NAME);
        let readable = list.symlink_metadata().is_ok_and(|found| found.is_file());
        let text = if readable { std::fs::read(list)? } else { Vec::new() };
        Ok(other_file(&String::from_utf8_lossy(&text)).map(str::to_owned))
    }

    fn hidden(&self) -> Vec<(&Path, &'static str)> {
        vec![(&self.toolchain.sysroot, "<rust>"), (&self.sdk.folder, "<mmh-sdk>")]
    }

    fn rejection(&self, said: &Said<'_>) -> Rejection {
        if said.ending == Ending::Exited(1) {
            let first = said.diagnostics.lines().find(|line| line.starts_with("error"));
            return Rejection {
                kind: RejectionKind::DidNotCompile,
                message: first.unwrap_or("rustc reported an error").to_owned(),
                diagnostics: said.diagnostics.clone(),
            };
        }
        let is_too_deep = said.stderr.contains("overflowed its stack");
        let hint = if is_too_deep { ": the source nests too deeply" } else { "" };
        // A compiler that has crashed talks about itself, with addresses that differ from run to run.
        Rejection {
            kind: RejectionKind::CompilerCrash,
            message: format!("rustc crashed ({:?}){hint}", said.ending),
            diagnostics: String::new(),
        }
    }

    fn blames(&self, said: &Said<'_>) -> bool {
        blames(&said.diagnostics)
    }

    fn tools(&self) -> RecordedTools {
        RecordedTools {
            language: HarnessLanguage::Rust,
            toolchain: ToolchainInfo {
                rustc: self.toolchain.version.clone(),
                target: TARGET.to_owned(),
                flags: FLAGS.iter().map(|flag| (*flag).to_owned()).collect(),
                compiler: self.tools.compiler.clone(),
                linker: self.tools.linker.clone(),
            },
            sdk_source: sdk::source_digest(),
            sdk_build: self.sdk.digest,
            sdk_lock: Digest::of(sdk::LOCK),
        }
    }
}

/// The first file besides the source in a list of rustc: a line for each file that it made, `out/harness.d: a b`, then
/// a line of its own for every source: `a:`.
fn other_file(list: &str) -> Option<&str> {
    let mut files = list.lines().filter_map(|line| line.strip_suffix(':'));
    files.find(|file| *file != layout::SOURCE)
}

/// Whether rustc shows an error with a place in the source. Then it makes no code, and needs no linker.
fn blames(diagnostics: &str) -> bool {
    let place = format!("--> {}:", layout::SOURCE);
    let mut blocks = diagnostics.split("\n\n").map(str::trim_start);
    blocks.any(|block| block.starts_with("error") && block.contains(&place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_errors_of_the_source_from_others() {
        let error = "error[E0308]: mismatched types\n  --> harness.rs:9:12\n   |\n9  |     x\n";
        let warning = "warning: unused\n --> harness.rs:1:1\n";
        let linker = "error: linking with `rust-lld` failed: exit status: 1\n  |\n  = note: no space\n";
        let end = "error: aborting due to 1 previous error\n";
        // name, the blocks of what rustc says, whether it is the source's
        let table = [
            ("an error", vec![error, end], true),
            ("with a warning", vec![warning, error, error, end], true),
            ("cut off", vec![error, error, "error[E0"], true),
            ("a warning, then the linker", vec![warning, linker, end], false),
            ("the linker", vec![linker, end], false),
            ("no error", vec![warning], false),
            ("only how many", vec![end], false),
            ("nothing", vec![], false),
        ];
        for (name, said, expected) in table {
            assert_eq!(blames(&said.join("\n")), expected, "{name}");
        }
    }

    #[test]
    fn finds_the_first_other_file() {
        // name, rustc's list, the other file
        let table = [
            ("no list", "", None),
            ("the source alone", "out/harness.d: harness.rs\n\nharness.rs:\n", None),
            (
                "several made",
                "out/component.wasm: harness.rs\n\nout/harness.d: harness.rs\n\nharness.rs:\n",
                None,
            ),
            ("another file", "out/harness.d: harness.rs /etc/x\n\nharness.rs:\n/etc/x:\n", Some("/etc/x")),
            ("the other file first", "out/harness.d: a b\n\na:\nharness.rs:\n", Some("a")),
            ("a variable", "out/harness.d: harness.rs\n\nharness.rs:\n\n# env-dep:TMPDIR=out\n", None),
        ];
        for (name, list, expected) in table {
            assert_eq!(other_file(list), expected, "{name}");
        }
    }
}
