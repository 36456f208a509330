//! The differences of a search that is repeated from a record: its times, and where it ends.

use jiff::Timestamp;

use super::{Search, SearchError, account::share_spent, candidate::Candidate, progress::Progress};
use crate::{claims::Claims, noted::Ending};
use mmh_models::cancel::{Cancel, Stop};
use mmh_record::{format::Config, layout};

impl Search {
    /// Whether a repeated run is stopped before this folder, because the recorded run was.
    pub(super) fn ends_before(&self, folder: &str) -> Result<bool, SearchError> {
        match &self.claims {
            Some(claims) if !claims.has(folder) => self.end_again(claims, &self.cancel, folder),
            _ => Ok(false),
        }
    }

    /// Stops a repeated run where the recorded one was stopped. Fails with the end of the record if that was killed.
    pub(super) fn end_again(
        &self,
        claims: &Claims,
        cancel: &Cancel,
        place: &str,
    ) -> Result<bool, SearchError> {
        match claims.ending() {
            Ending::Stopped(stop) => {
                cancel.stop(stop);
                Ok(true)
            }
            _ => Err(SearchError::RecordEnds(place.to_owned())),
        }
    }

    /// When an iteration began: now, or by the record.
    pub(super) fn began(&self, index: u32) -> Timestamp {
        let claimed = self.claims.as_ref().and_then(|claims| claims.times(index));
        claimed.map_or_else(|| self.clock.now(), |(began, _)| began)
    }

    /// Ends a repeated run with this candidate, if the recorded one ended with it; or this candidate alone, if its share of the
    /// budget was spent.
    pub(super) fn end_where_recorded(
        &self,
        candidate: &Candidate,
        complete: bool,
        refused: bool,
    ) -> Result<(), SearchError> {
        let Some(claims) = &self.claims else { return Ok(()) };
        let index = candidate.id.index;
        let share = self.config.candidate_budget_usd.filter(|_| claims.share_spent(index));
        if let Some(share) = share.filter(|_| !complete || refused) {
            candidate.account.cancel.stop(Stop::ShareSpent(share_spent(share)));
            return Ok(());
        }
        if !complete || claims.was_cut_short(index, refused) {
            self.end_again(claims, &self.cancel, &layout::iteration(index))?;
        }
        Ok(())
    }

    /// The configuration with which an iteration was made. Some settings can change when a run is resumed.
    pub(super) fn config_of(&self, index: u32) -> Config {
        self.config.as_of(index).unwrap_or_else(|| self.config.clone())
    }

    /// Ends a repeated run with a part that the recorded summary lacks, because the run was killed before it was written.
    /// The costs may have it, because they are written first.
    pub(super) fn end_ahead(
        &self,
        progress: &Progress,
        is_known: impl Fn(&Claims) -> bool,
    ) -> Result<(), SearchError> {
        match &self.claims {
            Some(claims) if claims.ending() == Ending::Open && !is_known(claims) => {
                claims.set_ahead(progress.cost.clone());
                Err(SearchError::RecordEnds("what is in no summary yet".into()))
            }
            _ => Ok(()),
        }
    }
}
