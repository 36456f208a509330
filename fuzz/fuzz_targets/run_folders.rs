//! Run folders of strangers: one file of a good run is replaced, and everything that reads it is asked.
//! What is understood is the same when it is written and read back.

#![no_main]

use std::{fmt::Debug, path::Path, sync::LazyLock};

use cap_std::{ambient_authority, fs::Dir};
use libfuzzer_sys::fuzz_target;
use mmh_fuzz::{choice, folder, read_history, seeds};
use mmh_record::{
    RecordError,
    data::Split,
    digest::Digest,
    format::{CallRow, Config, Cost, CostFile, LearnRow, ReadRow, Score, Summary, TraceRow, TranscriptRow},
    manifest::{self, Manifest},
    reader::RunReader,
    recorded::Recorded,
    statements,
};
use mmh_report::lineage;
use mmh_search::{
    evaluate::recorded_replies::{by_example, request_digest},
    inspect::stage,
    propose::{
        History,
        history::{Order, Page},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use tempfile::TempDir;

/// A page as the tools ask for it.
const PAGE: Page = Page { offset: 0, limit: 9, max_bytes: 1 << 16 };

/// The files that can be replaced, each with what reads it.
const FILES: [(&str, fn(&RunReader, &str)); 12] = [
    ("config.json", config),
    ("summary.json", summary),
    ("cost.json", cost),
    ("manifest.json", manifests),
    ("iterations/000/manifest.json", manifests),
    ("iterations/000/score.json", |run, file| drop(json::<Score>(run, file))),
    ("iterations/000/eval_trace.jsonl", traces),
    ("iterations/000/model_calls.jsonl", calls),
    ("iterations/000/learn_trace.jsonl", |run, file| drop(lines::<LearnRow>(run, file))),
    ("iterations/001/filesystem_reads.jsonl", |run, file| drop(lines::<ReadRow>(run, file))),
    ("iterations/001/proposer.jsonl", |run, file| drop(lines::<TranscriptRow>(run, file))),
    ("iterations/001/harness.rs", source),
];

struct Run {
    dir: Dir,
    /// What stands in the files of `FILES` in the good run, where they are there.
    good: Vec<Option<Vec<u8>>>,
    config: Config,
    _folder: TempDir,
}

static RUN: LazyLock<Run> = LazyLock::new(|| {
    let folder = folder();
    copy(&seeds().join("run"), folder.path());
    let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("it opens");
    let good = FILES.iter().map(|(file, _)| dir.read(file).ok()).collect();
    let config = RunReader::new(dir.try_clone().expect("a handle")).config().expect("the run is good");
    Run { dir, good, config, _folder: folder }
});

fuzz_target!(|data: &[u8]| {
    let (which, bytes) = choice(data);
    let which = which % FILES.len();
    let (file, ask) = FILES[which];
    RUN.dir.write(file, bytes).expect("the folder can be written to");
    ask(&RunReader::new(RUN.dir.try_clone().expect("a handle")), file);
    match &RUN.good[which] {
        Some(good) => RUN.dir.write(file, good).expect("the folder can be written to"),
        None => drop(RUN.dir.remove_file(file)),
    }
});

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).expect("it is copied")),
        }
    }
}

fn json<T: Recorded + Serialize + DeserializeOwned + PartialEq + Debug>(run: &RunReader, file: &str) -> Option<T> {
    understood(run.json(file)).inspect(|value| same_when_read_back(value))
}

fn lines<T: Recorded + Serialize + DeserializeOwned + PartialEq + Debug>(run: &RunReader, file: &str) -> Vec<T> {
    let rows = understood(run.lines(file)).unwrap_or_default();
    rows.iter().for_each(same_when_read_back);
    rows
}

/// What is not understood is damaged, and the error names the file.
fn understood<T>(read: Result<T, RecordError>) -> Option<T> {
    read.inspect_err(|error| assert!(matches!(error, RecordError::Damaged { .. }), "{error}")).ok()
}

fn same_when_read_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("it can be written");
    let back: T = serde_json::from_str(&text).expect("it can be read back");
    assert_eq!(back, *value);
}

fn config(run: &RunReader, file: &str) {
    let Some(config) = json::<Config>(run, file) else { return };
    let (first, now) = (config.at_first(), config.as_of(u32::MAX));
    assert!(first.is_none_or(|first| first.resumes.is_empty()) && now.is_some());
    let made = statements::Made { source: Digest::of("a"), component: Digest::of("b"), key: Digest::of("c") };
    statements::provenance(&made, &config, Digest::of("d"));
}

/// As the proposer's tools and `verify` take it.
fn summary(run: &RunReader, file: &str) {
    let Some(summary) = json::<Summary>(run, file) else { return };
    let mut total = Cost::default();
    summary.iterations.iter().for_each(|it| total += it.cost);
    summary.unscored.iter().for_each(|it| total += it.cost);
    same_when_read_back(&total);
    history(run, |history| {
        for order in [Order::Best, Order::Newest] {
            let _ = history.list(order, PAGE);
            let _ = history.scoreboard(order, PAGE);
        }
    });
    for iteration in &summary.iterations {
        lineage::parent(
            &iteration.harness_code,
            summary.iterations.iter().map(|it| (it.index, &*it.harness_code)),
        );
    }
}

fn cost(run: &RunReader, file: &str) {
    let Some(cost) = json::<CostFile>(run, file) else { return };
    let mut total = cost.test;
    cost.iterations.iter().for_each(|it| total += it.cost);
    same_when_read_back(&total);
}

/// Whatever a manifest says, checking ends, and what is no manifest is found.
fn manifests(run: &RunReader, file: &str) {
    let bytes = run.bytes(file).expect("it was written a moment ago");
    let (prefix, _) = file.rsplit_once('/').unwrap_or_default();
    let dir = if prefix.is_empty() { run.dir().try_clone() } else { run.dir().open_dir(prefix) };
    let findings = manifest::check(&dir.expect("a folder"), prefix);
    if Manifest::parse(&bytes).is_err() {
        assert_eq!(findings.len(), 1, "{findings:?}");
    }
    let _ = manifest::folders_of(run.dir());
}

fn traces(run: &RunReader, file: &str) {
    let rows = lines::<TraceRow>(run, file);
    rows.iter().for_each(|row| drop((row.log_lines(), stage::is_replayable(row))));
    let (score, component) = (Score::default(), Digest::of("a"));
    let examples = rows.iter().map(|row| (row.example_id.as_str(), row.correct));
    let tested = statements::Tested::of(component, Split::Val, &score, examples);
    statements::test_result(&tested, &RUN.config);
    history(run, |history| {
        for (offset, limit, room) in [(0, 20, 1 << 16), (1, 200, 10), (usize::MAX, usize::MAX, 0)] {
            for only_failures in [true, false] {
                let _ = history.trace(0, only_failures, Page { offset, limit, max_bytes: room });
            }
        }
    });
}

fn calls(run: &RunReader, file: &str) {
    let rows = lines::<CallRow>(run, file);
    for row in &rows {
        request_digest(&row.request);
        drop((row.request.prompt_text(), row.reply.as_ref().map(|reply| reply.text())));
        row.usage.total_input_tokens();
    }
    let by_example = by_example(rows.clone());
    assert_eq!(by_example.values().map(Vec::len).sum::<usize>(), rows.len());
    history(run, |history| drop(history.trace(0, false, PAGE)));
}

fn source(run: &RunReader, _: &str) {
    history(run, |history| {
        let _ = history.file(1, "harness.rs", 0, PAGE.max_bytes);
        let _ = history.diff(0, 1, 0, PAGE.max_bytes);
        let _ = history.diff(1, 1, 7, PAGE.max_bytes);
    });
}

fn history(run: &RunReader, ask: impl FnOnce(&mut History)) {
    ask(&mut read_history(run.dir()));
}
