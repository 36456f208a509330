//! An iteration of a run, which is evaluated with other target models.

use super::setting::BenchArgs;
use crate::{
    baselines,
    commands::verify,
    error::CliError,
    global::Global,
    output_file::has_ending,
    project,
    whose::{self, For, Whose},
    workbench,
};
use mmh_record::{
    data::Split,
    format::{Config, Score, Summary},
    layout,
    limits::Limits,
    reader::RunReader,
    text,
};
use mmh_report::compare::{Grades, Numbers, board};
use mmh_search::{
    dataset::{BUILTIN, Dataset},
    inspect::Place,
    progress::Observer,
};

/// An iteration of a run.
pub struct OfRun {
    pub config: Config,
    pub whose: Whose,
    pub index: u32,
    reader: RunReader,
    place: Place,
}

/// What the run has on record of the iteration on the same split.
pub struct Recorded {
    pub score: Score,
    pub grades: Grades,
}

impl OfRun {
    /// The iteration that is asked for, if a run's folder is named. A stranger's folder decides nothing but which harness
    /// it is, and that its data set is wanted.
    pub fn open(global: &Global, args: &BenchArgs, iteration: Option<u32>) -> Result<Option<Self>, CliError> {
        let is_harness =
            has_ending(&args.harness, &[".rs", ".py", ".wasm"]) || baselines::is_shipped(&args.harness);
        if is_harness || !args.harness.is_dir() || project::is_project(&args.harness) {
            return match iteration {
                None => Ok(None),
                Some(_) => Err(CliError::input(format!(
                    "--iteration chooses one of a run, and {} is no run's folder",
                    text::path(&args.harness)
                ))),
            };
        }
        if !args.harness.join(layout::CONFIG).is_file() {
            return Err(CliError::input(format!(
                "{} is no run, which has a {}, and no project, which has a {} or a Cargo.toml; `mmh new NAME` makes one",
                text::path(&args.harness),
                layout::CONFIG,
                project::SETTINGS
            )));
        }
        let reader = RunReader::open(&args.harness)?;
        let config = reader.config()?;
        let best = || reader.summary().ok().and_then(|summary| summary.best_iteration_index);
        let index = iteration.or_else(best).ok_or_else(|| {
            CliError::input("the run has no best iteration yet: --iteration names the one that is evaluated")
        })?;
        let place = Place::find(&reader, index, args.split.into())?;
        Ok(Some(Self { config, whose: Whose::of(global, &reader)?, index, reader, place }))
    }

    /// The run's data set, or a refusal if it is another one.
    pub fn dataset(&self, args: &BenchArgs, observer: &dyn Observer) -> Result<Dataset, CliError> {
        let named = match &args.dataset {
            Some(named) => named.clone(),
            None => whose::dataset(self.whose, &self.config)?,
        };
        let named =
            Some(named.as_str()).filter(|name| *name != BUILTIN || self.config.dataset_path.is_some());
        let dataset = verify::dataset(named, &self.config)?.ok_or_else(|| {
            CliError::input(format!(
                "the data set {} is named with --dataset",
                text::name(&self.config.dataset)
            ))
        })?;
        let dataset = workbench::of_run(&self.config.dataset, dataset, &self.config)?;
        dataset.findings.iter().for_each(|it| observer.note(format!("warning: {}", it.line())));
        Ok(dataset)
    }

    /// The limits with which the run's harnesses are run again.
    pub fn limits(&self, args: &BenchArgs) -> Result<Limits, CliError> {
        whose::limits(self.whose, &self.config, &args.limits, For::Evaluation)
    }

    /// The bytes of the recorded component.
    pub fn component(&self) -> Result<Vec<u8>, CliError> {
        Ok(self.place.component(&self.reader)?)
    }

    /// The recorded source. Empty if it cannot be read: the component is what counts.
    pub fn source(&self) -> String {
        self.reader
            .text(&layout::file(&self.place.home, self.config.harness_language.source()))
            .unwrap_or_default()
    }

    /// What is on record of it on this split; nothing if it was not evaluated there. `Err` says what is wrong with it.
    pub fn recorded(&self, split: Split, numbers: &mut Numbers) -> Result<Option<Recorded>, String> {
        let Some(score) = self.score(split) else { return Ok(None) };
        let (file, mut damaged) = (layout::file(&self.place.folder, layout::TRACES), Vec::new());
        match board::checked(&self.reader, &file, numbers, &score, &mut damaged) {
            Some(grades) => Ok(Some(Recorded { score, grades })),
            None => Err(text::name(&damaged.join("; "))),
        }
    }

    fn score(&self, split: Split) -> Option<Score> {
        let Summary { iterations, test, .. } = self.reader.summary().ok()?;
        match split {
            Split::Train => None,
            Split::Val => iterations.into_iter().find(|it| it.index == self.index).map(|it| it.score),
            Split::Test => test.into_iter().find(|it| it.index == self.index).map(|it| it.score),
        }
    }
}
