//! Made-up runs: folders as a search leaves them, with any outcome that a test wants to see shown. What is
//! in them does not depend on a compiler.

use std::{collections::BTreeMap, fs, path::Path};

use jiff::Timestamp;
use mmh_record::{
    data::Columns,
    digest::Digest,
    format::{
        Config, Cost, IterationSummary, Score, Summary, TaskInfo, TestScore, ToolchainInfo, TraceRow,
        Unscored, WitInfo,
    },
    limits::Limits,
    outcome::OutcomeKind,
};
use mmh_report::statistics::wilson;

/// A run, in the making.
pub struct MadeRun {
    pub summary: Summary,
    /// The traces, by folder.
    pub traces: Vec<(String, Vec<TraceRow>)>,
}

impl MadeRun {
    /// Of so many iterations besides the baseline, each over so many examples.
    pub fn new(iterations: u32, examples: usize) -> Self {
        Self { summary: Summary::new(config(iterations, examples)), traces: Vec::new() }
    }

    /// With simulated models.
    pub fn mock(mut self) -> Self {
        self.summary.config.mock = true;
        self.summary.config.budget_usd = None;
        self
    }

    /// The next iteration. `17+ 2- 1!` is 17 right ones, two wrong ones, one panic, in this order.
    pub fn scored(mut self, verdicts: &str) -> Self {
        let index = self.next();
        let rows = rows("val", verdicts);
        let score = score(&rows, index);
        let best = self.summary.best_iteration_index.and_then(|best| {
            self.summary.iterations.iter().find(|it| it.index == best).map(|it| it.score.accuracy)
        });
        if best.is_none_or(|best| score.accuracy > best) {
            self.summary.best_iteration_index = Some(index);
        }
        self.summary.iterations.push(IterationSummary {
            index,
            parent: index.checked_sub(1),
            harness_code: format!("// harness {index}\n"),
            reasoning: "# An idea\n".into(),
            filesystem_reads: Vec::new(),
            score,
            cost: cost(index),
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            source_digest: Digest::of(format!("source {index}")),
            leaks: Vec::new(),
            component_digest: Digest::of(format!("component {index}")),
        });
        self.traces.push((format!("iterations/{index:03}"), rows));
        self
    }

    /// The next iteration, without a score.
    pub fn unscored(mut self, status: &str, reason: &str) -> Self {
        let index = self.next();
        self.summary.unscored.push(Unscored {
            index,
            status: status.into(),
            reason: reason.into(),
            cost: cost(index),
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
        });
        self
    }

    /// An iteration's held-out score.
    pub fn tested(mut self, index: u32, verdicts: &str) -> Self {
        let rows = rows("test", verdicts);
        self.summary.test.push(TestScore { index, score: score(&rows, index) });
        self.traces.push((format!("test/{index:03}"), rows));
        self
    }

    /// Lines of an evaluation that goes on.
    pub fn under_way(mut self, folder: &str, verdicts: &str) -> Self {
        self.traces.push((folder.into(), rows("val", verdicts)));
        self
    }

    /// It has come to its end.
    pub fn finished(mut self) -> Self {
        self.summary.finished_at = Some(Timestamp::UNIX_EPOCH);
        self
    }

    /// Writes it down. Only a run that has ended has a manifest.
    pub fn write(&self, folder: &Path) {
        let put = |name: &str, text: String| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        let mut summary = self.summary.clone();
        let costs = summary.iterations.iter().map(|it| it.cost);
        let costs: Vec<Cost> = costs.chain(summary.unscored.iter().map(|it| it.cost)).collect();
        costs.into_iter().for_each(|cost| summary.total_cost += cost);
        put("config.json", serde_json::to_string(&summary.config).expect("JSON"));
        put("summary.json", serde_json::to_string(&summary).expect("JSON"));
        for (name, rows) in &self.traces {
            let lines = rows.iter().map(|row| serde_json::to_string(row).expect("JSON") + "\n");
            put(&format!("{name}/eval_trace.jsonl"), lines.collect());
        }
        if summary.finished_at.is_some() || summary.stopped.is_some() {
            put("manifest.json", "{}\n".into());
        }
    }

    fn next(&self) -> u32 {
        (self.summary.iterations.len() + self.summary.unscored.len()) as u32
    }
}

fn rows(split: &str, verdicts: &str) -> Vec<TraceRow> {
    let marks = verdicts.split_whitespace().flat_map(|part| {
        let (count, mark) = part.split_at(part.len() - 1);
        std::iter::repeat_n(mark, count.parse().expect("a count"))
    });
    marks.enumerate().map(|(at, mark)| row(&format!("{split}-{at:04}"), mark)).collect()
}

pub(super) fn row(example_id: &str, mark: &str) -> TraceRow {
    let panicked = mark == "!";
    TraceRow {
        example_id: example_id.into(),
        model: "target".into(),
        input: "a text".into(),
        fields: Vec::new(),
        gold_label: "yes".into(),
        predicted_label: (!panicked).then(|| if mark == "+" { "yes" } else { "no" }.into()),
        correct: mark == "+",
        score: None,
        parts: BTreeMap::new(),
        scorer: None,
        latency_ms: 0.0,
        input_tokens: 200,
        output_tokens: 5,
        error: panicked.then(|| "panicked at harness.rs:1:1".into()),
        error_kind: if panicked { OutcomeKind::Panic } else { OutcomeKind::Ok },
        fuel: 150_000,
        peak_memory_bytes: 1 << 20,
        model_calls: 1,
        cached_calls: 0,
        estimated_calls: 0,
        prompt_bytes: 700,
        logs: Vec::new(),
        stdout: String::new(),
        stderr: String::new(),
    }
}

fn score(rows: &[TraceRow], index: u32) -> Score {
    let n = rows.len() as u64;
    let n_correct = rows.iter().filter(|row| row.correct).count() as u64;
    let mut outcomes = BTreeMap::new();
    rows.iter().for_each(|row| *outcomes.entry(row.error_kind.name().to_owned()).or_insert(0) += 1);
    Score {
        accuracy: n_correct as f64 / n as f64,
        interval: wilson(n_correct, n),
        n_examples: n,
        n_correct,
        n_errors: rows.iter().filter(|row| row.error.is_some()).count() as u64,
        // Each one asks for a little more.
        total_fuel: n * 150_000 * 10_u64.pow(index.min(3)),
        mean_prompt_bytes: 700.0 * f64::from(index + 1).powi(2),
        mean_prompt_tokens: Some(200.0 * f64::from(index + 1).powi(2)),
        mean_model_calls: 1.0,
        mean_cost_usd: 0.000_123 * f64::from(index + 1),
        outcomes,
        ..Score::default()
    }
}

pub(super) fn cost(index: u32) -> Cost {
    let usd = 0.0123 * f64::from(index + 1);
    Cost { proposer_input_tokens: 50_000, target_input_tokens: 8_000, estimated_usd: usd, ..Cost::default() }
}

pub(super) fn config(iterations: u32, examples: usize) -> Config {
    let digest = Digest::of("made up");
    Config {
        schema_version: 1,
        run_id: "made".into(),
        iterations,
        dataset: "made-up".into(),
        dataset_columns: Columns::default(),
        dataset_path: None,
        eval_split_size: examples,
        proposer_model: "proposer".into(),
        target_model: "target".into(),
        mock: false,
        started_at: Timestamp::UNIX_EPOCH,
        seed: 0,
        deny_leaks: false,
        confinement: Default::default(),
        proposer_kind: Default::default(),
        patience: 3,
        learn_batches: Vec::new(),
        protocol: mmh_record::format::Protocol::default(),
        proposer_command: None,
        target_facts: None,
        given_components: Vec::new(),
        resumes: Vec::new(),
        concurrency: 1,
        with_test: true,
        limits: Limits::default(),
        prices: BTreeMap::new(),
        budget_usd: Some(5.0),
        candidate_budget_usd: None,
        providers: BTreeMap::new(),
        task: TaskInfo {
            instructions: "say yes or no".into(),
            labels: vec!["yes".into(), "no".into()],
            train_size: 10,
            val_size: examples,
            test_size: 100,
            findings: Some(Vec::new()),
            fields: Vec::new(),
            metric: None,
        },
        dataset_digest: digest,
        harness_language: Default::default(),
        toolchain: ToolchainInfo {
            rustc: "rustc".into(),
            target: "wasm32-wasip2".into(),
            flags: Vec::new(),
            compiler: Vec::new(),
            linker: Vec::new(),
        },
        sdk_digest: digest,
        sdk_build_digest: digest,
        wit: WitInfo { package: "mmh:harness@2.0.0".into(), digest },
        host_version: "0.1.0".into(),
    }
}
