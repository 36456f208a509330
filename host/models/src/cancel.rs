//! A request to stop, seen by everyone who works on a run.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

/// Why a run stops before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody asked for it.
    Asked,
    /// There is no money for the next call; how the budget stands.
    BudgetSpent(String),
    /// No call to a model will succeed; what to change.
    ModelUnusable(String),
    /// The baseline is broken, so that no proposer is paid to start from it; in what way.
    BaselineBroken(String),
    /// Several proposals in a row came to no candidate; how many, and how the last one ended.
    ProposerGaveUp(String),
}

impl Stop {
    /// As it stands in `summary.json`.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Asked => "interrupted",
            Self::BudgetSpent(_) => "budget-spent",
            Self::ModelUnusable(_) => "model-unusable",
            Self::BaselineBroken(_) => "baseline-broken",
            Self::ProposerGaveUp(_) => "proposer-gave-up",
        }
    }

    /// Whether an iteration that ended so was cut short, and can be gone on with.
    pub fn is_status(status: &str) -> bool {
        let stops = [Self::Asked, Self::BudgetSpent(String::new()), Self::ModelUnusable(String::new())];
        stops.iter().any(|stop| stop.status() == status)
    }

    /// Whether such an end of a search follows from what is on record of it.
    pub fn is_derived(status: &str) -> bool {
        let derived = [Self::BaselineBroken(String::new()), Self::ProposerGaveUp(String::new())];
        derived.iter().any(|stop| stop.status() == status)
    }

    /// The stop that a summary speaks of, if it does not follow from the record.
    pub fn recorded(status: &str, reason: &str) -> Self {
        match status {
            "budget-spent" => Self::BudgetSpent(reason.to_owned()),
            "model-unusable" => Self::ModelUnusable(reason.to_owned()),
            _ => Self::Asked,
        }
    }

    pub fn reason(&self) -> &str {
        match self {
            Self::Asked => "somebody asked for it",
            Self::BudgetSpent(why)
            | Self::ModelUnusable(why)
            | Self::BaselineBroken(why)
            | Self::ProposerGaveUp(why) => why,
        }
    }
}

/// Stops work cleanly: nothing new is begun, what is under way is finished and recorded.
#[derive(Clone)]
pub struct Cancel {
    stops: Arc<watch::Sender<Stops>>,
    /// How many requests this handle takes no notice of.
    ignored: usize,
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
    /// Why a handle that takes no notice of the first `ignored` requests was asked to stop.
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
        Self { stops: Arc::new(watch::Sender::new(Stops::default())), ignored: 0 }
    }
}

impl Cancel {
    /// Asks everyone to stop. The first reason stays.
    pub fn stop(&self, why: Stop) {
        self.stops.send_modify(|stops| {
            stops.count += 1;
            stops.asked |= why == Stop::Asked;
            stops.first.get_or_insert_with(|| why.clone());
            stops.latest = Some(why);
        });
    }

    pub fn is_cancelled(&self) -> bool {
        self.why().is_some()
    }

    /// Why everyone was asked to stop, if somebody was.
    pub fn why(&self) -> Option<Stop> {
        self.stops.borrow().why(self.ignored)
    }

    /// For work that may do without what failed so far: it is stopped by a person, and by whatever fails
    /// from now on. Requests through either handle reach both.
    pub fn afresh(&self) -> Self {
        let ignored = self.stops.borrow().count;
        Self { stops: self.stops.clone(), ignored }
    }

    /// Asks to stop when this one does, or after so much time.
    pub fn or_after(&self, limit: Duration) -> Limited {
        let (cancel, mut whole, ignored) = (Self::default(), self.stops.subscribe(), self.ignored);
        let limited = cancel.clone();
        if limit.is_zero() {
            cancel.stop(Stop::Asked);
        }
        let timer = tokio::spawn(async move {
            let stopped = whole.wait_for(|stops| stops.why(ignored).is_some());
            let stopped = tokio::time::timeout(limit, stopped).await;
            let why = stopped.ok().and_then(|stopped| stopped.ok()?.why(ignored));
            limited.stop(why.unwrap_or(Stop::Asked));
        });
        Limited { cancel, timer }
    }
}

/// A request to stop that comes with another one, or after some time. It ends when it is dropped.
pub struct Limited {
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
