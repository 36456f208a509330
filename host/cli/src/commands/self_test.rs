//! `mmh self-test`: whether an installation works: the system, a small search of simulated models, its verification, and the
//! signatures and exports of it. It needs no key and no network.

use std::{ffi::OsString, path::Path, process::ExitCode};

use clap::Args;

use crate::error::{CliError, CliResult, EXAMINED_NOT_OK};

#[derive(Args)]
pub struct SelfTestArgs {}

/// The steps: what is tried, and the command that tries it in a folder of its own.
pub fn steps(folder: &Path) -> Vec<(&'static str, Vec<OsString>)> {
    let at = |name: &str| folder.join(name).into_os_string();
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let with =
        |before: &[&str], path: &str, after: &[&str]| [words(before), vec![at(path)], words(after)].concat();
    let search = [
        "run",
        "--mock",
        "--iterations",
        "1",
        "--eval-size",
        "10",
        "--no-test",
        "--run-id",
        "self-test",
        "--runs-dir",
    ];
    let mut sign = with(&["sign"], "runs/self-test", &["--key"]);
    sign.push(at("key"));
    let mut verify = with(&["verify"], "runs/self-test", &["--key"]);
    verify.push(at("key.pub"));
    let mut export = with(&["export"], "runs/self-test", &["--output"]);
    export.push(at("export"));
    vec![
        ("the system", words(&["doctor"])),
        ("a search", with(&search, "runs", &[])),
        ("a pair of keys", with(&["keygen", "--out"], "key", &[])),
        ("signatures", sign),
        ("verification", verify),
        ("an export", export),
    ]
}

/// Runs the steps. `run` runs one command, which prints what it prints.
pub async fn main(run: impl AsyncFn(Vec<OsString>) -> CliResult) -> CliResult {
    let folder = tempfile::Builder::new().prefix("mmh-self-test-").tempdir();
    let folder = folder.map_err(|error| CliError::host(format!("cannot make a folder: {error}")))?;
    let mut failed = Vec::new();
    for (name, command) in steps(folder.path()) {
        outln!("\n== {name}");
        match run(command).await {
            Ok(code) if code == ExitCode::SUCCESS => {}
            Ok(_) => failed.push(name),
            Err(error) => {
                errln!("error: {error}");
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        outln!("\nself-test: all of it works");
        return Ok(ExitCode::SUCCESS);
    }
    outln!("\nself-test: FAILED: {}", failed.join(", "));
    Ok(ExitCode::from(EXAMINED_NOT_OK))
}
