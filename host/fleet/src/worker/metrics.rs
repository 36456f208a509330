//! A worker's figures in the text format of Prometheus, over HTTP.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore};

use super::Worker;
use crate::wire::Hello;

/// Connections at once.
const MOST_CONNECTIONS: usize = 16;

/// How long a client may take to ask.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// Answers `GET /metrics` until the task is dropped.
pub(super) async fn offer(listener: TcpListener, worker: Arc<Worker>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let worker = worker.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let answer = service_fn(move |request: hyper::Request<Incoming>| {
                let is_known = request.uri().path() == "/metrics" && request.method() == Method::GET;
                let text = if is_known { text(&worker.hello()) } else { "GET /metrics\n".into() };
                let mut response = Response::new(Full::new(Bytes::from(text)));
                if !is_known {
                    *response.status_mut() = StatusCode::NOT_FOUND;
                }
                let kind = hyper::header::HeaderValue::from_static("text/plain; version=0.0.4");
                response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
                async { Ok::<_, Infallible>(response) }
            });
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(ASK_WITHIN).keep_alive(false);
            let _ = server.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

/// The figures: name, kind, what it is, value.
fn text(hello: &Hello) -> String {
    let version = &hello.version;
    let labels = format!(
        "worker={},version={},architecture={}",
        quoted(&hello.name),
        quoted(&version.program),
        quoted(&version.architecture)
    );
    let figures = [
        ("mmh_worker_processors", "gauge", "Processors that the worker uses.", hello.processors as f64),
        ("mmh_worker_calls_under_way", "gauge", "Calls begun and not ended.", hello.under_way as f64),
        ("mmh_worker_calls_waiting", "gauge", "Calls under way that wait for a model.", hello.waiting as f64),
        ("mmh_worker_calls_total", "counter", "Calls ended since the worker began.", hello.done as f64),
        (
            "mmh_worker_calls_per_second",
            "gauge",
            "Calls ended each second, over the last ten.",
            hello.calls_per_s,
        ),
    ];
    let line = |(name, kind, what, value): &(&str, &str, &str, f64)| {
        format!("# HELP {name} {what}\n# TYPE {name} {kind}\n{name}{{{labels}}} {value}\n")
    };
    figures.iter().map(line).collect()
}

/// A label's value, with what the format wants to be escaped.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Version;

    #[test]
    fn figures_as_prometheus_reads_them() {
        let hello = Hello {
            id: "1".into(),
            name: "a \"host\"".into(),
            version: Version { program: "1.2.3".into(), architecture: "x86_64".into(), protocol: 1 },
            processors: 4,
            under_way: 3,
            waiting: 2,
            done: 17,
            calls_per_s: 1.5,
        };
        let text = text(&hello);
        let labels = r#"{worker="a \"host\"",version="1.2.3",architecture="x86_64"}"#;
        for line in [
            format!("mmh_worker_calls_total{labels} 17"),
            format!("mmh_worker_calls_per_second{labels} 1.5"),
            "# TYPE mmh_worker_calls_total counter".to_owned(),
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
    }
}
