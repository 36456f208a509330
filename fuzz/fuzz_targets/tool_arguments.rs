//! What a proposer writes as a tool's arguments: parsed as the tool does, and then used on a run folder
//! with links that lead out of it.

#![no_main]

use std::{os::unix::fs::symlink, sync::LazyLock};

use cap_std::{ambient_authority, fs::Dir};
use libfuzzer_sys::fuzz_target;
use mmh_search::propose::{History, arguments::{parse, self}, history::{Answer, Order, Page}, specs};
use mmh_record::RecordError;
use mmh_fuzz::{choice, folder, read_history, seeds};
use serde_json::Value;
use tempfile::TempDir;

/// Most bytes of one result.
const MAX_BYTES: usize = 1 << 16;

/// Stands in a file outside the run, to which links lead.
const SECRET: &str = "the secret outside the run";

/// A run with two iterations; of the second, the files are links: absolute, relative, and to a folder.
static RUN: LazyLock<(Dir, TempDir)> = LazyLock::new(|| {
    let folder = folder();
    let (root, run) = (folder.path(), folder.path().join("run"));
    std::fs::write(root.join("secret"), SECRET).expect("a file");
    std::fs::create_dir_all(run.join("iterations/001")).expect("a folder");
    std::fs::create_dir_all(run.join("iterations/000")).expect("a folder");
    let seeds = seeds().join("run");
    for file in ["summary.json", "harness.rs", "score.json", "eval_trace.jsonl", "model_calls.jsonl"] {
        let path = if file == "summary.json" { file.to_owned() } else { format!("iterations/000/{file}") };
        std::fs::copy(seeds.join(&path), run.join(&path)).expect("prepare.sh has made it");
    }
    let link = |to: &str, name: &str| symlink(to, run.join("iterations/001").join(name)).expect("a link");
    link(&root.join("secret").display().to_string(), "harness.rs");
    link("../../../secret", "reasoning.md");
    link("..", "score.json");
    link("../../../secret", "eval_trace.jsonl");
    (Dir::open_ambient_dir(run, ambient_authority()).expect("it opens"), folder)
});

fuzz_target!(|data: &[u8]| {
    let (which, text) = choice(data);
    // What is no JSON reaches the tools as a string.
    let input = serde_json::from_slice(text)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(text).into_owned()));
    let specs = specs();
    let name = specs[which % specs.len()].name.as_str();
    match call(name, input) {
        Ok(answer) | Err(answer) => assert!(!answer.contains(SECRET), "{name}: {answer}"),
    }
});

/// Everything that `Toolbox` does with the arguments, but for compiling.
fn call(name: &str, input: Value) -> Answer {
    match name {
        "list_iterations" | "scoreboard" => {
            let asked = parse::<arguments::OfBoard>(name, input)?;
            let (order, page) = (asked.order.unwrap_or(Order::Best), page(asked.offset, asked.limit));
            on(|history| history.scoreboard(order, page)).and_then(|_| on(|history| history.list(order, page)))
        }
        "read_harness" => file(name, input, "harness.rs"),
        "read_reasoning" => file(name, input, "reasoning.md"),
        "read_score" => {
            let asked = parse::<arguments::OfScore>(name, input)?;
            let page = page(asked.offset, asked.limit);
            on(|history| history.score(asked.iteration, true, page))
        }
        "read_notes" => {
            let asked = parse::<arguments::OfList>(name, input)?;
            let page = page(asked.offset, asked.limit);
            on(|history| history.notes(page))
        }
        // Without a data set nothing is compared.
        "compare_iterations" => parse::<arguments::OfChanges>(name, input).map(|it| it.a.to_string()),
        "add_note" => parse::<arguments::Note>(name, input).map(|it| it.text),
        "read_eval_trace" => {
            let asked = parse::<arguments::OfTrace>(name, input)?;
            let page = page(asked.offset, asked.limit);
            on(|history| history.trace(asked.iteration, asked.only_failures, page))
        }
        "diff_harness" => {
            let asked = parse::<arguments::Pair>(name, input)?;
            on(|history| history.diff(asked.a, asked.b, asked.offset, MAX_BYTES))
        }
        "read_train" => parse::<arguments::OfTrain>(name, input).map(|it| it.label.unwrap_or_default()),
        "read_sdk" => parse::<arguments::OfText>(name, input).map(|_| String::new()),
        "check_harness" => parse::<arguments::Code>(name, input).map(|it| it.code),
        "try_harness" => parse::<arguments::Trial>(name, input).map(|it| it.example_ids.concat()),
        "write_harness" => parse::<arguments::Submission>(name, input).map(|it| it.reasoning),
        _ => panic!("{name} is a tool that is not tried here"),
    }
}

fn file(name: &str, input: Value, file: &str) -> Answer {
    let asked = parse::<arguments::OfFile>(name, input)?;
    on(|history| history.file(asked.iteration, file, asked.offset, MAX_BYTES))
}

fn page(offset: usize, limit: usize) -> Page {
    Page { offset, limit: limit.min(arguments::MAX_ROWS), max_bytes: MAX_BYTES }
}

/// Asks the run; a file that cannot be read says so.
fn on(ask: impl FnOnce(&mut History) -> Result<Answer, RecordError>) -> Answer {
    ask(&mut read_history(&RUN.0)).unwrap_or_else(|error| Err(error.to_string()))
}
