//! The held-out scores, after the search: of the best harness, of the baselines, and of what else the run's protocol asks
//! for. Some are run at the same time; scores and costs are entered one after the other, the best one's first.

use std::sync::Arc;

use futures::stream::{self, StreamExt};

use super::{
    Search, SearchError,
    judge::{put_result, tested},
    progress::Progress,
};
use crate::{
    evaluate::{
        EVALUATION_TIMEOUT, Evaluation, Evaluator, ExampleSet, Learned, Outcome, RecordedEvaluation, Retry,
        sink::Recorder,
    },
    score::{score, with_cost},
};
use mmh_models::{
    cancel::{Cancel, Stop},
    metering::Account,
};
use mmh_record::{
    RecordError,
    data::Split,
    digest::Digest,
    format::{LearnRow, Score, TestScore, Untested},
    layout,
    reader::RunReader,
    writer::IterationWriter,
};

/// Most harnesses that are run at the same time.
const AT_ONCE: usize = 4;

/// What all held-out evaluations of a search have in common.
struct Terms {
    retry: Retry,
    /// What their calls are billed to.
    account: Account,
}

/// A harness that was run over the held-out examples.
struct Tried {
    index: u32,
    folder: IterationWriter,
    /// Whether calls were refused because the run was stopped.
    refused: bool,
    cancel: Cancel,
    learned: Learned,
    done: Evaluation<Outcome>,
}

impl Search {
    /// Scores the finalists on the held-out examples, once. If the model does not answer or the budget is spent, only those of
    /// them fail that make calls.
    pub(super) async fn held_out(&self, retry: Retry, progress: &mut Progress) -> Result<(), SearchError> {
        if !self.config.with_test || self.dataset.test.is_empty() {
            return Ok(());
        }
        let terms = Terms { retry, account: self.account(self.cancel.clone()) };
        let finalists = progress.finalists();
        // A run that is made again may have been stopped before the last one.
        let is_there =
            |index: &&u32| self.claims.as_ref().is_none_or(|claims| claims.has(&layout::held_out(**index)));
        let begun: Vec<u32> = finalists.iter().take_while(is_there).copied().collect();
        // What it notes has an order.
        let at_once = if self.claims.is_some() { 1 } else { begun.len().clamp(1, AT_ONCE) };
        let component = |index| progress.component(index);
        let tries: Vec<_> =
            begun.iter().map(|index| self.try_out(*index, component(*index), &terms)).collect();
        let tried: Vec<Result<Tried, SearchError>> = stream::iter(tries).buffered(at_once).collect().await;
        let mut is_stopped = false;
        for tried in tried {
            let tried = self.alone(tried?, &terms, progress).await?;
            is_stopped |= tried.cancel.why() == Some(Stop::Asked);
            is_stopped |= self.finish(tried, &terms, progress)? == Some(Stop::Asked);
        }
        if let Some(next) = finalists.get(begun.len())
            && self.ends_before(&layout::held_out(*next))?
        {
            return Ok(());
        }
        if is_stopped { Ok(()) } else { self.former(&terms, progress).await }
    }

    /// The same harness, continued by itself if it was cut off by what failed in the other evaluation alone.
    async fn alone(&self, tried: Tried, terms: &Terms, progress: &Progress) -> Result<Tried, SearchError> {
        let failed = tried.cancel.why().is_some_and(|stop| stop != Stop::Asked);
        if self.claims.is_some() || !failed || tried.refused {
            return Ok(tried);
        }
        self.try_out(tried.index, progress.component(tried.index), terms).await
    }

    /// Handles harnesses that were the best when the run ended earlier, before it was made longer. Their scores stay. An
    /// unfinished evaluation is not finished, but its cost counts.
    async fn former(&self, terms: &Terms, progress: &mut Progress) -> Result<(), SearchError> {
        let finalists = progress.finalists();
        let scored = progress.summary.iterations.iter().map(|it| it.index);
        for index in scored.filter(|index| !finalists.contains(index)).collect::<Vec<_>>() {
            if !self.was_begun(index)? {
                continue;
            }
            if self.was_finished(index)? {
                let tried = self.try_out(index, progress.component(index), terms).await?;
                self.finish(tried, terms, progress)?;
                continue;
            }
            if self.claims.is_some() {
                self.try_out(index, progress.component(index), terms).await?;
            }
            let folder = self.writer.test(index)?;
            let cost = RecordedEvaluation::of(&folder, terms.retry)?.cost_of_all()?;
            Arc::new(Recorder::new(&folder, &*self.evaluator.kind)?).finish(&folder, &self.dataset.test)?;
            progress.spend_held_out(cost, &terms.account.budget, self);
            folder.seal()?;
            self.write(progress)?;
        }
        Ok(())
    }

    /// Whether a held-out evaluation was begun.
    fn was_begun(&self, index: u32) -> Result<bool, SearchError> {
        Ok(match &self.claims {
            Some(claims) => claims.has(&layout::held_out(index)),
            None => RunReader::new(self.writer.dir()?).folder(&layout::held_out(index)).is_some(),
        })
    }

    /// Whether a held-out evaluation has a score.
    fn was_finished(&self, index: u32) -> Result<bool, SearchError> {
        let score = layout::file(&layout::held_out(index), layout::SCORE);
        Ok(match &self.claims {
            Some(claims) => claims.has_file(&score),
            None => RunReader::new(self.writer.dir()?).has(&score),
        })
    }

    /// Scores one harness, unless it was stopped. Says why a run that is made again ends with it, if it does.
    fn finish(
        &self,
        tried: Tried,
        terms: &Terms,
        progress: &mut Progress,
    ) -> Result<Option<Stop>, SearchError> {
        let Tried { index, folder, refused, cancel, done, .. } = &tried;
        let (index, refused) = (*index, *refused);
        // One that is made again is stopped by its own record alone.
        let cancel = if self.claims.is_some() { self.cancel.afresh() } else { cancel.clone() };
        if let Some(claims) = &self.claims
            && progress.finalists().contains(&index)
            && done.timed_out.is_none()
            && (!done.complete || claims.was_cut_short_in_test(index, refused))
        {
            self.end_again(claims, &cancel, &layout::held_out(index))?;
        }
        progress.spend_held_out(done.cost, &terms.account.budget, self);
        if let Some(reason) = done.timed_out.clone() {
            self.observer.note(format!("{index:03} has no held-out score: {reason}"));
            folder.seal()?;
            progress.summary.untested.push(Untested { index, status: EVALUATION_TIMEOUT.into(), reason });
            self.write(progress)?;
            return Ok(None);
        }
        let failed = cancel.why().is_some_and(|stop| stop != Stop::Asked);
        if !done.complete || failed {
            folder.seal()?;
            return Ok(cancel.why());
        }
        let score = self.record_score(&tried, progress.component(index))?;
        self.warn_of_scorer(index, &score);
        progress.tested(TestScore { index, score });
        self.end_ahead(progress, |claims| claims.knows_test(index))?;
        self.write(progress)?;
        Ok(None)
    }

    /// Writes the score of a whole evaluation of this component.
    fn record_score(&self, tried: &Tried, component: Digest) -> Result<Score, SearchError> {
        let Tried { index, folder, learned, done, .. } = tried;
        let score = score(&done.rows, self.evaluator.kind.objective(), learned, self.config.mock);
        let score = with_cost(score, &done.cost);
        folder.put_json(layout::SCORE, &score)?;
        let tested = tested(component, Split::Test, &score, &done.rows);
        let stated = self.claims.as_ref().map(|claims| claims.stated(&layout::held_out(*index)));
        put_result(&tested, stated.as_ref().unwrap_or(&self.config), folder)?;
        folder.seal()?;
        Ok(score)
    }

    /// Makes the held-out evaluations again that the recorded run had when it was made longer, and that it did not come to
    /// again, because it was stopped or killed. They are in no summary.
    pub(super) async fn held_out_before(&self, retry: Retry, progress: &Progress) -> Result<(), SearchError> {
        let terms = Terms { retry, account: self.account(self.cancel.clone()) };
        let made = RunReader::new(self.writer.dir()?);
        // What stopped the search came after them.
        let stop = self.cancel.lift();
        for index in progress.summary.iterations.iter().map(|it| it.index) {
            if made.folder(&layout::held_out(index)).is_some() || !self.was_begun(index)? {
                continue;
            }
            let component = progress.component(index);
            let tried = self.try_out(index, component, &terms).await?;
            match self.was_finished(index)? && tried.done.complete {
                true => drop(self.record_score(&tried, component)?),
                false => drop(tried.folder.seal()?),
            }
        }
        if let Some(stop) = stop {
            self.cancel.stop(stop);
        }
        Ok(())
    }

    /// Runs a harness, whose component has this digest, over the held-out examples that have no recorded outcome.
    async fn try_out(&self, index: u32, component: Digest, terms: &Terms) -> Result<Tried, SearchError> {
        let folder = self.writer.test(index)?;
        let cancel = self.cancel.afresh();
        let learned = self.recall(index, component).await?;
        let (past, mut refused) = match &self.claims {
            None => (RecordedEvaluation::of(&folder, terms.retry)?, false),
            Some(claims) => claims.evaluation(&layout::held_out(index), index)?,
        };
        let recorder = Arc::new(Recorder::new(&folder, &*self.evaluator.kind)?);
        let evaluator = Evaluator { cancel: cancel.clone(), ..self.evaluator.billed_to(&terms.account) };
        let examples = &self.dataset.test;
        let (iteration, trials) = (Some(index), self.config.protocol.trials);
        let set = ExampleSet { iteration, trials, ..ExampleSet::new(Split::Test, examples) };
        let keep = |row| Outcome::of(&row);
        let done = evaluator.evaluate_keeping(&learned, set, past, recorder.clone(), keep).await?;
        recorder.finish(&folder, examples)?;
        if self.claims.is_none() && cancel.is_cancelled() {
            refused = RecordedEvaluation::was_refused(&folder)?;
        }
        Ok(Tried { index, folder, refused, cancel, learned, done })
    }

    /// A scored harness, with the state that it learned.
    async fn recall(&self, index: u32, component: Digest) -> Result<Learned, SearchError> {
        let reader = RunReader::new(self.writer.dir()?);
        let file = |name| RunReader::iteration_file(index, name);
        let damaged = |problem: String| RecordError::Damaged { file: file(layout::COMPONENT), problem };
        let bytes = reader.bytes(&file(layout::COMPONENT))?;
        if Digest::of(&bytes) != component {
            return Err(damaged("it is not what was evaluated".into()).into());
        }
        let built = self.compiling(self.builder.load(bytes)).await?;
        let built = built.map_err(|rejection| damaged(rejection.message))?;
        let state = match reader.has(&file(layout::STATE)) {
            true => reader.bytes(&file(layout::STATE))?,
            false => Vec::new(),
        };
        let mut fuel = 0u64;
        for row in reader.rows::<LearnRow>(&file(layout::BATCHES))? {
            fuel = fuel.saturating_add(row?.fuel);
        }
        Ok(Learned { fuel, ..Learned::with_state(built, state) })
    }
}
