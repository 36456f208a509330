//! How far an iteration has come: scored, why it was not, under way, or cut off.

use super::{data::Iteration, read::Part};
use mmh_record::format::{IterationSummary, Unscored};

/// The status of an iteration that may still get a score.
const UNDER_WAY: &str = "under way";

/// The status of one that nobody works on any more: its run was killed, or stopped in the middle of it.
const CUT_OFF: &str = "cut off";

/// The status of an iteration, and why it has it or how far it has come.
pub fn of(
    part: &Part,
    scored: Option<&IterationSummary>,
    unscored: Option<&Unscored>,
) -> (String, Option<String>) {
    match (scored, unscored) {
        (Some(_), _) => ("scored".into(), None),
        (None, Some(unscored)) => (unscored.status.clone(), Some(unscored.reason.clone())),
        (None, None) => {
            let stage = match part {
                Part { results, .. } if !results.example.is_empty() => {
                    format!("evaluating: {} examples so far", results.example.len())
                }
                Part { source: Some(_), learning: true, .. } => "learning".to_owned(),
                Part { source: Some(_), .. } => "compiled, about to be evaluated".to_owned(),
                Part { ended: true, .. } => "the proposer has ended".to_owned(),
                Part { turns, .. } if !turns.is_empty() => format!("proposing: turn {}", turns.len()),
                _ => "begun".to_owned(),
            };
            (UNDER_WAY.into(), Some(stage))
        }
    }
}

/// The iteration, cut off if it is under way in a run that nobody writes to.
pub fn after(iteration: Iteration, going: bool) -> Iteration {
    let status = match iteration.status.as_str() {
        UNDER_WAY if !going => CUT_OFF.into(),
        _ => iteration.status,
    };
    Iteration { status, ..iteration }
}
