//! A request to stop, seen by everyone who works on a run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
#[derive(Clone, Default)]
pub struct Cancel {
    stops: Arc<Mutex<Stops>>,
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

impl Cancel {
    /// Asks everyone to stop. The first reason stays.
    pub fn stop(&self, why: Stop) {
        let mut stops = self.stops();
        stops.count += 1;
        stops.asked |= why == Stop::Asked;
        stops.first.get_or_insert_with(|| why.clone());
        stops.latest = Some(why);
    }

    pub fn is_cancelled(&self) -> bool {
        self.why().is_some()
    }

    /// Why everyone was asked to stop, if somebody was.
    pub fn why(&self) -> Option<Stop> {
        let stops = self.stops();
        match stops.count > self.ignored {
            _ if self.ignored == 0 => stops.first.clone(),
            _ if stops.asked => Some(Stop::Asked),
            true => stops.latest.clone(),
            false => None,
        }
    }

    /// For work that may do without what failed so far: it is stopped by a person, and by whatever fails
    /// from now on. Requests through either handle reach both.
    pub fn afresh(&self) -> Self {
        let ignored = self.stops().count;
        Self { stops: self.stops.clone(), ignored }
    }

    fn stops(&self) -> MutexGuard<'_, Stops> {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner)
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
}
