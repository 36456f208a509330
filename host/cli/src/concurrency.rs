//! How many examples run, and how many calls of the target model are made, at once: as many as the user says, else as many as
//! the model's server is good for. The run records the number, and the user sees where it comes from.

use std::fmt::Display;

use crate::whose::DEFAULT_CONCURRENCY;
use mmh_search::{progress::Observer, session::ReadyModel};

/// Simulated models answer at once: more at once than there may be processors make nothing faster. It is the same number
/// everywhere, so that two machines write the same run.
const SIMULATED: usize = 16;

/// The help of the option; `or_else` says what holds besides, as the end of a list.
pub fn help(or_else: impl Display) -> String {
    format!(
        "Examples evaluated, and calls of the target model made, at once [default: {DEFAULT_CONCURRENCY}; what the target's server offers, where it is on this machine; {SIMULATED} with --mock{or_else}]"
    )
}

/// What was chosen, and why if the user did not say it.
#[derive(Debug, PartialEq)]
struct Choice {
    calls: usize,
    why: Option<String>,
}

/// What holds for something new. A choice that the user did not make is shown.
pub async fn choose(asked: Option<u16>, target: &ReadyModel, observer: &dyn Observer) -> usize {
    let Choice { calls, why } = match (asked, target.model.is_simulated()) {
        (Some(asked), _) => Choice { calls: asked.into(), why: None },
        (None, true) => Choice { calls: SIMULATED, why: None },
        (None, false) => unasked(target).await,
    };
    if let Some(why) = why {
        observer.note(format!("up to {calls} calls of the target at once: {why}; --concurrency changes it"));
    }
    calls
}

async fn unasked(target: &ReadyModel) -> Choice {
    let most = usize::from(DEFAULT_CONCURRENCY);
    match target.model.offer().await {
        Some(offer) => Choice { calls: offer.calls.unwrap_or(most), why: Some(offer.why) },
        None => Choice { calls: most, why: Some("fewer as soon as the provider asks for fewer".into()) },
    }
}
