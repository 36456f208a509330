//! Checks a run, offline: that every file is what was recorded, that every harness compiles to the recorded
//! component, and that every evaluation gives the recorded outcomes once more.
//!
//! A check that fails is a finding, with what was expected and what was found; `Err` means that checking
//! could not go on.

pub mod replay;

use std::{collections::HashMap, sync::Arc};

use serde::Serialize;
use serde_json::Value;

use replay::Stage;

use crate::{
    build::{Builder, Built},
    compile::CompileError,
    dataset::{Dataset, Example},
    digest::Digest,
    evaluate::Learned,
    record::{
        RecordError,
        format::{CallRow, Config, Cost, LearnRow, Score, Summary, TraceRow},
        manifest::{self, Finding, Manifest},
        provenance,
        reader::RunReader,
    },
    sandbox::Task,
    score::score,
    toolchain::sdk,
};

/// Most differences of one evaluation that are told one by one.
const MAX_DIFFERENCES: usize = 5;

/// Checks one run.
pub struct Verifier {
    pub reader: RunReader,
    pub config: Config,
    pub builder: Builder,
    /// The run's data set, where it is there: `learn` needs it. Evaluations do not.
    pub dataset: Option<Dataset>,
}

/// What was found in one folder.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Such as `iterations/003` or `test/000`; empty for the run's own files.
    pub folder: String,
    pub findings: Vec<Finding>,
    /// Whether there is a manifest. An iteration that a crash has cut off has none.
    pub sealed: bool,
    pub rebuilt: Rebuilt,
    pub replayed: Option<Replayed>,
}

/// Whether a source gives its component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum Rebuilt {
    /// There is no source here, or no component.
    NotThere,
    Same,
    /// It cannot be told with what is installed here.
    OtherTools {
        differs: Vec<Finding>,
    },
    Different,
}

/// How many examples were run again, and how many gave the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    pub examples: usize,
    pub same: usize,
    /// Outcomes of the wall clock, which is no input.
    pub not_replayable: usize,
    /// Whether `learn` was run again, where there was something to learn.
    pub learned: Option<bool>,
}

impl Checked {
    pub fn holds(&self) -> bool {
        self.findings.is_empty() && matches!(self.rebuilt, Rebuilt::Same | Rebuilt::NotThere)
    }
}

/// Checking could not go on.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Verifier {
    /// Folders of the run, in order: its iterations, then held-out evaluations.
    pub fn folders(&self) -> Result<Vec<String>, RecordError> {
        let listed = |source| RecordError::Io { action: "list", file: "the run folder".into(), source };
        manifest::folders_of(self.reader.dir()).map_err(listed)
    }

    /// The run's own files: their digests, and that the summary says what the iterations do.
    pub fn run(&self, folders: &[String]) -> Checked {
        let mut findings = manifest::check(self.reader.dir(), "");
        match self.reader.summary() {
            Ok(summary) => findings.extend(self.summary(&summary, folders)),
            Err(error) => findings.push(Finding::new("summary.json", "a summary", error.to_string())),
        }
        for folder in folders.iter().filter(|folder| self.has_manifest(folder) && !self.is_listed(folder)) {
            findings.push(Finding::new(folder, "no such folder", "a folder that is in no manifest"));
        }
        let (rebuilt, replayed) = (Rebuilt::NotThere, None);
        Checked { folder: String::new(), findings, sealed: true, rebuilt, replayed }
    }

    fn has_manifest(&self, folder: &str) -> bool {
        self.reader.has(&format!("{folder}/{}", manifest::NAME))
    }

    /// Whether the run's manifest knows a folder.
    fn is_listed(&self, folder: &str) -> bool {
        let manifest = self.reader.json::<Manifest>(manifest::NAME).unwrap_or_default();
        manifest.files.contains_key(&format!("{folder}/{}", manifest::NAME))
    }

    fn summary(&self, summary: &Summary, folders: &[String]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut same = |what: &str, expected: &Value, found: &Value| {
            if expected != found {
                findings.push(Finding::new(what, text(expected), text(found)));
            }
        };
        same("summary.json: config", &json(&self.config), &json(&summary.config));
        let mut total = Cost::default();
        for iteration in &summary.iterations {
            let path = RunReader::iteration_file(iteration.index, "score.json");
            let score = self.reader.json::<Score>(&path).ok();
            same(
                &format!("summary.json: score of {:03}", iteration.index),
                &json(&score),
                &json(&iteration.score),
            );
            total += iteration.cost;
        }
        summary.unscored.iter().for_each(|iteration| total += iteration.cost);
        if let Ok(cost) = self.reader.cost() {
            total += cost.test;
            same("cost.json: total", &json(&total), &json(&cost.total));
            same("summary.json: total_cost", &json(&cost.total), &json(&summary.total_cost));
        }
        let listed = summary.iterations.len() + summary.unscored.len();
        let there = folders.iter().filter(|folder| folder.starts_with("iterations/")).count();
        // An iteration that a crash has cut off is in no summary yet.
        if summary.finished_at.is_some() || summary.stopped.is_some() {
            same("iterations", &json(&listed), &json(&there));
        }
        findings
    }

    /// Checks one folder of the run.
    pub async fn folder(&self, folder: &str) -> Result<Checked, VerifyError> {
        let mut checked = Checked {
            folder: folder.to_owned(),
            findings: Vec::new(),
            sealed: self.has_manifest(folder) || self.is_listed(folder),
            rebuilt: Rebuilt::NotThere,
            replayed: None,
        };
        match self.reader.dir().open_dir(folder) {
            Ok(dir) if checked.sealed => checked.findings.extend(manifest::check(&dir, folder)),
            Ok(_) => {}
            Err(error) => {
                checked.findings.push(Finding::new(folder, "a folder", error.to_string()));
                return Ok(checked);
            }
        }
        let home = folder.replace("test/", "iterations/");
        let Ok(component) = self.reader.bytes(&format!("{home}/harness.wasm")) else { return Ok(checked) };
        if home == folder {
            checked.rebuilt = self.rebuild(folder, &component, &mut checked.findings).await?;
        }
        match self.builder.load(component).await? {
            Ok(built) => self.evaluation(folder, &home, built, &mut checked).await?,
            Err(rejection) => checked.findings.push(Finding::new(
                format!("{home}/harness.wasm"),
                "a harness",
                format!("{}: {}", rejection.kind.name(), rejection.message),
            )),
        }
        Ok(checked)
    }

    /// Compiles the source again, and compares with the recorded component and its statements.
    async fn rebuild(
        &self,
        folder: &str,
        component: &[u8],
        findings: &mut Vec<Finding>,
    ) -> Result<Rebuilt, VerifyError> {
        let recorded = Digest::of(component);
        let Ok(source) = self.reader.text(&format!("{folder}/harness.rs")) else {
            return Ok(Rebuilt::NotThere);
        };
        let made = provenance::Made {
            source: Digest::of(&source),
            component: recorded,
            key: self.builder.compiler.key(&source),
        };
        let differs = self.other_tools();
        if !differs.is_empty() {
            return Ok(Rebuilt::OtherTools { differs });
        }
        let statement = provenance::statement(&made, &self.config, Digest::of(sdk::LOCK));
        let path = format!("{folder}/provenance.json");
        let found = self.reader.json::<Value>(&path).unwrap_or_default();
        if found != statement {
            findings.push(Finding::new(path, text(&statement), text(&found)));
        }
        let path = format!("{folder}/harness.wasm");
        let rebuilt = match self.builder.compiler.recompile(&source).await? {
            Ok(rebuilt) => rebuilt.digest,
            Err(rejection) => {
                findings.push(Finding::new(path, format!("sha256 {recorded}"), rejection.message));
                return Ok(Rebuilt::Different);
            }
        };
        if rebuilt == recorded {
            return Ok(Rebuilt::Same);
        }
        let expected = format!("sha256 {rebuilt}, which harness.rs compiles to");
        findings.push(Finding::new(path, expected, format!("sha256 {recorded}")));
        Ok(Rebuilt::Different)
    }

    /// What is not as it was when the run was made, and can change what a source compiles to.
    fn other_tools(&self) -> Vec<Finding> {
        let (config, here) = (&self.config, &self.builder.compiler);
        let flags = crate::compile::FLAGS.join(" ");
        let pairs = [
            ("rustc", config.toolchain.rustc.clone(), here.toolchain().version.clone()),
            ("target", config.toolchain.target.clone(), crate::toolchain::TARGET.to_owned()),
            ("flags", config.toolchain.flags.join(" "), flags),
            ("sdk source", config.sdk_digest.to_string(), sdk::source_digest().to_string()),
            ("sdk build", config.sdk_build_digest.to_string(), here.sdk().digest.to_string()),
            ("wit", config.wit.digest.to_string(), Digest::of(sdk::WIT).to_string()),
        ];
        let differs = pairs.into_iter().filter(|(_, recorded, here)| recorded != here);
        differs.map(|(what, recorded, here)| Finding::new(what, recorded, here)).collect()
    }

    /// Runs a folder's evaluation again.
    async fn evaluation(
        &self,
        folder: &str,
        home: &str,
        built: Built,
        checked: &mut Checked,
    ) -> Result<(), VerifyError> {
        let traces = format!("{folder}/eval_trace.jsonl");
        if !self.reader.has(&traces) {
            return Ok(());
        }
        let (recorded, calls) = match self.rows(folder) {
            Ok(rows) => rows,
            Err(error) => {
                checked.findings.push(Finding::new(folder, "rows that can be read", error.to_string()));
                return Ok(());
            }
        };
        let state = self.reader.bytes(&format!("{home}/state.bin")).unwrap_or_default();
        let stage = Stage {
            sandbox: self.builder.sandbox.clone(),
            harness: built.prepared.clone(),
            task: Arc::new(self.task()),
            seed: self.config.seed,
            model: self.config.target_model.clone(),
            calls: Arc::new(replay::by_example(calls)),
        };
        let (replayable, others): (Vec<TraceRow>, Vec<TraceRow>) =
            recorded.iter().cloned().partition(replay::is_replayable);
        let again = stage.examples(&replayable, state.clone().into()).await;
        let mut replayed =
            Replayed { examples: recorded.len(), not_replayable: others.len(), ..Replayed::default() };
        let found: HashMap<&str, &replay::Replayed> =
            again.iter().map(|it| (it.row.example_id.as_str(), it)).collect();
        let mut differences = Vec::new();
        for row in &replayable {
            let difference = compare(&traces, row, found.get(row.example_id.as_str()).copied());
            replayed.same += usize::from(difference.is_none());
            differences.extend(difference);
        }
        tell(&mut checked.findings, &traces, differences);
        if folder == home && !self.train().is_empty() {
            replayed.learned = Some(self.learning(folder, &stage, &state, &mut checked.findings).await);
        }
        self.score(folder, home, &recorded, built, &state, &mut checked.findings);
        checked.replayed = Some(replayed);
        Ok(())
    }

    fn rows(&self, folder: &str) -> Result<(Vec<TraceRow>, Vec<CallRow>), RecordError> {
        let traces = self.reader.lines(&format!("{folder}/eval_trace.jsonl"))?;
        Ok((traces, self.reader.lines(&format!("{folder}/model_calls.jsonl"))?))
    }

    /// Learns again and compares batches and state.
    async fn learning(&self, folder: &str, stage: &Stage, state: &[u8], findings: &mut Vec<Finding>) -> bool {
        let path = format!("{folder}/learn_trace.jsonl");
        let recorded: Vec<LearnRow> = self.reader.lines(&path).unwrap_or_default();
        let (rows, learned) = stage.learn(self.train()).await;
        let before = findings.len();
        for (row, found) in recorded.iter().zip(&rows) {
            if let Some(difference) = difference(&json(row), &json(found)) {
                findings.push(Finding::new(
                    format!("{path}: batch {}: {}", row.batch, difference.0),
                    difference.1,
                    difference.2,
                ));
            }
        }
        if recorded.len() != rows.len() {
            findings.push(Finding::new(
                &path,
                format!("{} batches", rows.len()),
                format!("{}", recorded.len()),
            ));
        }
        if let Some(learned) = learned.filter(|learned| learned != state) {
            let digest = |bytes: &[u8]| format!("sha256 {}", Digest::of(bytes));
            findings.push(Finding::new(format!("{folder}/state.bin"), digest(&learned), digest(state)));
        }
        findings.len() == before
    }

    /// Scores the recorded outcomes again.
    fn score(
        &self,
        folder: &str,
        home: &str,
        recorded: &[TraceRow],
        built: Built,
        state: &[u8],
        findings: &mut Vec<Finding>,
    ) {
        let path = format!("{folder}/score.json");
        let Ok(found) = self.reader.json::<Score>(&path) else { return };
        let fuel = self.reader.lines::<LearnRow>(&format!("{home}/learn_trace.jsonl"));
        let fuel = fuel.unwrap_or_default().iter().map(|row| row.fuel).sum();
        let learned = Learned { prepared: built.prepared, state: state.into(), fuel, cost: Cost::default() };
        let expected = score(recorded, &learned, self.config.mock);
        if let Some((field, expected, found)) = difference(&json(&expected), &json(&found)) {
            findings.push(Finding::new(format!("{path}: {field}"), expected, found));
        }
    }

    fn train(&self) -> &[Example] {
        self.dataset.as_ref().map_or(&[], |dataset| &dataset.train)
    }

    fn task(&self) -> Task {
        Task {
            name: self.config.dataset.clone(),
            instructions: self.config.task.instructions.clone(),
            labels: self.config.task.labels.clone(),
        }
    }
}

/// How an example went differently, if it did.
fn compare(file: &str, recorded: &TraceRow, found: Option<&replay::Replayed>) -> Option<Finding> {
    let name = format!("{file}: {}", recorded.example_id);
    let Some(found) = found else { return Some(Finding::new(name, "an outcome", "none: the host failed")) };
    if let Some(prompt) = found.unrecorded.first() {
        let prompt = crate::text::ellipsis(&crate::text::one_line(prompt), 200);
        return Some(Finding::new(name, "a recorded request", format!("another one: {prompt}")));
    }
    let (field, expected, found) = difference(&json(&found.row), &json(recorded))?;
    Some(Finding::new(format!("{name}: {field}"), expected, found))
}

/// Adds findings, the first few by themselves.
fn tell(findings: &mut Vec<Finding>, file: &str, mut differences: Vec<Finding>) {
    let more = differences.len().saturating_sub(MAX_DIFFERENCES);
    differences.truncate(MAX_DIFFERENCES);
    findings.extend(differences);
    if more > 0 {
        findings.push(Finding::new(file, "the same outcomes", format!("{more} more that differ")));
    }
}

/// The first field that differs: its name, what it should be and what it is.
fn difference(expected: &Value, found: &Value) -> Option<(String, String, String)> {
    let fields = expected.as_object()?;
    let differs = fields.iter().find(|(name, value)| found.get(name.as_str()) != Some(value));
    let (name, value) = differs?;
    Some((name.clone(), text(value), text(found.get(name).unwrap_or(&Value::Null))))
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn text(value: &Value) -> String {
    crate::text::ellipsis(&value.to_string(), 200)
}
