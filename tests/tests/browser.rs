//! The report and the live view in headless Chromium. What is asserted of pages stands in `tests/browser`; here
//! runs are made, changed and served.
//!
//! `cargo xtask setup` installs Chromium, and what drives it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use mmh_record::reader::RunReader;
use mmh_report::compare::{board::Board, words};
use mmh_tests::{cache_dir, large, made::MadeRun, node::node, runs, view::View};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// What every text of the hostile run ends with.
const ATTACKS: [&str; 7] = [
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=2</script>",
    "<!--<script>",
    "<img src=x onerror=\"window.pwned=3\">",
    "<svg onload=window.pwned=4>",
    "javascript:window.pwned=5",
    "{{data}}{{script}}",
];

/// Characters that turn or hide what stands around them.
const INVISIBLE: &str = "\u{202e}reversed\u{202c} zero\u{200b}width \u{1b}[31mred\u{7}";

fn mmh(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir()).env_remove("MMH_LOG");
    command.output().expect("the program starts")
}

fn done(output: &Output) -> String {
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = format!("{}{}", said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{all}");
    all
}

/// A simulated run of two iterations.
fn run(folder: &Path, id: &str, seed: &str) -> PathBuf {
    let args = ["run", "--mock", "--iterations", "2", "--eval-size", "20", "--run-id", id, "--seed", seed];
    done(&mmh(folder, &args));
    folder.join("runs").join(id)
}

fn report(folder: &Path, run: &Path) -> (PathBuf, String) {
    let file = folder.join("report.html");
    let said = done(&mmh(folder, &["report", &run.to_string_lossy(), "-o", &file.to_string_lossy()]));
    (file, said)
}

/// A small data set of three labels.
fn small_data(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    let labels = ["dengue", "malaria", "common cold"];
    for (split, rows) in [("train", 24), ("val", 12), ("test", 6)] {
        let row = |at: usize| {
            let text =
                format!("{split} {at}: I have felt {} since day {at}.", ["hot", "shaky", "tired"][at % 3]);
            json!({ "text": text, "label": labels[(at * 7 + at / 5) % 3] }).to_string() + "\n"
        };
        let rows: String = (0..rows).map(row).collect();
        fs::write(folder.join(format!("{split}.jsonl")), rows).expect("it is written");
    }
}

/// A simulated run with several baselines, candidates a generation and trials of an example, which learns online.
fn wide_run(folder: &Path, id: &str) -> PathBuf {
    small_data(&folder.join("data"));
    let search = ["run", "--mock", "--iterations", "2", "--dataset", "data", "--run-id", id, "--seed", "3"];
    let protocol = ["--candidates", "2", "--trials", "2", "--protocol", "online", "--held-out", "all"];
    let baselines = ["--baseline", "zero-shot", "--baseline", "few-shot-all"];
    done(&mmh(folder, &[&search[..], &protocol[..], &baselines[..]].concat()));
    folder.join("runs").join(id)
}

/// The views of a run: each shows what is on record, has an address, prints, and can be used by everybody.
#[test]
fn every_view_shows_the_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = wide_run(folder.path(), "wide");
    let (file, _) = report(folder.path(), &run);
    let file = file.to_string_lossy();
    node("views.mjs", &[&file, &run.to_string_lossy()]);
    node("address.mjs", &[&file]);
    node("print.mjs", &[&file]);
    let view = View::start(PROGRAM, folder.path(), "runs");
    let notes = folder.path().join("runs/wide.notes.json");
    node("notes.mjs", &[&view.url, "wide", &notes.to_string_lossy()]);
    // The page of one file has them as well, unless it is made without.
    let (noted, said) = report(folder.path(), &run);
    assert!(said.contains("tags and notes from beside the run are in the page"), "{said}");
    node("noted.mjs", &[&noted.to_string_lossy()]);
    node("axe.mjs", &[&format!("file://{}", noted.display())]);
    let without = ["report", "runs/wide", "--no-notes", "-o", "without.html"];
    done(&mmh(folder.path(), &without));
    let without = fs::read_to_string(folder.path().join("without.html")).expect("the report");
    assert!(!without.contains("block-notes"), "the notes are left out");
    // Notes are no part of the run: it verifies as before.
    done(&mmh(folder.path(), &["verify", &run.to_string_lossy(), "--dataset", "data"]));
    runs::copy(&run, &folder.path().join("runs/second"));
    let pages = ["", "run/wide", "compare/wide/second"].map(|page| format!("{}{page}", view.url));
    node("axe.mjs", &pages.each_ref().map(String::as_str));
}

/// Results of that size are what a page must stay small and quick with.
#[test]
fn a_page_stays_small() {
    let folder = tempfile::tempdir().expect("a folder");
    let size = large::Size { candidates: 13, examples: 100, prompt_bytes: 4000 };
    large::write(&folder.path().join("runs/large"), size);
    let (file, _) = report(folder.path(), &folder.path().join("runs/large"));
    let bytes = fs::metadata(file).expect("the report").len();
    assert!(bytes <= 1_500_000, "{bytes} bytes");
}

#[test]
fn a_report_shows_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(folder.path(), "shown", "0");
    let (file, _) = report(folder.path(), &run);
    // What the terminal says of the comparisons stands on the page, too.
    let board = RunReader::open(&run).and_then(|reader| {
        let summary = reader.summary()?;
        let board = Board::of(&reader, &summary);
        Ok([words::best(&board, &summary), words::held_out(&board, &summary)].concat())
    });
    let said: Vec<String> =
        board.expect("a run").iter().map(|it| it.trim_matches(['*', ' ']).to_owned()).collect();
    assert!(said.iter().any(|line| line.contains("corrected")), "{said:?}");
    let (file, summary) = (file.to_string_lossy(), run.join("summary.json"));
    let mut args = vec![file.as_ref(), summary.to_str().expect("UTF-8")];
    args.extend(said.iter().map(String::as_str));
    node("report.mjs", &args);
}

/// Nothing is claimed of the held-out examples that the run does not know.
#[test]
fn the_page_says_what_is_known_of_the_data() {
    const NEW: &str = "that no harness and no proposer saw before";
    const SEEN: &str = "3 texts of test also stand in val: test-0001, …";
    let overlap = |first: &str, second: &str, text: &str| json!([{ "kind": "overlap", "splits": [first, second], "count": 3, "ids": ["test-0001"], "text": text }]);
    let table: [(Value, [&str; 2]); 4] = [
        (json!([]), [NEW, "-also stand"]),
        (overlap("val", "test", "3 texts of test also stand in val"), [SEEN, "-saw before"]),
        (overlap("train", "val", "1 <b>text</b>"), [NEW, "1 <b>text</b>: test-0001, …"]),
        (Value::Null, ["of 20 examples.", "-saw before"]),
    ];
    for (findings, texts) in table {
        let mut run = MadeRun::new(1, 10).scored("4+ 6-").scored("5+ 5-");
        run = run.tested(0, "4+ 16-").tested(1, "5+ 15-").finished();
        run.summary.config.task.findings = serde_json::from_value(findings).expect("findings");
        let folder = tempfile::tempdir().expect("a folder");
        run.write(&folder.path().join("run"));
        let (file, _) = report(folder.path(), &folder.path().join("run"));
        node("findings.mjs", &[&[file.to_string_lossy().as_ref()], &texts[..]].concat());
    }
}

/// Of a run that is too large for a page, the page has all results and the first traces, and says where the others are.
#[test]
fn traces_beyond_the_room_of_a_page_are_left_to_the_view() {
    let folder = tempfile::tempdir().expect("a folder");
    let size = large::Size { candidates: 2, examples: 400, prompt_bytes: 100_000 };
    large::write(&folder.path().join("runs/large"), size);
    let (file, said) = report(folder.path(), &folder.path().join("runs/large"));
    assert!(said.contains("note: traces that have no room in the page: "), "{said}");
    assert!(said.contains("`mmh view "), "{said}");
    let view = View::start(PROGRAM, folder.path(), "runs");
    node("large.mjs", &[&file.to_string_lossy(), &format!("{}run/large", view.url), "399"]);
}

/// Changes every JSON value of a file.
fn rewrite(file: &Path, change: &mut impl FnMut(&mut Value)) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let changed = |text: &str, change: &mut dyn FnMut(&mut Value)| {
        let mut value: Value = serde_json::from_str(text).expect("JSON");
        change(&mut value);
        value.to_string()
    };
    let new = if file.extension().is_some_and(|kind| kind == "jsonl") {
        text.lines().map(|line| changed(line, change) + "\n").collect()
    } else {
        changed(&text, change)
    };
    fs::write(file, new).expect("it is written");
}

/// Puts attacks behind all texts that a model, a data set or a stranger may have written.
fn attack(value: &mut Value, attacks: &str) {
    const TEXTS: [&str; 19] = [
        "input",
        "value",
        "predicted_label",
        "message",
        "stdout",
        "stderr",
        "text",
        "content",
        "system",
        "reasoning",
        "harness_code",
        "run_id",
        "dataset",
        "instructions",
        "proposer_model",
        "reason",
        "path",
        "name",
        "error",
    ];
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if TEXTS.contains(&name.as_str()) => text.push_str(attacks),
                    _ => attack(value, attacks),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| attack(value, attacks)),
        _ => {}
    }
}

#[test]
fn hostile_texts_are_shown_as_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(folder.path(), "hostile", "1");
    let attacks = format!(" {} {INVISIBLE}", ATTACKS.join(" "));
    rewrite(&run.join("iterations/001/eval_trace.jsonl"), &mut |row| {
        row["fields"] = json!([{ "name": "age", "value": "50" }]);
        row["parts"] = json!({ ATTACKS[0]: 0.5 });
    });
    for file in ["config.json", "summary.json"] {
        rewrite(&run.join(file), &mut |value| attack(value, &attacks));
    }
    for index in ["000", "001", "002"] {
        let part = run.join("iterations").join(index);
        for file in [
            "eval_trace.jsonl",
            "model_calls.jsonl",
            "learn_trace.jsonl",
            "proposer.jsonl",
            "filesystem_reads.jsonl",
        ] {
            if part.join(file).is_file() {
                rewrite(&part.join(file), &mut |value| attack(value, &attacks));
            }
        }
    }
    // One line of 10 MB in a log and in a reply.
    let long = "<b onclick=window.pwned=6>".repeat(400_000);
    let mut first = true;
    rewrite(&run.join("iterations/001/eval_trace.jsonl"), &mut |row| {
        if std::mem::take(&mut first) {
            row["logs"] = serde_json::json!([{ "level": "info", "message": long }]);
        }
    });
    let mut first = true;
    rewrite(&run.join("iterations/001/model_calls.jsonl"), &mut |row| {
        if std::mem::take(&mut first) {
            row["request"]["messages"][0]["content"][0]["text"] = long.as_str().into();
        }
    });
    // A state with attacks, a reasoning with a table, and a conversation.
    let state = json!({ format!("key of the state {}", ATTACKS[0]): [format!("value of the state {}", ATTACKS[0]), attacks] });
    fs::write(run.join("iterations/001/state.bin"), state.to_string()).expect("it is written");
    rewrite(&run.join("iterations/001/model_calls.jsonl"), &mut |row| {
        let said = |role: &str, text: &str| json!({ "role": role, "content": [{ "type": "text", "text": format!("{text} {}", ATTACKS[0]) }] });
        let messages = row["request"]["messages"].as_array_mut().expect("messages");
        messages.extend([said("assistant", "said before"), said("user", "told the model")]);
    });
    rewrite(&run.join("summary.json"), &mut |summary| {
        let table = format!(
            "\n\n| table in reasoning {} | b |\n|---|--:|\n| {attacks} | [x](javascript:1) |\n",
            ATTACKS[0]
        );
        for it in summary["iterations"].as_array_mut().expect("iterations") {
            let reasoning = it["reasoning"].as_str().expect("a text").to_owned();
            it["reasoning"] = (reasoning + &table).into();
        }
    });
    let (file, _) = report(folder.path(), &run);
    let html = fs::read_to_string(&file).expect("the report");
    for attack in ["<script>window", "<img", "<svg on", "onload=window.pwned=4>"] {
        assert!(!html.contains(attack), "{attack} stands in the page as it is");
    }
    let marks: Vec<&str> = ATTACKS.to_vec();
    node("hostile.mjs", &[&[file.to_str().expect("a path")], &marks[..]].concat());
}

#[test]
fn a_run_that_was_cut_off_is_shown_as_far_as_it_came() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(folder.path(), "cut", "0");
    rewrite(&run.join("summary.json"), &mut |summary| {
        summary["finished_at"] = Value::Null;
        summary["iterations"].as_array_mut().expect("iterations").truncate(1);
        summary["unscored"] = serde_json::json!([]);
        summary["test"] = serde_json::json!([]);
        summary["best_iteration_index"] = 0.into();
    });
    let traces = run.join("iterations/001/eval_trace.jsonl");
    let text = fs::read_to_string(&traces).expect("traces");
    let kept: Vec<&str> = text.lines().take(7).collect();
    fs::write(&traces, format!("{}\n{{\"example_id\":\"torn", kept.join("\n"))).expect("it is written");
    fs::remove_file(run.join("iterations/000/model_calls.jsonl")).expect("it is removed");
    fs::remove_file(run.join("iterations/000/provenance.json")).expect("it is removed");
    fs::write(run.join("cost.json"), "{ \"torn").expect("it is written");
    let (file, said) = report(folder.path(), &run);
    for part in ["cost.json is damaged", "iterations/000/provenance.json is missing"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    node("partial.mjs", &[&file.to_string_lossy()]);
    let nowhere = mmh(folder.path(), &["report", "runs"]);
    assert_eq!(nowhere.status.code(), Some(2), "a folder without a run is wrong input");
}

#[test]
fn the_live_view_follows_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    run(folder.path(), "before", "0");
    wide_run(folder.path(), "wide");
    let view = View::start(PROGRAM, folder.path(), "runs");
    let (runs, cache) = (folder.path().join("runs"), cache_dir());
    let (runs, cache) = (runs.to_string_lossy(), cache.to_string_lossy());
    // Longer than a browser needs to open the page.
    let args =
        ["run", "--mock", "--iterations", "8", "--eval-size", "60", "--run-id", "going", "--seed", "2"];
    let more = ["--runs-dir", &runs, "--cache-dir", &cache];
    node("live.mjs", &[&[&view.url, "before", PROGRAM], &args[..], &more[..]].concat());
}
