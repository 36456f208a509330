//! The outer loop, and the only module that knows every stage: baseline, then propose, evaluate and
//! record, iteration by iteration, then the held-out score.
//!
//! Everything is written when it is known. What goes wrong with one candidate ends its iteration; only
//! what keeps the host from going on ends the run. A run that was cut off goes on: every stage begins with
//! what is on record of it, and does the rest.
//!
//! [`candidate`] is what is proposed, [`judge`] what becomes of it, [`early`] says when there is no sense in
//! another iteration, [`held_out`] comes last, and [`progress`] keeps the sums.

mod again;
mod candidate;
mod early;
mod held_out;
mod judge;
mod progress;

use std::sync::Arc;

use progress::Progress;

pub use candidate::without_leaks;
pub use early::broken;

use crate::{
    claims::Claims,
    dataset::{Dataset, Example},
    evaluate::Evaluator,
    leaks::Lint,
    noted::Ending,
    progress::{Event, Observer},
    propose::{ProposeError, Proposer},
};
use mmh_engine::{build::Builder, compile::CompileError};
use mmh_models::{
    cancel::{Cancel, Stop},
    metering::budget::Budget,
};
use mmh_record::{
    RecordError,
    clock::Clock,
    format::{Config, Stopped, Summary},
    writer::RunWriter,
};

/// The harness that every search starts from.
pub const BASELINE: &str = include_str!("../../../../baseline-harness/src/harness.rs");

/// Everything a search works with.
pub struct Search {
    pub config: Config,
    pub dataset: Dataset,
    /// The validation examples of this run.
    pub val: Vec<Example>,
    /// What is on record of the run. A new one has nothing but its configuration.
    pub summary: Summary,
    /// The source of iteration 000.
    pub baseline: String,
    pub builder: Builder,
    /// Finds held-back examples in candidates.
    pub lint: Lint,
    pub evaluator: Evaluator,
    pub proposer: Proposer,
    /// What both models spend from.
    pub budget: Arc<Budget>,
    pub writer: RunWriter,
    pub clock: Clock,
    pub observer: Arc<dyn Observer>,
    pub cancel: Cancel,
    /// A recorded run, from whose claims this one is made again.
    pub claims: Option<Arc<Claims>>,
}

/// The run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The run is made again, and its record goes no further than this place.
    #[error("the record of the run ends at {0}")]
    RecordEnds(String),
}

impl From<ProposeError> for SearchError {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::Compile(error) => Self::Compile(error),
            ProposeError::Record(error) => Self::Record(error),
            ProposeError::RecordEnds => Self::RecordEnds("a proposer's conversation".into()),
        }
    }
}

impl Search {
    /// Runs the whole search, or what is left of it. Stopped half-way, it leaves a valid partial run; why it
    /// was stopped is in the summary and is given as well.
    pub async fn run(self) -> Result<(Summary, Option<Stop>), SearchError> {
        let (mut progress, retry) = Progress::begin(&self);
        self.writer.unseal()?;
        self.write(&progress)?;
        let mut early = None;
        for index in 0..=self.config.iterations {
            if progress.has(index) {
                continue;
            }
            early = early::stop(&progress.summary, index);
            if early.is_some()
                || self.cancel.is_cancelled()
                || self.ends_before(&format!("iterations/{index:03}"))?
            {
                break;
            }
            match index {
                0 => self.baseline(retry, &mut progress).await?,
                _ => self.iteration(index, retry, &mut progress).await?,
            }
        }
        // Whatever the search came to, it is over, unless its baseline is broken.
        if !self.cancel.is_cancelled() && !matches!(early, Some(Stop::BaselineBroken(_))) {
            self.held_out(retry, &mut progress).await?;
        }
        match self.claims.as_ref().map(|claims| claims.ending()) {
            // Somebody asked a run to stop whose last example was under way.
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
        self.write(&progress)?;
        self.writer.seal()?;
        Ok((progress.summary, stop))
    }

    fn write(&self, progress: &Progress) -> Result<(), RecordError> {
        self.writer.cost(&progress.cost)?;
        self.writer.summary(&progress.summary)
    }

    fn stage(&self, index: u32, stage: &str) {
        self.observer.on(Event::Stage { iteration: index, stage: stage.to_owned() });
    }
}
