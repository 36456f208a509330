//! Counts the replies that were cut off at their most tokens. The count is shown and never recorded.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use mmh_record::{
    RecordError,
    chat::StopReason,
    format::{CallRow, LearnRow, TraceRow},
};
use mmh_search::evaluate::Sink;

/// How many replies there were, and how many of them were cut off.
#[derive(Clone, Copy, Debug, Default)]
pub struct CutReplies {
    replies: u64,
    cut: u64,
}

impl CutReplies {
    /// What is said of them, if there were any.
    pub fn line(self) -> Option<String> {
        let Self { replies, cut } = self;
        let were = if cut == 1 { "was" } else { "were" };
        (cut > 0).then(|| {
            format!(
                "{cut} of {replies} replies {were} cut off at the request's most tokens (max_tokens): an answer that comes \
                 late in a reply is lost\n"
            )
        })
    }
}

/// Counts, and hands everything on.
pub struct Counting {
    to: Arc<dyn Sink>,
    replies: AtomicU64,
    cut: AtomicU64,
}

impl Counting {
    pub fn new(to: Arc<dyn Sink>) -> Self {
        Self { to, replies: AtomicU64::new(0), cut: AtomicU64::new(0) }
    }

    /// What was counted so far.
    pub fn found(&self) -> CutReplies {
        CutReplies { replies: self.replies.load(Ordering::Relaxed), cut: self.cut.load(Ordering::Relaxed) }
    }
}

impl Sink for Counting {
    fn call(&self, row: &CallRow) -> Result<(), RecordError> {
        if let Some(reply) = &row.reply {
            self.replies.fetch_add(1, Ordering::Relaxed);
            let is_cut = matches!(reply.stop_reason, StopReason::MaxTokens);
            self.cut.fetch_add(u64::from(is_cut), Ordering::Relaxed);
        }
        match self.to.wants_calls() {
            true => self.to.call(row),
            false => Ok(()),
        }
    }

    fn scorer_call(&self, row: &CallRow) -> Result<(), RecordError> {
        match self.to.wants_calls() {
            true => self.to.scorer_call(row),
            false => Ok(()),
        }
    }

    fn example(&self, row: &TraceRow) -> Result<(), RecordError> {
        self.to.example(row)
    }

    fn batch(&self, row: &LearnRow) -> Result<(), RecordError> {
        self.to.batch(row)
    }

    fn prediction(&self, row: &TraceRow) -> Result<(), RecordError> {
        self.to.prediction(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_replies_are_told() {
        // replies, cut, what is said
        let table = [
            (0, 0, None),
            (5, 0, None),
            (5, 1, Some("1 of 5 replies was cut off")),
            (5, 5, Some("5 of 5 replies were cut off")),
        ];
        for (replies, cut, said) in table {
            let found = CutReplies { replies, cut }.line();
            assert_eq!(found.is_some(), said.is_some());
            assert!(found.unwrap_or_default().starts_with(said.unwrap_or_default()));
        }
    }
}
