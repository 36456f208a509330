//! `cargo xtask test`: everything that must hold before a change lands, on a machine that has only rustup, a C
//! compiler, node and Python. `setup` and `lint` are parts of it.
//!
//! What is needed is a table in [`needs`], what is run is a table in here, and [`structure`] and
//! [`examples`] have the rules that no compiler checks. Nothing is used but the standard
//! library, so that this program is there in a second.

mod determinism;
mod examples;
mod fleet;
mod needs;
mod peers;
mod structure;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

/// One thing that is run: its name, and the command.
type Step = (&'static str, &'static [&'static str]);

const LINT: [Step; 3] = [
    ("formatting", &["cargo", "fmt", "--all", "--check"]),
    ("lints", &["cargo", "clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    (
        "documentation",
        &["env", "RUSTDOCFLAGS=-D warnings", "cargo", "doc", "--quiet", "--workspace", "--no-deps"],
    ),
];

/// Unit, integration and documentation tests, the package that authors get from a registry, and a look at the fuzz targets,
/// which are a workspace of their own. Nothing is uploaded.
const TESTS: [Step; 3] = [
    ("tests", &["cargo", "test", "--workspace", "--no-fail-fast"]),
    ("SDK's package", &["cargo", "publish", "--dry-run", "--quiet", "--allow-dirty", "--package", "mmh-sdk"]),
    (
        "fuzz targets",
        &["cargo", "check", "--manifest-path", "fuzz/Cargo.toml", "--locked", "--target-dir", "target/fuzz"],
    ),
];

const USAGE: &str = "usage: cargo xtask COMMAND

  test   set up what the tests need, then lint, all tests, and whether the fuzz targets compile
  lint   structure, examples of the SDK, formatting, lints and documentation
  determinism [MMH]
         build the same harnesses 100 times, on all processors and on one, under load and not: one component each
  setup  what the tests need: Rust's target and components, system packages, a browser, npm packages
  fleet-kills N
         kill workers, the NATS server and the coordinator of searches N times, and compare what comes of them
  fleet-simulation [--coordinator-us N] [--model-call-us N] [--server-us N] [--way-us N]
         where a coordinator is saturated, up to 64 workers: a table, from measured times of one call
  peers  how long other systems take for the same work, in pairs; they are installed from PyPI below target/
         [--pairs N] [--only NAME, or how it begins] [--program PATH, instead of a release build]
         [--write, into docs/benchmarks.md]";

fn main() -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (sets_up, steps) = match words[..] {
        ["determinism"] => return determinism(None),
        ["determinism", program] => return determinism(Some(program)),
        ["peers", ..] => return compared(&words[1..]),
        ["fleet-kills", times] => return fleet_kills(times),
        ["fleet-simulation", ..] => return fleet::main(&words[1..]),
        ["test"] => (true, [&LINT[..], &TESTS].concat()),
        ["lint"] => (false, LINT.to_vec()),
        ["setup"] => (true, Vec::new()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut times = Vec::new();
    let checks_structure = words != ["setup"];
    if sets_up {
        let begun = Instant::now();
        if let Err(problem) = needs::meet(&root()) {
            eprintln!("error: {problem}");
            return ExitCode::from(2);
        }
        times.push(("set-up", begun.elapsed(), true));
    }
    if checks_structure {
        let begun = Instant::now();
        let broken = [structure::broken(&root()), examples::missing(&root())].concat();
        broken.iter().for_each(|it| eprintln!("error: {it}"));
        times.push(("structure", begun.elapsed(), broken.is_empty()));
    }
    for (name, command) in steps {
        println!("== {name}");
        let begun = Instant::now();
        let ok = run(command);
        times.push((name, begun.elapsed(), ok));
    }
    println!("\n{}", shown(&times));
    if times.iter().all(|(_, _, ok)| *ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the same source always gives the same component; with this program, or with the workspace's.
fn determinism(program: Option<&str>) -> ExitCode {
    let program = program.map_or_else(|| determinism::built_program(&root()), |named| Ok(named.into()));
    match program.and_then(|program: PathBuf| determinism::check(&root(), &program)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

/// `cargo xtask fleet-kills N`: no step of the tests, which kill less often.
fn fleet_kills(times: &str) -> ExitCode {
    let kills = format!("MMH_FLEET_KILLS={times}");
    let test = ["cargo", "test", "--workspace", "--test", "fleet_kills", "--", "--nocapture"];
    let ok = times.parse::<u32>().is_ok() && run(&[&["env", kills.as_str()][..], &test].concat());
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `cargo xtask peers`: no step of the tests, since its figures depend on the machine.
fn compared(words: &[&str]) -> ExitCode {
    let options = match peers::Options::of(words) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("error: {problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match peers::compare(&root(), &options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// Runs a command in the workspace, and says whether it went well.
fn run(words: &[&str]) -> bool {
    let status = Command::new(words[0]).args(&words[1..]).current_dir(root()).status();
    match status {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("error: cannot start {}: {error}", words[0]);
            false
        }
    }
}

/// How long each step took, and how it ended.
fn shown(times: &[(&str, Duration, bool)]) -> String {
    let line = |(name, took, ok): &(&str, Duration, bool)| {
        let verdict = if *ok { "ok" } else { "FAILED" };
        format!("{name:<14} {:>7.1} s  {verdict}", took.as_secs_f64())
    };
    times.iter().map(line).collect::<Vec<_>>().join("\n")
}
