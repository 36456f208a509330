//! A run as OpenTelemetry traces and metrics: a receiver that is built of the published types reads them, and an endpoint
//! that is gone, slow or broken changes nothing.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::Path,
    process::Output,
    time::Duration,
};

use mmh_tests::runs;
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{Metric, metric::Data, number_data_point},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use tokio::runtime::Runtime;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

const RUN: [&str; 6] = ["--mock", "--iterations", "2", "--eval-size", "6", "--no-test"];

/// What a receiver got.
struct Received {
    spans: Vec<Span>,
    resource: HashMap<String, String>,
    /// The last value of each metric.
    metrics: HashMap<String, Metric>,
    headers: HashSet<String>,
}

/// Makes a run that is told to a server which answers so.
fn told(args: &[&str], answer: ResponseTemplate) -> (tempfile::TempDir, Output, Received) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(async {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        server
    });
    let address = server.uri();
    let args = [&RUN[..], &["--otlp-endpoint", &address], args].concat();
    let mut command = runs::command(PROGRAM, folder.path(), &args);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b").env("OTEL_SERVICE_NAME", "bench");
    let output = command.output().expect("the program starts");
    let requests = runtime.block_on(server.received_requests()).expect("requests");
    let mut received = Received {
        spans: Vec::new(),
        resource: HashMap::new(),
        metrics: HashMap::new(),
        headers: requests
            .iter()
            .filter_map(|it| Some(it.headers.get("x-key")?.to_str().ok()?.to_owned()))
            .collect(),
    };
    for request in &requests {
        match request.url.path() {
            "/v1/traces" => {
                let traces = ExportTraceServiceRequest::decode(&request.body[..]).expect("traces");
                for it in traces.resource_spans {
                    received.resource = texts(&it.resource.expect("a resource").attributes);
                    received.spans.extend(it.scope_spans.into_iter().flat_map(|scope| scope.spans));
                }
            }
            "/v1/metrics" => {
                let metrics = ExportMetricsServiceRequest::decode(&request.body[..]).expect("metrics");
                let all = metrics.resource_metrics.into_iter().flat_map(|it| it.scope_metrics);
                received.metrics.extend(all.flat_map(|it| it.metrics).map(|it| (it.name.clone(), it)));
            }
            other => panic!("{other}"),
        }
    }
    (folder, output, received)
}

fn value(attributes: &[KeyValue], name: &str) -> Option<Value> {
    attributes.iter().find(|it| it.key == name).and_then(|it| it.value.clone()?.value)
}

fn texts(attributes: &[KeyValue]) -> HashMap<String, String> {
    let text = |it: &KeyValue| match it.value.clone()?.value? {
        Value::StringValue(text) => Some((it.key.clone(), text)),
        _ => None,
    };
    attributes.iter().filter_map(text).collect()
}

fn number(span: &Span, name: &str) -> i64 {
    match value(&span.attributes, name) {
        Some(Value::IntValue(number)) => number,
        other => panic!("{}: {name}: {other:?}", span.name),
    }
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn summary(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(folder.join("runs/a/summary.json")).expect("a summary")).expect("JSON")
}

#[test]
fn a_receiver_gets_the_whole_run() {
    let (folder, output, received) = told(&[], ResponseTemplate::new(200));
    assert!(output.status.success(), "{}", both(&output));
    assert!(both(&output).contains("OpenTelemetry"), "{}", both(&output));
    let spans = &received.spans;
    let ids: HashMap<&[u8], &Span> = spans.iter().map(|it| (&it.span_id[..], it)).collect();
    assert_eq!(ids.len(), spans.len(), "each span comes once");
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for span in spans {
        assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8), "{}", span.name);
        assert_eq!(span.trace_id, spans[0].trace_id);
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano && span.start_time_unix_nano > 0);
        *names.entry(span.name.split(' ').next().unwrap_or_default()).or_default() += 1;
        match ids.get(&span.parent_span_id[..]) {
            None => assert_eq!(span.name, "mmh run a"),
            Some(parent) if parent.name.starts_with("example ") => {
                assert!(parent.start_time_unix_nano <= span.start_time_unix_nano, "{}", span.name);
                assert!(span.end_time_unix_nano <= parent.end_time_unix_nano, "{}", span.name);
            }
            Some(_) => {}
        }
    }
    assert_eq!((names["mmh"], names["candidate"], names["example"]), (1, 3, 18), "{names:?}");
    assert!(names["chat"] >= 18 && names["execute_tool"] >= 2, "{names:?}");
    for span in spans.iter().filter(|it| it.name.starts_with("chat ")) {
        let texts = texts(&span.attributes);
        assert_eq!((texts["gen_ai.operation.name"].as_str(), span.kind()), ("chat", SpanKind::Client));
        assert!(texts.contains_key("gen_ai.request.model") && texts.contains_key("gen_ai.provider.name"));
        assert!(
            number(span, "gen_ai.usage.input_tokens") > 0 && number(span, "gen_ai.usage.output_tokens") > 0
        );
        assert!(
            !texts.contains_key("gen_ai.input.messages") && !texts.contains_key("gen_ai.output.messages")
        );
    }
    assert_eq!(received.resource["service.name"], "bench");
    assert_eq!(received.headers, HashSet::from(["a b".to_owned()]));

    // What is summed up in the record is summed up there.
    let summary = summary(folder.path());
    let Some(Data::Gauge(scores)) = &received.metrics["mmh.score"].data else { panic!("no gauge") };
    let found: Vec<f64> = scores
        .data_points
        .iter()
        .map(|it| match it.value {
            Some(number_data_point::Value::AsDouble(value)) => value,
            _ => panic!("no number"),
        })
        .collect();
    let expected: Vec<f64> = summary["iterations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| it["score"]["accuracy"].as_f64().expect("a number"))
        .collect();
    assert_eq!(found, expected);
    let Some(Data::Histogram(tokens)) = &received.metrics["gen_ai.client.token.usage"].data else {
        panic!("none")
    };
    let total: f64 = tokens.data_points.iter().filter_map(|it| it.sum).sum();
    let of_spans: i64 = spans
        .iter()
        .filter(|it| it.name.starts_with("chat "))
        .map(|it| number(it, "gen_ai.usage.input_tokens") + number(it, "gen_ai.usage.output_tokens"))
        .sum();
    assert_eq!(total as i64, of_spans);
    for point in &tokens.data_points {
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
    }
}

#[test]
fn texts_are_told_only_where_that_is_asked_for() {
    for (args, is_told) in [(&[][..], false), (&["--otlp-texts"], true)] {
        let (folder, output, received) = told(args, ResponseTemplate::new(200));
        assert!(output.status.success(), "{}", both(&output));
        let trace =
            fs::read_to_string(folder.path().join("runs/a/iterations/000/eval_trace.jsonl")).expect("rows");
        let row: serde_json::Value =
            serde_json::from_str(trace.lines().next().expect("a row")).expect("JSON");
        let input = row["input"].as_str().expect("a text");
        let all: Vec<String> =
            received.spans.iter().flat_map(|it| texts(&it.attributes).into_values()).collect();
        assert_eq!(all.iter().any(|text| text.contains(input)), is_told, "{args:?}");
        let code =
            received.spans.iter().any(|it| texts(&it.attributes).contains_key("gen_ai.tool.call.arguments"));
        assert_eq!(code, is_told, "{args:?}");
    }
}

#[test]
fn a_bad_endpoint_changes_nothing() {
    let table = [
        ("slow", ResponseTemplate::new(200).set_delay(Duration::from_secs(60))),
        ("broken", ResponseTemplate::new(500)),
        ("without metrics", ResponseTemplate::new(404)),
        ("elsewhere", ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:9/")),
    ];
    let quiet = runs::once(PROGRAM, &RUN);
    let scores = |summary: &serde_json::Value| {
        summary["iterations"]
            .as_array()
            .expect("scores")
            .iter()
            .map(|it| it["score"]["accuracy"].clone())
            .collect::<Vec<_>>()
    };
    let expected =
        scores(&serde_json::from_slice(&fs::read(quiet.join("summary.json")).expect("read")).expect("JSON"));
    let check = |name: &str, folder: &Path, output: &Output| {
        assert!(output.status.success(), "{name}: {}", both(output));
        assert!(both(output).contains("spans were dropped"), "{name}: {}", both(output));
        assert_eq!(scores(&summary(folder)), expected, "{name}");
    };
    for (name, answer) in table {
        let (folder, output, _) = told(&[], answer);
        check(name, folder.path(), &output);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let args = [&RUN[..], &["--otlp-endpoint", "http://127.0.0.1:9"]].concat();
    let output = runs::command(PROGRAM, folder.path(), &args).output().expect("the program starts");
    check("gone", folder.path(), &output);
}

#[test]
fn an_endpoint_that_is_none_is_refused_before_the_run() {
    let table = [
        (&["--otlp-endpoint", "localhost:4318"][..], "", "is no http or https address"),
        (&["--otlp-endpoint", "http://127.0.0.1:9"], "no-pair", "no NAME=VALUE"),
        (&["--otlp-texts"], "", "--otlp-endpoint"),
    ];
    for (args, headers, says) in table {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = runs::command(PROGRAM, folder.path(), &[&RUN[..], args].concat());
        let output = command.env("OTEL_EXPORTER_OTLP_HEADERS", headers).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", both(&output));
        assert!(both(&output).contains(says), "{args:?}: {}", both(&output));
        assert!(!folder.path().join("runs").exists(), "{args:?}: there is a run");
    }
}

/// A run that goes on tells what is new, in the trace of the run that it goes on with.
#[test]
fn a_run_that_goes_on_tells_the_rest() {
    let (folder, output, first) = told(&[], ResponseTemplate::new(200));
    assert!(output.status.success(), "{}", both(&output));
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(async {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
        server
    });
    let mut again = std::process::Command::new(PROGRAM);
    again.args(["run", "--resume", "runs/a", "--iterations", "3", "--otlp-endpoint", &server.uri()]);
    again.current_dir(folder.path()).env("MMH_CACHE_DIR", mmh_tests::cache_dir());
    let output = again.output().expect("the program starts");
    assert!(output.status.success(), "{}", both(&output));
    let requests = runtime.block_on(server.received_requests()).expect("requests");
    let traces = requests.iter().filter(|it| it.url.path() == "/v1/traces");
    let spans: Vec<Span> = traces
        .flat_map(|it| ExportTraceServiceRequest::decode(&it.body[..]).expect("traces").resource_spans)
        .flat_map(|it| it.scope_spans)
        .flat_map(|it| it.spans)
        .collect();
    let candidates: Vec<&str> =
        spans.iter().map(|it| it.name.as_str()).filter(|it| it.starts_with("candidate")).collect();
    assert_eq!(candidates, ["candidate 003"]);
    assert_eq!(spans[0].trace_id, first.spans[0].trace_id);
    assert!(spans.iter().all(|it| it.status.as_ref().is_none_or(|it| it.code() != StatusCode::Error)));
}
