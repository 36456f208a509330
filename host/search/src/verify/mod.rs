//! Checks a run, offline, by making its search again from its inputs and comparing every file.
//!
//! A search is a function of its inputs: configuration, data set, and what the models said. So the same code
//! that made a run makes it again in a scratch folder ([`rerun`]), with the recorded replies in place of the
//! models, and what comes out has to be what is recorded, byte for byte ([`compare`]). What nobody can derive,
//! such as times, is taken from the record (`claims`), so that what follows from it is checked as well. Every
//! file is derived, or an input, or a finding: `record::files` has the list.
//!
//! A check that fails is a finding, with what was expected and what was found; `Err` means that checking
//! could not go on.

mod ahead;
mod compare;
mod config;
mod explain;
pub mod export;
mod ledger;
mod lines;
mod rerun;
mod simulated;
mod strange;
mod substitute;
mod warm;

use std::{path::PathBuf, sync::Arc};

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
    layout,
    manifest::{self, Finding, Manifest},
    reader::RunReader,
};

/// Most differences of one file that are told one by one.
const MAX_DIFFERENCES: usize = 5;

/// Checks one run.
pub struct Verifier {
    pub reader: RunReader,
    pub config: Config,
    pub builder: Builder,
    /// The run's data set, where it is there. Without it, rows and gold labels are taken as they stand.
    pub dataset: Option<Dataset>,
    /// An empty folder, for what is made again.
    pub scratch: PathBuf,
    pub observer: Arc<dyn Observer>,
    /// What says again what simulated models said.
    pub simulated: SimulatedModels,
}

/// The simulated target and the simulated proposer of a seed.
pub type SimulatedModels = fn(u64) -> (Arc<dyn ChatModel>, Arc<dyn ChatModel>);

/// What was found of a whole run.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The run's own files first, then its iterations, then held-out evaluations.
    pub checked: Vec<Checked>,
    /// What is not as it was when the run was made, and can change what is derived.
    pub differs: Vec<Finding>,
    /// What only the run itself says.
    pub claimed: Claimed,
    /// What could not be derived, because something is missing.
    #[serde(skip)]
    pub missing: Missing,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rebuilt {
    /// There is no component here.
    NotThere,
    Same,
    /// It cannot be told with what is installed here.
    OtherTools,
    Different,
}

/// How many examples were run again, and how many gave the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    pub examples: u64,
    pub same: u64,
    /// Outcomes of the wall clock, which is no input: they count as wrong.
    pub not_replayable: u64,
    /// Whether `learn` was run again and gave the same, where there was something to learn.
    pub learned: Option<bool>,
}

/// What only the run says, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Claimed {
    /// Replies of a real model. A simulated one says them again.
    pub replies: u64,
    /// Outcomes of the wall clock, which count as wrong.
    pub timed_out: u64,
    /// Tool results that depend on the machine or on what is missing.
    pub tool_results: u64,
}

/// Checking could not go on.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Checked {
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Verdict {
    /// Whether everything that could be derived was derived and is what is recorded.
    pub fn holds(&self) -> bool {
        self.checked.iter().all(Checked::holds) && !self.missing.tools
    }

    fn find(&mut self, folder: &str) -> &mut Vec<Finding> {
        let at = self.checked.iter().position(|it| it.folder == folder).unwrap_or(0);
        &mut self.checked[at].findings
    }

    /// Adds findings to the folders that they are about.
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
    folders.retain(|folder| layout::Place::of(folder).is_some());
    Ok(folders)
}

impl Verifier {
    /// Checks everything.
    pub async fn check(mut self) -> Result<Verdict, VerifyError> {
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
        // What a run goes on with is written into its configuration first.
        let summary = Summary { config: self.config.clone(), ..summary };
        let dataset = match self.dataset.take() {
            Some(dataset) => dataset,
            None => substitute::dataset(&self.reader, &self.config, &folders)?,
        };
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

    /// Another handle of the run's folder.
    fn again(&self) -> Result<RunReader, RecordError> {
        let opened = self.reader.dir().try_clone();
        let problem = |source| RecordError::Io { action: "open", file: "the run folder".into(), source };
        Ok(RunReader::new(opened.map_err(problem)?))
    }

    /// What can be said without making anything again: manifests, and files that do not belong here.
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
            let has_manifest = self.reader.has(&path(&folder, manifest::NAME));
            // A run that was killed before its last moment has no manifest of its own yet.
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

/// Whether a summary has what a folder holds: then the folder was finished.
fn is_known(summary: &Summary, folder: &str) -> bool {
    let index = |parent: &str| folder.strip_prefix(parent).and_then(|index| index.parse::<u32>().ok());
    let scored = summary.iterations.iter().map(|it| it.index);
    let iterations = scored.chain(summary.unscored.iter().map(|it| it.index));
    let tests = summary.test.iter().map(|it| it.index);
    index("iterations/").is_some_and(|index| iterations.into_iter().any(|it| it == index))
        || index("test/").is_some_and(|index| tests.into_iter().any(|it| it == index))
}

/// A file's path in the run.
fn path(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}

/// What is not as it was when a run was made, and can change what a source compiles to.
pub fn other_tools(config: &Config, here: &Compiler) -> Vec<Finding> {
    let flags = mmh_engine::compile::FLAGS.join(" ");
    let pairs = [
        ("rustc", config.toolchain.rustc.clone(), here.toolchain().version.clone()),
        ("target", config.toolchain.target.clone(), mmh_engine::toolchain::TARGET.to_owned()),
        ("flags", config.toolchain.flags.join(" "), flags),
        ("sdk source", config.sdk_digest.to_string(), sdk::source_digest().to_string()),
        ("sdk build", config.sdk_build_digest.to_string(), here.sdk().digest.to_string()),
        ("wit", config.wit.digest.to_string(), Digest::of(sdk::WIT).to_string()),
    ];
    let differs = pairs.into_iter().filter(|(_, recorded, here)| recorded != here);
    let mut differs: Vec<Finding> =
        differs.map(|(what, recorded, here)| Finding::new(what, recorded, here)).collect();
    let (recorded, here) = (&config.toolchain, here.tools());
    differs.extend(other_programs("compiler", &recorded.compiler, &here.compiler));
    differs.extend(other_programs("linker", &recorded.linker, &here.linker));
    differs
}

/// Programs that are not the recorded ones, each by itself where they have the same names.
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
