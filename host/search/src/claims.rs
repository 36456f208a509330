//! The parts of a recorded run that nobody can derive: what the models said, when things happened, how long they took,
//! and how the run ended. `verify` repeats a search from these claims and compares the two.
//!
//! Not in here: how the claims are used. The code that runs a search for the first time also repeats one (`search`,
//! `propose`, `evaluate`).

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::{
    evaluate::{
        self, Purpose,
        again::{Again, Claimed},
        memo::Memo,
        recorded_replies::{Calls, Stored},
    },
    noted::{Ending, Missing, Notes},
    propose,
};
use mmh_engine::compile::RejectionKind;
use mmh_models::cancel::{SHARE_SPENT, Stop};
use mmh_record::{
    RecordError,
    format::{Config, CostFile, IterationCost, LearnRow, Learning, ProposerKind, Summary, TimeSpent},
    layout::{self, Place},
    leak::Leak,
    pricing::Price,
    reader::RunReader,
    recorded::Recorded,
    statements,
};

/// The claims of a recorded run.
pub struct Claims {
    reader: RunReader,
    summary: Summary,
    cost: Option<CostFile>,
    /// What cannot be derived on this machine.
    pub missing: Missing,
    /// What is noticed while the search is repeated.
    pub notes: Notes,
    /// Calls into harnesses that were made a moment ago.
    pub memo: Memo,
    /// The configurations of the run, the latest first. Some settings can change when a run is resumed.
    history: Vec<Config>,
    /// The costs with an iteration that is not in the summary yet. Costs are written first.
    ahead: Mutex<Option<CostFile>>,
}

impl Claims {
    /// The claims of the run that `reader` reads. `summary` is the run's own.
    pub fn new(reader: RunReader, summary: Summary, missing: Missing) -> Self {
        let cost = reader.cost().ok();
        let (notes, memo, ahead) = (Notes::default(), Memo::default(), Mutex::default());
        let history = summary.config.history();
        Self { reader, summary, cost, missing, notes, memo, history, ahead }
    }

    fn config(&self) -> &Config {
        &self.summary.config
    }

    /// How the run ended, by its summary.
    pub fn ending(&self) -> Ending {
        match &self.summary.stopped {
            // Why a search ended early is derived again.
            Some(stopped) if Stop::is_derived(&stopped.status) => Ending::Finished,
            Some(stopped) => Ending::Stopped(Stop::recorded(&stopped.status, &stopped.reason)),
            None if self.summary.finished_at.is_some() => Ending::Finished,
            None => Ending::Open,
        }
    }

    /// When the search finished; nothing if it did not.
    pub fn finished_at(&self) -> Option<Timestamp> {
        self.summary.finished_at
    }

    /// What the time of the search went to.
    pub fn time(&self) -> Option<TimeSpent> {
        self.summary.time
    }

    /// Whether the run has this folder of an iteration or of a held-out evaluation.
    pub fn has(&self, folder: &str) -> bool {
        self.reader.folder(folder).is_some()
    }

    /// Whether there is such a file, by its path in the run.
    pub fn has_file(&self, file: &str) -> bool {
        self.reader.has(file)
    }

    /// Whether the summary has the iteration.
    pub fn knows(&self, index: u32) -> bool {
        self.is_scored(index) || self.unscored(index).is_some()
    }

    /// Whether the summary has the held-out score.
    pub fn knows_test(&self, index: u32) -> bool {
        self.summary.test.iter().any(|it| it.index == index)
    }

    fn is_scored(&self, index: u32) -> bool {
        self.summary.iterations.iter().any(|it| it.index == index)
    }

    /// Whether an iteration has no score although all of its examples were run, because its harness asks no model.
    fn asks_no_model(&self, index: u32) -> bool {
        self.unscored(index).is_some_and(|it| it.status == evaluate::WITHOUT_MODEL)
    }

    fn unscored(&self, index: u32) -> Option<&mmh_record::format::Unscored> {
        self.summary.unscored.iter().find(|it| it.index == index)
    }

    /// Whether the evaluation of a candidate ended because its share of the budget was spent, by the record.
    pub fn share_spent(&self, index: u32) -> bool {
        let has_share = self.config().candidate_budget_usd.is_some();
        has_share && self.unscored(index).is_some_and(|it| it.status == SHARE_SPENT)
    }

    /// When an iteration began and when it ended.
    pub fn times(&self, index: u32) -> Option<(Timestamp, Timestamp)> {
        let scored = self.summary.iterations.iter().find(|it| it.index == index);
        let scored = scored.map(|it| (it.started_at, it.finished_at));
        scored.or_else(|| self.unscored(index).map(|it| (it.started_at, it.finished_at)))
    }

    /// What calls without a usable reply may have cost, in US dollars: in an iteration, or without an index in the
    /// held-out evaluations. Only the sum can be checked.
    pub fn unknown_usd(&self, index: Option<u32>) -> f64 {
        let cost = match (&self.cost, index) {
            _ if self.config().mock => None,
            (Some(cost), Some(index)) => {
                cost.iterations.iter().find(|it| it.index == index).map(|it: &IterationCost| it.cost)
            }
            (Some(cost), None) => Some(cost.test),
            (None, _) => None,
        };
        cost.map_or(0.0, |cost| cost.unknown_usd)
    }

    /// The budget in US dollars, which may have been raised since the run began.
    pub fn budget_usd(&self) -> Option<f64> {
        self.cost.as_ref().and_then(|cost| cost.budget_usd)
    }

    /// Status and reason of a baseline that was refused, if that depended on the machine or cannot be repeated here.
    pub fn rejected_baseline(&self, index: u32) -> Option<(String, String)> {
        let unscored = self.unscored(index)?;
        let by_machine = RejectionKind::of_machine().any(|kind| kind.name() == unscored.status);
        (by_machine || self.missing.tools).then(|| (unscored.status.clone(), unscored.reason.clone()))
    }

    /// Whether refused calls ended an iteration without a score, although all its examples were run.
    pub fn was_cut_short(&self, index: u32, refused: bool) -> bool {
        let stop = self.unscored(index).filter(|it| Stop::is_status(&it.status));
        let was_stopped = stop.is_some_and(|it| it.status != Stop::Asked.status());
        // A resumed run continues the iteration.
        let goes_on = self.ending() == Ending::Open && !self.knows(index);
        refused && (was_stopped || goes_on)
    }

    /// The same for a held-out evaluation, which is then not in the summary.
    pub fn was_cut_short_in_test(&self, index: u32, refused: bool) -> bool {
        let was_stopped = match self.ending() {
            Ending::Stopped(stop) => stop != Stop::Asked,
            Ending::Open => true,
            Ending::Finished => false,
        };
        refused && was_stopped && !self.knows_test(index)
    }

    /// Keeps the costs that were written before the summary, if the run was killed in between.
    pub fn set_ahead(&self, cost: CostFile) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(cost);
    }

    /// Takes these costs.
    pub fn take_ahead(&self) -> Option<CostFile> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The held-back examples that a candidate contains, by the record.
    pub fn leaks(&self, index: u32) -> Vec<Leak> {
        let path = RunReader::iteration_file(index, layout::LEAKS);
        if self.reader.has(&path) { self.reader.json(&path).unwrap_or_default() } else { Vec::new() }
    }

    /// The claims of an evaluation, and whether a call in it was refused because the run was stopped.
    pub fn evaluation(
        &self,
        folder: &str,
        index: u32,
    ) -> Result<(evaluate::RecordedEvaluation, bool), RecordError> {
        let path = |file: &str| format!("{folder}/{file}");
        let mut refused = false;
        let calls = Calls::index(self.reader.dir(), &path(layout::CALLS), |call| {
            refused |= evaluate::Retry::Unanswered.wants(call.failure.as_ref());
        })?;
        let scorer_calls = Calls::index(self.reader.dir(), &path(layout::SCORER_CALLS), |call| {
            refused |= evaluate::Retry::Unanswered.wants(call.failure.as_ref());
        })?;
        let place = Place::of(folder).unwrap_or(Place::Iteration);
        let whole = match place {
            Place::HeldOut => self.knows_test(index),
            _ => self.is_scored(index) || self.asks_no_model(index),
        };
        let learned = if self.has_train() { None } else { Some(self.learned(index)?) };
        let timed_out = self.timed_out(folder, index);
        if timed_out.is_some() {
            self.notes.timed_out();
        }
        let mut past = evaluate::RecordedEvaluation {
            batches: self.lines::<LearnRow>(&path(layout::BATCHES))?,
            rows: Stored::index(self.reader.dir(), &path(layout::TRACES), |_| {})?,
            predictions: Stored::index(self.reader.dir(), &path(layout::PREDICTIONS), |_| {})?,
            calls,
            scorer_calls,
            purpose: Purpose::default(),
        };
        let whole = whole && past.misses_few(self.config(), place);
        let again = Again { whole, learned, timed_out, ..self.again(folder.to_owned()) };
        past.purpose = Purpose::Repeat(again);
        Ok((past, refused))
    }

    /// Whether there are train examples to learn from. The record of predictions has them, too.
    pub fn has_train(&self) -> bool {
        !self.missing.dataset || self.config().protocol.learning == Learning::Online
    }

    /// Why an evaluation ended before its last example, if the record says that its harness took too long.
    fn timed_out(&self, folder: &str, index: u32) -> Option<String> {
        if Place::of(folder) == Some(Place::HeldOut) {
            return self.summary.untested.iter().find(|it| it.index == index).map(|it| it.reason.clone());
        }
        let unscored = self.unscored(index).filter(|it| it.status == evaluate::EVALUATION_TIMEOUT);
        unscored.map(|it| it.reason.clone())
    }

    /// The configuration that the statement of a held-out evaluation names: the run's, or an earlier one.
    pub fn stated(&self, folder: &str) -> Config {
        let found = self.reader.text(&layout::file(folder, layout::TEST_RESULT)).unwrap_or_default();
        let is_stated = |it: &Config| found.contains(&statements::limits_digest(it).to_string());
        let stated = self.history.iter().find(|it| is_stated(it));
        stated.unwrap_or(self.config()).clone()
    }

    fn learned(&self, index: u32) -> Result<Claimed, RecordError> {
        let path = RunReader::iteration_file(index, layout::STATE);
        let state = if self.reader.has(&path) { self.reader.bytes(&path)? } else { Vec::new() };
        let batches = evaluate::Lessons::of(self.config()).batches_of(self.config().task.train_size);
        Ok(Claimed { state: state.into(), batches })
    }

    fn again(&self, folder: String) -> Again {
        Again {
            folder,
            prefix: String::new(),
            whole: true,
            prices: self.prices("target"),
            is_simulated: self.config().mock,
            learned: None,
            limits: self.history.iter().map(|config| config.limits.clone()).collect(),
            timed_out: None,
            memo: self.memo.clone(),
            is_ahead: false,
            notes: self.notes.clone(),
        }
    }

    /// The claims of a proposal.
    pub fn proposal(&self, index: u32) -> Result<propose::RecordedProposal, RecordError> {
        let has_replies = self.config().proposer_kind == ProposerKind::Conversation;
        let terms = propose::again::Terms {
            folder: layout::iteration(index),
            prices: self.prices("proposer"),
            is_simulated: self.config().mock && has_replies,
            has_replies,
            has_share: self.config().candidate_budget_usd.is_some(),
            missing: self.missing,
            ending: self.ending(),
            notes: self.notes.clone(),
        };
        propose::RecordedProposal::again(&self.reader, index, terms)
    }

    /// What the command of an iteration printed, where one proposed it.
    pub fn agent_log(&self, index: u32) -> Result<Option<Vec<u8>>, RecordError> {
        let path = RunReader::iteration_file(index, layout::AGENT_LOG);
        self.reader.has(&path).then(|| self.reader.bytes(&path)).transpose()
    }

    /// The claims of an iteration's trials.
    pub fn trials(&self, index: u32) -> Result<(Calls, Again), RecordError> {
        let path = RunReader::iteration_file(index, layout::TRIALS);
        let again = self.again(layout::iteration(index));
        Ok((Calls::index(self.reader.dir(), &path, |_| {})?, again))
    }

    /// The recorded prices of the model in a role, the latest first.
    fn prices(&self, role: &str) -> Arc<[Price]> {
        let price = |config: &Config| config.providers.get(role).map(|info| info.price.clone());
        let mut prices: Vec<Price> = self.history.iter().filter_map(price).collect();
        prices.dedup();
        prices.into()
    }

    fn lines<T: Recorded>(&self, file: &str) -> Result<Vec<T>, RecordError> {
        if self.reader.has(file) { self.reader.lines(file) } else { Ok(Vec::new()) }
    }
}
