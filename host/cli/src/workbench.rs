//! Puts the library's parts together for commands that compile or run harnesses.

use std::sync::Arc;

use clap::Args;

use crate::{environment, error::CliError, global::Global, limits::MachineArgs, terminal::Terminal};
use mmh_engine::{
    build::Builder,
    cache::Cache,
    compile::{Python, Rust},
    jail::{Jail, features},
    toolchain::{IfMissing, Toolchain, python, sdk},
};
use mmh_record::{
    built::Confinement, data::Columns, format::Config, language::HarnessLanguage, layout, limits::Limits,
    reader::RunReader,
};
use mmh_search::{
    dataset::{
        Dataset, Source,
        task::{self, TaskKind},
    },
    progress::Observer,
};

/// Finds the compiler of this language, builds the SDK if need be, and makes the sandbox, with the memory that the machine
/// gives.
pub async fn open(
    global: &Global,
    language: HarnessLanguage,
    limits: &Limits,
    machine: &MachineArgs,
    observer: &dyn Observer,
) -> Result<Builder, CliError> {
    let memory = machine.memory(limits)?;
    let cache = environment::cache(global)?;
    let jail = jail(global, observer)?;
    let limits = limits.clone();
    let builder = match language {
        HarnessLanguage::Rust => {
            let rust = rust(global, &cache, observer).await?;
            Builder::new(rust, jail, cache, limits, memory)
        }
        HarnessLanguage::Python => {
            let tools = python::find(&cache, &environment::for_compilers()).await?;
            Builder::new(Python::new(tools), jail, cache, limits, memory)
        }
    };
    let mut builder =
        builder.map_err(|error| CliError::host(format!("cannot start the WebAssembly engine: {error:#}")))?;
    let terminal = Terminal::new(global, false);
    builder.precompiler.tell(move |notice| terminal.notice(notice));
    Ok(builder)
}

/// The compiler of harnesses in Rust, with an SDK that it has built.
async fn rust(global: &Global, cache: &Cache, observer: &dyn Observer) -> Result<Rust, CliError> {
    let environment = environment::for_compilers();
    let tell = |notice| observer.notice(notice);
    let named = global.rustc.as_deref();
    let toolchain = Toolchain::find_or_recall(named, environment, IfMissing::Add, &tell, cache).await?;
    let sdk = sdk::ensure(cache, &toolchain, &tell).await?;
    Ok(Rust::new(toolchain, sdk, cache).await)
}

/// The jail: a whole one, or as much of one as there is, if that was asked for.
pub fn jail(global: &Global, observer: &dyn Observer) -> Result<Jail, CliError> {
    let jail = Jail::new(environment::this_program()?);
    match (features::landlock_abi(), global.allow_unconfined) {
        (Some(_), _) => Ok(jail),
        (None, true) => {
            observer.note(
                "warning: this kernel has no Landlock: a candidate's source may take in the user's files"
                    .into(),
            );
            Ok(jail.with(Confinement::NoLandlock))
        }
        (None, false) => Err(CliError::host(
            "this kernel has no Landlock, which keeps a candidate's source from taking in the user's files: Linux 5.13 or \
             newer has it, where it is enabled; --allow-unconfined goes on without it; `mmh doctor` shows what there is",
        )),
    }
}

/// Which columns of a data set hold texts and labels.
#[derive(Args)]
pub struct ColumnArgs {
    /// The column, or key, of the texts [default: question, input_text, text or input]
    #[arg(long, value_name = "NAME")]
    text_column: Option<String>,
    /// The column, or key, of the labels [default: answer, output_text or label]
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
}

impl ColumnArgs {
    pub fn resolve(&self) -> Columns {
        Columns { text: self.text_column.clone(), label: self.label_column.clone() }
    }
}

/// Loads a data set, and passes on what a careful user should know of it.
pub fn dataset(source: Source<'_>, seed: u64, observer: &dyn Observer) -> Result<Dataset, CliError> {
    let dataset = source.load(seed)?;
    tell_findings(&dataset, observer);
    Ok(dataset)
}

/// Passes on what a careful user should know of a data set.
pub fn tell_findings(dataset: &Dataset, observer: &dyn Observer) {
    for finding in &dataset.findings {
        observer.note(format!("warning: {}", finding.line()));
    }
}

/// Builds a task's own scorer, if it has one. Whoever evaluates does this first, before anything is spent.
pub async fn scorer(builder: &Builder, dataset: &mut Dataset) -> Result<(), CliError> {
    let name = dataset.scorer.as_ref().map(|scorer| scorer.name.clone()).unwrap_or_default();
    let language = builder.compiler.language();
    if !language.is_rust() && dataset.scorer.as_ref().is_some_and(|scorer| scorer.source().is_some()) {
        return Err(CliError::input(format!(
            "the task's scorer {name:?} is a source in Rust, and harnesses in {title} are compiled without Rust: name the scorer's \
             component (.wasm) in task.toml, or use harnesses in Rust",
            title = language.title()
        )));
    }
    dataset.build_scorer(builder).await?.map_err(|rejection| {
        CliError::examined(format!(
            "the task's scorer {name:?} is refused, so nothing is evaluated and nothing is spent: {}: {}\n{}",
            rejection.kind.name(),
            rejection.message,
            rejection.diagnostics
        ))
    })
}

/// The kind of a recorded run's task, which grades with the scorer of the run's folder, if it has one. Its component may be
/// a stranger's: it runs in the sandbox.
pub async fn kind_of_run(
    reader: &RunReader,
    config: &Config,
    builder: &Builder,
) -> Result<Arc<dyn TaskKind>, CliError> {
    let kind = task::kind_of_run(config)?;
    if kind.metric().spec().scorer.is_none() {
        return Ok(kind);
    }
    let built = builder.load_scorer(reader.bytes(layout::SCORER_COMPONENT)?).await?;
    built.map(|built| kind.graded_by(built)).map_err(|rejection| {
        let (kind, message) = (rejection.kind.name(), rejection.message);
        CliError::examined(format!("the run's scorer, scorer.wasm, is refused: {kind}: {message}"))
    })
}

/// A loaded data set as a run knows it, or a refusal if it is another one. A file may have another name now; the run's
/// prompts have the old one.
pub fn of_run(name: &str, mut dataset: Dataset, config: &Config) -> Result<Dataset, CliError> {
    let (expected, found) = (config.dataset_digest, dataset.digest);
    if found == expected {
        dataset.task.name.clone_from(&config.dataset);
        return Ok(dataset);
    }
    Err(CliError::input(format!(
        "the data set {name} is not the run's: sha256 {expected} is expected, {found} found"
    )))
}
