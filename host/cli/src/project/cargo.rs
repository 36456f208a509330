//! Projects in Rust, and projects that a command builds: what is run is the author's own, with the author's rights.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::process::Command;

use super::{MadeOutside, settings::in_a_line};
use crate::{error::CliError, files};
use mmh_engine::{
    compile::{Rejection, RejectionKind},
    toolchain::{TARGET, sdk},
};
use mmh_record::text;

/// The file that makes a folder a project in Rust.
pub const MANIFEST: &str = "Cargo.toml";

/// Most bytes of it.
const MOST_BYTES: u64 = 1 << 20;

/// Most characters that are shown of what a command said.
const SHOWN_BYTES: usize = 64 << 10;

/// Profile settings under which cargo makes what the jail would, as far as the two agree.
const SETTINGS: [(&str, &str); 2] =
    [("CARGO_PROFILE_RELEASE_PANIC", "abort"), ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")];

/// What matters of a manifest.
#[derive(Deserialize)]
struct Manifest {
    package: Option<Package>,
    lib: Option<Library>,
    #[serde(default)]
    dependencies: toml::Table,
}

#[derive(Deserialize)]
struct Package {
    build: Option<toml::Value>,
}

#[derive(Deserialize)]
struct Library {
    path: Option<PathBuf>,
}

/// The only file of a project's library, if it has only one, no build script, and needs nothing but what every harness has.
pub fn one_file(folder: &Path) -> Result<Option<PathBuf>, CliError> {
    let path = folder.join(MANIFEST);
    let words = files::text(&path, MOST_BYTES, None)?;
    let manifest: Manifest = toml::from_str(&words).map_err(|error| {
        CliError::input(format!("{}: {}", text::path(&path), text::name(&in_a_line(&words, &error))))
    })?;
    let library = manifest.lib.and_then(|lib| lib.path).unwrap_or_else(|| Path::new("src").join("lib.rs"));
    let file = folder.join(library);
    let offered = |name: &String| sdk::CRATES.contains(&name.replace('-', "_").as_str());
    let has_script = manifest.package.and_then(|it| it.build).is_some() || folder.join("build.rs").is_file();
    let is_one = !has_script
        && manifest.dependencies.keys().all(offered)
        && file.parent().is_some_and(|beside| rust_files(beside, 0) <= 1);
    Ok((is_one && file.is_file()).then_some(file))
}

/// How many Rust files there are in a folder and below it. Examples and tests are built for themselves.
fn rust_files(folder: &Path, depth: usize) -> usize {
    let mut found = 0;
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let is_other =
            name.starts_with('.') || ["target", "tests", "benches", "examples", "bin"].contains(&&*name);
        if path.is_dir() && !is_other && depth < 8 {
            found += rust_files(&path, depth + 1);
        } else if path.extension() == Some(OsStr::new("rs")) {
            found += 1;
        }
    }
    found
}

/// The component and how it was made, or what the author's tools said.
pub type Made = Result<(PathBuf, MadeOutside), Rejection>;

/// One message of cargo.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Builds a project with the author's own cargo.
pub async fn build(folder: &Path) -> Result<Made, CliError> {
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--lib", "--target", TARGET]);
    command.args(["--message-format", "json-render-diagnostics"]).envs(SETTINGS);
    let done = output(&mut command, folder, "cargo").await?;
    if !done.status.success() {
        return Ok(Err(failed("cargo", &done.stderr)));
    }
    let lines = String::from_utf8_lossy(&done.stdout);
    let messages: Vec<Message> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut made =
        messages.into_iter().filter(|it| it.reason == "compiler-artifact").flat_map(|it| it.filenames);
    let Some(component) = made.rfind(|path| path.extension() == Some(OsStr::new("wasm"))) else {
        return Err(CliError::input(format!(
            "cargo made no component of {}: crate-type = [\"cdylib\", \"rlib\"] has to stand below [lib] in its {MANIFEST}",
            text::path(folder)
        )));
    };
    Ok(Ok((component, MadeOutside::new("cargo", version(folder).await))))
}

/// What cargo says of itself. Empty if it does not.
async fn version(folder: &Path) -> String {
    let said = Command::new("cargo").arg("--version").current_dir(folder).stdin(Stdio::null()).output().await;
    let said = said.map(|done| String::from_utf8_lossy(&done.stdout).into_owned()).unwrap_or_default();
    text::one_line(said.trim().trim_start_matches("cargo "))
}

/// Runs the command of a project.
pub async fn run(folder: &Path, words: &[String], component: &Path) -> Result<Made, CliError> {
    let Some((program, args)) = words.split_first() else {
        return Err(CliError::input("no command is named"));
    };
    let done = output(Command::new(program).args(args), folder, program).await?;
    if !done.status.success() {
        return Ok(Err(failed(program, &[done.stdout, done.stderr].concat())));
    }
    Ok(Ok((folder.join(component), MadeOutside::new(&words.join(" "), String::new()))))
}

async fn output(
    command: &mut Command,
    folder: &Path,
    program: &str,
) -> Result<std::process::Output, CliError> {
    let command = command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command.output().await.map_err(|error| {
        CliError::host(format!("{} builds this project and cannot be started: {error}", text::name(program)))
    })
}

fn failed(program: &str, said: &[u8]) -> Rejection {
    Rejection {
        kind: RejectionKind::DidNotCompile,
        message: format!("{} could not build the project", text::one_line(program)),
        diagnostics: text::capped(&text::plain(&String::from_utf8_lossy(said)), SHOWN_BYTES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_or_several() {
        const PLAIN: &str = "[package]\nname = \"a\"\n[dependencies]\nmmh-sdk = \"0.1\"\nserde = \"1\"\n";
        // name, manifest, files, whether the jail can compile it
        let table: [(&str, &str, &[&str], bool); 7] = [
            ("plain", PLAIN, &["src/lib.rs", "tests/it.rs", "target/x/y.rs", ".mmh/sdk/src/lib.rs"], true),
            ("a module", PLAIN, &["src/lib.rs", "src/more.rs"], false),
            ("a module in a folder", PLAIN, &["src/lib.rs", "src/more/mod.rs"], false),
            ("a build script", PLAIN, &["src/lib.rs", "build.rs"], false),
            (
                "another crate",
                "[package]\nname = \"a\"\n[dependencies]\nrand = \"0.9\"\n",
                &["src/lib.rs"],
                false,
            ),
            (
                "another place",
                "[package]\nname = \"a\"\n[lib]\npath = \"harness.rs\"\n",
                &["harness.rs"],
                true,
            ),
            ("no library", PLAIN, &["src/main.rs"], false),
        ];
        for (name, manifest, files, expected) in table {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join(MANIFEST), manifest).expect("written");
            for file in files {
                let path = folder.path().join(file);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                std::fs::write(path, "").expect("written");
            }
            assert_eq!(one_file(folder.path()).expect("read").is_some(), expected, "{name}");
        }
    }
}
