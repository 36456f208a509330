//! Connections that a server had closed before it got the request: nobody has read it, so nobody bills it, and
//! it is sent again at once.
//!
//! A server may close a connection that is idle without a word. A request that is sent in the same moment meets
//! a closed door, which looks just like a server that broke down over the request. Told apart by two things:
//! the connection had been used before, and it was found closed sooner than any server answers.

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

/// How soon a closed connection is found closed: on this machine, and at the other end of the world.
const SOON_HERE: Duration = Duration::from_millis(25);
const SOON_ELSEWHERE: Duration = Duration::from_millis(500);

/// How often a request is sent again at once. Several connections may have become stale together.
const MAX_STALE: u32 = 3;

tokio::task_local! {
    /// Whether a new connection was made for the request that is being sent. One that is made in the background,
    /// because another connection was free first, belongs to nobody.
    static CONNECTED: Arc<AtomicBool>;
}

/// Sends a request; again, and for nothing, where it met a connection that was closed before.
pub async fn send(request: impl Fn() -> RequestBuilder, is_local: bool) -> Result<Response, reqwest::Error> {
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

/// Notes for whoever sends a request that a new connection was made for it.
#[derive(Clone)]
pub struct NoteConnected;

/// A connector that does so.
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
