//! A server on this machine that refuses connections: it does not run, or is just being started again. It gets a moment, and
//! no more than that.

use std::{
    error::Error as _,
    io::ErrorKind,
    time::{Duration, Instant},
};

use reqwest::Response;

/// How long it is tried again, and how often. The user is told within a second.
const PATIENCE: Duration = Duration::from_millis(800);
const BETWEEN: Duration = Duration::from_millis(100);

/// Sends a request, and for a moment again where a server on this machine refuses the connection.
pub async fn send<F>(is_local: bool, request: impl Fn() -> F) -> Result<Response, reqwest::Error>
where
    F: Future<Output = Result<Response, reqwest::Error>>,
{
    let begun = Instant::now();
    loop {
        match request().await {
            Err(error) if is_local && is_refused(&error) && begun.elapsed() + BETWEEN < PATIENCE => {
                tokio::time::sleep(BETWEEN).await;
            }
            sent => return sent,
        }
    }
}

/// Whether nothing listens at the address.
pub fn is_refused(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && error.kind() == ErrorKind::ConnectionRefused
        {
            return true;
        }
        source = error.source();
    }
    false
}
