//! A request to stop, seen by everyone who works on a run.

use std::sync::Arc;

use tokio::sync::watch;

/// Why a run stops before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody asked for it.
    Asked,
    /// There is no money for the next call; how the budget stands.
    BudgetSpent(String),
    /// No call to a model will succeed; what to change.
    ModelUnusable(String),
}

impl Stop {
    /// As it stands in `summary.json`.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Asked => "interrupted",
            Self::BudgetSpent(_) => "budget-spent",
            Self::ModelUnusable(_) => "model-unusable",
        }
    }

    /// Whether an iteration that ended so was cut short, and can be gone on with.
    pub fn is_status(status: &str) -> bool {
        let stops = [Self::Asked, Self::BudgetSpent(String::new()), Self::ModelUnusable(String::new())];
        stops.iter().any(|stop| stop.status() == status)
    }

    /// The stop that a summary speaks of.
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
            Self::BudgetSpent(why) | Self::ModelUnusable(why) => why,
        }
    }
}

/// Stops work cleanly: nothing new is begun, what is under way is finished and recorded.
#[derive(Clone)]
pub struct Cancel(Arc<watch::Sender<Option<Stop>>>);

impl Default for Cancel {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Cancel {
    /// Asks everyone to stop. The first reason stays.
    pub fn stop(&self, why: Stop) {
        self.0.send_if_modified(|stop| {
            let first = stop.is_none();
            if first {
                *stop = Some(why);
            }
            first
        });
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Why everyone was asked to stop, if somebody was.
    pub fn why(&self) -> Option<Stop> {
        self.0.borrow().clone()
    }
}
