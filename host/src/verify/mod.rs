//! Checks a run, offline: that every file is what was recorded, that every harness compiles to the recorded
//! component, and that every evaluation gives the recorded outcomes once more.
//!
//! A check that fails is a finding, with what was expected and what was found; `Err` means that checking
//! could not go on.

mod evaluation;
pub mod replay;

use serde::Serialize;
use serde_json::Value;

use crate::{
    build::Builder,
    call::budget::Owed,
    compile::{CompileError, Compiler},
    dataset::Dataset,
    digest::Digest,
    pricing::Usd,
    record::{
        RecordError,
        format::{Config, Cost, Score, Summary},
        ledger,
        manifest::{self, Finding, Manifest},
        provenance,
        reader::RunReader,
    },
    toolchain::{linker, sdk},
};

/// Checks one run.
pub struct Verifier {
    pub reader: RunReader,
    pub config: Config,
    pub builder: Builder,
    /// The run's data set, where it is there: `learn` needs it. Evaluations do not.
    pub dataset: Option<Dataset>,
    /// The run's manifest, or an empty one where it cannot be read, which is a finding of its own.
    manifest: Manifest,
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
    pub fn new(reader: RunReader, config: Config, builder: Builder, dataset: Option<Dataset>) -> Self {
        let manifest = reader.json(manifest::NAME).unwrap_or_default();
        Self { reader, config, builder, dataset, manifest }
    }

    /// Folders of the run, in order: its iterations, then held-out evaluations.
    pub fn folders(&self) -> Result<Vec<String>, RecordError> {
        let listed = |source| RecordError::Io { action: "list", file: "the run folder".into(), source };
        manifest::folders_of(self.reader.dir()).map_err(listed)
    }

    /// The run's own files: their digests, and that the summary says what the iterations do. A run that goes
    /// on, or was killed, has no manifest yet.
    pub fn run(&self, folders: &[String]) -> Checked {
        let summary = self.reader.summary();
        let goes_on = summary.as_ref().is_ok_and(|it| it.finished_at.is_none() && it.stopped.is_none());
        let sealed = self.reader.has(manifest::NAME) || !goes_on;
        let mut findings = Vec::new();
        if sealed {
            findings.extend(manifest::check(self.reader.dir(), ""));
            let strange = folders.iter().filter(|it| self.has_manifest(it) && !self.is_listed(it));
            findings.extend(
                strange
                    .map(|folder| Finding::new(folder, "no such folder", "a folder that is in no manifest")),
            );
        }
        match summary {
            Ok(summary) => findings.extend(self.summary(&summary, folders)),
            Err(error) => findings.push(Finding::new("summary.json", "a summary", error.to_string())),
        }
        let (rebuilt, replayed) = (Rebuilt::NotThere, None);
        Checked { folder: String::new(), findings, sealed, rebuilt, replayed }
    }

    fn has_manifest(&self, folder: &str) -> bool {
        self.reader.has(&format!("{folder}/{}", manifest::NAME))
    }

    /// Whether the run's manifest knows a folder.
    fn is_listed(&self, folder: &str) -> bool {
        self.manifest.files.contains_key(&format!("{folder}/{}", manifest::NAME))
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
        let ended = summary.finished_at.is_some() || summary.stopped.is_some();
        if let (Ok(cost), true) = (self.reader.cost(), ended) {
            total += cost.test;
            same("cost.json: total", &json(&total), &json(&cost.total));
            same("summary.json: total_cost", &json(&cost.total), &json(&summary.total_cost));
        }
        if let (Ok(rows), true) = (self.reader.lines(ledger::NAME), ended && self.reader.has(ledger::NAME)) {
            let Owed { spent, unknown, .. } = ledger::owed(&rows);
            let written =
                [summary.total_cost.estimated_usd, summary.total_cost.unknown_usd].map(Usd::from_f64);
            let [ledger, written] = [spent.plus(unknown), written.into_iter().sum()].map(Usd::as_f64);
            same("ledger.jsonl: total", &json(&ledger), &json(&written));
        }
        let listed = summary.iterations.len() + summary.unscored.len();
        let there = folders.iter().filter(|folder| folder.starts_with("iterations/")).count();
        // An iteration that a crash has cut off is in no summary yet.
        if ended {
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
        let differs = other_tools(&self.config, &self.builder.compiler);
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
}

/// What is not as it was when a run was made, and can change what a source compiles to.
pub fn other_tools(config: &Config, here: &Compiler) -> Vec<Finding> {
    let flags = crate::compile::FLAGS.join(" ");
    let pairs = [
        ("rustc", config.toolchain.rustc.clone(), here.toolchain().version.clone()),
        ("target", config.toolchain.target.clone(), crate::toolchain::TARGET.to_owned()),
        ("flags", config.toolchain.flags.join(" "), flags),
        ("linker", linker::described(&config.toolchain.linker), linker::described(here.linker())),
        ("sdk source", config.sdk_digest.to_string(), sdk::source_digest().to_string()),
        ("sdk build", config.sdk_build_digest.to_string(), here.sdk().digest.to_string()),
        ("wit", config.wit.digest.to_string(), Digest::of(sdk::WIT).to_string()),
    ];
    let differs = pairs.into_iter().filter(|(_, recorded, here)| recorded != here);
    differs.map(|(what, recorded, here)| Finding::new(what, recorded, here)).collect()
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn text(value: &Value) -> String {
    crate::text::ellipsis(&value.to_string(), 200)
}
