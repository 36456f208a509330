//! Forgeries of a run in which everything fits together, digests and sums included: `verify` finds them, since
//! it makes the search again.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use mmh_tests::{
    cache_dir,
    forge::Forged,
    runs::{self, reseal},
};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Exit code and findings of `mmh verify --json`.
fn verify(run: &Path) -> (Option<i32>, Value) {
    let output = Command::new(PROGRAM)
        .args(["verify", "--json"])
        .arg(run)
        .env("MMH_CACHE_DIR", cache_dir())
        .env_remove("MMH_LOG")
        .output()
        .expect("the program starts");
    let found = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), found)
}

/// The places that findings name. What is expected and what is found never look the same.
fn named(found: &Value) -> Vec<String> {
    let checked = found["checked"].as_array().into_iter().flatten();
    let findings = checked.flat_map(|it| it["findings"].as_array().into_iter().flatten());
    findings
        .map(|it| {
            assert_ne!(it["expected"], it["found"], "{it}");
            it["file"].as_str().expect("a place").to_owned()
        })
        .collect()
}

/// A forgery: its name, what is changed, and how the place begins that a finding names.
type Case = (&'static str, fn(&Forged), &'static str);

/// An honest run holds, and each forgery of it is found.
fn check(honest: &Path, table: &[Case]) {
    let (code, found) = verify(honest);
    assert_eq!((code, named(&found)), (Some(0), Vec::new()), "{found:#}");
    for (name, forge, place) in table {
        let forged = Forged::of(honest);
        forge(&forged);
        reseal(&forged.run);
        let (code, found) = verify(&forged.run);
        let named = named(&found);
        assert_eq!(code, Some(1), "{name}: {found:#}");
        assert!(named.iter().any(|it| it.starts_with(place)), "{name}: {place} is not among {named:#?}");
    }
}

/// The rows of an iteration.
fn traces(index: u64) -> String {
    format!("iterations/{index:03}/eval_trace.jsonl")
}

fn is_right(row: &Value) -> bool {
    row["correct"] == true
}

#[test]
fn outcomes_and_scores() {
    let table: &[Case] = &[
        (
            "gold labels are the predictions",
            |run| {
                let index = run.mixed();
                let mut rows = run.rows(&traces(index));
                for row in &mut rows {
                    row["gold_label"] = row["predicted_label"].clone();
                    row["correct"] = json!(true);
                }
                run.claim(index, &rows);
            },
            "iterations/",
        ),
        (
            "wrong rows are left out",
            |run| {
                let index = run.mixed();
                let rows: Vec<Value> = run.rows(&traces(index)).into_iter().filter(is_right).collect();
                run.claim(index, &rows);
            },
            "iterations/",
        ),
        (
            "wrong rows are left out, with their calls",
            |run| {
                let index = run.mixed();
                let (right, wrong): (Vec<Value>, Vec<Value>) =
                    run.rows(&traces(index)).into_iter().partition(is_right);
                let calls = format!("iterations/{index:03}/model_calls.jsonl");
                let is_wrong = |call: &Value| wrong.iter().any(|row| row["example_id"] == call["example_id"]);
                run.change_rows(&calls, |calls| calls.retain(|call| !is_wrong(call)));
                run.claim(index, &right);
            },
            "iterations/",
        ),
        (
            "a right row stands in the place of the wrong ones",
            |run| {
                let index = run.mixed();
                let rows = run.rows(&traces(index));
                let right = rows.iter().find(|row| is_right(row)).expect("a right one").clone();
                let rows: Vec<Value> =
                    rows.into_iter().map(|row| if is_right(&row) { row } else { right.clone() }).collect();
                run.claim(index, &rows);
            },
            "iterations/",
        ),
        (
            "wrong rows ended by the wall clock, and are right",
            |run| {
                let index = run.mixed();
                let mut rows = run.rows(&traces(index));
                for row in rows.iter_mut().filter(|row| !is_right(row)) {
                    row["predicted_label"] = row["gold_label"].clone();
                    row["correct"] = json!(true);
                    row["error_kind"] = json!("timeout");
                }
                run.claim(index, &rows);
            },
            "iterations/",
        ),
        (
            "texts are others",
            |run| {
                run.change_rows("iterations/001/eval_trace.jsonl", |rows| {
                    rows[0]["input"] = json!("An easy one.")
                });
            },
            "iterations/001/eval_trace.jsonl: val-",
        ),
        (
            "a better prediction",
            |run| {
                run.change_rows("iterations/000/eval_trace.jsonl", |rows| {
                    rows[0]["predicted_label"] = rows[0]["gold_label"].clone();
                    rows[0]["correct"] = json!(true);
                });
            },
            "iterations/000/eval_trace.jsonl: val-",
        ),
        (
            "less fuel",
            |run| {
                let mut rows = run.rows(&traces(1));
                rows[0]["fuel"] = json!(7);
                run.claim(1, &rows);
            },
            "iterations/001/eval_trace.jsonl: val-",
        ),
        (
            "a log line",
            |run| {
                let line = json!([{ "level": "info", "message": "x" }]);
                run.change_rows("iterations/001/eval_trace.jsonl", |rows| rows[0]["logs"] = line);
            },
            "iterations/001/eval_trace.jsonl: val-",
        ),
        (
            "rows in another order",
            |run| run.change_rows("iterations/001/eval_trace.jsonl", |rows| rows.reverse()),
            "iterations/001/eval_trace.jsonl",
        ),
        (
            "the mean latency is not that of the rows",
            |run| run.score(1, |score| score["mean_latency_ms"] = json!(0.5)),
            "iterations/001/score.json: mean_latency_ms",
        ),
        (
            "a score's interval",
            |run| run.score(1, |score| score["interval"]["low"] = json!(0.9)),
            "iterations/001/score.json: interval.low",
        ),
        (
            "a better score",
            |run| run.score(0, |score| score["n_correct"] = json!(6)),
            "iterations/000/score.json: n_correct",
        ),
        (
            "a score without its file",
            |run| run.remove("iterations/001/score.json"),
            "iterations/001/score.json",
        ),
        (
            "a statement about other examples",
            |run| {
                run.change("iterations/001/test-result.json", |statement| {
                    let predicate = &mut statement["predicate"];
                    predicate["passedTests"] = json!(["val-0000"]);
                });
            },
            "iterations/001/test-result.json: predicate.passedTests",
        ),
        (
            "a statement about another component",
            |run| {
                run.change("iterations/001/test-result.json", |statement| {
                    statement["subject"][0]["digest"]["sha256"] = json!("0".repeat(64));
                });
            },
            "iterations/001/test-result.json: subject[0].digest.sha256",
        ),
    ];
    check(runs::honest(PROGRAM), table);
}

#[test]
fn what_was_learned_and_asked() {
    let table: &[Case] = &[
        (
            "a batch of learn took less fuel",
            |run| run.change_rows("iterations/001/learn_trace.jsonl", |rows| rows[3]["fuel"] = json!(1)),
            "iterations/001/learn_trace.jsonl: batch 3: fuel",
        ),
        (
            "a batch of learn is left out",
            |run| run.change_rows("iterations/001/learn_trace.jsonl", |rows| drop(rows.pop())),
            "iterations/001/learn_trace.jsonl: batch",
        ),
        (
            "another state, with its digest",
            |run| {
                let with_state = run
                    .indices()
                    .into_iter()
                    .find(|index| run.path(&format!("iterations/{index:03}/state.bin")).is_file());
                let index = with_state.expect("a harness that learns");
                let file = run.path(&format!("iterations/{index:03}/state.bin"));
                let mut state = fs::read(&file).expect("read");
                state[0] ^= 1;
                fs::write(&file, &state).expect("written");
                let digest = json!(mmh_record::digest::Digest::of(&state));
                run.change_rows(&format!("iterations/{index:03}/learn_trace.jsonl"), |rows| {
                    rows.last_mut().expect("a batch")["state_digest"] = digest.clone();
                });
                run.score(index, |score| score["state_digest"] = digest);
            },
            "iterations/",
        ),
        (
            "another reply",
            |run| {
                run.change_rows("iterations/000/model_calls.jsonl", |rows| {
                    rows[0]["reply"]["content"][0]["text"] = json!("no label at all");
                });
            },
            "iterations/000/model_calls.jsonl: val-",
        ),
        (
            "another request",
            |run| {
                run.change_rows("test/000/model_calls.jsonl", |rows| {
                    rows[0]["request"]["max_tokens"] = json!(63)
                });
            },
            "test/000/model_calls.jsonl: test-",
        ),
        (
            "replies of another run",
            |run| {
                let other = runs::once(
                    PROGRAM,
                    &["--mock", "--iterations", "0", "--eval-size", "6", "--no-test", "--seed", "7"],
                );
                let calls = other.join("iterations/000/model_calls.jsonl");
                fs::copy(calls, run.path("iterations/000/model_calls.jsonl")).expect("copied");
            },
            "iterations/000/model_calls.jsonl",
        ),
        (
            "a call twice",
            |run| {
                run.change_rows("iterations/000/model_calls.jsonl", |rows| rows.insert(1, rows[0].clone()));
            },
            "iterations/000/model_calls.jsonl: val-",
        ),
        (
            "a call that was never made",
            |run| {
                run.change_rows("iterations/000/model_calls.jsonl", |rows| {
                    let mut invented = rows[0].clone();
                    invented["call"] = json!(1);
                    rows.insert(1, invented);
                });
            },
            "iterations/000/model_calls.jsonl: val-",
        ),
        (
            "a call that was made is left out",
            |run| run.change_rows("iterations/000/model_calls.jsonl", |rows| drop(rows.remove(0))),
            "iterations/000/model_calls.jsonl: val-",
        ),
        (
            "another digest of a request",
            |run| {
                let digest = json!("0".repeat(64));
                run.change_rows("iterations/000/model_calls.jsonl", |rows| {
                    rows[0]["request_digest"] = digest
                });
            },
            "iterations/000/model_calls.jsonl: val-",
        ),
    ];
    check(runs::honest(PROGRAM), table);
}

#[test]
fn summaries_and_costs() {
    let table: &[Case] = &[
        (
            "other sources in the summary",
            |run| run.summarize(1, |iteration| iteration["harness_code"] = json!("fn main() {}")),
            "summary.json: iterations[1].harness_code",
        ),
        (
            "the end of a source in the summary",
            |run| {
                run.summarize(1, |iteration| {
                    let code = format!(
                        "{}// one more line\n",
                        iteration["harness_code"].as_str().expect("a source")
                    );
                    iteration["harness_code"] = json!(code);
                });
            },
            "summary.json: iterations[1].harness_code",
        ),
        (
            "other reasoning in the summary",
            |run| {
                run.summarize(1, |iteration| {
                    iteration["reasoning"] = json!("It follows from first principles.")
                })
            },
            "summary.json: iterations[1].reasoning",
        ),
        (
            "another parent",
            |run| run.summarize(2, |iteration| iteration["parent"] = Value::Null),
            "summary.json: iterations[2].parent",
        ),
        (
            "a better summary",
            |run| run.summarize(0, |iteration| iteration["score"]["n_correct"] = json!(6)),
            "summary.json: iterations[0].score.n_correct",
        ),
        (
            "a false best iteration",
            |run| run.change("summary.json", |summary| summary["best_iteration_index"] = json!(2)),
            "summary.json: best_iteration_index",
        ),
        (
            "iterations in another order",
            |run| {
                run.change("summary.json", |summary| {
                    summary["iterations"].as_array_mut().expect("a list").reverse();
                });
            },
            "summary.json: iterations[0].index",
        ),
        (
            "an iteration is left out",
            |run| {
                run.remove("iterations/002");
                run.change("summary.json", |summary| {
                    summary["iterations"].as_array_mut().expect("a list").retain(|it| it["index"] != 2);
                });
            },
            "iterations/002",
        ),
        (
            "the last iteration is left out",
            |run| {
                run.remove("iterations/003");
                run.change("summary.json", |summary| {
                    summary["iterations"].as_array_mut().expect("a list").retain(|it| it["index"] != 3);
                });
            },
            "iterations/003",
        ),
        (
            "an iteration is left out of the summary",
            |run| {
                run.change("summary.json", |summary| {
                    summary["iterations"].as_array_mut().expect("a list").retain(|it| it["index"] != 2);
                });
            },
            "summary.json: iterations",
        ),
        (
            "an iteration is invented",
            |run| {
                runs::copy(&run.path("iterations/003"), &run.path("iterations/004"));
                run.configure(|config| config["iterations"] = json!(4));
                run.change("summary.json", |summary| {
                    let mut invented = summary["iterations"][3].clone();
                    invented["index"] = json!(4);
                    summary["iterations"].as_array_mut().expect("a list").push(invented);
                });
            },
            "iterations/004/",
        ),
        (
            "a folder more",
            |run| runs::copy(&run.path("iterations/003"), &run.path("iterations/004")),
            "iterations/004",
        ),
        (
            "the end is taken away",
            |run| run.change("summary.json", |summary| summary["finished_at"] = Value::Null),
            "summary.json: finished_at",
        ),
        (
            "no token was used",
            |run| {
                run.costs(|cost| {
                    let names: Vec<String> = cost.as_object().expect("costs").keys().cloned().collect();
                    names
                        .iter()
                        .filter(|name| name.ends_with("_tokens"))
                        .for_each(|name| cost[name] = json!(0));
                });
            },
            "cost.json: ",
        ),
        (
            "an iteration cost less",
            |run| run.change("cost.json", |cost| cost["iterations"][1]["target_input_tokens"] = json!(1)),
            "cost.json: iterations[1].target_input_tokens",
        ),
        ("simulated models have cost something", |run| run.add_usd(1, 0.5), "cost.json: "),
        (
            "something may be owed for simulated models",
            |run| run.costs(|cost| cost["unknown_usd"] = json!(0.1)),
            "cost.json: ",
        ),
        (
            "a ledger of simulated models",
            |run| fs::write(run.path("ledger.jsonl"), "").expect("written"),
            "ledger.jsonl",
        ),
    ];
    check(runs::honest(PROGRAM), table);
}

#[test]
fn held_out_scores() {
    let table: &[Case] = &[
        (
            "rows are left out",
            |run| run.change_rows("test/000/eval_trace.jsonl", |rows| drop(rows.pop())),
            "test/000/eval_trace.jsonl: test-",
        ),
        (
            "another score in the summary",
            |run| run.change("summary.json", |summary| summary["test"][0]["score"]["n_correct"] = json!(219)),
            "summary.json: test[0].score.n_correct",
        ),
        (
            "the score of another iteration",
            |run| {
                let index = run.json("summary.json")["test"][1]["index"].as_u64().expect("a second one");
                let other = (1..=3).find(|it| *it != index).expect("another one");
                fs::rename(run.path(&format!("test/{index:03}")), run.path(&format!("test/{other:03}")))
                    .expect("renamed");
                run.change("summary.json", |summary| summary["test"][1]["index"] = json!(other));
            },
            "test/",
        ),
        (
            "the score is left out",
            |run| {
                let index = run.json("summary.json")["test"][1]["index"].as_u64().expect("a second one");
                run.remove(&format!("test/{index:03}"));
                run.change("summary.json", |summary| {
                    drop(summary["test"].as_array_mut().expect("a list").pop())
                });
            },
            "test/",
        ),
        ("no evaluation is left of the scores", |run| run.remove("test"), "test/001"),
    ];
    check(runs::honest(PROGRAM), table);
    let without: &[Case] = &[(
        "a score that was never measured",
        |run| {
            run.change("summary.json", |summary| {
                let best = summary["best_iteration_index"].as_u64().expect("the best one");
                let mut score = summary["iterations"][best as usize]["score"].clone();
                score["n_examples"] = json!(220);
                score["n_correct"] = json!(219);
                score["accuracy"] = json!(219.0 / 220.0);
                score["interval"] = json!(mmh_report::statistics::wilson(219, 220));
                summary["test"] = json!([{ "index": best, "score": score }]);
            });
        },
        "summary.json: test",
    )];
    check(runs::once(PROGRAM, &["--mock", "--iterations", "1", "--eval-size", "6", "--no-test"]), without);
}

#[test]
fn proposals() {
    let table: &[Case] = &[
        (
            "other reasoning",
            |run| fs::write(run.path("iterations/001/reasoning.md"), "Genius.").expect("written"),
            "iterations/001/reasoning.md",
        ),
        (
            "another source, with its component",
            |run| {
                for file in ["harness.rs", "harness.wasm", "provenance.json"] {
                    fs::copy(
                        run.path(&format!("iterations/001/{file}")),
                        run.path(&format!("iterations/002/{file}")),
                    )
                    .expect("copied");
                }
            },
            "iterations/002/harness.rs",
        ),
        (
            "another baseline",
            |run| {
                run.edit("iterations/000/harness.rs", |text| {
                    text.replace("Ok(Answer::new(label))", "Ok(Answer::new(label.to_lowercase()))")
                });
            },
            "iterations/000/harness.wasm",
        ),
        (
            "another component",
            |run| {
                fs::copy(run.path("iterations/000/harness.wasm"), run.path("iterations/002/harness.wasm"))
                    .expect("copied");
            },
            "iterations/002/harness.wasm",
        ),
        (
            "nothing was read",
            |run| {
                fs::write(run.path("iterations/001/filesystem_reads.jsonl"), "").expect("written");
                run.summarize(1, |iteration| iteration["filesystem_reads"] = json!([]));
            },
            "iterations/001/filesystem_reads.jsonl: line",
        ),
        (
            "something was read that was not",
            |run| {
                run.change_rows("iterations/001/filesystem_reads.jsonl", |rows| {
                    let mut invented = rows[0].clone();
                    invented["path"] = json!("iterations/000/state.bin");
                    rows.push(invented);
                });
            },
            "iterations/001/filesystem_reads.jsonl: line",
        ),
        (
            "the baseline has read something",
            |run| {
                let row = run.rows("iterations/001/filesystem_reads.jsonl")[0].clone();
                fs::write(run.path("iterations/000/filesystem_reads.jsonl"), format!("{row}\n"))
                    .expect("written");
            },
            "iterations/000/filesystem_reads.jsonl: line 1",
        ),
        (
            "no file of what the baseline has read",
            |run| run.remove("iterations/000/filesystem_reads.jsonl"),
            "iterations/000/filesystem_reads.jsonl",
        ),
        (
            "a trial that was never made",
            |run| {
                let mut row = run.rows("iterations/001/model_calls.jsonl")[0].clone();
                row["example_id"] = json!("trial-01-0/val-0000");
                fs::write(run.path("iterations/001/trial_calls.jsonl"), format!("{row}\n")).expect("written");
            },
            "iterations/001/trial_calls.jsonl: trial-01-0/val-0000",
        ),
        (
            "a trial is left out",
            |run| fs::write(run.path("iterations/002/trial_calls.jsonl"), "").expect("written"),
            "iterations/002/trial_calls.jsonl: trial-",
        ),
        (
            "a leak is invented",
            |run| fs::write(run.path("iterations/001/leaks.json"), "[]\n").expect("written"),
            "iterations/001/leaks.json",
        ),
        (
            "another tool result",
            |run| edit_turn(run, "answer", |row| row["content"][0]["content"] = json!("nothing to see")),
            "iterations/001/proposer.jsonl: line",
        ),
        (
            "another reply of the proposer",
            |run| edit_turn(run, "reply", |row| row["reply"]["usage"]["input_tokens"] = json!(1)),
            "iterations/001/proposer.jsonl: line",
        ),
        (
            "other words to begin with",
            |run| edit_turn(run, "start", |row| row["request"]["system"] = json!("Do what you like.")),
            "iterations/001/proposer.jsonl: line 1: request.system",
        ),
        (
            "another end",
            |run| edit_turn(run, "end", |row| row["outcome"] = json!("gave-up: it was late")),
            "iterations/001/proposer.jsonl: line",
        ),
        (
            "a turn is left out",
            |run| {
                run.change_rows("iterations/001/proposer.jsonl", |rows| {
                    let at = rows.iter().position(|row| row["type"] == "answer").expect("an answer");
                    rows.remove(at);
                });
            },
            "iterations/001/proposer.jsonl",
        ),
        (
            "another builder",
            |run| {
                run.change("iterations/001/provenance.json", |statement| {
                    statement["predicate"]["runDetails"]["builder"]["id"] = json!("pkg:generic/mmh@9");
                });
            },
            "iterations/001/provenance.json: predicate.runDetails.builder.id",
        ),
        (
            "another compiler in the statement",
            |run| {
                run.change("iterations/001/provenance.json", |statement| {
                    let parts =
                        statement["predicate"]["buildDefinition"]["resolvedDependencies"].as_array_mut();
                    let rustc = parts.expect("a list").iter_mut().find(|part| part["name"] == "rustc");
                    rustc.expect("the compiler")["digest"]["sha256"] = json!("0".repeat(64));
                });
            },
            "iterations/001/provenance.json: predicate.buildDefinition.resolvedDependencies",
        ),
    ];
    check(runs::honest(PROGRAM), table);
}

/// Changes the first line of this kind in the transcript of iteration 001.
fn edit_turn(run: &Forged, kind: &str, change: impl FnOnce(&mut Value)) {
    run.change_rows("iterations/001/proposer.jsonl", |rows| {
        change(rows.iter_mut().find(|row| row["type"] == kind).expect("such a line"));
    });
}

#[test]
fn configurations() {
    let table: &[Case] = &[
        ("the models are real", |run| pretend_to_be_real(run), "config.json: mock"),
        (
            "the models are real, and have other names and servers",
            |run| {
                pretend_to_be_real(run);
                rename_models(run);
            },
            "config.json: mock",
        ),
        (
            "the models have other names",
            |run| run.configure(|config| config["target_model"] = json!("gpt-9")),
            "config.json: target_model",
        ),
        (
            "another label",
            |run| run.configure(|config| config["task"]["labels"][0] = json!("health")),
            "config.json: task.labels[0]",
        ),
        (
            "other instructions",
            |run| run.configure(|config| config["task"]["instructions"] = json!("Say anything.")),
            "config.json: task.instructions",
        ),
        (
            "fewer held-out examples",
            |run| run.configure(|config| config["task"]["test_size"] = json!(10)),
            "config.json: task.test_size",
        ),
        (
            "another data set",
            |run| run.configure(|config| config["dataset_digest"] = json!("0".repeat(64))),
            "config.json: dataset_digest",
        ),
        (
            "more examples than there are",
            |run| run.configure(|config| config["eval_split_size"] = json!(100_000)),
            "config.json: eval_split_size",
        ),
        (
            "another number of examples",
            |run| run.configure(|config| config["eval_split_size"] = json!(7)),
            "iterations/000/eval_trace.jsonl: val-",
        ),
        ("another seed", |run| run.configure(|config| config["seed"] = json!(5)), "iterations/000/"),
        (
            "other limits",
            |run| run.configure(|config| config["limits"]["proposer_steps"] = json!(23)),
            "iterations/001/proposer.jsonl: line 1",
        ),
        (
            "a lower limit of fuel",
            |run| run.configure(|config| config["limits"]["fuel"] = json!(1000)),
            "iterations/000/eval_trace.jsonl: val-",
        ),
        (
            "prices of simulated models",
            |run| {
                run.configure(|config| {
                    let prices = config["prices"].as_object_mut().expect("prices");
                    let first = prices.values_mut().next().expect("a price");
                    first["input"] = json!(3.0);
                });
            },
            "config.json: prices",
        ),
        (
            "a budget of simulated models",
            |run| run.configure(|config| config["budget_usd"] = json!(3.0)),
            "config.json: budget_usd",
        ),
        (
            "a field that no configuration has",
            |run| run.configure(|config| config["endorsed_by"] = json!("everybody")),
            "config.json: endorsed_by",
        ),
        (
            "another schema",
            |run| run.configure(|config| config["schema_version"] = json!(0)),
            "config.json: schema_version",
        ),
        (
            "another configuration in the summary",
            |run| run.change("summary.json", |summary| summary["config"]["seed"] = json!(1)),
            "summary.json: config.seed",
        ),
    ];
    check(runs::honest(PROGRAM), table);
}

/// Says everywhere that the models are real.
fn pretend_to_be_real(run: &Forged) {
    run.configure(|config| config["mock"] = json!(false));
    run.change("cost.json", |cost| cost["mock"] = json!(false));
    for index in run.indices() {
        run.score(index, |score| score["mock"] = json!(false));
        let folder = format!("iterations/{index:03}");
        run.change(&format!("{folder}/test-result.json"), |statement| {
            statement["predicate"]["configuration"][1]["annotations"]["mock"] = json!(false);
        });
        if index > 0 {
            run.change_rows(&format!("{folder}/proposer.jsonl"), |rows| rows[0]["mock"] = json!(false));
        }
    }
}

/// Gives the models of a run other names, and servers.
fn rename_models(run: &Forged) {
    let provider = |model: &str| {
        json!({
            "provider": "x", "api": "openai", "base_url": "https://x.example/v1", "model": model, "thinking": false,
            "reply_cache": false, "price": mmh_record::pricing::Price::default(),
        })
    };
    for path in mmh_tests::files_below(&run.run) {
        let is_text = path.extension().is_some_and(|it| it == "json" || it == "jsonl");
        if is_text {
            let text = fs::read_to_string(&path).expect("read");
            let text = text.replace("simulated-target", "gpt-9").replace("simulated-proposer", "gpt-10");
            fs::write(&path, text).expect("written");
        }
    }
    run.configure(|config| {
        config["budget_usd"] = json!(5.0);
        config["providers"] = json!({ "proposer": provider("gpt-10"), "target": provider("gpt-9") });
    });
    run.change("cost.json", |cost| cost["budget_usd"] = json!(5.0));
    fs::write(run.path("ledger.jsonl"), "").expect("written");
}

/// Files that do not belong to a run, or are no files.
#[test]
fn strange_files() {
    let table: &[Case] = &[
        ("a page", |run| fs::write(run.path("report.html"), "x").expect("written"), "report.html"),
        (
            "a file that belongs elsewhere",
            |run| fs::write(run.path("test/000/harness.rs"), "x").expect("written"),
            "test/000/harness.rs",
        ),
        (
            "a hidden file",
            |run| fs::write(run.path("iterations/001/.score.json.partial"), "x").expect("written"),
            "iterations/001/.score.json.partial",
        ),
        (
            "a folder",
            |run| fs::create_dir(run.path("iterations/001/more")).expect("created"),
            "iterations/001/more",
        ),
        (
            "a folder of none",
            |run| fs::create_dir(run.path("iterations/best")).expect("created"),
            "iterations/best",
        ),
        (
            "a folder with another number",
            |run| fs::create_dir(run.path("iterations/0001")).expect("created"),
            "iterations/0001",
        ),
        (
            "a named pipe",
            |run| {
                mknodat(
                    CWD,
                    run.path("iterations/001/leaks.json"),
                    FileType::Fifo,
                    Mode::RUSR | Mode::WUSR,
                    0,
                )
                .expect("a pipe")
            },
            "iterations/001/leaks.json",
        ),
        (
            "a link in place of a file",
            |run| {
                run.remove("iterations/002/harness.rs");
                symlink("../001/harness.rs", run.path("iterations/002/harness.rs")).expect("a link");
            },
            "iterations/002/harness.rs",
        ),
        (
            "a link in place of a folder",
            |run| {
                run.remove("iterations/002");
                symlink("001", run.path("iterations/002")).expect("a link");
            },
            "iterations/002",
        ),
        (
            "the same values in another form",
            |run| {
                let text = run.json("iterations/001/score.json").to_string();
                fs::write(run.path("iterations/001/score.json"), text).expect("written");
            },
            "iterations/001/score.json",
        ),
    ];
    check(runs::honest(PROGRAM), table);
}

/// Iterations without a score are part of a run as well.
#[test]
fn unscored_iterations() {
    let table: &[Case] = &[
        (
            "it is left out",
            |run| {
                run.change("summary.json", |summary| summary["unscored"] = json!([]));
                run.remove("iterations/001");
            },
            "iterations/001",
        ),
        (
            "it is left out of the summary",
            |run| run.change("summary.json", |summary| summary["unscored"] = json!([])),
            "summary.json: unscored",
        ),
        (
            "another reason",
            |run| run.summarize(1, |iteration| iteration["reason"] = json!("bad luck")),
            "summary.json: unscored[0].reason",
        ),
        (
            "the provider was to blame",
            |run| {
                run.summarize(1, |iteration| iteration["status"] = json!("proposer-error"));
            },
            "summary.json: unscored[0].status",
        ),
        (
            "somebody stopped it",
            |run| {
                run.summarize(1, |iteration| {
                    iteration["status"] = json!("interrupted");
                    iteration["reason"] = json!("stopped while the proposer worked: somebody asked for it");
                });
            },
            "summary.json: unscored[0].status",
        ),
    ];
    let args = ["--mock", "--iterations", "1", "--eval-size", "6", "--no-test", "--proposer-steps", "3"];
    check(runs::once(PROGRAM, &args), table);
}

/// What a run has cost follows from its replies, its prices and its ledger.
#[test]
fn paid_runs() {
    let table: &[Case] = &[
        (
            "a call was cheaper than its tokens",
            |run| {
                run.change_rows("iterations/001/model_calls.jsonl", |rows| rows[0]["cost_usd"] = json!(0.0));
                run.add_usd(1, -0.000_32);
            },
            "iterations/001/model_calls.jsonl: learn-0000, call 0: cost_usd",
        ),
        (
            "the provider said that a call was free",
            |run| {
                run.change_rows("iterations/001/model_calls.jsonl", |rows| {
                    rows[0]["cost_usd"] = json!(0.0);
                    rows[0]["reply"]["reported_cost_usd"] = json!(0.0);
                });
                run.add_usd(1, -0.000_32);
            },
            // Of what it says and what the tokens cost, the larger one counts.
            "iterations/001/model_calls.jsonl: learn-0000, call 0: cost_usd",
        ),
        (
            "the provider said that a call was dear",
            |run| {
                run.change_rows("iterations/001/model_calls.jsonl", |rows| {
                    rows[0]["cost_usd"] = json!(1.0);
                    rows[0]["reply"]["reported_cost_usd"] = json!(1.0);
                });
                run.add_usd(1, 1.0 - 0.000_32);
            },
            "ledger.jsonl: total",
        ),
        (
            "a reply was kept from before",
            |run| {
                run.change_rows("iterations/001/model_calls.jsonl", |rows| {
                    rows[0]["cost_usd"] = json!(0.0);
                    rows[0]["cached"] = json!(true);
                    rows[0]["attempts"] = json!(0);
                    rows[0]["latency_ms"] = json!(0.0);
                });
            },
            "cost.json: ",
        ),
        (
            "a proposer's turn was cheaper",
            |run| {
                run.change_rows("iterations/001/proposer.jsonl", |rows| {
                    let reply = rows.iter_mut().find(|row| row["type"] == "reply").expect("a reply");
                    reply["cost_usd"] = json!(0.0);
                });
            },
            "iterations/001/proposer.jsonl: line 2: cost_usd",
        ),
        (
            "a bill is missing",
            |run| {
                run.change_rows("ledger.jsonl", |rows| {
                    let at = rows.iter().position(|row| row.get("spent_usd").is_some()).expect("a bill");
                    rows.remove(at);
                });
            },
            "ledger.jsonl: total",
        ),
        (
            "a bill twice",
            |run| {
                run.change_rows("ledger.jsonl", |rows| {
                    let bill =
                        rows.iter().find(|row| row.get("spent_usd").is_some()).expect("a bill").clone();
                    rows.push(bill);
                });
            },
            "ledger.jsonl: entry",
        ),
        ("no ledger", |run| run.remove("ledger.jsonl"), "ledger.jsonl"),
        (
            "lower prices",
            |run| {
                run.configure(|config| {
                    config["prices"]["target"]["input"] = json!(0.5);
                    config["providers"]["target"]["price"]["input"] = json!(0.5);
                });
            },
            "iterations/000/model_calls.jsonl: learn-0000, call 0: cost_usd",
        ),
        (
            "prices that are not the providers'",
            |run| run.configure(|config| config["prices"]["target"]["input"] = json!(0.5)),
            "config.json: prices.target.input",
        ),
        (
            "no budget",
            |run| run.configure(|config| config["budget_usd"] = Value::Null),
            "config.json: budget_usd",
        ),
        (
            "a trial that was never paid",
            |run| {
                let mut row = run.rows("iterations/001/model_calls.jsonl")[0].clone();
                row["example_id"] = json!("trial-09-0/learn-0000");
                run.change_rows("iterations/001/trial_calls.jsonl", |rows| rows.push(row));
            },
            "iterations/001/trial_calls.jsonl: trial-09-0/learn-0000",
        ),
        (
            "another reply",
            |run| {
                run.change_rows("iterations/001/model_calls.jsonl", |rows| {
                    let row = rows
                        .iter_mut()
                        .find(|row| row["example_id"].as_str().is_some_and(|id| id.starts_with("val")))
                        .expect("a call");
                    row["reply"]["content"][0]["text"] = json!("another label");
                });
            },
            "iterations/001: val-",
        ),
        (
            "a reply that was never asked for",
            |run| {
                run.change_rows("iterations/001/model_calls.jsonl", |rows| {
                    let mut row = rows[0].clone();
                    row["call"] = json!(1);
                    rows.insert(1, row);
                });
            },
            "iterations/001/model_calls.jsonl: learn-0000, call 1",
        ),
    ];
    check(runs::paid(PROGRAM), table);
}

/// A run that was stopped is what a run would have come to until then.
#[test]
fn stopped_runs() {
    let table: &[Case] = &[
        (
            "it was not stopped",
            |run| {
                run.change("summary.json", |summary| {
                    summary.as_object_mut().expect("a summary").remove("stopped");
                    summary["finished_at"] = summary["config"]["started_at"].clone();
                });
            },
            "iterations/001",
        ),
        (
            "its last iteration is left out of the summary",
            |run| run.change("summary.json", |summary| summary["unscored"] = json!([])),
            "summary.json: unscored",
        ),
        (
            "it was stopped for another reason",
            |run| run.change("summary.json", |summary| summary["stopped"]["status"] = json!("interrupted")),
            "summary.json: ",
        ),
        (
            "an outcome is better",
            |run| {
                run.change_rows("iterations/001/eval_trace.jsonl", |rows| {
                    rows[0]["predicted_label"] = rows[0]["gold_label"].clone();
                    rows[0]["correct"] = json!(true);
                });
            },
            "iterations/001/eval_trace.jsonl: val-",
        ),
        (
            "it has a score",
            |run| {
                fs::copy(run.path("iterations/000/score.json"), run.path("iterations/001/score.json"))
                    .expect("copied");
            },
            "iterations/001/score.json",
        ),
    ];
    check(runs::stopped(PROGRAM), table);
}

/// What nobody can prove is said to be claimed, and cannot raise a score: an outcome of the wall clock is wrong.
#[test]
fn what_is_claimed_is_counted() {
    let forged = Forged::of(runs::honest(PROGRAM));
    let index = forged.mixed();
    let mut rows = forged.rows(&traces(index));
    let limit = forged.json("config.json")["limits"]["example_wall_ms"].as_f64().expect("a limit") / 1000.0;
    let right = rows.iter_mut().find(|row| is_right(row)).expect("a right one");
    right["predicted_label"] = Value::Null;
    right["correct"] = json!(false);
    right["error_kind"] = json!("timeout");
    right["error"] = json!(format!(
        "the call was stopped at its limit of {limit} s of wall clock (--example-timeout-s), which may differ from machine to machine"
    ));
    let id = right["example_id"].clone();
    forged.claim(index, &rows);
    reseal(&forged.run);
    let (_, found) = verify(&forged.run);
    assert_eq!(found["claimed"]["timed_out"], 1, "{found:#}");
    let told = named(&found);
    let of_the_row =
        told.iter().filter(|it| it.contains(id.as_str().expect("an id")) && it.contains("eval_trace"));
    assert_eq!(of_the_row.count(), 0, "{told:#?}");
}
