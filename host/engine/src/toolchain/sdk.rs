//! The guest SDK, embedded in this program and built once per (SDK, compiler) into the cache.
//!
//! The build uses cargo, because the SDK has dependencies; its lock file pins them by checksum. What
//! candidates link against is copied out, digested, and listed in a manifest.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{TARGET, Toolchain};
use crate::{
    cache::{Cache, CacheError},
    notice::{Notice, Tell},
    programs::tool,
};
use mmh_record::digest::{Digest, KeyBuilder};

/// The WIT package that host and harness share.
pub const WIT: &str = include_str!("../../../../wit/harness.wit");

/// The SDK's guide, in Markdown, for proposers and for people.
pub const GUIDE: &str = include_str!("../../../../guest-sdk/SDK.md");

/// The SDK's lock file, which pins its dependencies by checksum.
pub const LOCK: &str = include_str!("../../../../guest-sdk/sdk.lock");

/// The SDK's manifest.
pub const MANIFEST: &str = include_str!("../../../../guest-sdk/Cargo.toml");

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../guest-sdk/src/", $name)))),*]
    };
}

/// The SDK's source files: name and text.
pub const SOURCES: &[(&str, &str)] = sources![
    "lib.rs",
    "answer.rs",
    "bindings.rs",
    "composed.rs",
    "error.rs",
    "glue.rs",
    "harness.rs",
    "json.rs",
    "labels.rs",
    "log.rs",
    "mentions.rs",
    "model.rs",
    "scorer.rs",
    "scorer_bindings.rs",
    "scorer_glue.rs",
    "task.rs",
    "units.rs",
];

/// Makes the SDK a workspace of its own, and fixes how it is built.
const BUILD_SETTINGS: &str = "
[workspace]

[profile.release]
opt-level = 2
codegen-units = 1
debug = false
incremental = false
overflow-checks = true
panic = \"abort\"
strip = \"debuginfo\"
";

/// Crates that a harness may name.
pub const CRATES: [&str; 4] = ["mmh_sdk", "regex_lite", "serde", "serde_json"];

/// An SDK that was built with one compiler.
#[derive(Clone, Debug)]
pub struct Sdk {
    /// Holds every library that a harness links against.
    pub folder: PathBuf,
    /// The crates a harness may name, and their files in `folder`.
    pub externs: Vec<(String, String)>,
    /// Digest of the names and contents of all libraries in `folder`.
    pub digest: Digest,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    externs: Vec<(String, String)>,
    files: Vec<(String, Digest)>,
    /// Not part of the SDK's digest.
    #[serde(default)]
    made_for: Option<MadeFor>,
}

/// The SDK could not be built.
#[derive(Debug, thiserror::Error)]
pub enum SdkError {
    /// The cache folder cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A file of the build could not be read or written.
    #[error("cannot write the SDK into the cache at {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// cargo failed, or its result is incomplete.
    #[error(
        "cargo could not build the guest SDK: {detail}; it needs the crates in its lock file (from the registry or \
         cargo's own cache) and a C linker such as cc"
    )]
    Build {
        /// The first error of cargo or rustc, in one line.
        detail: String,
    },
}

/// The digest of the SDK's sources, manifest and build settings, without the lock file.
pub fn source_digest() -> Digest {
    let key = KeyBuilder::new("sdk-source").part("manifest", MANIFEST).part("settings", BUILD_SETTINGS);
    SOURCES.iter().fold(key, |key, (name, text)| key.part(name, text)).finish()
}

/// The built SDK, from the cache or built now, which takes about 20 s. Waits if another process builds it.
pub async fn ensure(cache: &Cache, toolchain: &Toolchain, tell: Tell<'_>) -> Result<Sdk, SdkError> {
    let key = KeyBuilder::new("sdk")
        .part("source", source_digest().bytes())
        .part("lock", LOCK)
        .part("compiler", &toolchain.version)
        .part("target", TARGET)
        .finish();
    cache.folder("sdk")?;
    let home = cache.path("sdk", key, "");
    if let Some(sdk) = load(&home) {
        cache.used(&home.join(MANIFEST_NAME));
        return Ok(sdk);
    }
    let _lock = {
        let (cache, waiting) =
            (cache.clone(), || tell(Notice::Note("waiting for another mmh to build the SDK".into())));
        cache.lock("sdk", key, waiting)?
    };
    if let Some(sdk) = load(&home) {
        return Ok(sdk);
    }
    tell(Notice::Note(format!("building the guest SDK for {}, once: about 20 s", toolchain.summary())));
    let scratch = cache.scratch()?;
    let manifest = build(scratch.path(), toolchain, tell).await?;
    let library = scratch.path().join("lib");
    write(&library.join(MANIFEST_NAME), &serde_json::to_vec_pretty(&manifest).unwrap_or_default())?;
    // If there is an entry, it cannot be read.
    let _ = fs::remove_dir_all(&home);
    fs::rename(&library, &home).map_err(|source| SdkError::Write { path: home.clone(), source })?;
    load(&home).ok_or_else(|| SdkError::Build { detail: "its manifest is unreadable".into() })
}

/// Which program and which compiler can use a built SDK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeFor {
    /// Digest of the SDK's sources and its lock file, which differ between versions of this program.
    pub source: Digest,
    /// The compiler that built it.
    pub rustc: PathBuf,
    /// All that `rustc -vV` said then.
    pub version: String,
}

impl MadeFor {
    /// The value of `source` that this program can use.
    pub fn this_source() -> Digest {
        KeyBuilder::new("sdk-made-for").part("source", source_digest().bytes()).part("lock", LOCK).finish()
    }
}

/// Who can use the SDK in this folder of the cache. `None` if its manifest does not say.
pub fn made_for(home: &Path) -> Option<MadeFor> {
    read_manifest(home)?.made_for
}

/// The file that lists an SDK's libraries. Its time of change says when the SDK was last used.
pub const MANIFEST_NAME: &str = "manifest.json";

fn read_manifest(home: &Path) -> Option<Manifest> {
    serde_json::from_slice(&fs::read(home.join(MANIFEST_NAME)).ok()?).ok()
}

fn load(home: &Path) -> Option<Sdk> {
    let manifest = read_manifest(home)?;
    let key = KeyBuilder::new("sdk-build");
    let key = manifest.files.iter().fold(key, |key, (name, digest)| key.part(name, digest.bytes()));
    Some(Sdk { folder: home.to_owned(), externs: manifest.externs, digest: key.finish() })
}

/// Builds in `scratch/src` and gathers the libraries in `scratch/lib`.
async fn build(scratch: &Path, toolchain: &Toolchain, tell: Tell<'_>) -> Result<Manifest, SdkError> {
    let source = scratch.join("src");
    write_sources(&source)?;
    let artifacts = run_cargo(&source, scratch, toolchain, tell).await?;
    let library = scratch.join("lib");
    create(&library)?;
    let (mut externs, mut files) = (Vec::new(), Vec::new());
    for artifact in artifacts {
        for path in artifact.filenames.iter().filter(|path| artifact.is_linked(path)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = fs::read(path).map_err(|source| SdkError::Write { path: path.clone(), source })?;
            write(&library.join(&name), &bytes)?;
            files.push((name.clone(), Digest::of(&bytes)));
            if CRATES.contains(&artifact.target.name.as_str()) {
                externs.push((artifact.target.name.clone(), name));
            }
        }
    }
    files.sort();
    externs.sort();
    if externs.len() != CRATES.len() {
        return Err(SdkError::Build { detail: format!("only {externs:?} came out of it") });
    }
    let made_for = MadeFor {
        source: MadeFor::this_source(),
        rustc: toolchain.rustc.clone(),
        version: toolchain.version.clone(),
    };
    Ok(Manifest { externs, files, made_for: Some(made_for) })
}

fn write_sources(folder: &Path) -> Result<(), SdkError> {
    create(&folder.join("src"))?;
    write(&folder.join("Cargo.toml"), format!("{MANIFEST}{BUILD_SETTINGS}").as_bytes())?;
    write(&folder.join("Cargo.lock"), LOCK.as_bytes())?;
    for (name, text) in SOURCES {
        write(&folder.join("src").join(name), text.as_bytes())?;
    }
    Ok(())
}

/// One `compiler-artifact` message of cargo.
#[derive(Deserialize)]
struct Artifact {
    target: ArtifactTarget,
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct ArtifactTarget {
    name: String,
    kind: Vec<String>,
}

impl Artifact {
    /// Whether a candidate is compiled with this file: a library for the target, or a procedural macro.
    fn is_linked(&self, path: &Path) -> bool {
        let for_target = path.components().any(|part| part.as_os_str() == TARGET);
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rlib") => for_target,
            Some("so" | "dylib") => self.target.kind.iter().any(|kind| kind == "proc-macro"),
            _ => false,
        }
    }
}

async fn run_cargo(
    source: &Path,
    scratch: &Path,
    toolchain: &Toolchain,
    tell: Tell<'_>,
) -> Result<Vec<Artifact>, SdkError> {
    let failed = |detail: String| SdkError::Build { detail };
    let mut child = tool(&toolchain.cargo, &toolchain.environment)
        .args(["build", "--release", "--locked", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(source.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(scratch.join("target"))
        .env("RUSTC", &toolchain.rustc)
        .env("RUSTC_WRAPPER", "")
        .env("CARGO_ENCODED_RUSTFLAGS", remaps(source, scratch, toolchain).join("\u{1f}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("{} cannot be started: {error}", toolchain.cargo.display())))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (artifacts, said) = tokio::join!(
        async {
            let (mut artifacts, mut lines) = (Vec::new(), lines_of(stdout));
            while let Some(line) = next_line(&mut lines).await {
                artifacts.extend(serde_json::from_str::<Artifact>(&line));
            }
            artifacts
        },
        async {
            let (mut said, mut lines) = (Vec::new(), lines_of(stderr));
            while let Some(line) = next_line(&mut lines).await {
                if let Some(name) = line.trim_start().strip_prefix("Compiling ") {
                    let name = name.split(" (").next().unwrap_or(name);
                    tell(Notice::Working(format!("building the guest SDK: {name}")));
                }
                said.push(line);
            }
            said
        },
    );
    let status = child.wait().await.map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        let start = said.iter().position(|line| line.starts_with("error")).unwrap_or(0);
        return Err(failed(mmh_record::text::capped(
            &mmh_record::text::one_line(&said[start..].join("\n")),
            1000,
        )));
    }
    Ok(artifacts)
}

type Lines<R> = Option<tokio::io::Lines<BufReader<R>>>;

fn lines_of<R: tokio::io::AsyncRead + Unpin>(stream: Option<R>) -> Lines<R> {
    stream.map(|stream| BufReader::new(stream).lines())
}

async fn next_line<R: tokio::io::AsyncRead + Unpin>(lines: &mut Lines<R>) -> Option<String> {
    lines.as_mut()?.next_line().await.ok().flatten()
}

/// Flags that keep paths of this machine out of components, where panic locations name files.
fn remaps(source: &Path, scratch: &Path, toolchain: &Toolchain) -> Vec<String> {
    let variable = |name: &str| {
        toolchain.environment.iter().find(|(key, _)| key == name).map(|(_, value)| PathBuf::from(value))
    };
    let cargo_home = variable("CARGO_HOME").or_else(|| Some(variable("HOME")?.join(".cargo")));
    // If several fit a path, the last one holds. cargo names the SDK's own files relative to its folder; build scripts
    // write into the folder beside it.
    let mut remaps =
        vec![remap(scratch, "build"), remap(source, "mmh-sdk"), remap(Path::new("src"), "mmh-sdk/src")];
    remaps.extend(cargo_home.map(|home| remap(&home, "cargo")));
    remaps.push(remap(&toolchain.sysroot, "rust"));
    remaps
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}=/{to}", from.display())
}

fn create(folder: &Path) -> Result<(), SdkError> {
    fs::create_dir_all(folder).map_err(|source| SdkError::Write { path: folder.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SdkError> {
    fs::write(path, bytes).map_err(|source| SdkError::Write { path: path.to_owned(), source })
}
