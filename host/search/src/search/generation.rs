//! The candidates of one generation: proposed and judged at the same time, entered one after the other, in the order of
//! their indices. None of them sees another one, so nothing depends on which is done first.

use std::collections::HashMap;

use futures::{
    FutureExt,
    stream::{self, StreamExt, TryStreamExt},
};

use super::{Search, SearchError, candidate::Proposed, judge::Judged, progress::Progress};
use crate::evaluate::Retry;
use mmh_record::{candidate::CandidateId, digest::Digest};

/// The components of a generation so far, by their digests, with the candidate that was the first to have it.
type Siblings = HashMap<Digest, u32>;

impl Search {
    /// Proposes, judges and enters the candidates of a generation.
    pub(super) async fn generation(
        &self,
        candidates: &[CandidateId],
        retry: Retry,
        progress: &mut Progress,
    ) -> Result<(), SearchError> {
        let judged = match self.claims {
            None => self.at_once(candidates, retry, progress).await?,
            Some(_) => self.one_by_one(candidates, retry, progress).await?,
        };
        let costs: Vec<_> = judged.iter().map(Judged::cost).collect();
        let shares = progress.share(&costs);
        for (judged, before) in judged.into_iter().zip(shares) {
            let id = judged.id();
            self.conclude(judged, before, progress)?;
            if id.is_baseline() {
                self.warn_of_no_answer(id.index, progress);
            }
        }
        Ok(())
    }

    /// All at the same time. A candidate is judged once those before it are proposed, because it may be the same as one of
    /// them.
    async fn at_once(
        &self,
        candidates: &[CandidateId],
        retry: Retry,
        progress: &Progress,
    ) -> Result<Vec<Judged>, SearchError> {
        let mut siblings = Siblings::new();
        let proposals: Vec<_> =
            candidates.iter().map(|id| self.proposed(*id, retry, progress).boxed()).collect();
        stream::iter(proposals)
            .buffered(candidates.len())
            .map_ok(|proposed| {
                let twin = twin(&proposed, progress, &mut siblings);
                self.judge(proposed, twin, retry, progress).boxed()
            })
            .try_buffered(candidates.len())
            .try_collect()
            .await
    }

    /// One after the other, which is how a search is made again: its notes have an order, and the record of each candidate
    /// says by itself where it ends.
    async fn one_by_one(
        &self,
        candidates: &[CandidateId],
        retry: Retry,
        progress: &Progress,
    ) -> Result<Vec<Judged>, SearchError> {
        let (mut siblings, mut stop) = (Siblings::new(), None);
        let mut all = Vec::new();
        for id in candidates {
            let judged = match self.proposed(*id, retry, progress).await {
                Ok(proposed) => {
                    let twin = twin(&proposed, progress, &mut siblings);
                    self.judge(proposed, twin, retry, progress).await
                }
                Err(error) => Err(error),
            };
            all.push(judged);
            stop = stop.or(self.cancel.lift());
        }
        if let Some(stop) = stop {
            self.cancel.stop(stop);
        }
        all.into_iter().collect()
    }

    async fn proposed(
        &self,
        id: CandidateId,
        retry: Retry,
        progress: &Progress,
    ) -> Result<Proposed, SearchError> {
        if let Some(claims) = self.claims.as_ref().filter(|claims| !claims.has(&id.folder())) {
            // The recorded run was killed before it began with this one.
            self.end_again(claims, &self.cancel, &id.folder())?;
        }
        match id.is_baseline() {
            true => self.baseline(id).await,
            false => self.proposal(id, retry, progress).await,
        }
    }
}

/// The earlier candidate that has the same component, if there is one: of an earlier generation, or of this one.
fn twin(proposed: &Proposed, progress: &Progress, siblings: &mut Siblings) -> Option<u32> {
    let component = proposed.built.as_ref().ok()?.component.digest;
    let twin = progress.index.board().with_component(component).or_else(|| siblings.get(&component).copied());
    siblings.entry(component).or_insert(proposed.candidate.id.index);
    twin
}
