//! A request to stop, which reaches all parts of a run.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

/// The status of a candidate whose share of the budget is spent.
pub const SHARE_SPENT: &str = "candidate-budget-spent";

/// Why a run stops before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A person asked for it.
    Asked,
    /// The budget does not allow the next call. The text says how the budget stands.
    BudgetSpent(String),
    /// No call to a model will succeed. The text says why and what to change.
    ModelUnusable(String),
    /// The baseline is broken, so no proposer is paid to start from it. The text says how it is broken.
    BaselineBroken(String),
    /// Several proposals in a row gave no candidate. The text says how many, and how the last one ended.
    ProposerGaveUp(String),
    /// A candidate's share of the budget does not allow the next call. It ends that candidate alone. The text says what the
    /// share is.
    ShareSpent(String),
}

impl Stop {
    /// The status in `summary.json`.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Asked => "interrupted",
            Self::BudgetSpent(_) => "budget-spent",
            Self::ModelUnusable(_) => "model-unusable",
            Self::BaselineBroken(_) => "baseline-broken",
            Self::ProposerGaveUp(_) => "proposer-gave-up",
            Self::ShareSpent(_) => SHARE_SPENT,
        }
    }

    /// Whether an iteration with this status was interrupted, so that it can be continued.
    pub fn is_status(status: &str) -> bool {
        let stops = [Self::Asked, Self::BudgetSpent(String::new()), Self::ModelUnusable(String::new())];
        stops.iter().any(|stop| stop.status() == status)
    }

    /// Whether a search's end with this status follows from its record.
    pub fn is_derived(status: &str) -> bool {
        let derived = [Self::BaselineBroken(String::new()), Self::ProposerGaveUp(String::new())];
        derived.iter().any(|stop| stop.status() == status)
    }

    /// The stop that a summary records, for those that do not follow from the rest of the record.
    pub fn recorded(status: &str, reason: &str) -> Self {
        match status {
            "budget-spent" => Self::BudgetSpent(reason.to_owned()),
            "model-unusable" => Self::ModelUnusable(reason.to_owned()),
            _ => Self::Asked,
        }
    }

    /// Why, in words.
    pub fn reason(&self) -> &str {
        match self {
            Self::Asked => "somebody asked for it",
            Self::BudgetSpent(why)
            | Self::ModelUnusable(why)
            | Self::BaselineBroken(why)
            | Self::ProposerGaveUp(why)
            | Self::ShareSpent(why) => why,
        }
    }
}

/// Stops work cleanly: nothing new is begun, and work in progress is finished and recorded. Clones share requests.
#[derive(Clone)]
pub struct Cancel {
    stops: Arc<watch::Sender<Stops>>,
    /// How many requests, from the first one on, this handle ignores.
    ignored: usize,
    /// The whole that this is a part of. Its requests hold here too.
    whole: Option<Arc<Cancel>>,
}

/// The requests so far.
#[derive(Default)]
struct Stops {
    first: Option<Stop>,
    latest: Option<Stop>,
    count: usize,
    /// Whether one of them came from a person.
    asked: bool,
}

impl Stops {
    /// Why a handle that ignores the first `ignored` requests was asked to stop.
    fn why(&self, ignored: usize) -> Option<Stop> {
        match self.count > ignored {
            _ if ignored == 0 => self.first.clone(),
            _ if self.asked => Some(Stop::Asked),
            true => self.latest.clone(),
            false => None,
        }
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self { stops: Arc::new(watch::Sender::new(Stops::default())), ignored: 0, whole: None }
    }
}

impl Cancel {
    /// A part of the work, which can be stopped by itself. A request to stop the whole reaches it at once; a request to stop
    /// the part reaches nothing else.
    pub fn part(&self) -> Self {
        Self { whole: Some(Arc::new(self.clone())), ..Self::default() }
    }

    /// Asks all parts to stop. If there are several requests, the first reason holds.
    pub fn stop(&self, why: Stop) {
        self.stops.send_modify(|stops| {
            stops.count += 1;
            stops.asked |= why == Stop::Asked;
            stops.first.get_or_insert_with(|| why.clone());
            stops.latest = Some(why);
        });
    }

    /// Whether a stop was requested.
    pub fn is_cancelled(&self) -> bool {
        self.why().is_some()
    }

    /// Why a stop was requested; nothing if none was.
    pub fn why(&self) -> Option<Stop> {
        let of_whole = self.whole.as_ref().and_then(|whole| whole.why());
        of_whole.or_else(|| self.stops.borrow().why(self.ignored))
    }

    /// Waits until a stop is requested, and says why.
    pub async fn stopped(&self) -> Stop {
        let own = async {
            let mut stops = self.stops.subscribe();
            let found = stops.wait_for(|stops| stops.why(self.ignored).is_some()).await;
            // The sender lives as long as this handle.
            found.ok().and_then(|stops| stops.why(self.ignored)).unwrap_or(Stop::Asked)
        };
        match &self.whole {
            None => own.await,
            Some(whole) => tokio::select! {
                biased;
                stop = Box::pin(whole.stopped()) => stop,
                stop = own => stop,
            },
        }
    }

    /// Takes all requests back, and says why the first one was made. For work that is made again step by step, where each
    /// step ends by its own record.
    pub fn lift(&self) -> Option<Stop> {
        let mut lifted = None;
        self.stops.send_modify(|stops| lifted = std::mem::take(stops).first);
        lifted
    }

    /// A handle for work that does not need what has failed so far. A person stops it at any time, and so does every
    /// failure from now on. Requests through either handle reach both.
    pub fn afresh(&self) -> Self {
        let ignored = self.stops.borrow().count;
        let whole = self.whole.as_ref().map(|whole| Arc::new(whole.afresh()));
        Self { stops: self.stops.clone(), ignored, whole }
    }

    /// A request to stop that comes when this one comes, or after `limit`.
    pub fn or_after(&self, limit: Duration) -> Limited {
        let (cancel, whole) = (Self::default(), self.clone());
        let limited = cancel.clone();
        if limit.is_zero() {
            cancel.stop(Stop::Asked);
        }
        let timer = tokio::spawn(async move {
            let stopped = tokio::time::timeout(limit, whole.stopped()).await;
            limited.stop(stopped.unwrap_or(Stop::Asked));
        });
        Limited { cancel, timer }
    }
}

/// A request to stop that comes with another one, or after some time. Dropping it ends its timer.
pub struct Limited {
    /// Where the request is seen.
    pub cancel: Cancel,
    timer: JoinHandle<()>,
}

impl Drop for Limited {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_handle_forgets_what_failed_before() {
        let dead = || Stop::ModelUnusable("dead".into());
        let spent = || Stop::BudgetSpent("spent".into());
        // name, requests before, requests after, what the run's handle says, what the fresh one says
        let table = [
            ("nothing", vec![], vec![], None, None),
            ("a dead model before", vec![dead()], vec![], Some(dead()), None),
            ("a person before", vec![Stop::Asked], vec![], Some(Stop::Asked), Some(Stop::Asked)),
            ("a person after", vec![dead()], vec![Stop::Asked], Some(dead()), Some(Stop::Asked)),
            ("it fails again", vec![dead()], vec![spent()], Some(dead()), Some(spent())),
            ("it fails the first time", vec![], vec![dead()], Some(dead()), Some(dead())),
            ("failure after a person", vec![Stop::Asked], vec![dead()], Some(Stop::Asked), Some(Stop::Asked)),
        ];
        for (name, before, after, of_run, of_fresh) in table {
            let cancel = Cancel::default();
            before.into_iter().for_each(|stop| cancel.stop(stop));
            let fresh = cancel.afresh();
            after.into_iter().for_each(|stop| fresh.stop(stop));
            assert_eq!((cancel.why(), fresh.why()), (of_run, of_fresh), "{name}");
        }
    }

    #[tokio::test]
    async fn a_part_is_stopped_by_itself_or_with_the_whole() {
        let share = || Stop::ShareSpent("its share".into());
        // name, whether the part and the whole are stopped, what the part says, what its neighbour and the whole say
        let table = [
            ("neither", false, false, None, None),
            ("the part", true, false, Some(share()), None),
            ("the whole", false, true, Some(Stop::Asked), Some(Stop::Asked)),
            ("both", true, true, Some(Stop::Asked), Some(Stop::Asked)),
        ];
        for (name, of_part, of_whole, expected, of_others) in table {
            let whole = Cancel::default();
            let (part, neighbour) = (whole.part(), whole.part());
            let limited = part.or_after(Duration::from_secs(60));
            of_part.then(|| part.stop(share()));
            of_whole.then(|| whole.stop(Stop::Asked));
            assert_eq!(part.why(), expected, "{name}: the part");
            assert_eq!((neighbour.why(), whole.why()), (of_others.clone(), of_others), "{name}: the others");
            if let Some(expected) = expected {
                assert_eq!(part.stopped().await, expected, "{name}: who waits");
                assert_eq!(limited.cancel.stopped().await, expected, "{name}: who waits for some time");
            }
        }
    }

    #[tokio::test]
    async fn a_limited_request_comes_with_the_other_or_after_its_time() {
        let spent = || Stop::BudgetSpent("it is spent".into());
        // name, limit in milliseconds, whether the other one stops, what is asked for a while later
        let table = [
            ("nobody", 60_000, false, None),
            ("the other one", 60_000, true, Some(spent())),
            ("its time", 20, false, Some(Stop::Asked)),
            ("no time", 0, false, Some(Stop::Asked)),
        ];
        for (name, limit_ms, stops, expected) in table {
            let whole = Cancel::default();
            let limited = whole.or_after(Duration::from_millis(limit_ms));
            assert_eq!(limited.cancel.is_cancelled(), limit_ms == 0, "{name}: at once");
            if stops {
                whole.stop(spent());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(limited.cancel.why(), expected, "{name}");
            assert_eq!(whole.is_cancelled(), stops, "{name}: the other one stays as it is");
        }
    }
}
