//! A run as OpenTelemetry traces and metrics, sent by OTLP over HTTP while it is made.
//!
//! `follow` reads the record as it grows, in a thread of its own, and makes spans (`span`, `calls`, `proposal`) and
//! `metrics` of it; `send` sends them. The queue between the two is bounded: what an endpoint is too slow for is
//! dropped and counted. Nothing here can hold up a search or change its result.

mod calls;
mod evaluation;
mod follow;
mod metrics;
mod proposal;
mod send;
mod span;
mod tail;
mod wire;

use std::{
    sync::{Arc, PoisonError, atomic::Ordering, mpsc},
    thread,
    time::Duration,
};

use mmh_record::{clock::Clock, format::Config, reader::RunReader};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::{sync::mpsc::Sender, task::JoinHandle};
use url::Url;

use self::{
    follow::Follower,
    send::{Batch, Counts, Endpoint, QUEUE},
    span::Span,
    wire::{Attributes, request},
};

/// How often the record is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How many looks pass between two requests with metrics.
const METRICS_EVERY: u32 = 25;
/// Most spans of a request.
const MAX_SPANS: usize = 256;
/// A request that has as many bytes takes no further span. With the queue it bounds the memory.
const MAX_BYTES: usize = 512 << 10;
/// How long the end of a run waits for an endpoint that takes nothing.
const FLUSH: Duration = Duration::from_secs(3);
/// How long it waits in all: the span of the run comes last, and a trace without it looks as if it went on.
const FLUSH_IN_ALL: Duration = Duration::from_secs(20);

/// Where to send what.
#[derive(Clone)]
pub struct Options {
    /// The endpoint, before `/v1/traces` and `/v1/metrics`.
    pub endpoint: String,
    /// Headers of every request: `name=value`, separated by commas, values with `%` before two hexadecimal digits.
    pub headers: String,
    /// `service.name`.
    pub service: String,
    /// Whether prompts, replies, inputs and answers are told.
    pub texts: bool,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The address is none.
    #[error("the OTLP endpoint {0:?} is no http or https address")]
    Endpoint(String),
    /// A header is none. Its value may be secret.
    #[error("the OTLP headers have a part that is no NAME=VALUE")]
    Header,
    /// The client cannot be made.
    #[error("cannot make an OTLP client: {0}")]
    Client(String),
}

/// A run that is followed and sent.
pub struct Exporter {
    stop: mpsc::Sender<()>,
    follower: thread::JoinHandle<()>,
    sender: JoinHandle<()>,
    counts: Arc<Counts>,
}

/// What became of the spans of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Spans that the endpoint has.
    pub sent: u64,
    /// Spans that were dropped.
    pub dropped: u64,
    /// Why the last of them was.
    pub problem: Option<String>,
}

/// An endpoint whose address and headers are sound.
#[derive(Clone)]
pub struct Ready {
    options: Options,
    endpoint: Endpoint,
}

impl Ready {
    /// Checks where to send.
    pub fn new(options: Options) -> Result<Self, OtlpError> {
        let wrong = || OtlpError::Endpoint(options.endpoint.clone());
        let url = Url::parse(&options.endpoint).map_err(|_| wrong())?;
        if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
            return Err(wrong());
        }
        let endpoint = Endpoint::new(url, headers(&options.headers)?)?;
        Ok(Self { options, endpoint })
    }

    /// Begins to follow a run. What is on record already is not sent. Must be called in a runtime.
    pub fn follow(&self, reader: RunReader, config: &Config, clock: Clock) -> Exporter {
        let (batches, queue) = tokio::sync::mpsc::channel(QUEUE);
        let counts = Arc::new(Counts::default());
        let sender = tokio::spawn(self.endpoint.clone().send_all(queue, counts.clone()));
        let resource: Attributes = vec![
            ("service.name", self.options.service.as_str().into()),
            ("service.version", config.host_version.as_str().into()),
            ("mmh.run.id", config.run_id.as_str().into()),
        ];
        let mut out =
            Outgoing { batches, counts: counts.clone(), resource, version: config.host_version.clone() };
        let mut follower = Follower::new(reader, config.clone(), clock, &self.options);
        let (stop, stopped) = mpsc::channel();
        follower.begin();
        let follower = thread::spawn(move || follow(&mut follower, &stopped, &mut out));
        Exporter { stop, follower, sender, counts }
    }
}

/// Looks at the record until the run has ended, and once more.
fn follow(follower: &mut Follower, stopped: &mpsc::Receiver<()>, out: &mut Outgoing) {
    let mut looks = 0;
    while stopped.recv_timeout(LOOK_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
        let spans = follower.look();
        out.spans(follower, &spans);
        looks += 1;
        if looks % METRICS_EVERY == 0 {
            out.metrics(follower);
        }
    }
    let mut spans = follower.look();
    spans.push(follower.end());
    out.spans(follower, &spans);
    out.metrics(follower);
}

/// Where a follower puts what it has made.
struct Outgoing {
    batches: Sender<Batch>,
    counts: Arc<Counts>,
    resource: Attributes,
    version: String,
}

impl Outgoing {
    fn spans(&mut self, follower: &Follower, spans: &[Span]) {
        let (mut messages, mut bytes) = (Vec::new(), 0);
        for (at, span) in spans.iter().enumerate() {
            let message = span.message(&follower.trace);
            bytes += message.len();
            messages.push(message);
            if messages.len() == MAX_SPANS || bytes >= MAX_BYTES || at + 1 == spans.len() {
                let count = messages.len() as u64;
                let body = request(&self.resource, &self.version, 2, std::mem::take(&mut messages));
                bytes = 0;
                self.counts.queue(&self.batches, Batch { path: "/v1/traces", body, spans: count });
            }
        }
    }

    fn metrics(&mut self, follower: &mut Follower) {
        if let Some(metrics) = follower.metrics() {
            let body = request(&self.resource, &self.version, 2, metrics);
            self.counts.queue(&self.batches, Batch { path: "/v1/metrics", body, spans: 0 });
        }
    }
}

impl Exporter {
    /// Sends the rest, as long as it is taken and for some seconds at most, and says what became of all.
    pub async fn end(self) -> Told {
        drop(self.stop);
        let abort = self.sender.abort_handle();
        let follower = self.follower;
        let rest = async {
            // It ends by itself: it has been told to stop.
            let _ = tokio::task::spawn_blocking(move || follower.join()).await;
            let _ = self.sender.await;
        };
        let in_time = self.counts.while_taken(rest, (FLUSH, FLUSH_IN_ALL)).await;
        abort.abort();
        let problem = self.counts.problem.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let problem = if in_time { problem } else { Some("the endpoint was too slow at the end".into()) };
        let (made, sent) = (&self.counts.made, &self.counts.sent);
        let (made, sent) = (made.load(Ordering::Relaxed), sent.load(Ordering::Relaxed));
        Told { sent, dropped: made.saturating_sub(sent), problem }
    }
}

/// The headers of the environment's form.
fn headers(text: &str) -> Result<HeaderMap, OtlpError> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(OtlpError::Header)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| OtlpError::Header)?;
        let mut value = HeaderValue::from_bytes(&unescaped(value.trim())).map_err(|_| OtlpError::Header)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

/// A text whose `%` and two hexadecimal digits stand for a byte.
fn unescaped(text: &str) -> Vec<u8> {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_environment() {
        let table = [
            ("", Some(vec![])),
            ("Authorization=Basic%20abc%3D", Some(vec![("authorization", "Basic abc=")])),
            ("a=1, b=2=3,", Some(vec![("a", "1"), ("b", "2=3")])),
            ("a=%zz%", Some(vec![("a", "%zz%")])),
            ("a", None),
            ("a b=1", None),
            ("a=%0a", None),
        ];
        for (text, expected) in table {
            let found = headers(text).ok().map(|it| {
                it.iter()
                    .map(|(name, value)| {
                        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                    })
                    .collect::<Vec<_>>()
            });
            let expected = expected
                .map(|it| it.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn only_addresses_of_the_web_are_endpoints() {
        for (endpoint, is_one) in [
            ("http://127.0.0.1:4318", true),
            ("https://example.com/otel", true),
            ("ftp://x", false),
            ("x", false),
            ("", false),
        ] {
            let options = Options {
                endpoint: endpoint.into(),
                headers: String::new(),
                service: "s".into(),
                texts: false,
            };
            assert_eq!(Ready::new(options).is_ok(), is_one, "{endpoint}");
        }
    }
}
