//! Sends requests one after another, and counts what does not arrive. Nobody waits for it but for a moment at the end.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode, header::HeaderMap, redirect};
use tokio::sync::mpsc::{Receiver, Sender};
use url::Url;

use super::OtlpError;

/// Requests that wait to be sent.
pub(super) const QUEUE: usize = 64;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(2);

/// A request: spans or metrics.
pub(super) struct Batch {
    /// Where it goes, below the endpoint.
    pub(super) path: &'static str,
    pub(super) body: Vec<u8>,
    /// How many spans are in it. 0 of metrics.
    pub(super) spans: u64,
}

/// What became of what was to be sent.
#[derive(Default)]
pub(super) struct Counts {
    /// Spans that were made.
    pub(super) made: AtomicU64,
    /// Spans that the endpoint has.
    pub(super) sent: AtomicU64,
    pub(super) problem: Mutex<Option<String>>,
    /// Requests that the endpoint has taken.
    taken: AtomicU64,
    /// The receiver has no place for metrics.
    no_metrics: AtomicBool,
}

impl Counts {
    fn lost(&self, problem: String) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
    }

    /// Waits until this is over, or the endpoint has taken nothing for a while, or it takes too long in all. Whether it is over.
    pub(super) async fn while_taken(
        &self,
        rest: impl Future<Output = ()>,
        (idle, in_all): (Duration, Duration),
    ) -> bool {
        let (begun, mut rest) = (Instant::now(), pin!(rest));
        loop {
            let before = self.taken.load(Ordering::Relaxed);
            let left = idle.min(in_all.saturating_sub(begun.elapsed()));
            if tokio::time::timeout(left, &mut rest).await.is_ok() {
                return true;
            }
            if self.taken.load(Ordering::Relaxed) == before || begun.elapsed() >= in_all {
                return false;
            }
        }
    }

    /// Queues a request, or drops it where the queue is full.
    pub(super) fn queue(&self, to: &Sender<Batch>, batch: Batch) {
        if batch.spans == 0 && self.no_metrics.load(Ordering::Relaxed) {
            return;
        }
        self.made.fetch_add(batch.spans, Ordering::Relaxed);
        if to.try_send(batch).is_err() {
            self.lost("the endpoint is too slow".into());
        }
    }
}

/// The client and the address of an endpoint.
#[derive(Clone)]
pub(super) struct Endpoint {
    client: Client,
    base: Url,
}

impl Endpoint {
    pub(super) fn new(base: Url, mut headers: HeaderMap) -> Result<Self, OtlpError> {
        // Fails if the program has chosen a provider of cryptography already, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        headers.insert("content-type", reqwest::header::HeaderValue::from_static("application/x-protobuf"));
        let mut client = Client::builder()
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT);
        if base.scheme() == "http" {
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|error| OtlpError::Client(error.to_string()))?;
        Ok(Self { client, base })
    }

    /// Sends all that comes until nothing can come any more.
    pub(super) async fn send_all(self, mut batches: Receiver<Batch>, counts: Arc<Counts>) {
        while let Some(batch) = batches.recv().await {
            match self.send(&batch).await {
                Ok(()) => {
                    counts.sent.fetch_add(batch.spans, Ordering::Relaxed);
                    counts.taken.fetch_add(1, Ordering::Relaxed);
                }
                Err(status) if batch.spans == 0 && status.is_some_and(is_not_there) => {
                    counts.no_metrics.store(true, Ordering::Relaxed);
                }
                Err(Some(status)) => counts.lost(format!("the endpoint answered {status}")),
                Err(None) => counts.lost("the endpoint does not answer".into()),
            }
        }
    }

    async fn send(&self, batch: &Batch) -> Result<(), Option<StatusCode>> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), batch.path));
        // The error may hold the address with what is secret in it, so that only its kind is told.
        let answer = self.client.post(url).body(batch.body.clone()).send().await.map_err(|_| None)?;
        if answer.status().is_success() { Ok(()) } else { Err(Some(answer.status())) }
    }
}

/// Whether an answer says that there is no such place.
fn is_not_there(status: StatusCode) -> bool {
    [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED].contains(&status)
}
