//! Several trials of each example, several passes over the train examples, and learning from one's own attempts: from the
//! search to its proof.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use mmh_search::dataset::{self, BUILTIN, Example};
use mmh_tests::{
    cache_dir, copy_folder, environment, files_below,
    forge::Forged,
    runs::{self, cut_off, reseal},
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");
const CLOCK: [&str; 2] = ["--fixed-clock", "2026-01-01T00:00:00Z"];

/// Sizes of the splits.
const TRAIN: usize = 12;
const VAL: usize = 6;
const TEST: usize = 4;

/// How many labels it has.
const LABELS: usize = 4;

/// Learns the examples that it got wrong, and shows them.
const STUBBORN: &str = r#"//! Shows the examples that it got wrong.

use mmh_sdk::prelude::*;

struct Stubborn;

impl Harness for Stubborn {
    type State = Vec<(String, String)>;

    fn learn(_task: &Task, mut state: Self::State, feedback: &[Feedback], _model: &Model) -> Result<Self::State> {
        for it in feedback {
            if it.attempt.as_ref().is_none_or(|attempt| !attempt.correct) {
                state.push((it.input.text.clone(), it.gold.clone()));
            }
        }
        Ok(state)
    }

    fn predict(task: &Task, state: &Self::State, input: &Input, model: &Model) -> Result<Answer> {
        let shown: Vec<String> = state.iter().map(|(text, label)| format!("Text: {text}\nLabel: {label}")).collect();
        let head = format!("{}\n\nLabels:\n{}\n\n{}", task.instructions, task.label_list(), shown.join("\n\n"));
        let reply = model.complete(&Request::new(format!("{head}\n\nText: {input}\nLabel:")).max_tokens(64))?;
        match task.match_label(&reply.text) {
            Some(label) => Ok(Answer::new(label)),
            None => bail!("no label in {:?}", reply.text),
        }
    }
}

mmh_sdk::export!(Stubborn);
"#;

/// A small data set, and the harness above.
fn prepare(folder: &Path) {
    let data = dataset::load(BUILTIN, 0).expect("it loads");
    let mut labels: Vec<&str> = Vec::new();
    for example in &data.train {
        if labels.len() < LABELS && !labels.contains(&example.gold.as_str()) {
            labels.push(&example.gold);
        }
    }
    let lines = |examples: &[Example], count: usize| -> String {
        let row = |it: &Example| json!({ "text": it.input.text, "label": it.gold }).to_string() + "\n";
        examples.iter().filter(|it| labels.contains(&it.gold.as_str())).take(count).map(row).collect()
    };
    fs::create_dir_all(folder.join("small")).expect("a folder");
    for (name, examples, count) in
        [("train", &data.train, TRAIN), ("val", &data.val, VAL), ("test", &data.test, TEST)]
    {
        fs::write(folder.join(format!("small/{name}.jsonl")), lines(examples, count)).expect("written");
    }
    fs::write(folder.join("stubborn.rs"), STUBBORN).expect("written");
}

fn mmh(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().envs(environment());
    command.env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null());
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn done(folder: &Path, args: &[&str]) -> String {
    let output = mmh(folder, args);
    assert!(
        output.status.success(),
        "mmh {}: {}{}",
        args.join(" "),
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

const SEARCH: [&str; 8] =
    ["run", "--mock", "--run-id", "a", "--dataset", "small", "--baseline", "stubborn.rs"];
const WHOLE: [&str; 8] = ["--iterations", "1", "--trials", "3", "--protocol", "online", "--epochs", "2"];

/// With the data set, and with what the record has of it.
const VERIFY: [&[&str]; 2] =
    [&["verify", "runs/a", "--dataset", "small"], &["verify", "runs/a", "--without-dataset"]];

/// A search with trials and online learning in two passes, in a folder of its own.
fn search(more: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    prepare(folder.path());
    done(folder.path(), &[&SEARCH[..], &WHOLE, &CLOCK, more].concat());
    let run = folder.path().join("runs/a");
    (folder, run)
}

/// The same, made once.
fn whole() -> &'static Path {
    runs::made("trials", |folder| {
        prepare(folder);
        done(folder, &[&SEARCH[..], &WHOLE, &CLOCK].concat());
    })
}

fn json_of(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).expect("read")).expect("JSON")
}

fn rows(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("read");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["example_id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_score_counts_examples_and_says_what_their_trials_came_to() {
    let run = whole();
    for (folder, split, examples) in [("iterations/000", "val", VAL), ("test/000", "test", TEST)] {
        let traces = rows(&run.join(folder).join("eval_trace.jsonl"));
        let expected: Vec<String> = (0..examples)
            .flat_map(|at| (1..=3).map(move |trial| format!("{split}-{at:04}~{trial}")))
            .collect();
        assert_eq!(ids(&traces), expected, "{folder}");
        let score = json_of(&run.join(folder).join("score.json"));
        let right = |row: &&Value| row["correct"] == true;
        let all = traces.iter().filter(right).count();
        assert_eq!(score["n_examples"], examples, "{folder}");
        assert_eq!(score["n_correct"], all, "{folder}");
        let near = |found: &Value, expected: f64| {
            let found = found.as_f64().expect("a number");
            assert!((found - expected).abs() < 1e-12, "{folder}: {found} is not {expected}");
        };
        near(&score["accuracy"], all as f64 / traces.len() as f64);
        let trials = &score["trials"];
        assert_eq!(trials["count"], 3, "{folder}");
        for trial in 0..3 {
            let of_trial = traces.iter().skip(trial).step_by(3).filter(right).count();
            near(&trials["means"][trial], of_trial as f64 / examples as f64);
        }
        near(&trials["pass"][0], all as f64 / traces.len() as f64);
        let steady = traces.chunks(3).filter(|it| it.iter().all(|row| row["correct"] == true)).count();
        near(&trials["pass"][2], steady as f64 / examples as f64);
    }
    // An example's trials ask for other samples, of which some are other replies.
    let calls = rows(&run.join("iterations/000/model_calls.jsonl"));
    let of_val: Vec<&Value> = calls
        .iter()
        .filter(|call| call["example_id"].as_str().is_some_and(|id| id.starts_with("val")))
        .collect();
    let samples: BTreeSet<u64> =
        of_val.iter().map(|call| call["request"]["sample"].as_u64().unwrap_or_default()).collect();
    assert_eq!(samples, BTreeSet::from([0, 1, 2]));
    let differ = of_val.chunks(3).any(|it| it.iter().any(|call| call["reply"] != it[0]["reply"]));
    assert!(differ, "the model says the same in every trial");
}

#[test]
fn online_learning_predicts_before_it_learns() {
    let run = whole();
    let folder = run.join("iterations/000");
    let predicted = rows(&folder.join("online_trace.jsonl"));
    let expected: Vec<String> = (0..TRAIN)
        .map(|at| format!("train-{at:04}"))
        .chain((0..TRAIN).map(|at| format!("train-{at:04}~2")))
        .collect();
    assert_eq!(ids(&predicted), expected);
    let batches = rows(&folder.join("learn_trace.jsonl"));
    assert_eq!(batches.len(), 2 * TRAIN, "a batch has one example");
    assert!(batches.iter().all(|batch| batch["n_examples"] == 1));
    // It remembers what it got wrong, pass by pass.
    let state = json_of(&folder.join("state.bin"));
    let wrong: Vec<&Value> = predicted.iter().filter(|row| row["correct"] == false).collect();
    let learned: Vec<&Value> = state.as_array().expect("a list").iter().map(|it| &it[0]).collect();
    assert_eq!(learned, wrong.iter().map(|row| &row["input"]).collect::<Vec<_>>());
    assert!(!learned.is_empty() && learned.len() < 2 * TRAIN, "attempts are right and wrong");
    let online = &json_of(&folder.join("score.json"))["online"];
    let right = predicted.iter().take(TRAIN).filter(|row| row["correct"] == true).count();
    assert_eq!(
        (&online["n_examples"], &online["n_correct"]),
        (&json!(TRAIN), &json!(right)),
        "the first pass"
    );
    assert_eq!(online["accuracy"], json!(right as f64 / TRAIN as f64));
    assert!(json_of(&run.join("test/000/score.json")).get("online").is_none());
}

#[test]
fn trials_and_online_learning_are_shown() {
    let run = whole();
    let folder = run.parent().and_then(Path::parent).expect("two folders above");
    let summary = done(folder, &["summary", "runs/a"]);
    let markdown = done(folder, &["summary", "runs/a", "--markdown"]);
    for page in [&summary, &markdown] {
        for words in [
            "3 trials of each",
            "learning online",
            "2 epochs",
            "spread",
            "pass^3",
            "predicted while learning",
        ] {
            assert!(page.replace('\\', "").contains(words), "{words}: {page}");
        }
    }
    let unwrapped = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(unwrapped.contains("paired permutation of each example's mean over its trials"), "{summary}");
    let csv = done(folder, &["summary", "runs/a", "--csv"]);
    assert!(csv.lines().next().is_some_and(|it| it.ends_with(",spread,pass_all,online_accuracy")), "{csv}");
    let board = &serde_json::from_str::<Value>(&done(folder, &["summary", "runs/a", "--json"]))
        .expect("JSON")["scoreboard"];
    assert_eq!(board["damaged"], json!([]));
    assert_eq!(board["iterations"][1]["against_baseline"]["n"], json!(VAL), "examples are paired");
    let replayed: Value = serde_json::from_str(&done(
        folder,
        &["replay", "runs/a", "--iteration", "1", "--example", "val-0002", "--json"],
    ))
    .expect("JSON");
    assert_eq!(replayed["counts"], json!({ "same": 3 }), "{replayed}");
    let all = done(folder, &["replay", "runs/a", "--iteration", "1"]);
    assert!(all.contains("18 examples: 18 same") && all.contains("pass^3"), "{all}");
    let diff = done(folder, &["diff", "runs/a", "0", "1"]);
    assert!(diff.contains("/18"), "{diff}");
    done(folder, &["export", "runs/a", "-o", "exported"]);
    let read = fs::read_to_string(folder.join("exported/README.md")).expect("read");
    assert!(read.contains("--trials 3 --epochs 2 --protocol online --batch-size 1"), "{read}");
    done(folder, &["verify", "exported"]);
    done(folder, &["report", "runs/a", "-o", "page.html"]);
    assert!(fs::read_to_string(folder.join("page.html")).expect("read").contains("trials of each example"));
}

/// The files of two runs that differ, but for those that say how many examples were evaluated at once.
fn differing(one: &Path, other: &Path) -> Vec<String> {
    let names = |folder: &Path| -> Vec<PathBuf> {
        files_below(folder).iter().map(|it| it.strip_prefix(folder).expect("below").to_owned()).collect()
    };
    assert_eq!(names(one), names(other));
    let differ = |name: &&PathBuf| fs::read(one.join(name)).ok() != fs::read(other.join(name)).ok();
    names(one).iter().filter(differ).map(|name| name.display().to_string()).collect()
}

#[test]
fn concurrency_changes_nothing_and_a_run_that_was_cut_off_ends_the_same() {
    let (_folder, alone) = search(&["--concurrency", "1"]);
    let differ = differing(whole(), &alone);
    // The manifest of the run has the digest of its configuration.
    assert_eq!(differ, ["config.json", "manifest.json", "summary.json"]);
    // name, iteration, trials that are done, predictions that are done, batches that are done
    let table = [
        ("between two trials of an example", 1, 7, 2 * TRAIN, 2 * TRAIN),
        ("after a prediction", 1, 0, 4, 3),
        ("in the second pass, before a prediction", 1, 0, TRAIN + 2, TRAIN + 2),
        ("before the first prediction", 1, 0, 0, 0),
    ];
    for (name, index, trials, predictions, batches) in table {
        let folder = tempfile::tempdir().expect("a folder");
        prepare(folder.path());
        let run = folder.path().join("runs/a");
        copy_folder(whole(), &run);
        cut_off(&run, index, trials);
        let candidate = run.join(format!("iterations/{index:03}"));
        for (file, kept) in [("online_trace.jsonl", predictions), ("learn_trace.jsonl", batches)] {
            let text = fs::read_to_string(candidate.join(file)).expect("read");
            let text: String = text.split_inclusive('\n').take(kept).collect();
            fs::write(candidate.join(file), text).expect("written");
        }
        done(folder.path(), &["verify", "runs/a", "--dataset", "small"]);
        done(folder.path(), &[&["run", "--resume", "runs/a", "--dataset", "small"][..], &CLOCK].concat());
        let differ = differing(whole(), &run);
        // The resumed run's configuration says that it went on, if it had ended.
        assert_eq!(differ, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn everything_is_derived_again_and_a_flipped_byte_is_found() {
    let run = whole();
    let folder = run.parent().and_then(Path::parent).expect("two folders above");
    for args in VERIFY {
        let out = done(folder, args);
        assert!(out.contains("18/18, learned the same") && out.contains("holds"), "{out}");
    }
    type Change = fn(&Forged);
    let table: [(&str, &str, Change); 7] = [
        ("a trial", "eval_trace.jsonl: val-0001~2", |it| {
            it.change_rows("iterations/001/eval_trace.jsonl", |rows| rows[4]["fuel"] = json!(1));
        }),
        ("a trial that is another one", "eval_trace.jsonl", |it| {
            it.edit("iterations/001/eval_trace.jsonl", |text| text.replacen("val-0001~2", "val-0001~4", 1));
        }),
        ("the sample of a call", "model_calls.jsonl: val-0000~2, call 0: request.sample", |it| {
            it.change_rows("iterations/001/model_calls.jsonl", |rows| {
                let is_meant = |row: &&mut Value| row["example_id"] == "val-0000~2";
                rows.iter_mut().find(is_meant).expect("a call")["request"]["sample"] = json!(2);
            });
        }),
        ("a prediction", "online_trace.jsonl: train-0003", |it| {
            it.change_rows("iterations/001/online_trace.jsonl", |rows| {
                rows[3]["correct"] = json!(rows[3]["correct"] == false);
            });
        }),
        ("a prediction of the second pass", "online_trace.jsonl: train-0003~2", |it| {
            it.change_rows("iterations/001/online_trace.jsonl", |rows| {
                rows[TRAIN + 3]["predicted_label"] = json!("malaria ");
            });
        }),
        ("the spread", "score.json: trials.spread", |it| {
            it.score(1, |score| score["trials"]["spread"] = json!(0.5));
        }),
        ("the score of predictions", "score.json: online.n_correct", |it| {
            it.score(1, |score| score["online"]["n_correct"] = json!(TRAIN + 1));
        }),
    ];
    for (name, finding, change) in table {
        let forged = Forged::of(run);
        change(&forged);
        reseal(&forged.run);
        let home = forged.run.parent().expect("a folder above");
        prepare(home);
        for args in VERIFY {
            let named = [&["verify", forged.run.to_str().expect("text")], &args[2..]].concat();
            let output = mmh(home, &named);
            let out = text(&output.stdout) + &text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{name}: {out}");
            assert!(out.contains(finding), "{name}: {out}");
        }
    }
}

#[test]
fn one_setting_alone_holds() {
    // name, options, a field of the baseline's score or of the configuration, and what it is
    let table: [(&str, &[&str], &str, Value); 4] = [
        ("trials", &["--trials", "2"], "/score/trials/count", json!(2)),
        ("epochs", &["--epochs", "3"], "/config/protocol/epochs", json!(3)),
        ("a batch size", &["--batch-size", "5"], "/config/protocol/batch_size", json!(5)),
        ("online", &["--protocol", "online", "--batch-size", "5"], "/score/online/n_examples", json!(TRAIN)),
    ];
    for (name, options, field, expected) in table {
        let folder = tempfile::tempdir().expect("a folder");
        prepare(folder.path());
        let args = [&SEARCH[..], &["--iterations", "0", "--no-test"], options].concat();
        done(folder.path(), &args);
        let run = folder.path().join("runs/a");
        let score = json_of(&run.join("iterations/000/score.json"));
        let found = json!({ "score": score, "config": json_of(&run.join("config.json")) });
        assert_eq!(found.pointer(field), Some(&expected), "{name}: {found:#}");
        let sizes: Vec<u64> = rows(&run.join("iterations/000/learn_trace.jsonl"))
            .iter()
            .filter_map(|row| row["n_examples"].as_u64())
            .collect();
        let expected: &[u64] = match name {
            "epochs" => &[12, 12, 12],
            "trials" => &[12],
            _ => &[5, 5, 2],
        };
        assert_eq!(sizes, expected, "{name}");
        done(folder.path(), &["verify", "runs/a", "--dataset", "small"]);
        let scored: Value = serde_json::from_str(&done(
            folder.path(),
            &[&["eval", "stubborn.rs", "--mock", "--dataset", "small", "--json"][..], options].concat(),
        ))
        .expect("JSON");
        let [mut evaluated, mut recorded] = [&scored["score"], &found["score"]].map(Value::clone);
        for score in [&mut evaluated, &mut recorded] {
            score["mean_latency_ms"] = Value::Null;
        }
        assert_eq!(evaluated, recorded, "{name}: eval");
        let refused = mmh(folder.path(), &[&["run", "--resume", "runs/a"][..], options].concat());
        assert!(refused.status.success(), "{name}: the same option again: {}", text(&refused.stderr));
        let refused = mmh(folder.path(), &["run", "--resume", "runs/a", options[0], "7"]);
        assert_eq!(refused.status.code(), Some(2), "{name}: another value");
    }
}

/// A provider is asked anew for each trial, and its replies are kept apart.
#[tokio::test(flavor = "multi_thread")]
async fn each_trial_has_replies_of_its_own() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let server = Server::start(move |request: &Request| {
        if !request.body.contains("messages") {
            return Reply::new(404, String::new());
        }
        let number = counted.fetch_add(1, Ordering::Relaxed);
        let content = json!([{ "type": "text", "text": if number.is_multiple_of(2) { "migraine" } else { "malaria" } }]);
        let usage = json!({ "input_tokens": 300, "output_tokens": 4 });
        let reply = json!({ "content": content, "stop_reason": "end_turn", "usage": usage });
        Reply::new(200, reply.to_string())
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    // A name that no other test asks, so that no replies are kept for it.
    let place = folder.path().display().to_string();
    let model = format!("model{}", place.replace(|it: char| !it.is_ascii_alphanumeric(), "-"));
    // run, options, how many calls reach the server. Replies are kept by server, and only a reply says which one it is.
    let table: [(&str, &[&str], usize); 5] = [
        ("a", &["--trials", "1"], 4),
        ("b", &["--trials", "3"], 1 + 8),
        ("c", &["--trials", "3"], 1),
        ("d", &["--trials", "4"], 1 + 4),
        ("e", &["--trials", "2", "--no-cache"], 8),
    ];
    for (run, options, expected) in table {
        let before = asked.load(Ordering::Relaxed);
        let mut command = Command::new(PROGRAM);
        command.args(["run", "--run-id", run, "--iterations", "0", "--eval-size", "4", "--no-test"]);
        command.args(["--concurrency", "1"]);
        command.args(["--target-model", &model, "--target-base-url", &server.url]);
        command.args(["--target-api", "anthropic"]);
        command.args([
            "--proposer-model",
            "p",
            "--proposer-base-url",
            &server.url,
            "--proposer-api",
            "anthropic",
        ]);
        command.args(["--target-price", "1,5", "--proposer-price", "1,5", "--budget-usd", "5"]).args(options);
        command.current_dir(folder.path()).env_clear().envs(environment());
        command.env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
        let output = output.expect("it starts");
        assert!(output.status.success(), "{run}: {}", text(&output.stderr));
        assert_eq!(asked.load(Ordering::Relaxed) - before, expected, "{run}");
        let verified = folder.path().join("runs").join(run);
        assert!(verified.join("iterations/000/score.json").is_file());
        done(folder.path(), &["verify", &format!("runs/{run}")]);
    }
}

#[test]
fn an_estimate_counts_trials_and_predictions() {
    let folder = tempfile::tempdir().expect("a folder");
    prepare(folder.path());
    let models = ["--target-model", "t", "--target-base-url", "http://127.0.0.1:9", "--target-api", "openai"];
    let proposer =
        ["--proposer-model", "p", "--proposer-base-url", "http://127.0.0.1:9", "--proposer-api", "openai"];
    let prices = ["--target-price", "1,5", "--proposer-price", "1,5", "--dataset", "small", "--json"];
    let estimate = |more: &[&str]| -> Vec<(String, u64)> {
        let args =
            [&["run", "--dry-run", "--iterations", "1"][..], &models, &proposer, &prices, more].concat();
        let found: Value = serde_json::from_str(&done(folder.path(), &args)).expect("JSON");
        let lines = found["estimate"].as_array().expect("lines");
        let line = |it: &Value| {
            let what = it["what"].as_str().expect("words").trim_start_matches("target t, ").to_owned();
            (what, it["calls"]["low"].as_u64().expect("a number"))
        };
        lines.iter().skip(1).map(line).collect()
    };
    let (val, test, train) = (VAL as u64, TEST as u64, TRAIN as u64);
    let line = |what: &str, calls| (what.to_owned(), calls);
    assert_eq!(estimate(&[]), [line("validation", 2 * val), line("held-out", 2 * test)]);
    let more = ["--trials", "3", "--protocol", "online", "--epochs", "2"];
    let expected =
        [line("validation", 6 * val), line("held-out", 6 * test), line("while learning", 4 * train)];
    assert_eq!(estimate(&more), expected);
}

/// A stranger's configuration may ask for more trials and passes than anybody could wait for.
#[test]
fn a_record_that_misses_nearly_everything_is_not_made_again() {
    type Change = fn(&mut Value);
    let table: [(&str, Change); 2] = [
        ("trials", |config| config["protocol"]["trials"] = json!(10_000)),
        ("epochs", |config| config["protocol"]["epochs"] = json!(10_000)),
    ];
    // The data set is a large one by its configuration, so that there would be enough to do.
    for (name, change) in table {
        let forged = Forged::of(whole());
        forged.configure(|config| {
            change(config);
            config["task"]["train_size"] = json!(100_000);
            config["eval_split_size"] = json!(100_000);
        });
        reseal(&forged.run);
        let home = forged.run.parent().expect("a folder above");
        let begun = std::time::Instant::now();
        let output = mmh(home, &["verify", forged.run.to_str().expect("text"), "--without-dataset"]);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", text(&output.stdout));
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{name}: {:?}", begun.elapsed());
    }
}
