//! The held-out score, after the search: of the best harness first, since that is what the search is for,
//! then of the baseline.

use std::sync::Arc;

use super::{STATE, Search, SearchError, progress::Progress};
use crate::{
    cancel::{Cancel, Stop},
    dataset::Split,
    digest::Digest,
    evaluate::{Evaluator, Learned, Past, Retry, recorded_cost, sink::Recorder},
    record::{
        RecordError,
        format::{LearnRow, TestScore},
        manifest,
        reader::RunReader,
    },
    score::score,
};

/// The file that says that an evaluation is complete.
const SCORE: &str = "score.json";

impl Search {
    /// Scores the best iteration and the baseline on the held-out examples, once. A model that is dead, or
    /// that there is no money for, fails only those of them that call it.
    pub(super) async fn held_out(&self, retry: Retry, progress: &mut Progress) -> Result<(), SearchError> {
        if !self.config.with_test || self.dataset.test.is_empty() {
            return Ok(());
        }
        for index in progress.finalists() {
            let cancel = self.cancel.afresh();
            self.test(index, retry, cancel.clone(), progress).await?;
            if cancel.why() == Some(Stop::Asked) {
                return Ok(());
            }
        }
        self.former(retry, progress).await
    }

    /// Harnesses that were the best when the run ended before it was made longer. Their scores are known and
    /// stay; what an unfinished one has cost counts, and it is not finished.
    async fn former(&self, retry: Retry, progress: &mut Progress) -> Result<(), SearchError> {
        let finalists = progress.finalists();
        let listed = |source| RecordError::Io { action: "list", file: "the run folder".into(), source };
        let folders = manifest::folders_of(&self.writer.dir()?).map_err(listed)?;
        let scored = progress.summary.iterations.iter().map(|it| it.index);
        let is_former =
            |index: &u32| !finalists.contains(index) && folders.contains(&format!("test/{index:03}"));
        for index in scored.filter(is_former).collect::<Vec<_>>() {
            if RunReader::new(self.writer.dir()?).has(&format!("test/{index:03}/{SCORE}")) {
                self.test(index, retry, self.cancel.afresh(), progress).await?;
                continue;
            }
            let folder = self.writer.test(index)?;
            let cost = recorded_cost(Past::of(&folder, retry)?.calls.values());
            progress.spend(None, cost, &self.budget);
            folder.seal()?;
            self.write(progress)?;
        }
        Ok(())
    }

    /// Scores one harness, unless it is stopped.
    async fn test(
        &self,
        index: u32,
        retry: Retry,
        cancel: Cancel,
        progress: &mut Progress,
    ) -> Result<(), SearchError> {
        let learned = self.recall(index, progress).await?;
        let folder = self.writer.test(index)?;
        let past = Past::of(&folder, retry)?;
        let recorder = Arc::new(Recorder::new(&folder)?);
        let evaluator = Evaluator { cancel: cancel.clone(), ..self.evaluator.clone() };
        let (examples, split, sink) = (&self.dataset.test, Split::Test, recorder.clone());
        let done = evaluator.evaluate(&learned, examples, split, Some(index), past, sink).await?;
        recorder.finish(&folder, examples)?;
        progress.spend(None, done.cost, &self.budget);
        if let Some(reason) = done.timed_out {
            self.observer.note(format!("{index:03} has no held-out score: {reason}"));
            return folder.seal().map_err(SearchError::from);
        }
        let failed = cancel.why().is_some_and(|stop| stop != Stop::Asked);
        if !done.complete || failed {
            return folder.seal().map_err(SearchError::from);
        }
        let score = score(&done.rows, &learned, self.config.mock);
        folder.put_json(SCORE, &score)?;
        self.put_result(split, progress.component(index), &score, &done.rows, &folder)?;
        folder.seal()?;
        progress.tested(TestScore { index, score });
        Ok(self.write(progress)?)
    }

    /// A harness that was scored, as it was when it had learned.
    async fn recall(&self, index: u32, progress: &Progress) -> Result<Learned, SearchError> {
        let reader = RunReader::new(self.writer.dir()?);
        let file = |name| RunReader::iteration_file(index, name);
        let damaged = |name, problem: String| RecordError::Damaged { file: file(name), problem };
        let component = reader.bytes(&file("harness.wasm"))?;
        if Digest::of(&component) != progress.component(index) {
            return Err(damaged("harness.wasm", "it is not what was evaluated".into()).into());
        }
        let built = self.builder.load(component).await?;
        let built = built.map_err(|rejection| damaged("harness.wasm", rejection.message))?;
        let state = match reader.has(&file(STATE)) {
            true => reader.bytes(&file(STATE))?,
            false => Vec::new(),
        };
        let batches: Vec<LearnRow> = reader.lines(&file("learn_trace.jsonl"))?;
        let fuel = batches.iter().map(|row| row.fuel).fold(0, u64::saturating_add);
        Ok(Learned { fuel, ..Learned::with_state(built.prepared, state) })
    }
}
