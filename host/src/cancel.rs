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

/// A request to stop that comes with another one, or after some time. It ends when it is dropped.
pub struct Limited {
    pub cancel: Cancel,
    timer: JoinHandle<()>,
}

impl Cancel {
    /// Asks to stop when this one does, or after so much time.
    pub fn or_after(&self, limit: Duration) -> Limited {
        let (cancel, mut whole) = (Cancel::default(), self.0.subscribe());
        let limited = cancel.clone();
        if limit.is_zero() {
            cancel.stop(Stop::Asked);
        }
        let timer = tokio::spawn(async move {
            let stopped = tokio::time::timeout(limit, whole.wait_for(Option::is_some)).await;
            let why = stopped.ok().and_then(|stopped| stopped.ok()?.clone());
            limited.stop(why.unwrap_or(Stop::Asked));
        });
        Limited { cancel, timer }
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
