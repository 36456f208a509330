//! A search that is made again from what a recorded one claims: when things happened, and where it ends.

use jiff::Timestamp;

use super::{Search, SearchError, progress::Progress};
use crate::{claims::Claims, noted::Ending};
use mmh_models::cancel::Cancel;
use mmh_record::format::Config;

impl Search {
    /// Whether a run that is made again goes no further than this folder, which its record does not have.
    pub(super) fn ends_before(&self, folder: &str) -> Result<bool, SearchError> {
        match &self.claims {
            Some(claims) if !claims.has(folder) => self.end_again(claims, &self.cancel, folder),
            _ => Ok(false),
        }
    }

    /// Ends a run that is made again where the recorded one was stopped. A run that was killed has no end.
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

    /// When an iteration began.
    pub(super) fn began(&self, index: u32) -> Timestamp {
        let claimed = self.claims.as_ref().and_then(|claims| claims.times(index));
        claimed.map_or_else(|| self.clock.now(), |(began, _)| began)
    }

    /// Ends a run that is made again with this iteration, if the recorded one did.
    pub(super) fn end_where_recorded(
        &self,
        index: u32,
        complete: bool,
        refused: bool,
    ) -> Result<(), SearchError> {
        let Some(claims) = &self.claims else { return Ok(()) };
        if !complete || claims.was_cut_short(index, refused) {
            self.end_again(claims, &self.cancel, &format!("iterations/{index:03}"))?;
        }
        Ok(())
    }

    /// The configuration with which an iteration was made. Some settings can be changed while a run goes on.
    pub(super) fn config_of(&self, index: u32) -> Config {
        self.config.as_of(index).unwrap_or_else(|| self.config.clone())
    }

    /// Ends a run that is made again with what its summary does not have: it was killed before that was
    /// written. The costs may be there, since they are written first.
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
