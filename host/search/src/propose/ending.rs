//! How a proposal that is repeated ends where its record ends.

use super::{Outcome, ProposeError, again::Again, transcript::Transcript};
use crate::noted::Ending;
use mmh_models::cancel::{Cancel, Stop};

/// The end in a turn of which the record has no more. It stops `cancel` where the recorded run was stopped.
pub(super) fn repeated(
    again: &Again,
    transcript: &Transcript,
    cancel: &Cancel,
    step: u32,
) -> Result<Outcome, ProposeError> {
    let end = transcript.past().ended.as_deref();
    let (status, reason) = end.map_or(("", ""), parts);
    match &again.terms.ending {
        Ending::Stopped(stop) if end.is_none() || Stop::is_status(status) => {
            cancel.stop(stop.clone());
            Ok(end.map_or_else(|| Outcome::stopped(stop), |_| Outcome::unsubmitted(status, reason)))
        }
        // Why, only the record says.
        _ if again.terms.is_claimed_end(status) => Ok(Outcome::unsubmitted(status, reason)),
        Ending::Open => {
            // It was stopped, and the resumed run has not reached it yet.
            if let (Some(end), true) = (end, Stop::is_status(status)) {
                transcript.end_as(end.to_owned())?;
            }
            Err(ProposeError::RecordEnds)
        }
        _ => {
            again.nothing_recorded(step);
            Err(ProposeError::RecordEnds)
        }
    }
}

/// Status and reason of a recorded end.
pub(super) fn parts(end: &str) -> (&str, &str) {
    end.split_once(": ").unwrap_or((end, ""))
}
