//! One candidate up to its compiled harness. Its evaluation is in `judge`.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Search, SearchError, judge::CandidateOutcome, progress::Progress, schedule::Schedule};
use crate::{
    evaluate::{Evaluator, Retry},
    leaks,
    leaks::Lint,
    progress::Silent,
    propose::{
        self, Assignment, Material, Outcome, Proposer, Submission, ToolContext, Toolbox, Transcript,
        instructions,
    },
};
use mmh_engine::{build::Built, compile::Rejection};
use mmh_models::metering::Account;
use mmh_record::{
    baseline::Baseline,
    candidate::CandidateId,
    format::{Cost, GivenComponent, MAX_GIVEN_FILES, ProposerKind, ReadRow},
    layout,
    leak::Leak,
    reader::RunReader,
    text,
    writer::IterationWriter,
};

/// The reasoning that is recorded for a baseline: what its source says of itself.
fn reasoning_of(source: &str) -> String {
    let comment = source.lines().map_while(|line| line.strip_prefix("//!"));
    let about: Vec<&str> = comment.map(str::trim).take_while(|line| !line.is_empty()).collect();
    let about = about.join("\n");
    match about.split_once([':', '.']) {
        None => "# Baseline\n\nA harness that the search starts from.\n".to_owned(),
        Some((name, _)) => format!("# Baseline: {}\n\n{about}\n", name.replace('\n', " ")),
    }
}

/// The same for a baseline that is a component: what the run's configuration says of it.
fn reasoning_of_given(given: &GivenComponent) -> String {
    let files = given.files.iter().take(MAX_GIVEN_FILES);
    let files: String =
        files.map(|(name, digest)| format!("- `{}`, sha256 {digest}\n", text::one_line(name))).collect();
    let files = if files.is_empty() { files } else { format!("\n{files}") };
    let words = given.words();
    format!("# Baseline: a component\n\nThis harness is {words}. Its traces show what it does.\n{files}")
}

/// A candidate on its way to a score.
pub(super) struct Candidate {
    pub id: CandidateId,
    /// What its calls are billed to, and what stops it.
    pub account: Account,
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

/// A candidate that was proposed: its harness, or how the proposal ended without one.
pub(super) struct Proposed {
    pub candidate: Candidate,
    pub folder: IterationWriter,
    pub built: Result<Built, CandidateOutcome>,
}

impl Search {
    /// A harness that the search starts from, compiled.
    pub(super) async fn baseline(&self, id: CandidateId) -> Result<Proposed, SearchError> {
        let baseline = self.baselines.get(id.index as usize).cloned().unwrap_or_else(|| "".into());
        let (source, given) = (baseline.source().to_owned(), self.config.given(id.index));
        let folder = self.writer.iteration(id.index)?;
        let candidate = Candidate {
            id,
            account: self.share(id, &folder)?,
            reasoning: given.map_or_else(|| reasoning_of(&source), reasoning_of_given),
            source,
            reads: Vec::new(),
            cost: Cost::default(),
            started_at: self.began(id.index),
            leaks: Vec::new(),
        };
        // It has no proposer, so nothing was read for it.
        folder.put(layout::READS, &[])?;
        self.stage(id.index, "compiling the baseline");
        let refused = self.claims.as_ref().and_then(|claims| claims.rejected_baseline(id.index));
        if let Some((status, reason)) = refused {
            folder.put(layout::REASONING, candidate.reasoning.as_bytes())?;
            return Ok(Proposed {
                candidate,
                folder,
                built: Err(CandidateOutcome::Unscored { status, reason }),
            });
        }
        let built = self.compiling(self.builder.build_baseline(&baseline)).await?;
        // For proposals, `propose` has the same check.
        let admitted = built.and_then(|built| match self.config.deny_leaks {
            true => without_leaks(&self.lint, &candidate.source, built),
            false => Ok(built),
        });
        let built = match admitted {
            Ok(built) => Ok(built),
            Err(rejection) => {
                if let Baseline::Source(source) = &baseline {
                    folder.put(self.config.harness_language.source(), source.as_bytes())?;
                }
                folder.put(layout::REASONING, candidate.reasoning.as_bytes())?;
                let status = rejection.kind.name().to_owned();
                let reason = format!("{}\n{}", rejection.message, rejection.diagnostics);
                Err(CandidateOutcome::Unscored { status, reason })
            }
        };
        Ok(Proposed { candidate, folder, built })
    }

    /// Warns if a baseline answers no example.
    pub(super) fn warn_of_no_answer(&self, index: u32, progress: &Progress) {
        let scored = progress.summary.iterations.iter().find(|it| it.index == index).map(|it| &it.score);
        if let Some(score) = scored.filter(|it| it.n_errors == it.n_answers()) {
            let which = if self.baselines.len() == 1 { String::new() } else { format!(" {index:03}") };
            self.observer.note(format!(
                "warning: the baseline{which} answers none of {} examples; `mmh replay RUN --iteration {index}` shows why",
                score.n_examples
            ));
        }
    }

    /// A candidate that the proposer writes.
    pub(super) async fn proposal(
        &self,
        id: CandidateId,
        retry: Retry,
        progress: &Progress,
    ) -> Result<Proposed, SearchError> {
        let folder = self.writer.iteration(id.index)?;
        let (started_at, account) = (self.began(id.index), self.share(id, &folder)?);
        self.stage(id.index, "proposing");
        let (outcome, reads, cost) = self.propose(id, &account, retry, &folder, progress).await?;
        let (source, reasoning, leaks) = (String::new(), String::new(), Vec::new());
        let candidate = Candidate { id, account, source, reasoning, reads, cost, started_at, leaks };
        Ok(match outcome {
            Outcome::Submitted(Submission { source, reasoning, built }) => {
                let candidate = Candidate { source, reasoning, ..candidate };
                Proposed { candidate, folder, built: Ok(built) }
            }
            Outcome::Unsubmitted { status, reason } => {
                let built = Err(CandidateOutcome::Unscored { status, reason });
                Proposed { candidate, folder, built }
            }
        })
    }

    /// Lets the proposer work. Its transcript and its reads are on disk when this returns.
    async fn propose(
        &self,
        id: CandidateId,
        account: &Account,
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
        let protocol = &self.config.protocol;
        let known = protocol.first_of(id.generation);
        let history = propose::History::resume(reader, index.clone(), folder, answered, self.clock)?;
        let history = history.of_iterations_before(known);
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
            index: index.clone(),
            limits,
            observer: self.observer.clone(),
        };
        let material = Material::new(RunReader::new(self.writer.dir()?), index, &self.dataset, known);
        let transcript = Transcript::open(folder, past, self.clock)?;
        let mut toolbox = Toolbox::new(context, id, &transcript, history, trials)
            .within_summary(layout::MAX_TEXTS_BYTES / Schedule::of(&self.config_of(id.index)).len());
        if self.config.deny_leaks {
            toolbox = toolbox.refuse_leaks(&self.lint);
        }
        let opening =
            instructions::opening(id, protocol, &self.dataset, self.val.len(), limits.proposer_steps);
        let opening = opening
            + &instructions::protocol(protocol)
            + &instructions::rules(protocol, self.val.len())
            + &toolbox.target(&self.config.target_model, self.config.target_facts.as_ref())?
            + &instructions::limits(limits)
            + &toolbox.briefing()?;
        let account = account.clone();
        let assignment = Assignment { candidate: id, material, opening, transcript: &transcript, account };
        let proposal = self.proposer().propose(&assignment, &mut toolbox).await?;
        self.keep_log(id.index, folder, &proposal.log)?;
        transcript.end(&proposal.outcome)?;
        toolbox.keep_notes(folder, &proposal.outcome)?;
        let (reads, trial_cost) = toolbox.close(folder)?;
        transcript.close()?;
        let mut cost = proposal.cost;
        cost += trial_cost;
        Ok((proposal.outcome, reads, cost))
    }

    /// Keeps what a proposer outside of this process printed. A search that is made again takes it from the record.
    fn keep_log(&self, index: u32, folder: &IterationWriter, log: &str) -> Result<(), SearchError> {
        let claimed = self.claims.as_ref().map(|claims| claims.agent_log(index)).transpose()?.flatten();
        let log = claimed.as_deref().unwrap_or(log.as_bytes());
        if log.is_empty() { Ok(()) } else { Ok(folder.put(layout::AGENT_LOG, log)?) }
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
