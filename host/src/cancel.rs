//! A request to stop, seen by everyone who works on a run.

use std::sync::Arc;

use tokio::sync::watch;

/// Stops work cleanly: nothing new is begun, what is under way is finished and recorded.
#[derive(Clone)]
pub struct Cancel(Arc<watch::Sender<bool>>);

impl Default for Cancel {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Cancel {
    /// Asks everyone to stop.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until somebody asks to stop.
    pub async fn cancelled(&self) {
        // The sender lives as long as `self`, so this can only end with `true`.
        let _ = self.0.subscribe().wait_for(|cancelled| *cancelled).await;
    }
}
