//! One iteration up to the compiled candidate. Its evaluation is in `judge`.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Search, SearchError, judge::CandidateOutcome, progress::Progress, schedule::Schedule};
use crate::{
    evaluate::{Evaluator, Retry},
    leaks,
    leaks::Lint,
    progress::Silent,
    propose::{
        self, Assignment, Outcome, Proposer, Submission, ToolContext, Toolbox, Transcript, instructions,
    },
};
use mmh_engine::{build::Built, compile::Rejection};
use mmh_models::metering::budget::Budget;
use mmh_record::{
    candidate::CandidateId,
    digest::Digest,
    format::{Cost, ProposerKind, ReadRow},
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
    pub id: CandidateId,
    /// What its calls are billed to.
    pub account: Arc<Budget>,
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
            id: CandidateId::BASELINE,
            account: self.account(),
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
                let outcome = CandidateOutcome::Unscored { status, reason };
                return self.conclude(candidate, Digest::of([]), outcome, &folder, progress);
            }
            None => self.compiling(self.builder.build(&candidate.source)).await?,
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
                let outcome = CandidateOutcome::Unscored { status, reason };
                self.conclude(candidate, Digest::of([]), outcome, &folder, progress)
            }
        }
    }

    /// Warns if the baseline answers no example.
    fn warn_of_no_answer(&self, progress: &Progress) {
        let scored = progress.summary.iterations.iter().find(|it| it.index == 0).map(|it| &it.score);
        if let Some(score) = scored.filter(|it| it.n_errors == it.n_answers()) {
            self.observer.note(format!(
                "warning: the baseline answers none of {} examples; `mmh replay RUN --iteration 0` shows why",
                score.n_examples
            ));
        }
    }

    /// An account of the run's budget. It has no limit but the run's.
    pub(super) fn account(&self) -> Arc<Budget> {
        Arc::new(self.budget.account(None))
    }

    pub(super) async fn iteration(
        &self,
        id: CandidateId,
        retry: Retry,
        progress: &mut Progress,
    ) -> Result<(), SearchError> {
        let (started_at, account) = (self.began(id.index), self.account());
        let folder = self.writer.iteration(id.index)?;
        self.stage(id.index, "proposing");
        let (outcome, reads, cost) = self.propose(id, &account, retry, &folder, progress).await?;
        let (source, reasoning, leaks) = (String::new(), String::new(), Vec::new());
        let candidate = Candidate { id, account, source, reasoning, reads, cost, started_at, leaks };
        match outcome {
            Outcome::Submitted(Submission { source, reasoning, built }) => {
                let candidate = Candidate { source, reasoning, ..candidate };
                self.judge(candidate, built, &folder, retry, progress).await
            }
            Outcome::Unsubmitted { status, reason } => {
                let outcome = CandidateOutcome::Unscored { status, reason };
                self.conclude(candidate, Digest::of([]), outcome, &folder, progress)
            }
        }
    }

    /// Lets the proposer work. Its transcript and its reads are on disk when this returns.
    async fn propose(
        &self,
        id: CandidateId,
        account: &Arc<Budget>,
        retry: Retry,
        folder: &IterationWriter,
        progress: &Progress,
    ) -> Result<(Outcome, Vec<ReadRow>, Cost), SearchError> {
        let past = match &self.claims {
            None => propose::RecordedProposal::of(folder)?,
            Some(claims) => claims.proposal(id.index)?,
        };
        let answered = past.answered_steps();
        let reader = RunReader::new(self.writer.dir()?);
        let index = progress.index.clone();
        let history = propose::History::resume(reader, index.clone(), folder, answered, self.clock)?;
        let history = history.again(past.again.as_ref().map(|it| it.read_times()).unwrap_or_default());
        let trials = match &self.claims {
            None => propose::Trials::resume(folder, answered, retry)?,
            Some(claims) => {
                let (calls, again) = claims.trials(id.index)?;
                propose::Trials::again(folder, calls, again)?
            }
        };
        let limits = &self.config.limits;
        let context = ToolContext {
            builder: &self.builder,
            evaluator: Evaluator { observer: Arc::new(Silent), ..self.evaluator.billed_to(account) },
            dataset: &self.dataset,
            val: &self.val,
            index,
            limits,
            observer: self.observer.clone(),
        };
        let transcript = Transcript::open(folder, past, self.clock)?;
        let mut toolbox = Toolbox::new(context, id, &transcript, history, trials)
            .within_summary(layout::MAX_TEXTS_BYTES / Schedule::of(&self.config_of(id.index)).len());
        if self.config.deny_leaks {
            toolbox = toolbox.refuse_leaks(&self.lint);
        }
        let opening = instructions::opening(id.index, &self.dataset, self.val.len(), limits.proposer_steps)
            + &instructions::protocol(&self.config.protocol);
        let account = account.clone();
        let assignment = Assignment { candidate: id, opening, transcript: &transcript, account };
        let proposal = self.proposer().propose(&assignment, &mut toolbox).await?;
        transcript.end(&proposal.outcome)?;
        let (reads, trial_cost) = toolbox.close(folder)?;
        transcript.close()?;
        let mut cost = proposal.cost;
        cost += trial_cost;
        Ok((proposal.outcome, reads, cost))
    }

    /// The proposer. A search that is made again needs none where the tool calls alone are on record.
    fn proposer(&self) -> Arc<dyn Proposer> {
        match (&self.claims, self.config.proposer_kind) {
            (Some(_), ProposerKind::Tools) => Arc::new(propose::Repeat {
                name: self.config.proposer_model.clone(),
                cancel: self.cancel.clone(),
            }),
            _ => self.proposer.clone(),
        }
    }
}
