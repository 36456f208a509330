//! What a proposer has left of its limits. Only limits that cannot change while the run goes on: so the same calls get the
//! same answers when they are made again.

use serde_json::{Value, json};

use super::{MAX_NOTES, Toolbox};

impl Toolbox<'_> {
    pub(super) fn what_is_left(&self) -> String {
        let limits = self.context.limits;
        let mut left = json!({});
        let mut tell = |name: &str, made: u64, limit: u64| {
            left[name] = json!({ "made": made, "limit": limit, "left": limit.saturating_sub(made) });
        };
        match self.is_direct {
            // This call counts.
            true => tell("tool_calls", self.calls.len() as u64 + 1, self.most_direct_calls()),
            // The turn that it is in counts.
            false => tell("turns", self.place.0.into(), limits.proposer_steps.into()),
        }
        tell("val_trials", self.val_trials.into(), limits.val_trials.into());
        tell("notes", self.notes.len() as u64, MAX_NOTES as u64);
        left["train_trials"] = json!("not limited, as long as their model calls fit into the record");
        left["recorded_bytes_of_trials"] =
            json!({ "made": self.trials.recorded_bytes(), "limit": limits.evaluation_record_bytes });
        Value::to_string(&left)
    }

    /// Most tool calls of a proposer that calls the tools itself.
    pub(super) fn most_direct_calls(&self) -> u64 {
        let limits = self.context.limits;
        u64::from(limits.proposer_steps).saturating_mul(limits.turn_tool_calls.into())
    }
}
