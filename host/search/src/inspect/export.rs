//! Exports one harness of a run: source, binary, statements, scores and task, which is enough to use it again.
//!
//! An export has no rows of the data set, no traces and no state, which may contain train texts, because the data set has
//! a licence of its own. It has no places either: no paths and no addresses of servers.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AuditError, Place};
use mmh_record::{
    RecordError,
    data::Split,
    digest::Digest,
    format::{Config, Score},
    json_bytes,
    language::HarnessLanguage,
    layout,
    manifest::{self, Finding},
    objective::Objective,
    plain,
    reader::RunReader,
    text,
};

/// The files of an iteration that are exported, with their new names.
const OF_ITERATION: [(&str, &str); 6] = [
    (layout::SOURCE, layout::SOURCE),
    (layout::PYTHON_SOURCE, layout::PYTHON_SOURCE),
    (layout::COMPONENT, layout::COMPONENT),
    (layout::PROVENANCE, layout::PROVENANCE),
    (layout::SCORE, layout::SCORE),
    (layout::TEST_RESULT, layout::TEST_RESULT),
];

/// The same for its held-out evaluation, if it has one.
const OF_HELD_OUT: [(&str, &str); 2] =
    [(layout::SCORE, "held-out-score.json"), (layout::TEST_RESULT, "held-out-test-result.json")];

/// The file with the run's configuration, from which the other files are checked (see `verify::export`).
pub const RUN: &str = "run.json";
/// The file with the task: instructions, labels, and the data set's digest.
pub const TASK: &str = "task.json";
/// The signatures of the statements, where the run has any (see `mmh_exports::signing::bundle`).
pub const SIGNATURES: &str = "signatures.intoto.jsonl";
/// The page for people.
pub const README: &str = "README.md";

/// All names of files that an export can have.
pub fn names() -> impl Iterator<Item = &'static str> {
    let taken = OF_ITERATION.iter().chain(&OF_HELD_OUT).map(|(_, to)| *to);
    taken.chain([TASK, RUN, SIGNATURES, README])
}

/// An export before it is written.
#[derive(Debug)]
pub struct Package {
    /// The iteration's index.
    pub index: u32,
    /// Digest of the component.
    pub component: Digest,
    /// The validation score.
    pub score: Score,
    /// The held-out score, if there is one.
    pub held_out: Option<Score>,
    /// Names and contents of all files but the README.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The iteration does not exist, or cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// No iteration was named, and the run has no best one.
    #[error("the run has no scored iteration to export")]
    NothingScored,
    /// The iteration lacks a file that an export needs.
    #[error("iteration {index} was not scored: there is no {file}")]
    Unscored {
        /// The iteration's index.
        index: u32,
        /// The missing file.
        file: String,
    },
    /// A file does not match the run's manifests.
    #[error(
        "{} is not as it was recorded: {} expected, {} found; `mmh verify` checks the whole run",
        .0.file, .0.expected, .0.found
    )]
    NotAsRecorded(Finding),
    /// The folder to write is not empty.
    #[error("{0} exists already and is not empty")]
    NotEmpty(PathBuf),
    /// The folder cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl From<RecordError> for ExportError {
    fn from(error: RecordError) -> Self {
        Self::Audit(error.into())
    }
}

/// Reads the files of an iteration, and checks them against the run's manifests. Without an index it is the best
/// iteration.
pub fn gather(reader: &RunReader, config: &Config, index: Option<u32>) -> Result<Package, ExportError> {
    let index = match index {
        Some(index) => index,
        None => reader.summary()?.best_iteration_index.ok_or(ExportError::NothingScored)?,
    };
    let place = Place::find(reader, index, Split::Val)?;
    let held_out = layout::held_out(index);
    let has_held_out = reader.has(&layout::file(&held_out, layout::SCORE));
    check(reader, &place.home)?;
    let others = HarnessLanguage::ALL.into_iter().filter(|language| *language != config.harness_language);
    let without = config.given(index).map(|_| config.harness_language);
    let others: Vec<&str> = others.chain(without).map(HarnessLanguage::source).collect();
    let wanted: Vec<_> = OF_ITERATION.into_iter().filter(|(from, _)| !others.contains(from)).collect();
    let mut files = take(reader, index, &place.home, &wanted)?;
    if has_held_out {
        check(reader, &held_out)?;
        files.extend(take(reader, index, &held_out, &OF_HELD_OUT)?);
    }
    files.push((TASK, task(config)));
    files.push((RUN, json_bytes(&Exported { index, config: without_places(config) })));
    let score = reader.json(&format!("{}/{}", place.home, layout::SCORE))?;
    let held_out =
        if has_held_out { Some(reader.json(&layout::file(&held_out, layout::SCORE))?) } else { None };
    let component =
        files.iter().find(|(name, _)| *name == layout::COMPONENT).map(|(_, bytes)| Digest::of(bytes));
    let component = component.unwrap_or_else(|| Digest::of([]));
    Ok(Package { index, component, score, held_out, files })
}

/// The content of `run.json`.
#[derive(Serialize, Deserialize)]
pub struct Exported {
    /// The iteration that was exported.
    pub index: u32,
    /// The run's configuration without paths, addresses and budget.
    pub config: Config,
}

mmh_record::recorded!(Exported);

/// The content of `task.json`.
pub fn task(config: &Config) -> Vec<u8> {
    let task = json!({
        "name": config.dataset,
        "instructions": config.task.instructions,
        "labels": config.task.labels,
        "dataset_sha256": config.dataset_digest,
    });
    format!("{task:#}\n").into_bytes()
}

/// A configuration without paths, addresses and budget.
fn without_places(config: &Config) -> Config {
    let mut config = Config { dataset_path: None, budget_usd: None, ..config.clone() };
    config.providers.values_mut().for_each(|provider| provider.base_url.clear());
    config
}

/// Checks a folder's files, the manifest that lists them, and the run's own files.
fn check(reader: &RunReader, folder: &str) -> Result<(), ExportError> {
    let problem = |source| RecordError::Io { action: "open", file: folder.to_owned(), source };
    let dir = plain::folder(reader.dir(), folder).map_err(problem)?;
    let own = manifest::check(reader.dir(), "");
    let listed = reader.json::<manifest::Manifest>(manifest::NAME).unwrap_or_default();
    let path = format!("{folder}/{}", manifest::NAME);
    let unlisted = (!listed.files.contains_key(&path))
        .then(|| Finding::new(&path, "listed by the run's manifest", "a file that is in no manifest"));
    let first = own.into_iter().chain(unlisted).chain(manifest::check(&dir, folder)).next();
    first.map_or(Ok(()), |finding| Err(ExportError::NotAsRecorded(finding)))
}

fn take(
    reader: &RunReader,
    index: u32,
    folder: &str,
    wanted: &[(&str, &'static str)],
) -> Result<Vec<(&'static str, Vec<u8>)>, ExportError> {
    let mut files = Vec::new();
    for (from, to) in wanted {
        let path = format!("{folder}/{from}");
        if !reader.has(&path) {
            return Err(ExportError::Unscored { index, file: path });
        }
        files.push((*to, reader.bytes(&path)?));
    }
    Ok(files)
}

/// Writes a package and its README into a folder that does not exist yet or is empty. The folder appears whole or not at
/// all.
pub fn write(package: &Package, readme: &str, folder: &Path) -> Result<(), ExportError> {
    let problem = |source| ExportError::Write { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map(|mut entries| entries.next().is_some());
    match entries {
        Ok(true) => return Err(ExportError::NotEmpty(folder.to_owned())),
        Ok(false) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(problem(error)),
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(problem)?;
    let beside = tempfile::Builder::new().prefix(".mmh-export-").tempdir_in(parent).map_err(problem)?;
    let inner = beside.path().join("export");
    fs::create_dir(&inner).map_err(problem)?;
    let files = package.files.iter().map(|(name, bytes)| (*name, bytes.as_slice()));
    for (name, bytes) in files.chain([(README, readme.as_bytes())]) {
        let mut file = fs::File::create(inner.join(name)).map_err(problem)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(problem)?;
    }
    // This also replaces an empty folder.
    fs::rename(&inner, folder).map_err(problem)
}

/// The text of the README. `command` is the shell command that evaluates the harness again.
pub fn readme(package: &Package, config: &Config, command: &str) -> String {
    let plain = |text: &str| text::one_line(text).replace(['`', '|', '<', '>', '[', ']', '*', '_'], " ");
    let mut out = format!(
        "# A harness of run {run}\nIteration {index:03} of a search by mmh {host} over `{dataset}`, for the target \
         model `{model}`. {simulated}\n\n",
        run = plain(&config.run_id),
        index = package.index,
        host = plain(&config.host_version),
        dataset = plain(&config.dataset),
        model = plain(&config.target_model),
        simulated = if config.mock {
            "Its models were SIMULATED: the accuracy says nothing about a real model."
        } else {
            "The validation score belongs to the best of several: it is an optimistic estimate."
        },
    );
    let objective = Objective::of(config);
    out += &format!("| examples | right | {} | 95 % interval |\n|---|---|---|---|\n", objective.name());
    for (name, score) in [("validation", Some(&package.score)), ("held out", package.held_out.as_ref())] {
        let Some(score) = score else { continue };
        let (figure, unit) = (score.figure(objective), objective.unit());
        let [low, high] = [figure.interval.low, figure.interval.high].map(|end| unit.number(end));
        out += &format!(
            "| {name} | {} of {} | {} | {low} to {high} {} |\n",
            score.n_correct,
            score.n_answers(),
            figure.spaced(),
            unit.sign()
        );
    }
    if let Some(scorer) = config.task.metric.as_ref().and_then(|metric| metric.scorer) {
        out += &format!(
            "\nThe answers were graded by the task's own scorer, a program that is not part of this folder; its sha256 is \
             `{}`.\n",
            scorer.digest()
        );
    }
    out += "\n## Use it again\n";
    out += &format!("```sh\n{command}\n```\n\n");
    out += &format!(
        "The data set is not part of this folder; its digest has to be `{}`. Rows, traces and what the harness \
         has learned were left out: it learns anew. {source}\n\n",
        config.dataset_digest,
        source = about_source(package.index, config),
    );
    out += "## Files\n| file | sha256 |\n|---|---|\n";
    for (name, bytes) in &package.files {
        out += &format!("| {name} | `{}` |\n", Digest::of(bytes));
    }
    out
}

/// What is to be known of the source of an exported harness.
fn about_source(index: u32, config: &Config) -> String {
    if config.given(index).is_some() {
        let about = "`harness.wasm` was not compiled by mmh, and its source is not recorded: `provenance.json` has what was \
                     said of how it was made.";
        return about.to_owned();
    }
    let source = config.harness_language.source();
    format!(
        "`{source}` was written by a model that saw train examples and may quote them. `mmh eval {source}` compiles the \
         source, which gives `harness.wasm` bit for bit with the compiler that `provenance.json` names."
    )
}
