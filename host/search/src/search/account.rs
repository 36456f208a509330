//! What a part of a search is billed to: an account of the run's budget, which may have a share of it.

use std::sync::Arc;

use super::Search;
use crate::{
    evaluate::{recorded_cost, recorded_replies::Calls},
    propose::RecordedProposal,
};
use mmh_models::{cancel::Cancel, metering::Account};
use mmh_record::{
    RecordError, candidate::CandidateId, format::Cost, layout, pricing::Usd, reader::RunReader,
    writer::IterationWriter,
};

impl Search {
    /// An account without a limit but the run's, for work that this stops.
    pub(super) fn account(&self, cancel: Cancel) -> Account {
        Account { budget: Arc::new(self.budget.account(None)), cancel, spent: String::new() }
    }

    /// The account of a candidate. When its share is spent, this candidate ends, and the search goes on. What its record says
    /// that it has cost before the run was resumed counts. A search that is made again pays nothing: its record says where each
    /// candidate ended.
    pub(super) fn share(&self, id: CandidateId, folder: &IterationWriter) -> Result<Account, RecordError> {
        let share = self.config.candidate_budget_usd.filter(|_| self.claims.is_none());
        let Some(share) = share else { return Ok(self.account(self.cancel.part())) };
        let left = Usd::from_f64(share).minus(self.recorded(id, folder)?);
        Ok(Account {
            budget: Arc::new(self.budget.account(Some(left))),
            cancel: self.cancel.part(),
            spent: share_spent(share),
        })
    }

    /// What the calls on record for a candidate cost.
    fn recorded(&self, id: CandidateId, folder: &IterationWriter) -> Result<Usd, RecordError> {
        let reader = RunReader::new(self.writer.dir()?);
        let files = [layout::CALLS, layout::SCORER_CALLS, layout::TRIALS];
        let cost = cost_of_calls(&reader, &id.folder(), &files)?;
        Ok(Usd::from_f64(cost.estimated_usd).plus(RecordedProposal::of(folder)?.cost()))
    }
}

/// What the recorded calls in these files of a folder cost.
pub(super) fn cost_of_calls(reader: &RunReader, folder: &str, files: &[&str]) -> Result<Cost, RecordError> {
    let mut cost = Cost::default();
    for file in files {
        let calls = Calls::index(reader.dir(), &layout::file(folder, file), |_| {})?;
        for id in calls.ids() {
            cost += recorded_cost(&*calls.get(&id)?);
        }
    }
    Ok(cost)
}

/// What is said of a candidate that has spent its share.
pub(super) fn share_spent(share: f64) -> String {
    format!(
        "its share of the budget, {share} USD, does not allow the next call; --candidate-budget-usd is the share"
    )
}
