//! Evaluates all iterations of a run at once, before its search is repeated step by step. An evaluation depends on its
//! harness and its claims, and on no other iteration. The results are remembered, and used where the search makes exactly
//! the same calls.

use std::sync::Arc;

use futures::stream::{self, StreamExt};

use crate::{
    claims::Claims,
    dataset::{Dataset, Example},
    evaluate::{Evaluator, ExampleSet, Learned, Learning, Purpose, RecordedEvaluation, Sink, sink::Discard},
    noted::Notes,
    search::Search,
};
use mmh_engine::build::Built;
use mmh_record::{
    RecordError,
    baseline::Baseline,
    data::Split,
    layout::{self, Place},
    reader::RunReader,
};

/// The most examples of an evaluation that is made ahead. A larger one keeps all processors busy when its turn comes, and
/// its calls would take much memory until then.
const MAX_EXAMPLES: usize = 1_000;

/// What all evaluations need. Cheap to clone.
#[derive(Clone)]
struct Stage {
    evaluator: Evaluator,
    claims: Arc<Claims>,
    dataset: Arc<Dataset>,
    val: Arc<Vec<Example>>,
    trials: u32,
}

/// Makes a run's evaluations. Errors are ignored here: the search meets and reports them.
pub async fn evaluate(search: &Search, claims: &Arc<Claims>, recorded: &RunReader, folders: &[String]) {
    let stage = Stage {
        evaluator: search.evaluator.clone(),
        claims: claims.clone(),
        dataset: Arc::new(search.dataset.clone()),
        val: Arc::new(search.val.clone()),
        trials: search.config.protocol.trials,
    };
    let homes = folders.iter().filter_map(|folder| match layout::place(folder)? {
        (Place::Iteration, index) => Some(index),
        _ => None,
    });
    let runs = homes.map(|index| {
        let stage = stage.clone();
        async move {
            let baseline = match search.config.given(index) {
                Some(_) => search.baselines.get(index as usize)?.clone(),
                None => {
                    let path = RunReader::iteration_file(index, recorded.source_name());
                    Baseline::Source(recorded.text(&path).ok()?)
                }
            };
            // Sources that compile were compiled before.
            let is_ready = search.config.given(index).is_some() || search.builder.knows(baseline.source());
            if !is_ready {
                return None;
            }
            let built = search.builder.build_baseline(&baseline).await.ok()?.ok()?;
            let has_test = folders.contains(&layout::held_out(index));
            tokio::spawn(async move { stage.one(index, built, has_test).await }).await.ok()?.ok()
        }
    });
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    stream::iter(runs).buffer_unordered(at_once).for_each(|_| std::future::ready(())).await;
}

impl Stage {
    async fn one(self, index: u32, built: Built, has_test: bool) -> Result<(), RecordError> {
        if self.claims.memo.is_full() {
            return Ok(());
        }
        let sink: Arc<dyn Sink> = Arc::new(Discard);
        let past = self.past(&layout::iteration(index), index)?;
        let learned = self.evaluator.learn(built, &self.dataset.train, &past, &sink).await?;
        let Learning::Done(learned) = learned else { return Ok(()) };
        let val = ExampleSet { trials: self.trials, ..ExampleSet::new(Split::Val, &self.val) };
        self.evaluate(&learned, val, past, &sink).await?;
        if has_test {
            let past = self.past(&layout::held_out(index), index)?;
            let test = ExampleSet { trials: self.trials, ..ExampleSet::new(Split::Test, &self.dataset.test) };
            self.evaluate(&learned, test, past, &sink).await?;
        }
        Ok(())
    }

    /// An evaluation, if it is worth to be made ahead. What it comes to is in the memo.
    async fn evaluate(
        &self,
        learned: &Learned,
        set: ExampleSet<'_>,
        past: RecordedEvaluation,
        sink: &Arc<dyn Sink>,
    ) -> Result<(), RecordError> {
        if set.outcomes() <= MAX_EXAMPLES {
            self.evaluator.evaluate_keeping(learned, set, past, sink.clone(), drop).await?;
        }
        Ok(())
    }

    /// The claims of an evaluation. Its notes are dropped, because the search makes them again.
    fn past(&self, folder: &str, index: u32) -> Result<RecordedEvaluation, RecordError> {
        let (mut past, _) = self.claims.evaluation(folder, index)?;
        if let Purpose::Repeat(again) = &mut past.purpose {
            again.notes = Notes::default();
            again.is_ahead = true;
        }
        Ok(past)
    }
}
