//! Sends a request again at once if the server had closed the connection before the request arrived. The server has not
//! read it, so nobody bills it.
//!
//! A server may close an idle connection at any time. A request that is sent in the same moment fails just like one that
//! crashes the server. Two things tell them apart: the connection had been used before, and it was found closed sooner
//! than any server answers.

use std::{
    error::Error as _,
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::future::{FutureExt, Inspect};
use reqwest::{RequestBuilder, Response};

/// How soon a closed connection is noticed at most: on this machine, and at the other end of the world.
const SOON_HERE: Duration = Duration::from_millis(25);
const SOON_ELSEWHERE: Duration = Duration::from_millis(500);

/// How often a request is sent again at once. Several connections may have become stale together.
const MAX_STALE: u32 = 3;

tokio::task_local! {
    /// Whether a new connection was made for the request that is being sent. A connection that is made in the
    /// background, because another one was free first, does not count.
    static CONNECTED: Arc<AtomicBool>;
}

/// Sends a request, and sends it again if the connection had been closed before.
pub async fn send(request: &impl Fn() -> RequestBuilder, is_local: bool) -> Result<Response, reqwest::Error> {
    let soon = if is_local { SOON_HERE } else { SOON_ELSEWHERE };
    let mut stale = 0;
    loop {
        let (connected, begun) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let sent = CONNECTED.scope(connected.clone(), request().send()).await;
        let reused = !connected.load(Ordering::Relaxed);
        match sent {
            Err(error) if reused && begun.elapsed() < soon && is_closed(&error) && stale < MAX_STALE => {
                tracing::debug!("a connection was closed before the request came");
                stale += 1;
            }
            sent => return sent,
        }
    }
}

/// Whether a connection was found closed before anything of an answer came.
fn is_closed(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_closed() || error.is_canceled())
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            let closed = [ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted, ErrorKind::BrokenPipe];
            return closed.contains(&error.kind());
        }
        source = error.source();
    }
    false
}

/// Adds a note to each connection that is made for a request.
#[derive(Clone)]
pub struct NoteConnected;

/// A connector that notes that it made a connection.
#[derive(Clone)]
pub struct Noting<S>(S);

impl<S> tower::Layer<S> for NoteConnected {
    type Service = Noting<S>;

    fn layer(&self, connector: S) -> Noting<S> {
        Noting(connector)
    }
}

impl<S: tower::Service<R>, R> tower::Service<R> for Noting<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Inspect<S::Future, fn(&Result<S::Response, S::Error>)>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.0.call(request).inspect(|_| {
            let _ = CONNECTED.try_with(|connected| connected.store(true, Ordering::Relaxed));
        })
    }
}
