//! Checks a run offline: it repeats the search from its inputs, and compares every file.
//!
//! A search is a function of its inputs: configuration, data set, and the models' replies. So the code that made a run
//! makes it again in a scratch folder (`rerun`), with the recorded replies instead of the models. The result has to be
//! the recorded run, byte for byte (`compare`). Values that nobody can derive, such as times, are taken from the record
//! (`claims`), so that all that follows from them is checked too. Every file is derived, or an input, or a finding:
//! `mmh_record::layout` has the list.
//!
//! A check that fails is a finding, with what was expected and what was found; `Err` means that checking
//! could not go on.

mod ahead;
mod compare;
mod config;
mod counted;
mod explain;
pub mod export;
mod ledger;
mod lines;
mod rerun;
mod scorer;
mod simulated;
mod strange;
mod substitute;
mod warm;

use std::{path::PathBuf, sync::Arc};

use futures::future::LocalBoxFuture;
use mmh_models::ChatModel;
use serde::Serialize;

use crate::{
    claims::Claims,
    dataset::Dataset,
    noted::Missing,
    progress::{Event, Observer},
};
use mmh_engine::{
    build::Builder,
    compile::{CompileError, Compiler},
    toolchain::sdk,
};
use mmh_record::{
    RecordError,
    built::Tool,
    digest::Digest,
    format::{Config, Summary},
    layout::{self, Place},
    manifest::{self, Finding, Manifest},
    reader::RunReader,
};

/// Most differences of one file that are reported singly.
const MAX_DIFFERENCES: usize = 5;

/// Checks one run.
pub struct Verifier {
    /// Reads the run.
    pub reader: RunReader,
    /// The run's configuration.
    pub config: Config,
    /// Compiles and runs harnesses, with the run's limits.
    pub builder: Builder,
    /// The run's data set. Without it, rows and gold labels are taken from the record without a check.
    pub dataset: Option<Dataset>,
    /// An empty folder for the repeated run.
    pub scratch: PathBuf,
    /// Told about the progress.
    pub observer: Arc<dyn Observer>,
    /// Makes the simulated models, which are asked again.
    pub simulated: SimulatedModels,
}

/// The simulated target and the simulated proposer of a seed.
pub type SimulatedModels = fn(u64) -> (Arc<dyn ChatModel>, Arc<dyn ChatModel>);

/// The result of checking a whole run.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The run's own files first, then its iterations, then held-out evaluations.
    pub checked: Vec<Checked>,
    /// Tools that differ from the run's, and may change what is derived.
    pub differs: Vec<Finding>,
    /// What only the run itself says, and nothing can prove.
    pub claimed: Claimed,
    /// What could not be derived on this machine.
    #[serde(skip)]
    pub missing: Missing,
}

/// The result of checking one folder.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Such as `iterations/003` or `test/000`; empty for the run's own files.
    pub folder: String,
    /// What is wrong in it. Empty if it holds.
    pub findings: Vec<Finding>,
    /// Whether it was finished, so that it has a manifest. An iteration that a crash interrupted has none.
    pub sealed: bool,
    /// Whether its source compiles to its component.
    pub rebuilt: Rebuilt,
    /// How its evaluation compares; nothing if it has none.
    pub replayed: Option<Replayed>,
}

/// Whether a source compiles to the recorded component, where it has a recorded source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rebuilt {
    /// There is no component here.
    NotThere,
    /// It does, bit for bit.
    Same,
    /// Unknown: other tools are installed here.
    OtherTools,
    /// It does not.
    Different,
    /// It was not compiled here: it is the component that the run was begun with.
    Given,
}

/// How many examples were run again, and with which result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Recorded outcomes.
    pub examples: u64,
    /// Outcomes that are the same as the derived ones.
    pub same: u64,
    /// Outcomes of the wall clock, which cannot be repeated. They count as wrong predictions.
    pub not_replayable: u64,
    /// Whether `learn` gave the same state. Nothing if there was nothing to learn, or no data set.
    pub learned: Option<bool>,
}

/// Counts of what only the run says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Claimed {
    /// Replies of real models. Simulated models are asked again.
    pub replies: u64,
    /// Outcomes of the wall clock. They count as wrong predictions.
    pub timed_out: u64,
    /// Tool results that depend on the machine, or on something that is missing here.
    pub tool_results: u64,
    /// Tool calls of a proposer that is no model. What they came to is derived.
    #[serde(skip_serializing_if = "is_zero")]
    pub tool_calls: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The check cannot go on. It says nothing about the run.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A source could not be compiled for a reason of the host.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The run's folder could not be read, or the scratch folder not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Checked {
    /// Whether nothing is wrong in the folder.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Verdict {
    /// Whether all that can be derived was derived and equals the record.
    pub fn holds(&self) -> bool {
        self.checked.iter().all(Checked::holds) && !self.missing.tools
    }

    fn find(&mut self, folder: &str) -> &mut Vec<Finding> {
        let at = self.checked.iter().position(|it| it.folder == folder).unwrap_or(0);
        &mut self.checked[at].findings
    }

    /// Adds findings to the folders that they concern.
    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            let folder = self.checked.iter().map(|it| it.folder.clone()).filter(|it| !it.is_empty());
            let folder = folder.into_iter().find(|it| {
                finding.file.starts_with(&format!("{it}/")) || finding.file.starts_with(&format!("{it}:"))
            });
            self.find(&folder.unwrap_or_default()).push(finding);
        }
    }
}

/// Folders of a run, in order: its iterations, then held-out evaluations.
pub fn folders(reader: &RunReader) -> Result<Vec<String>, RecordError> {
    let listed = |source| RecordError::Io { action: "list", file: "the run folder".into(), source };
    let mut folders = manifest::folders_of(reader.dir()).map_err(listed)?;
    folders.retain(|folder| Place::of(folder).is_some());
    Ok(folders)
}

impl Verifier {
    /// Checks the whole run.
    pub fn check(self) -> LocalBoxFuture<'static, Result<Verdict, VerifyError>> {
        Box::pin(self.check_all())
    }

    async fn check_all(mut self) -> Result<Verdict, VerifyError> {
        let simulated = self.simulated;
        let differs = other_tools(&self.config, &self.builder.compiler);
        let missing = Missing { dataset: self.dataset.is_none(), tools: !differs.is_empty() };
        let recorded = self.reader.summary();
        let (summary, unreadable) = match recorded {
            Ok(summary) => (summary, None),
            Err(error) => (Summary::new(self.config.clone()), Some(error.to_string())),
        };
        let folders = folders(&self.reader)?;
        let mut verdict = self.first_look(&folders, &summary, differs, missing)?;
        verdict.add(unreadable.map(|why| Finding::new(layout::SUMMARY, "a summary", why)));
        verdict.add(config::check(&self.config, &summary, self.dataset.as_ref(), self.simulated));
        // When a run is resumed, its configuration is written before its summary.
        let summary = Summary { config: self.config.clone(), ..summary };
        let mut dataset = match self.dataset.take() {
            Some(dataset) => dataset,
            None => substitute::dataset(&self.reader, &self.config, &folders)?,
        };
        verdict.add(scorer::prepare(&self, &mut dataset, missing).await?);
        warm::up(&self, &folders, missing).await?;
        self.observer.on(Event::Working("making the search again".into()));
        let claims = Arc::new(Claims::new(self.again()?, summary, missing));
        let made = rerun::run(self, dataset, claims.clone(), &folders).await?;
        let noted = claims.notes.take();
        let compared = compare::all(&made, &claims, &folders, &noted, &mut verdict)?;
        verdict.claimed =
            Claimed { timed_out: noted.timed_out, tool_results: noted.tool_results, ..compared };
        verdict.add(noted.findings);
        verdict.add(ledger::check(&made.recorded, &made.config, &claims, made.total));
        verdict.add(simulated::check(&made.recorded, &made.config, &folders, simulated).await);
        Ok(verdict)
    }

    /// Another handle to the run's folder.
    fn again(&self) -> Result<RunReader, RecordError> {
        let opened = self.reader.dir().try_clone();
        let problem = |source| RecordError::Io { action: "open", file: "the run folder".into(), source };
        Ok(RunReader::new(opened.map_err(problem)?))
    }

    /// Checks that need no repeated search: manifests, and files that do not belong to a run.
    fn first_look(
        &self,
        folders: &[String],
        summary: &Summary,
        differs: Vec<Finding>,
        missing: Missing,
    ) -> Result<Verdict, RecordError> {
        let listed: Manifest = self.reader.json(manifest::NAME).unwrap_or_default();
        let is_listed = |folder: &str| listed.files.contains_key(&format!("{folder}/{}", manifest::NAME));
        let mut checked = Vec::new();
        for folder in [String::new()].into_iter().chain(folders.iter().cloned()) {
            let has_manifest = self.reader.has(&layout::file(&folder, manifest::NAME));
            // A run that was killed before its end has no manifest of its own yet.
            let sealed = has_manifest || is_listed(&folder) || is_known(summary, &folder);
            let mut findings = strange::entries(&self.reader, &folder, sealed);
            if let (true, Some(dir)) = (sealed, self.reader.folder(&folder)) {
                findings.extend(manifest::check(&dir, &folder));
            }
            if !folder.is_empty() && has_manifest && self.reader.has(manifest::NAME) && !is_listed(&folder) {
                findings.push(Finding::new(&folder, "no such folder", "a folder that is in no manifest"));
            }
            let goes_on = summary.finished_at.is_none() && summary.stopped.is_none();
            if folder.is_empty() && has_manifest && goes_on {
                let expected = "a time, or why the run was stopped: it has a manifest";
                findings.push(Finding::new("summary.json: finished_at", expected, "null"));
            }
            let (rebuilt, replayed) = (Rebuilt::NotThere, None);
            checked.push(Checked { folder, findings, sealed, rebuilt, replayed });
        }
        Ok(Verdict { checked, differs, claimed: Claimed::default(), missing })
    }
}

/// Whether a summary has this folder's iteration or held-out score, so that the folder was finished.
fn is_known(summary: &Summary, folder: &str) -> bool {
    let scored = summary.iterations.iter().map(|it| it.index);
    let mut iterations = scored.chain(summary.unscored.iter().map(|it| it.index));
    match layout::place(folder) {
        Some((Place::Iteration, index)) => iterations.any(|it| it == index),
        Some((Place::HeldOut, index)) => summary.test.iter().any(|it| it.index == index),
        _ => false,
    }
}

/// The tools and settings that differ from the recorded ones, and may change what a source compiles to.
pub fn other_tools(config: &Config, here: &Compiler) -> Vec<Finding> {
    let (recorded, tools) = (&config.toolchain, here.tools());
    let here = &tools.toolchain;
    let pairs = [
        ("rustc", recorded.rustc.clone(), here.rustc.clone()),
        ("target", recorded.target.clone(), here.target.clone()),
        ("flags", recorded.flags.join(" "), here.flags.join(" ")),
        ("sdk source", config.sdk_digest.to_string(), tools.sdk_source.to_string()),
        ("sdk build", config.sdk_build_digest.to_string(), tools.sdk_build.to_string()),
        ("wit", config.wit.digest.to_string(), Digest::of(sdk::WIT).to_string()),
    ];
    let differs = pairs.into_iter().filter(|(_, recorded, here)| recorded != here);
    let mut differs: Vec<Finding> =
        differs.map(|(what, recorded, here)| Finding::new(what, recorded, here)).collect();
    differs.extend(other_programs("compiler", &recorded.compiler, &here.compiler));
    differs.extend(other_programs("linker", &recorded.linker, &here.linker));
    differs
}

/// Programs that differ from the recorded ones: one finding for each, or one for all if their names differ.
fn other_programs(what: &str, recorded: &[Tool], here: &[Tool]) -> Vec<Finding> {
    let names = |tools: &[Tool]| tools.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>();
    if names(recorded) != names(here) {
        let told =
            |tools: &[Tool]| if tools.is_empty() { "not recorded".into() } else { names(tools).join(", ") };
        return vec![Finding::new(what, told(recorded), told(here))];
    }
    let differs = recorded.iter().zip(here).filter(|(recorded, here)| recorded != here);
    let shown = |tool: &Tool| format!("{}, sha256 {}", tool.version, tool.sha256);
    differs
        .map(|(recorded, here)| Finding::new(format!("{what} {}", here.name), shown(recorded), shown(here)))
        .collect()
}
