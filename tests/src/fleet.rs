//! Workers of one's own, which can be killed.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

pub use crate::nats::{Nats, Running};
use crate::{cache_dir, environment};

/// How long a worker may take to begin.
const BEGIN_WITHIN: Duration = Duration::from_secs(20);

/// The program with these arguments, in a folder.
pub fn command(program: &str, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).env_clear().envs(environment());
    command.env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null());
    command
}

/// Starts a worker of one processor.
pub fn worker(program: &str, url: &str, name: &str, more: &[&str]) -> Running {
    let folder = std::env::temp_dir();
    let args = ["worker", "--nats", url, "--name", name, "--processors", "1"];
    let mut command = command(program, &folder, &[&args[..], more].concat());
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    Running::of(command.spawn().expect("the program starts"))
}

/// Waits until so many workers are there, or fails.
pub fn wait_for(program: &str, url: &str, workers: usize) {
    let begun = Instant::now();
    loop {
        let output = command(program, &std::env::temp_dir(), &["workers", "--nats", url, "--json"]).output();
        let output = output.expect("the program starts");
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if found["workers"].as_array().is_some_and(|all| all.len() >= workers) {
            return;
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(begun.elapsed() < BEGIN_WITHIN, "{workers} workers are not there: {found} {said}");
    }
}
