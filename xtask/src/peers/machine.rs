//! What must be there to compare: a Python for each package, the program, and what is told about the machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::systems::Package;

/// A Python with a package of PyPI, installed once below `target/`.
pub fn python(target: &Path, package: Package) -> Result<PathBuf, String> {
    let Package { name, version } = package;
    let pinned = format!("{name}=={version}");
    let (folder, complete) =
        (target.join(format!("{name}-{version}")), target.join(format!("{name}-{version}.ok")));
    let python = folder.join("bin/python");
    if complete.is_file() && python.is_file() {
        return Ok(python);
    }
    eprintln!("installing {pinned}");
    let venv = done(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    venv.map_err(|problem| {
        format!(
            "cannot make a virtual environment: {problem}; `cargo xtask setup` brings Python 3.11 with venv"
        )
    })?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &pinned];
    done(Command::new(&python).args(pip)).map_err(|problem| {
        format!("cannot install {pinned}: {problem}; see whether `pip download {pinned}` reaches PyPI")
    })?;
    fs::write(&complete, "").map_err(|error| format!("cannot write {}: {error}", complete.display()))?;
    Ok(python)
}

/// A release build of the program.
pub fn program(root: &Path) -> Result<PathBuf, String> {
    let target = root.join("target");
    let build = ["build", "--release", "--package", "mmh", "--target-dir"];
    let built =
        Command::new("cargo").args(build).arg(&target).current_dir(root).stdout(Stdio::null()).status();
    match built {
        Ok(status) if status.success() => Ok(target.join("release/mmh")),
        Ok(_) => Err("`cargo build --release --package mmh` failed, see above".into()),
        Err(error) => Err(format!("cannot start cargo: {error}; install Rust from https://rustup.rs")),
    }
}

/// Date, machine and tools. A program that was not built here may be of any commit.
pub fn facts(root: &Path, program: &Path, is_built_here: bool, pairs: usize) -> Vec<(&'static str, String)> {
    let says = |name: &str, words: &[&str]| {
        let said = done(Command::new(name).args(words).current_dir(root));
        said.map_or_else(|_| format!("unknown {name}"), |said| said.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processor = processor.map_or("unknown processor", |(_, name)| name);
    let commit =
        says("git", &["describe", "--always", "--dirty=, with changes", "--abbrev=10", "--exclude=*"]);
    let commit = if is_built_here { format!("commit {commit}") } else { "built elsewhere".into() };
    let program = says(&program.to_string_lossy(), &["--version"]);
    vec![
        ("date", says("date", &["-u", "+%F"])),
        ("machine", format!("{cores} cores, {processor}, {}", says("uname", &["-sr"]))),
        ("program", format!("{program}, {commit}")),
        ("tools", format!("{}, {}", says("rustc", &["--version"]), says("python3", &["--version"]))),
        ("pairs", format!("{pairs} of each comparison, one after the other, after one that is not counted")),
    ]
}

/// Runs a command: what it printed, or why it failed.
pub fn done(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot start {name}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let said = [output.stdout, output.stderr].concat();
            Err(format!("{name} ended with {}: {}", output.status, String::from_utf8_lossy(&said).trim()))
        }
    }
}
