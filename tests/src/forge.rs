//! What a liar does who may write a run's folder: changes it, and makes everything else fit.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use mmh_record::digest::Digest;
use mmh_report::statistics::wilson;
use serde_json::{Value, json};

use crate::runs;

/// A copy of a run that is changed.
pub struct Forged {
    _folder: tempfile::TempDir,
    pub run: PathBuf,
}

impl Forged {
    /// A copy of this run, as it is.
    pub fn of(run: &Path) -> Self {
        let (folder, run) = runs::copy_of(run);
        Self { _folder: folder, run }
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.run.join(file)
    }

    pub fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// Changes a text, which has to change.
    pub fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let before = self.text(file);
        let after = change(before.clone());
        assert_ne!(before, after, "{file}");
        fs::write(self.path(file), after).expect("written");
    }

    pub fn json(&self, file: &str) -> Value {
        serde_json::from_str(&self.text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// Changes a JSON file, and writes it as the program would.
    pub fn change(&self, file: &str, change: impl FnOnce(&mut Value)) {
        let mut value = self.json(file);
        change(&mut value);
        fs::write(self.path(file), format!("{value:#}\n")).expect("written");
    }

    pub fn rows(&self, file: &str) -> Vec<Value> {
        self.text(file).lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
    }

    /// Changes the rows of a JSON Lines file, and writes them as the program would.
    pub fn change_rows(&self, file: &str, change: impl FnOnce(&mut Vec<Value>)) {
        let mut rows = self.rows(file);
        change(&mut rows);
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        fs::write(self.path(file), lines).expect("written");
    }

    pub fn remove(&self, file: &str) {
        let path = self.path(file);
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        removed.unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    /// Changes the configuration, where it stands.
    pub fn configure(&self, change: impl Fn(&mut Value)) {
        self.change("config.json", |config| change(config));
        self.change("summary.json", |summary| change(&mut summary["config"]));
    }

    /// An iteration in the summary.
    pub fn summarize(&self, index: u64, change: impl FnOnce(&mut Value)) {
        self.change("summary.json", |summary| {
            let lists = ["iterations", "unscored"];
            let at = |list: &str| {
                summary[list].as_array().and_then(|all| all.iter().position(|it| it["index"] == index))
            };
            let (list, at) = lists.iter().find_map(|list| Some((*list, at(list)?))).expect("the iteration");
            change(&mut summary[list][at]);
        });
    }

    /// The last iteration that has right and wrong outcomes.
    pub fn mixed(&self) -> u64 {
        let indices = self.indices();
        let is_mixed = |index: &&u64| {
            let rows = self.rows(&format!("iterations/{index:03}/eval_trace.jsonl"));
            let right = rows.iter().filter(|row| row["correct"] == true).count();
            right > 0 && right < rows.len()
        };
        *indices.iter().rev().find(is_mixed).expect("an iteration with right and wrong outcomes")
    }

    /// The iterations that were scored.
    pub fn indices(&self) -> Vec<u64> {
        let summary = self.json("summary.json");
        summary["iterations"].as_array().into_iter().flatten().filter_map(|it| it["index"].as_u64()).collect()
    }

    /// Says that these rows are what an iteration did: score, statement and summary fit.
    pub fn claim(&self, index: u64, rows: &[Value]) {
        let folder = format!("iterations/{index:03}");
        let rows = rows.to_vec();
        self.change_rows(&format!("{folder}/eval_trace.jsonl"), |old| *old = rows.clone());
        self.score(index, |score| *score = rescored(score, &rows));
        self.change(&format!("{folder}/test-result.json"), |statement| {
            let ids = |correct: bool| -> Vec<Value> {
                rows.iter()
                    .filter(|row| row["correct"] == correct)
                    .map(|row| row["example_id"].clone())
                    .collect()
            };
            let (passed, failed) = (ids(true), ids(false));
            statement["predicate"]["result"] = json!(if failed.is_empty() { "PASSED" } else { "FAILED" });
            statement["predicate"]["passedTests"] = json!(passed);
            statement["predicate"]["failedTests"] = json!(failed);
            statement["predicate"]["configuration"][0]["annotations"]["examples"] = json!(rows.len());
        });
    }

    /// Changes an iteration's score, with the statement about it and the summary.
    pub fn score(&self, index: u64, change: impl FnOnce(&mut Value)) {
        let folder = format!("iterations/{index:03}");
        let file = format!("{folder}/score.json");
        self.change(&file, change);
        let (score, text) = (self.json(&file), self.text(&file));
        self.change(&format!("{folder}/test-result.json"), |statement| {
            let parts = statement["predicate"]["configuration"].as_array_mut().expect("a list");
            for part in parts {
                if part["name"] == "score.json" {
                    part["digest"]["sha256"] = json!(Digest::of(&text));
                    part["annotations"] =
                        json!({ "accuracy": score["accuracy"], "total_fuel": score["total_fuel"] });
                }
                if part["name"] == "state.bin" {
                    part["digest"]["sha256"] = score["state_digest"].clone();
                }
            }
        });
        self.summarize(index, |iteration| iteration["score"] = score);
        self.change("summary.json", |summary| {
            let scored = summary["iterations"].as_array().cloned().unwrap_or_default();
            let accuracy = |it: &Value| it["score"]["accuracy"].as_f64().unwrap_or_default();
            let best = scored.iter().map(accuracy).fold(0.0, f64::max);
            let best = scored.iter().find(|it| accuracy(it) == best).map(|it| it["index"].clone());
            summary["best_iteration_index"] = best.unwrap_or_default();
        });
    }

    /// Changes every count of costs: of the file of costs, and of the summary.
    pub fn costs(&self, change: impl Fn(&mut Value)) {
        self.change("cost.json", |cost| {
            change(cost);
            change(&mut cost["test"]);
            cost["iterations"].as_array_mut().expect("a list").iter_mut().for_each(&change);
        });
        self.change("summary.json", |summary| {
            change(&mut summary["total_cost"]);
            for list in ["iterations", "unscored"] {
                let all = summary[list].as_array_mut().expect("a list");
                all.iter_mut().for_each(|iteration| change(&mut iteration["cost"]));
            }
        });
    }

    /// Adds dollars to the target's costs of an iteration, and to all sums.
    pub fn add_usd(&self, index: u64, usd: f64) {
        let add = |cost: &mut Value| {
            for field in ["target_usd", "estimated_usd"] {
                let sum = cost[field].as_f64().expect("a number") + usd;
                cost[field] = json!((sum * 1e12).round() / 1e12);
            }
        };
        self.change("cost.json", |cost| {
            add(cost);
            let all = cost["iterations"].as_array_mut().expect("a list");
            all.iter_mut().filter(|it| it["index"] == index).for_each(add);
        });
        self.change("summary.json", |summary| add(&mut summary["total_cost"]));
        self.summarize(index, |iteration| add(&mut iteration["cost"]));
    }
}

/// The score of these rows; what was learned stays.
fn rescored(score: &Value, rows: &[Value]) -> Value {
    let count = |is: &dyn Fn(&Value) -> bool| rows.iter().filter(|row| is(row)).count() as u64;
    let sum = |field: &str| -> f64 { rows.iter().filter_map(|row| row[field].as_f64()).sum() };
    let whole = |field: &str| json!(rows.iter().filter_map(|row| row[field].as_u64()).sum::<u64>());
    let most = |field: &str| json!(rows.iter().filter_map(|row| row[field].as_u64()).max().unwrap_or(0));
    let (n, right) = (rows.len() as u64, count(&|row| row["correct"] == true));
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows {
        *outcomes.entry(row["error_kind"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let mut rescored = score.clone();
    for (field, value) in [
        ("accuracy", json!(right as f64 / n as f64)),
        ("interval", json!(wilson(right, n))),
        ("n_examples", json!(n)),
        ("n_correct", json!(right)),
        ("n_errors", json!(count(&|row| !row["error"].is_null()))),
        ("mean_latency_ms", json!(sum("latency_ms") / n as f64)),
        ("total_input_tokens", whole("input_tokens")),
        ("total_output_tokens", whole("output_tokens")),
        ("total_fuel", whole("fuel")),
        ("max_fuel", most("fuel")),
        ("max_peak_memory_bytes", most("peak_memory_bytes")),
        ("mean_prompt_bytes", json!(sum("prompt_bytes") / n as f64)),
        ("mean_model_calls", json!(sum("model_calls") / n as f64)),
        ("outcomes", json!(outcomes)),
    ] {
        rescored[field] = value;
    }
    rescored
}
