//! `cargo xtask determinism`: builds the same harnesses again and again, and counts the components that come out.
//!
//! rustc works in several threads, and the order in which they end differs from build to build. So each source is built
//! on all processors and on one, with other work on them and without. There must be one component a source.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Builds under each condition: 100 in all.
const ROUNDS: usize = 25;

/// What is built, in turns: a small harness and one of 310 lines.
const SOURCES: [&str; 2] = ["baseline-harness/src/zero_shot.rs", "runs/example/iterations/003/harness.rs"];

struct Condition {
    name: &'static str,
    on_one: bool,
    under_load: bool,
}

const CONDITIONS: [Condition; 4] = [
    Condition { name: "all processors", on_one: false, under_load: false },
    Condition { name: "one processor", on_one: true, under_load: false },
    Condition { name: "all processors, under load", on_one: false, under_load: true },
    Condition { name: "one processor, under load", on_one: true, under_load: true },
];

/// Builds all, prints what came out, and says whether it was always the same. `program` is an `mmh`.
pub fn check(root: &Path, program: &Path) -> Result<bool, String> {
    let folder = root.join("target/determinism");
    let mut digests: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut times: [Vec<Duration>; CONDITIONS.len()] = Default::default();
    // The first build makes the SDK.
    build(program, &root.join(SOURCES[0]), &folder, false)?;
    for round in 0..ROUNDS {
        for (condition, times) in CONDITIONS.iter().zip(&mut times) {
            let source = SOURCES[round % SOURCES.len()];
            let begun = Instant::now();
            let built = || build(program, &root.join(source), &folder, condition.on_one);
            let digest = if condition.under_load { under_load(built) } else { built() }?;
            times.push(begun.elapsed());
            digests.entry(source).or_default().insert(digest);
        }
    }
    println!("{:<28} {:>6} {:>10}", "", "builds", "median");
    for (Condition { name, .. }, times) in CONDITIONS.iter().zip(&mut times) {
        times.sort();
        println!("{name:<28} {:>6} {:>8.2} s", times.len(), times[times.len() / 2].as_secs_f64());
    }
    for (source, digests) in &digests {
        println!("{source}: {} component(s)", digests.len());
    }
    Ok(digests.values().all(|digests| digests.len() == 1))
}

/// Builds a source that is not in the cache, and gives its component's digest.
fn build(program: &Path, source: &Path, folder: &Path, on_one: bool) -> Result<String, String> {
    let components = folder.join("components");
    if components.exists() {
        std::fs::remove_dir_all(&components).map_err(|error| format!("{}: {error}", components.display()))?;
    }
    let mut command = if on_one { Command::new("taskset") } else { Command::new(program) };
    if on_one {
        command.args(["-c", &first_processor()]).arg(program);
    }
    command.args(["check", "--json", "--cache-dir"]).arg(folder).arg(source);
    let output = command.output().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let digest = said.split("\"component_digest\":").nth(1).and_then(|rest| rest.split('"').nth(1));
    match digest {
        Some(digest) if output.status.success() && said.contains("\"cached\": false") => {
            Ok(digest.to_owned())
        }
        _ => Err(format!("{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// The first processor that this process may use.
fn first_processor() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.and_then(|list| list.trim().split([',', '-']).next()).unwrap_or("0").to_owned()
}

/// Does something while every processor has other work.
fn under_load<T>(work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|threads| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let done = work();
        over.store(true, Ordering::Relaxed);
        done
    })
}

/// The program that is built from this workspace, after it was built.
pub fn built_program(root: &Path) -> Result<PathBuf, String> {
    let status = Command::new("cargo").args(["build", "--workspace"]).current_dir(root).status();
    match status {
        Ok(status) if status.success() => Ok(root.join("target/debug/mmh")),
        Ok(status) => Err(format!("cargo build: {status}")),
        Err(error) => Err(format!("cannot start cargo: {error}")),
    }
}
