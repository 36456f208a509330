//! The Rust compiler that builds harnesses: which one, what it needs, and its WebAssembly target.
//!
//! Not in here: how a harness is compiled. See `compile`.

mod compiler;
mod kept;
mod linker;
pub mod python;
pub mod sdk;
pub(crate) mod stamps;

use std::path::{Path, PathBuf};

pub use crate::programs::Environment;
use crate::{
    cache::Cache,
    elf,
    notice::{Notice, Tell},
    programs::{on_path, tool, without_relative_paths},
};
use kept::Asked;
use mmh_record::{built::Tool, clock, language::HarnessLanguage};

/// The guide to harnesses in a language, in Markdown, for proposers and for people.
pub fn guide(language: HarnessLanguage) -> &'static str {
    match language {
        HarnessLanguage::Rust => sdk::GUIDE,
        HarnessLanguage::Python => python::GUIDE,
    }
}

/// The target that harnesses are compiled for.
pub const TARGET: &str = "wasm32-wasip2";

/// The oldest compiler that knows the target and the SDK's edition.
const OLDEST: (u32, u32) = (1, 85);

/// What to do if the target is not installed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// Add it through rustup, if the compiler is rustup's.
    Add,
    /// Fail.
    Report,
}

/// The programs and libraries that make a component, with their digests.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// rustc, its own libraries and the target's standard library.
    pub compiler: Vec<Tool>,
    /// In the order in which they call each other.
    pub linker: Vec<Tool>,
}

impl Tools {
    /// Computes the digests, or takes them from the cache if the files are unchanged.
    pub async fn identify(toolchain: &Toolchain, cache: &Cache) -> Self {
        let (compiler, linker) =
            (compiler::identify(toolchain, cache).await, linker::identify(toolchain, cache).await);
        Self { compiler, linker }
    }
}

/// A compiler that can build harnesses.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The compiler itself, never a rustup proxy.
    pub rustc: PathBuf,
    /// Builds the SDK.
    pub cargo: PathBuf,
    /// Where the compiler's libraries lie.
    pub sysroot: PathBuf,
    /// All that `rustc -vV` says: version, commit, host, LLVM.
    pub version: String,
    /// The host triple.
    pub host: String,
    /// Files and folders that the compiler has to read and execute in the jail.
    pub read: Vec<PathBuf>,
    environment: Environment,
}

/// No usable compiler. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// The compiler does not exist, cannot be started, or is none.
    #[error(
        "no Rust compiler: {rustc} cannot be used ({detail}); install one with rustup (https://rustup.rs), or your \
         distribution's rustc and cargo, or name one with --rustc PATH or MMH_RUSTC; of rustup's toolchains RUSTUP_TOOLCHAIN \
         chooses one, while toolchain files and overrides of the working folder are not followed"
    )]
    NoRustc {
        /// As it was named, or as it was found.
        rustc: String,
        /// What happened when it was tried.
        detail: String,
    },
    /// The compiler is older than 1.85.
    #[error(
        "{rustc} is Rust {found}, but harnesses need 1.85 or newer; `rustup update stable`, or name another compiler \
         with --rustc PATH or MMH_RUSTC"
    )]
    TooOld {
        /// As it was named.
        rustc: String,
        /// Its version.
        found: String,
    },
    /// The compiler's sysroot has no standard library of the target.
    #[error(
        "{rustc} lacks the target wasm32-wasip2 in {sysroot}{detail}; with rustup: `rustup target add wasm32-wasip2`; \
         with a distribution's rustc: install its package of the standard library for that target (on Fedora look for \
         rust-std-static-wasm32-wasip2, on Debian for libstd-rust-dev-wasm32; not every release has the target), or \
         install rustup and name its compiler with --rustc PATH or MMH_RUSTC"
    )]
    NoTarget {
        /// As it was named.
        rustc: String,
        /// Where the target was looked for.
        sysroot: String,
        /// Why rustup did not add it, in parentheses after a space; empty if it was not tried.
        detail: String,
    },
    /// There is no cargo that could build the SDK.
    #[error(
        "no cargo beside {rustc} nor on the PATH; with rustup it comes along (`rustup toolchain install stable`), a \
         distribution has it as the package cargo"
    )]
    NoCargo {
        /// The compiler, as it was named.
        rustc: String,
    },
}

impl Toolchain {
    /// Finds the compiler: the one that is named, or the `rustc` on the PATH. `if_missing` says what to do about a
    /// missing target; `tell` is told before one is added.
    pub async fn find(
        named: Option<&Path>,
        environment: Environment,
        if_missing: IfMissing,
        tell: Tell<'_>,
    ) -> Result<Self, ToolchainError> {
        let environment = without_relative_paths(environment);
        let asked = named.unwrap_or_else(|| Path::new("rustc"));
        let path = absolute(asked, &environment)?;
        Self::ask(&asked.display().to_string(), &path, environment, if_missing, tell).await
    }

    /// The same, or what the cache knows of the compiler from an earlier time, if none of its files has changed.
    pub async fn find_or_recall(
        named: Option<&Path>,
        environment: Environment,
        if_missing: IfMissing,
        tell: Tell<'_>,
        cache: &Cache,
    ) -> Result<Self, ToolchainError> {
        let environment = without_relative_paths(environment);
        let name = named.unwrap_or_else(|| Path::new("rustc"));
        let path = absolute(name, &environment)?;
        let asked = Asked { path: &path, environment: &environment };
        if let Some(known) = asked.load(cache) {
            return Ok(known);
        }
        let begun = clock::file_time();
        let name = name.display().to_string();
        let found = Self::ask(&name, &path, environment.clone(), if_missing, tell).await?;
        asked.keep(cache, &found, begun);
        Ok(found)
    }

    /// Asks the compiler at this path, which messages call by its name.
    async fn ask(
        name: &str,
        asked: &Path,
        environment: Environment,
        if_missing: IfMissing,
        tell: Tell<'_>,
    ) -> Result<Self, ToolchainError> {
        let version = query(asked, ["-vV"], &environment).await?;
        let field = |name: &str| {
            let line = version.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        let release = field("release:");
        let Some(found) = parse_release(&release) else {
            let detail = "it does not say which version of Rust it is".to_owned();
            return Err(ToolchainError::NoRustc { rustc: name.to_owned(), detail });
        };
        if found < OLDEST {
            return Err(ToolchainError::TooOld { rustc: name.to_owned(), found: release });
        }
        let sysroot = query(asked, ["--print", "sysroot"], &environment).await?;
        let sysroot = PathBuf::from(sysroot.trim());
        ensure_target(name, &sysroot, &environment, if_missing, tell).await?;
        let rustc = real_rustc(asked, &sysroot);
        let cargo = find_cargo(&rustc, &environment).await;
        let cargo = cargo.ok_or_else(|| ToolchainError::NoCargo { rustc: name.to_owned() })?;
        let host = field("host:");
        let read = readable(&rustc, &sysroot, &host).await;
        Ok(Self { rustc, cargo, sysroot, version: version.trim().to_owned(), host, read, environment })
    }

    /// The first line of `rustc -vV`, such as `rustc 1.95.0 (59807616e 2026-04-14)`.
    pub fn summary(&self) -> &str {
        self.version.lines().next().unwrap_or_default()
    }

    /// Whether a sysroot has the target.
    fn has_target(sysroot: &Path) -> bool {
        sysroot.is_absolute() && sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
    }
}

/// The path of the compiler: a name is looked up on the search path, a relative path starts at the working folder.
fn absolute(asked: &Path, environment: &Environment) -> Result<PathBuf, ToolchainError> {
    let broken = |detail: String| ToolchainError::NoRustc { rustc: asked.display().to_string(), detail };
    let name = asked.to_str().filter(|name| !name.contains('/'));
    match name {
        Some(name) => on_path(name, environment)
            .ok_or_else(|| broken("no absolute folder of the PATH has such a program".into())),
        None => std::path::absolute(asked).map_err(|error| broken(error.to_string())),
    }
}

/// What `rustc -vV` says, as in [`Toolchain::version`]. `None` if there is no such compiler.
pub async fn version_of(rustc: &Path, environment: &Environment) -> Option<String> {
    let environment = &without_relative_paths(environment.clone());
    let rustc = rustc.is_absolute().then_some(rustc)?;
    Some(query(rustc, ["-vV"], environment).await.ok()?.trim().to_owned())
}

async fn query<const N: usize>(
    rustc: &Path,
    args: [&str; N],
    environment: &Environment,
) -> Result<String, ToolchainError> {
    let broken = |detail: String| ToolchainError::NoRustc { rustc: rustc.display().to_string(), detail };
    let output =
        tool(rustc, environment).args(args).output().await.map_err(|error| broken(error.to_string()))?;
    if !output.status.success() {
        return Err(broken(mmh_record::text::one_line(&String::from_utf8_lossy(&output.stderr))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn parse_release(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The compiler behind a rustup proxy: the one in the sysroot, if there is one.
fn real_rustc(asked: &Path, sysroot: &Path) -> PathBuf {
    let inside = sysroot.join("bin/rustc");
    let path = if inside.is_file() { inside } else { asked.to_owned() };
    path.canonicalize().unwrap_or(path)
}

async fn find_cargo(rustc: &Path, environment: &Environment) -> Option<PathBuf> {
    for cargo in [Some(kept::beside(rustc)), on_path("cargo", environment)].into_iter().flatten() {
        let answer = tool(&cargo, environment).arg("--version").output().await;
        if answer.is_ok_and(|output| output.status.success()) {
            return Some(cargo);
        }
    }
    None
}

async fn ensure_target(
    rustc: &str,
    sysroot: &Path,
    environment: &Environment,
    if_missing: IfMissing,
    tell: Tell<'_>,
) -> Result<(), ToolchainError> {
    if Toolchain::has_target(sysroot) {
        return Ok(());
    }
    let missing = |detail: String| ToolchainError::NoTarget {
        rustc: rustc.to_owned(),
        sysroot: sysroot.display().to_string(),
        detail,
    };
    let name = rustup_name(sysroot).filter(|_| if_missing == IfMissing::Add);
    let Some(name) = name else { return Err(missing(String::new())) };
    tell(Notice::Note(format!(
        "adding the target {TARGET} to {name}: rustup target add {TARGET} --toolchain {name}"
    )));
    let Some(rustup) = on_path("rustup", environment) else {
        return Err(missing(" (rustup is not on the PATH)".into()));
    };
    let output = tool(&rustup, environment)
        .args(["target", "add", TARGET, "--toolchain", &name])
        .output()
        .await
        .map_err(|error| missing(format!(" (rustup cannot be started: {error})")))?;
    if Toolchain::has_target(sysroot) {
        return Ok(());
    }
    let said = mmh_record::text::one_line(&String::from_utf8_lossy(&output.stderr));
    Err(missing(format!(" (rustup could not add it: {said})")))
}

/// rustup's name of a toolchain whose sysroot lies in rustup's folder of toolchains.
fn rustup_name(sysroot: &Path) -> Option<String> {
    let in_toolchains = sysroot.parent()?.file_name()? == "toolchains";
    in_toolchains.then(|| sysroot.file_name().map(|name| name.to_string_lossy().into_owned()))?
}

/// The compiler, its linker, their libraries, and the standard library of host and target.
async fn readable(rustc: &Path, sysroot: &Path, host: &str) -> Vec<PathBuf> {
    let rustlib = sysroot.join("lib/rustlib");
    let mut paths = vec![rustlib.join(host), rustlib.join(TARGET)];
    for program in [rustc.to_owned()].into_iter().chain(linker::programs(sysroot, host)) {
        paths.extend(elf::with_libraries(&program).await);
    }
    paths.retain(|path| path.exists());
    paths.sort();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_releases() {
        let table = [
            ("1.95.0", Some((1, 95))),
            ("1.96.0-nightly", Some((1, 96))),
            ("1.84", Some((1, 84))),
            ("", None),
            ("one.two", None),
        ];
        for (release, expected) in table {
            assert_eq!(parse_release(release), expected, "{release}");
        }
    }

    #[test]
    fn knows_rustups_toolchains() {
        assert_eq!(rustup_name(Path::new("/r/toolchains/stable-x")).as_deref(), Some("stable-x"));
        assert_eq!(rustup_name(Path::new("/usr")), None);
    }
}
