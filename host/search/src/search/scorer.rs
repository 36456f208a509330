//! What a search does about its task's own scorer, which was built before it began: it records the code, and says where the
//! scorer gave no grade.

use super::Search;
use mmh_record::{
    RecordError,
    format::Score,
    layout::{SCORER_COMPONENT, SCORER_SOURCE},
    metric::MetricKind,
    reader::RunReader,
};

impl Search {
    /// Records source and component of the scorer, so that everyone can read and run what has graded the answers. A run
    /// that goes on has them already.
    pub(super) fn record_scorer(&self) -> Result<(), RecordError> {
        let damaged = |file: &str, problem: &str| {
            Err(RecordError::Damaged { file: file.to_owned(), problem: problem.to_owned() })
        };
        let kind = &self.evaluator.kind;
        if kind.metric().spec().kind != MetricKind::Scorer {
            return Ok(());
        }
        let (Some(file), Some(built)) = (&self.dataset.scorer, kind.scorer()) else {
            return damaged(SCORER_COMPONENT, "the task's scorer is not built");
        };
        let folder = self.writer.root()?;
        let reader = RunReader::new(self.writer.dir()?);
        let source = file.source().map(|source| (SCORER_SOURCE, source.as_bytes()));
        let component = (SCORER_COMPONENT, &built.component.bytes[..]);
        for (name, bytes) in source.into_iter().chain([component]) {
            match reader.has(name) {
                false => folder.put(name, bytes)?,
                true if reader.bytes(name)? == bytes => {}
                true => return damaged(name, "it is not what the answers so far were graded with"),
            }
        }
        Ok(())
    }

    /// Warns if the scorer gave no grade for some answers of an evaluation.
    pub(super) fn warn_of_scorer(&self, index: u32, score: &Score) {
        if let Some(warning) = score.scorer.as_ref().and_then(|totals| totals.warning()) {
            self.observer.note(format!("warning: {index:03}: {warning}"));
        }
    }
}
