//! One iteration up to the compiled candidate. Its evaluation is in `judge`.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Search, SearchError, judge::CandidateOutcome, progress::Progress};
use crate::{
    evaluate::{Evaluator, Retry},
    leaks,
    leaks::Lint,
    progress::Silent,
    propose::{self, Outcome, Submission, ToolContext, Toolbox, instructions},
};
use mmh_engine::{build::Built, compile::Rejection};
use mmh_record::{
    digest::Digest,
    format::{Cost, ReadRow},
    layout,
    leak::Leak,
    reader::RunReader,
    writer::IterationWriter,
};

/// The reasoning that is recorded for the baseline.
const BASELINE_REASONING: &str =
    "# Baseline\n\nZero-shot: the labels, the text, one question. Every search starts here.\n";

/// A candidate on its way to a score.
pub(super) struct Candidate {
    pub index: u32,
    pub source: String,
    pub reasoning: String,
    pub reads: Vec<ReadRow>,
    pub cost: Cost,
    pub started_at: Timestamp,
    /// Held-back examples that it contains.
    pub leaks: Vec<Leak>,
}

/// Refuses a harness that contains held-back examples in its source or data.
pub fn without_leaks(lint: &Lint, source: &str, built: Built) -> Result<Built, Rejection> {
    leaks::refusal(&lint.check(source, &built.component.bytes)).map_or(Ok(built), Err)
}

impl Search {
    pub(super) async fn baseline(&self, retry: Retry, progress: &mut Progress) -> Result<(), SearchError> {
        let candidate = Candidate {
            index: 0,
            source: self.baseline.clone(),
            reasoning: BASELINE_REASONING.to_owned(),
            reads: Vec::new(),
            cost: Cost::default(),
            started_at: self.began(0),
            leaks: Vec::new(),
        };
        let folder = self.writer.iteration(0)?;
        // It has no proposer, so nothing was read for it.
        folder.put(layout::READS, &[])?;
        self.stage(0, "compiling the baseline");
        let built = match self.claims.as_ref().and_then(|claims| claims.rejected_baseline()) {
            Some((status, reason)) => {
                folder.put(layout::REASONING, candidate.reasoning.as_bytes())?;
                let fate = CandidateOutcome::Unscored { status, reason };
                return self.conclude(candidate, Digest::of([]), fate, &folder, progress);
            }
            None => self.builder.build(&candidate.source).await?,
        };
        // For proposals, `propose` has the same check.
        let admitted = built.and_then(|built| match self.config.deny_leaks {
            true => without_leaks(&self.lint, &candidate.source, built),
            false => Ok(built),
        });
        match admitted {
            Ok(built) => {
                self.judge(candidate, built, &folder, retry, progress).await?;
                self.warn_of_no_answer(progress);
                Ok(())
            }
            Err(rejection) => {
                folder.put(layout::SOURCE, candidate.source.as_bytes())?;
                folder.put(layout::REASONING, candidate.reasoning.as_bytes())?;
                let status = rejection.kind.name().to_owned();
                let reason = format!("{}\n{}", rejection.message, rejection.diagnostics);
                let fate = CandidateOutcome::Unscored { status, reason };
                self.conclude(candidate, Digest::of([]), fate, &folder, progress)
            }
        }
    }

    /// Warns if the baseline answers no example.
    fn warn_of_no_answer(&self, progress: &Progress) {
        let scored = progress.summary.iterations.iter().find(|it| it.index == 0).map(|it| &it.score);
        if let Some(score) = scored.filter(|it| it.n_errors == it.n_examples) {
            self.observer.note(format!(
                "warning: the baseline answers none of {} examples; `mmh replay RUN --iteration 0` shows why",
                score.n_examples
            ));
        }
    }

    pub(super) async fn iteration(
        &self,
        index: u32,
        retry: Retry,
        progress: &mut Progress,
    ) -> Result<(), SearchError> {
        let started_at = self.began(index);
        let folder = self.writer.iteration(index)?;
        self.stage(index, "proposing");
        let (outcome, reads, cost) = self.propose(index, retry, &folder).await?;
        match outcome {
            Outcome::Submitted(Submission { source, reasoning, built }) => {
                let leaks = Vec::new();
                let candidate = Candidate { index, source, reasoning, reads, cost, started_at, leaks };
                self.judge(candidate, built, &folder, retry, progress).await
            }
            Outcome::Unsubmitted { status, reason } => {
                let (source, reasoning) = (String::new(), String::new());
                let leaks = Vec::new();
                let candidate = Candidate { index, source, reasoning, reads, cost, started_at, leaks };
                let fate = CandidateOutcome::Unscored { status, reason };
                self.conclude(candidate, Digest::of([]), fate, &folder, progress)
            }
        }
    }

    /// Lets the proposer work. Its transcript and its reads are on disk when this returns.
    async fn propose(
        &self,
        index: u32,
        retry: Retry,
        folder: &IterationWriter,
    ) -> Result<(Outcome, Vec<ReadRow>, Cost), SearchError> {
        let past = match &self.claims {
            None => propose::RecordedConversation::of(folder)?,
            Some(claims) => claims.proposal(index)?,
        };
        let reader = RunReader::new(self.writer.dir()?);
        let history = propose::History::resume(reader, folder, past.answered_steps(), self.clock)?;
        let history = history.again(past.again.as_ref().map(|it| it.read_times()).unwrap_or_default());
        let trials = match &self.claims {
            None => propose::Trials::resume(folder, past.answered_steps(), retry)?,
            Some(claims) => {
                let (calls, again) = claims.trials(index)?;
                propose::Trials::again(folder, calls, again)?
            }
        };
        let limits = &self.config.limits;
        let context = ToolContext {
            builder: &self.builder,
            evaluator: Evaluator { observer: Arc::new(Silent), ..self.evaluator.clone() },
            dataset: &self.dataset,
            val: &self.val,
            limits,
        };
        let mut toolbox = Toolbox::new(context, history, trials)
            .within_summary(layout::MAX_TEXTS_BYTES / (u64::from(self.config_of(index).iterations) + 1))
            .again(past.again.clone());
        if self.config.deny_leaks {
            toolbox = toolbox.refuse_leaks(&self.lint);
        }
        let transcript = folder.append(propose::TRANSCRIPT)?;
        let opening = instructions::opening(index, &self.dataset, self.val.len(), limits.proposer_steps);
        let proposal = self.proposer.propose(index, opening, &past, &mut toolbox, &transcript).await?;
        transcript.finish()?;
        let (reads, trial_cost) = toolbox.close(folder)?;
        let mut cost = proposal.cost;
        cost += trial_cost;
        Ok((proposal.outcome, reads, cost))
    }
}
