//! The outer loop, and the only module that knows every stage: the baselines, then propose, evaluate and
//! record, generation by generation, then the held-out score.
//!
//! Everything is written when it is known. A failure of one candidate ends its iteration; only an error that stops the host
//! ends the run. An interrupted run can be resumed: every stage begins with its record, and does the rest.
//!
//! `schedule` says which candidates there are, `generation` takes those of one generation through the next two at the same
//! time: `candidate` gets a proposal, `judge` evaluates it. `early` decides whether another iteration makes sense, `held_out`
//! comes last, and `progress` keeps scores and costs.

mod account;
mod again;
mod candidate;
mod early;
mod generation;
mod held_out;
mod judge;
mod progress;
mod schedule;
mod scorer;
mod screening;

use std::sync::Arc;

use futures::future::BoxFuture;
use progress::Progress;
use schedule::Schedule;

pub use candidate::without_leaks;
pub use early::broken;
pub use schedule::goes_on_at;

use crate::{
    claims::Claims,
    dataset::{Dataset, Example},
    evaluate::{Evaluator, Retry},
    leaks::Lint,
    noted::Ending,
    progress::{Event, Observer},
    propose::{ProposeError, Proposer},
    times::Part,
};
use mmh_engine::{build::Builder, compile::CompileError};
use mmh_models::{
    cancel::{Cancel, Stop},
    metering::budget::Budget,
};
use mmh_record::{
    RecordError,
    baseline::Baseline,
    clock::Clock,
    format::{Config, Stopped, Summary},
    writer::RunWriter,
};
use mmh_report::frontier;

/// Everything a search works with.
pub struct Search {
    /// The run's configuration.
    pub config: Config,
    /// The task and its examples.
    pub dataset: Dataset,
    /// The validation examples of this run.
    pub val: Vec<Example>,
    /// The run's summary so far. A new run's has nothing but the configuration.
    pub summary: Summary,
    /// The baselines: the harnesses of the iterations 000 and on.
    pub baselines: Vec<Baseline>,
    /// Compiles candidates.
    pub builder: Builder,
    /// Finds held-back examples in candidates.
    pub lint: Lint,
    /// Runs candidates over examples.
    pub evaluator: Evaluator,
    /// Writes candidates.
    pub proposer: Arc<dyn Proposer>,
    /// The money of both models.
    pub budget: Arc<Budget>,
    /// Writes the run's folder.
    pub writer: RunWriter,
    /// Dates what is recorded.
    pub clock: Clock,
    /// Told about the progress.
    pub observer: Arc<dyn Observer>,
    /// Stops the search cleanly.
    pub cancel: Cancel,
    /// The claims of a recorded run that is repeated. `None` for every other search.
    pub claims: Option<Arc<Claims>>,
}

/// The run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// A source could not be compiled for a reason of the host.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The run's folder could not be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The run is repeated, and its record ends at this place.
    #[error("the record of the run ends at {0}")]
    RecordEnds(String),
}

impl From<ProposeError> for SearchError {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::Compile(error) => Self::Compile(error),
            ProposeError::Record(error) => Self::Record(error),
            ProposeError::RecordEnds => Self::RecordEnds("a proposal".into()),
        }
    }
}

impl Search {
    /// Runs the search, or the rest of it. Returns the summary, and why the search was stopped, if it was. A stopped search
    /// leaves a valid partial run.
    pub fn run(self) -> BoxFuture<'static, Result<(Summary, Option<Stop>), SearchError>> {
        Box::pin(self.run_all())
    }

    async fn run_all(self) -> Result<(Summary, Option<Stop>), SearchError> {
        let (mut progress, retry) = Progress::begin(&self)?;
        self.writer.unseal()?;
        self.record_scorer()?;
        self.write(&mut progress)?;
        let searched = self.search_all(retry, &mut progress).await;
        let ends = matches!(searched, Err(SearchError::RecordEnds(_))) || self.cancel.is_cancelled();
        if self.claims.is_some() && ends {
            self.held_out_before(retry, &progress).await?;
        }
        let early = searched?;
        match self.claims.as_ref().map(|claims| claims.ending()) {
            // The recorded run was asked to stop during its last example.
            Some(Ending::Stopped(stop)) => self.cancel.stop(stop),
            Some(Ending::Open) => return Err(SearchError::RecordEnds("the end of the run".into())),
            Some(Ending::Finished) | None => {}
        }
        let stop = self.cancel.why().or(early);
        match &stop {
            None => {
                let claimed = self.claims.as_ref().and_then(|claims| claims.finished_at());
                progress.summary.finished_at = Some(claimed.unwrap_or_else(|| self.clock.now()));
            }
            Some(stop) => {
                let (status, reason) = (stop.status().to_owned(), stop.reason().to_owned());
                progress.summary.stopped = Some(Stopped { status, reason });
            }
        }
        self.write(&mut progress)?;
        self.writer.seal()?;
        Ok((progress.summary, stop))
    }

    /// All generations, then the held-out scores. Says why the search ended early, if it did.
    async fn search_all(&self, retry: Retry, progress: &mut Progress) -> Result<Option<Stop>, SearchError> {
        let mut early = None;
        let schedule = Schedule::of(&self.config);
        for generation in schedule.generations() {
            let candidates = schedule.candidates(generation);
            let Some(first) = candidates.first().filter(|first| !progress.has(first.index)) else { continue };
            early = early::stop(&progress.summary, first.index);
            if early.is_some() || self.cancel.is_cancelled() || self.ends_before(&first.folder())? {
                break;
            }
            self.generation(&candidates, retry, progress).await?;
        }
        // The search is over, so the held-out score follows, unless the baseline is broken.
        if !self.cancel.is_cancelled() && !matches!(early, Some(Stop::BaselineBroken(_))) {
            self.held_out(retry, progress).await?;
        }
        Ok(early)
    }

    fn write(&self, progress: &mut Progress) -> Result<(), RecordError> {
        progress.take_time(self);
        self.writer.cost(&progress.cost)?;
        self.writer.summary(&progress.summary)?;
        self.writer.frontier(&frontier::of(&progress.summary))
    }

    /// Counts the time of some work as compiling.
    async fn compiling<T>(&self, work: impl Future<Output = T>) -> T {
        self.evaluator.times.during(Part::Compiling, work).await
    }

    fn stage(&self, index: u32, stage: &str) {
        self.observer.on(Event::Stage { iteration: index, stage: stage.to_owned() });
    }
}
