//! What the server denies. NATS says so beside its answers: a request that is denied gets none. So it is heard here, for
//! requests that wait, and for whoever watches over a connection.

use std::{collections::HashSet, future::Future, sync::Arc, time::Duration};

use async_nats::{Event, ServerError};
use mmh_record::text;
use tokio::sync::broadcast;

use crate::{FleetError, Tell};

/// A denial takes another way than answers do, and may come a moment after one.
const COMES_WITHIN: Duration = Duration::from_millis(100);

/// Most denials that wait to be heard.
const MOST: usize = 64;

/// What the server denied to a connection, as it comes.
#[derive(Clone)]
pub(crate) struct Denials(broadcast::Sender<Arc<str>>);

impl Denials {
    pub fn new() -> Self {
        Self(broadcast::Sender::new(MOST))
    }

    /// Takes what a connection reports.
    pub fn hear(&self, event: &Event) {
        if let Event::ServerError(ServerError::Other(said)) = event
            && let Some(denied) = in_words(said)
        {
            // Nobody may listen.
            let _ = self.0.send(denied.into());
        }
    }

    /// Waits for an answer, or for a denial.
    pub async fn or<T>(&self, answer: impl Future<Output = Result<T, FleetError>>) -> Result<T, FleetError> {
        let mut denied = self.0.subscribe();
        let done = tokio::select! {
            done = answer => done?,
            what = next(&mut denied) => return Err(refused(&what)),
        };
        match tokio::time::timeout(COMES_WITHIN, next(&mut denied)).await {
            Ok(what) => Err(refused(&what)),
            Err(_) => Ok(done),
        }
    }

    /// Tells what is denied from now on.
    pub async fn tell(self, tell: Tell) {
        let mut denied = self.0.subscribe();
        let mut told = HashSet::new();
        loop {
            let what = next(&mut denied).await;
            if told.len() < MOST && told.insert(what.clone()) {
                tell(format!("warning: {}", refused(&what)));
            }
        }
    }
}

async fn next(denied: &mut broadcast::Receiver<Arc<str>>) -> Arc<str> {
    loop {
        match denied.recv().await {
            Ok(what) => return what,
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// What is denied, and what to do about it.
fn refused(what: &str) -> FleetError {
    let is_made = what.contains("STREAM.CREATE") || what.contains("CONSUMER.CREATE.MMH_");
    let next = match is_made {
        true => {
            "something is missing there, which only a coordinator may make: `mmh workers` of this version with the \
             coordinator's credentials makes it"
        }
        false => "docs/many-machines.md lists the permissions of a worker and of a coordinator",
    };
    FleetError::Denied { what: what.to_owned(), next }
}

/// `Permissions Violation for Publish to "a.b"` in words. `None` if it says something else.
fn in_words(said: &str) -> Option<String> {
    let rest = said.strip_prefix("Permissions Violation for ")?;
    let (does, subject) = match rest.split_once(" to ")? {
        ("Publish", subject) => ("to publish on", subject),
        ("Subscription", subject) => ("to listen to", subject),
        _ => return None,
    };
    let subject = subject.trim_start_matches('"').split('"').next().unwrap_or_default();
    Some(format!("{does} {}", text::name(subject)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_said_in_words() {
        // what the server says, what is made of it
        let table = [
            ("Permissions Violation for Publish to \"a.b\"", Some("to publish on a.b")),
            ("Permissions Violation for Subscription to \"a.>\"", Some("to listen to a.>")),
            ("Permissions Violation for Subscription to \"a\" using queue \"q\"", Some("to listen to a")),
            ("Permissions Violation for Publish to \"a\u{1b}[2J\"", Some("to publish on a")),
            ("maximum connections exceeded", None),
        ];
        for (said, expected) in table {
            assert_eq!(in_words(said).as_deref(), expected, "{said}");
        }
    }

    #[test]
    fn each_denial_names_the_next_step() {
        // what is denied, a part of the next step
        let table = [
            ("to publish on $JS.API.STREAM.CREATE.MMH_CALLS", "`mmh workers`"),
            ("to publish on $JS.API.STREAM.CREATE.OBJ_mmh-objects", "`mmh workers`"),
            ("to publish on $JS.API.CONSUMER.CREATE.MMH_CALLS.workers-1.mmh.call.1.>", "`mmh workers`"),
            ("to publish on $JS.API.CONSUMER.CREATE.OBJ_mmh-objects.a.b", "permissions of a worker"),
            ("to listen to mmh.model.>", "permissions of a worker"),
        ];
        for (what, expected) in table {
            assert!(refused(what).to_string().contains(expected), "{what}: {}", refused(what));
        }
    }

    #[tokio::test]
    async fn a_denial_ends_a_request_that_waits() {
        let denials = Denials::new();
        let said = "Permissions Violation for Publish to \"a\"";
        let heard = denials.clone();
        let asked = denials.or(async {
            heard.hear(&Event::ServerError(ServerError::Other(said.into())));
            std::future::pending::<Result<(), FleetError>>().await
        });
        assert!(matches!(asked.await, Err(FleetError::Denied { .. })));
        assert_eq!(denials.or(async { Ok(7) }).await.ok(), Some(7));
    }
}
