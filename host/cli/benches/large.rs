//! How `verify` and `report` grow with the examples of a run: time and memory at three sizes, with the exponent of the growth.
//! `cargo bench -p mmh --bench large`; other sizes by `-- 500,1000,2000`.
//!
//! Each size has a run of simulated models with three candidates, which the program makes, verifies and reports.

#![allow(clippy::expect_used, reason = "it stops at what cannot be measured")]

mod shared;

use std::{
    fs,
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use shared::{
    Figure, LINEAR,
    workshop::{PROGRAM, cache_dir},
};

/// Examples of an evaluation, where no others are named.
const SIZES: [usize; 3] = [2_000, 10_000, 50_000];

/// The most memory of a process, in MiB, and the most seconds of a report.
const MAX_MIB: f64 = 200.0;
const MAX_REPORT_S: f64 = 2.0;

/// What a process took.
#[derive(Clone, Copy, Default)]
struct Took {
    seconds: f64,
    peak_mib: f64,
}

fn main() {
    let sizes = sizes(std::env::args().skip(1));
    let folder = tempfile::tempdir().expect("a folder");
    let (mut verify, mut report) = ([Took::default(); 3], [Took::default(); 3]);
    for (at, size) in sizes.into_iter().enumerate() {
        let data = format!("data-{size}");
        write_data(&folder.path().join(&data), size);
        let (id, run) = (format!("run-{size}"), format!("runs/run-{size}"));
        let examples = size.to_string();
        let search = ["run", "--mock", "--iterations", "2", "--no-test", "--concurrency", "64"];
        let named = ["--run-id", &id, "--dataset", &data, "--eval-size", &examples];
        mmh(folder.path(), &[&search[..], &named].concat());
        verify[at] = mmh(folder.path(), &["verify", &run, "--dataset", &data]);
        report[at] = mmh(folder.path(), &["report", &run, "--output", &format!("{id}.html")]);
        fs::remove_dir_all(folder.path().join(run)).expect("it is removed");
    }
    let figure = |what, unit, measured, most| Figure { what, unit, sizes, measured, most, exponent: LINEAR };
    let (seconds, peak) = (|of: [Took; 3]| of.map(|it| it.seconds), |of: [Took; 3]| of.map(|it| it.peak_mib));
    shared::print(&[
        figure("verify, 3 candidates, examples", "s", seconds(verify), f64::INFINITY),
        figure("  resident at most", "MiB", peak(verify), MAX_MIB),
        figure("report, 3 candidates, examples", "s", seconds(report), MAX_REPORT_S),
        figure("  resident at most", "MiB", peak(report), MAX_MIB),
    ]);
}

/// Sizes from the command line, such as `500,1000,2000`. Cargo adds words of its own.
fn sizes(words: impl Iterator<Item = String>) -> [usize; 3] {
    let named = words.filter_map(|word| {
        let sizes: Option<Vec<usize>> = word.split(',').map(|size| size.parse().ok()).collect();
        sizes?.try_into().ok()
    });
    named.last().unwrap_or(SIZES)
}

/// A data set with so many validation examples.
fn write_data(folder: &Path, size: usize) {
    fs::create_dir_all(folder).expect("a folder");
    for (split, count) in [("train", 200), ("val", size), ("test", 20)] {
        let file = fs::File::create(folder.join(format!("{split}.jsonl"))).expect("a file");
        let mut file = BufWriter::new(file);
        for at in 0..count {
            let words = (0..28).map(|word| WORDS[(at * 7919 + word * word * 31 + at / 13) % WORDS.len()]);
            let text = format!("{split} {at}: {}.", words.collect::<Vec<_>>().join(" "));
            let row = serde_json::json!({ "text": text, "label": LABELS[at * 31 % LABELS.len()] });
            writeln!(file, "{row}").expect("written");
        }
        file.flush().expect("written");
    }
}

const LABELS: [&str; 5] = ["migraine", "malaria", "arthritis", "psoriasis", "flu"];

const WORDS: [&str; 23] = [
    "headache", "fever", "cough", "pain", "knee", "ankle", "skin", "rash", "itching", "burning", "stomach",
    "nausea", "dizzy", "vision", "throat", "neck", "back", "chest", "tired", "sleep", "joints", "cold",
    "appetite",
];

/// Runs the program in this folder.
fn mmh(folder: &Path, args: &[&str]) -> Took {
    let started = Instant::now();
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::inherit());
    if args[0] != "report" {
        command.arg("--cache-dir").arg(cache_dir(folder));
    }
    let (took, peak) = shared::watched(command.spawn().expect("the program starts"), started);
    Took { seconds: took.as_secs_f64(), peak_mib: peak as f64 / f64::from(1 << 20) }
}
