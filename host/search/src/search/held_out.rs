//! The held-out scores, after the search: of the best harness first, because that is the purpose of the search, then of the
//! baseline.

use std::sync::Arc;

use super::{
    Search, SearchError,
    judge::{put_result, tested},
    progress::Progress,
};
use crate::{
    evaluate::{
        EVALUATION_TIMEOUT, Evaluation, Evaluator, ExampleSet, Learned, Outcome, RecordedEvaluation, Retry,
        recorded_cost, sink::Recorder,
    },
    score::score,
};
use mmh_models::{
    cancel::{Cancel, Stop},
    metering::budget::Budget,
};
use mmh_record::{
    RecordError,
    data::Split,
    digest::Digest,
    format::{Cost, LearnRow, TestScore, Untested},
    layout,
    reader::RunReader,
    writer::IterationWriter,
};

/// What all held-out evaluations of a search have in common.
struct Terms {
    retry: Retry,
    /// What their calls are billed to.
    account: Arc<Budget>,
}

impl Search {
    /// Scores the best iteration and the baseline on the held-out examples, once. If the model does not answer or the
    /// budget is spent, only those of them fail that make calls.
    pub(super) async fn held_out(&self, retry: Retry, progress: &mut Progress) -> Result<(), SearchError> {
        if !self.config.with_test || self.dataset.test.is_empty() {
            return Ok(());
        }
        let terms = Terms { retry, account: self.account() };
        for index in progress.finalists() {
            if self.ends_before(&layout::held_out(index))? {
                return Ok(());
            }
            let cancel = self.cancel.afresh();
            self.test(index, &terms, cancel.clone(), progress).await?;
            if cancel.why() == Some(Stop::Asked) {
                return Ok(());
            }
        }
        self.former(&terms, progress).await
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
                self.test(index, terms, self.cancel.afresh(), progress).await?;
                continue;
            }
            let folder = self.writer.test(index)?;
            if self.claims.is_some() {
                self.evaluate_held_out(index, terms, self.cancel.afresh(), &folder, progress).await?;
            }
            let calls = RecordedEvaluation::of(&folder, terms.retry)?.calls;
            let mut cost = Cost::default();
            for id in calls.ids() {
                cost += recorded_cost(&*calls.get(&id)?);
            }
            Arc::new(Recorder::new(&folder)?).finish(&folder, &self.dataset.test)?;
            progress.spend_held_out(cost, &terms.account, self);
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

    /// Scores one harness, unless it is stopped.
    async fn test(
        &self,
        index: u32,
        terms: &Terms,
        cancel: Cancel,
        progress: &mut Progress,
    ) -> Result<(), SearchError> {
        let folder = self.writer.test(index)?;
        let (learned, done) = self.evaluate_held_out(index, terms, cancel.clone(), &folder, progress).await?;
        progress.spend_held_out(done.cost, &terms.account, self);
        if let Some(reason) = done.timed_out {
            self.observer.note(format!("{index:03} has no held-out score: {reason}"));
            folder.seal()?;
            progress.summary.untested.push(Untested { index, status: EVALUATION_TIMEOUT.into(), reason });
            return Ok(self.write(progress)?);
        }
        let failed = cancel.why().is_some_and(|stop| stop != Stop::Asked);
        if !done.complete || failed {
            return folder.seal().map_err(SearchError::from);
        }
        let score = score(&done.rows, &learned, self.config.mock);
        folder.put_json(layout::SCORE, &score)?;
        let tested = tested(progress.component(index), Split::Test, &score, &done.rows);
        let stated = self.claims.as_ref().map(|claims| claims.stated(&layout::held_out(index)));
        put_result(&tested, stated.as_ref().unwrap_or(&self.config), &folder)?;
        folder.seal()?;
        progress.tested(TestScore { index, score });
        self.end_ahead(progress, |claims| claims.knows_test(index))?;
        Ok(self.write(progress)?)
    }

    /// Runs a harness over the held-out examples that have no recorded outcome.
    async fn evaluate_held_out(
        &self,
        index: u32,
        terms: &Terms,
        cancel: Cancel,
        folder: &IterationWriter,
        progress: &Progress,
    ) -> Result<(Learned, Evaluation<Outcome>), SearchError> {
        let learned = self.recall(index, progress).await?;
        let name = layout::held_out(index);
        let (past, refused) = match &self.claims {
            None => (RecordedEvaluation::of(folder, terms.retry)?, false),
            Some(claims) => claims.evaluation(&name, index)?,
        };
        let recorder = Arc::new(Recorder::new(folder)?);
        let evaluator = Evaluator { cancel: cancel.clone(), ..self.evaluator.billed_to(&terms.account) };
        let examples = &self.dataset.test;
        let set = ExampleSet { iteration: Some(index), ..ExampleSet::new(Split::Test, examples) };
        let keep = |row| Outcome::of(&row);
        let done = evaluator.evaluate_keeping(&learned, set, past, recorder.clone(), keep).await?;
        if let Some(claims) = &self.claims
            && progress.finalists().contains(&index)
            && done.timed_out.is_none()
            && (!done.complete || claims.was_cut_short_in_test(index, refused))
        {
            self.end_again(claims, &cancel, &name)?;
        }
        recorder.finish(folder, examples)?;
        Ok((learned, done))
    }

    /// A scored harness, with the state that it learned.
    async fn recall(&self, index: u32, progress: &Progress) -> Result<Learned, SearchError> {
        let reader = RunReader::new(self.writer.dir()?);
        let file = |name| RunReader::iteration_file(index, name);
        let damaged = |problem: String| RecordError::Damaged { file: file(layout::COMPONENT), problem };
        let component = reader.bytes(&file(layout::COMPONENT))?;
        if Digest::of(&component) != progress.component(index) {
            return Err(damaged("it is not what was evaluated".into()).into());
        }
        let built = self.builder.load(component).await?;
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
