//! Run folders of strangers whose files are none: named pipes, links, files with a hole in them, files with
//! another name elsewhere. Every command that reads a run ends by itself, says what is wrong, and keeps its
//! memory small.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use mmh_tests::{
    cache_dir, environment,
    forge::Forged,
    runs::{self, cut_off},
};
use rustix::fs::{CWD, FileType, Mode, mknodat};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// How long a command may take, and how much memory it may have: on machines that are busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);
const MEMORY_KIB: u64 = 1 << 20;

/// What lies in place of a file.
type Strange = (&'static str, fn(&Path));

const STRANGE: [Strange; 3] = [
    ("a named pipe", |path| mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe")),
    ("a link to a device", |path| symlink("/dev/zero", path).expect("a link")),
    ("a hole of a tebibyte", |path| {
        fs::File::create(path).and_then(|file| file.set_len(1 << 40)).expect("a sparse file");
    }),
];

/// The files of a run, as far as commands read them.
const FILES: [&str; 16] = [
    "config.json",
    "summary.json",
    "cost.json",
    "manifest.json",
    "iterations/001/manifest.json",
    "iterations/001/harness.rs",
    "iterations/001/harness.wasm",
    "iterations/001/reasoning.md",
    "iterations/001/provenance.json",
    "iterations/001/eval_trace.jsonl",
    "iterations/001/model_calls.jsonl",
    "iterations/001/learn_trace.jsonl",
    "iterations/001/proposer.jsonl",
    "iterations/001/trial_calls.jsonl",
    "iterations/001/filesystem_reads.jsonl",
    "iterations/001/score.json",
];

/// Runs a command on a run: its exit code. It has to end, and to stay small.
fn run(name: &str, run: &Path, args: &[&str]) -> Option<i32> {
    let args: Vec<&str> =
        args.iter().map(|arg| if *arg == "RUN" { run.to_str().expect("UTF-8") } else { arg }).collect();
    let folder = run.parent().expect("a folder");
    let mut command = Command::new(PROGRAM);
    command.args(&args).current_dir(folder).env_clear().envs(environment()).env("MMH_CACHE_DIR", cache_dir());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    let (begun, mut peak) = (Instant::now(), 0);
    loop {
        peak = peak.max(peak_kib(&child));
        if let Some(status) = child.try_wait().expect("its state") {
            assert!(peak < MEMORY_KIB, "{name}: {args:?} had {peak} KiB");
            return status.code();
        }
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("{name}: {args:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The most memory that a process has had.
fn peak_kib(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}

fn replaced(run: &Path, file: &str, (_, put): &Strange) {
    let path = run.join(file);
    let _ = fs::remove_file(&path);
    put(&path);
}

#[test]
fn every_command_ends() {
    let commands: [&[&str]; 9] = [
        &["summary", "RUN"],
        &["cost", "RUN"],
        &["plot", "RUN", "-o", "plot.svg"],
        &["report", "RUN", "-o", "report.html"],
        &["inspect", "RUN", "--iteration", "1"],
        &["diff", "RUN", "0", "1"],
        &["export", "RUN", "--iteration", "1", "-o", "exported"],
        &["replay", "RUN", "--iteration", "1"],
        &["run", "--resume", "RUN"],
    ];
    for strange in &STRANGE {
        for file in FILES {
            let forged = Forged::of(runs::honest(PROGRAM));
            replaced(&forged.run, file, strange);
            let name = format!("{} as {file}", strange.0);
            for args in commands {
                let code = run(&name, &forged.run, args);
                assert!(matches!(code, Some(0..=3)), "{name}: {args:?}: {code:?}");
                let _ = fs::remove_dir_all(forged.run.with_file_name("exported"));
            }
        }
    }
}

#[test]
fn verify_names_them() {
    for strange in &STRANGE {
        for file in FILES.iter().skip(1).step_by(2) {
            let forged = Forged::of(runs::honest(PROGRAM));
            replaced(&forged.run, file, strange);
            let code = run(&format!("{} as {file}", strange.0), &forged.run, &["verify", "RUN"]);
            assert_eq!(code, Some(1), "{} as {file}", strange.0);
        }
    }
}

/// What a run that goes on would read and append to.
#[test]
fn a_run_does_not_go_on_over_them() {
    let under_way =
        ["proposer", "filesystem_reads", "trial_calls", "learn_trace", "eval_trace", "model_calls"];
    let linked: Strange = ("a file with another name elsewhere", |path| {
        let other = path.with_extension("other");
        fs::write(&other, "").expect("written");
        fs::hard_link(other, path).expect("linked");
    });
    for strange in STRANGE.iter().chain([&linked]) {
        for file in under_way {
            let forged = Forged::of(runs::honest(PROGRAM));
            cut_off(&forged.run, 3, 2);
            let file = format!("iterations/003/{file}.jsonl");
            replaced(&forged.run, &file, strange);
            let code = run(&format!("{} as {file}", strange.0), &forged.run, &["run", "--resume", "RUN"]);
            assert_eq!(code, Some(3), "{} as {file}", strange.0);
        }
    }
}

/// Where a file is going to be written, whatever lies there is replaced and not written into.
#[test]
fn nothing_is_written_through_a_link() {
    let forged = Forged::of(runs::honest(PROGRAM));
    cut_off(&forged.run, 3, 2);
    let outside = forged.run.with_file_name("outside");
    fs::write(&outside, "mine").expect("written");
    for file in [".summary.json.partial", "iterations/003/.score.json.partial", "iterations/003/score.json"] {
        symlink(&outside, forged.run.join(file)).expect("a link");
    }
    assert_eq!(run("links", &forged.run, &["run", "--resume", "RUN"]), Some(0));
    assert_eq!(fs::read_to_string(&outside).expect("read"), "mine");
    assert_eq!(run("links", &forged.run, &["verify", "RUN"]), Some(0));
}
