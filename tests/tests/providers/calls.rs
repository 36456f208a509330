//! What a call of a run makes of answers and failures: attempts, waiting, money, and whose trouble it is.

use std::{sync::Arc, time::Duration};

use mmh_models::{
    cancel::{Cancel, Stop},
    catalog::{Catalog, Overrides},
    metering::{MeteredModel, RetryPolicy, RunContext, budget::Budget, throttle::Throttle},
};
use mmh_record::{
    chat::{CallError, CallOutcome, ChatRequest, ModelError},
    clock::Clock,
    pricing::Usd,
};
use mmh_tests::server::{Ending, Reply, Server};

use crate::{GOOD, asking, remote};

/// A caller with short waiting times.
fn caller(url: &str, budget: f64, cancel: &Cancel) -> MeteredModel {
    let model = Arc::new(remote(url, "claude-haiku-4-5", false));
    let catalog = Catalog::builtin().expect("well-formed");
    let price =
        catalog.resolve("claude-haiku-4-5", &Overrides::default(), "").expect("known").price.expect("priced");
    let budget = Arc::new(Budget::new(Usd::from_f64(budget)));
    let (attempt, total) = (Duration::from_secs(1), Duration::from_secs(6));
    let retry_policy = RetryPolicy { attempts: 4, attempt, total, ..RetryPolicy::ONCE };
    let run = RunContext { budget, clock: Clock::System, cancel: cancel.clone() };
    MeteredModel::new(model, price, Throttle::new(16), retry_policy, run)
}

/// A server that gives these replies, and the last one for ever.
async fn scripted(replies: Vec<fn() -> Reply>) -> Server {
    let at = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |_| {
        let at = at.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        replies[at.min(replies.len() - 1)]()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_repeated_where_that_helps() {
    // name, replies, attempts, requests, least milliseconds of waiting, what the result says, whether something
    // may be owed. A request beyond the attempts is a control request's, or one of its attempts.
    type Row = (&'static str, Vec<fn() -> Reply>, u32, usize, u64, &'static str, bool);
    let table: Vec<Row> = vec![
        ("at once", vec![|| Reply::new(200, GOOD)], 1, 1, 0, "ok", false),
        ("after a 500", vec![|| Reply::new(500, "{}"), || Reply::new(200, GOOD)], 2, 2, 250, "ok", false),
        (
            "when it is told to",
            vec![|| Reply::new(429, "{}").header("retry-after-ms", "700"), || Reply::new(200, GOOD)],
            2,
            2,
            700,
            "ok",
            false,
        ),
        (
            "in seconds",
            vec![|| Reply::new(529, "{}").header("retry-after", "1"), || Reply::new(200, GOOD)],
            2,
            2,
            1000,
            "ok",
            false,
        ),
        (
            "not when that is too late",
            vec![|| Reply::new(429, "{}").header("retry-after", "3600")],
            1,
            1,
            0,
            "given up after 1 attempt: the next one would be in",
            false,
        ),
        (
            "not for ever",
            vec![|| Reply::new(500, "{}").header("retry-after-ms", "1")],
            4,
            8,
            0,
            "given up after 4 attempts",
            false,
        ),
        (
            "a stall, then an answer",
            vec![|| Reply::new(200, GOOD).after(Duration::from_secs(30)), || Reply::new(200, GOOD)],
            2,
            2,
            1000,
            "ok",
            true,
        ),
        (
            "a reset, then an answer",
            vec![|| Reply::new(200, GOOD).ending(Ending::Reset), || Reply::new(200, GOOD)],
            2,
            2,
            250,
            "ok",
            true,
        ),
        ("never after a 400", vec![|| Reply::new(400, "{}")], 1, 2, 0, "400 Bad Request", false),
        (
            "once more if others are answered",
            vec![|| Reply::new(400, "{}"), || Reply::new(200, GOOD), || Reply::new(400, "{}")],
            2,
            3,
            0,
            "the model refused",
            false,
        ),
        (
            "not if it is too long",
            vec![|| Reply::new(400, r#"{"error":{"message":"prompt is too long: 9 > 8"}}"#)],
            1,
            1,
            0,
            "the model refused",
            false,
        ),
    ];
    for (name, replies, attempts, requests, least_ms, says, owed) in table {
        let server = scripted(replies).await;
        let caller = caller(&server.url, 1.0, &Cancel::default());
        let called = caller.call(&asking("Hi"), None).await;
        let CallOutcome { result, cost, attempts: made, latency_ms, control, .. } = called;
        let said = result.map_or_else(|error| error.to_string(), |_| "ok".into());
        assert!(said.contains(says), "{name}: {said}");
        assert_eq!((made, server.journal().len()), (attempts, requests), "{name}: {said}");
        assert!(latency_ms >= least_ms as f64, "{name}: {latency_ms} ms");
        // 1,000 tokens at 1 dollar and 100 at 5, once.
        let expected = if says == "ok" { Usd::from_f64(0.0015) } else { Usd::ZERO };
        let control =
            control.filter(|control| control.answered).map(|control| control.cost).unwrap_or_default();
        let spent = caller.budget.status().spent;
        assert_eq!((cost, spent), (expected, expected.plus(control)), "{name}");
        assert_eq!(caller.budget.status().unknown > Usd::ZERO, owed, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_is_waited_for() {
    let server = scripted(vec![
        || {
            let at = std::time::SystemTime::now() + Duration::from_secs(2);
            Reply::new(429, "{}").header("retry-after", httpdate::fmt_http_date(at))
        },
        || Reply::new(200, GOOD),
    ])
    .await;
    let called = caller(&server.url, 1.0, &Cancel::default()).call(&asking("Hi"), None).await;
    assert!(called.result.is_ok() && called.latency_ms >= 900.0, "{called:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_call_has_a_deadline() {
    let server = scripted(vec![|| Reply::new(200, GOOD).after(Duration::from_secs(30))]).await;
    let mut caller = caller(&server.url, 1.0, &Cancel::default());
    caller.retry_policy.total = Duration::from_millis(2_500);
    let called = caller.call(&asking("Hi"), Some(Duration::from_secs(60))).await;
    // A control request has the same retry policy.
    assert!((2..=3).contains(&called.attempts) && called.latency_ms < 7_000.0, "{called:?}");
    let error = called.result.expect_err("a stall").to_string();
    assert!(error.starts_with("claude-haiku-4-5 at 127.0.0.1:"), "{error}");
    assert!(error.contains("did not answer within 1.0 s (--target-timeout-s gives it more time)"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_helped_stops_the_run() {
    let server = scripted(vec![|| Reply::new(401, r#"{"error":{"message":"bad key"}}"#)]).await;
    let cancel = Cancel::default();
    let called = caller(&server.url, 1.0, &cancel).call(&asking("Hi"), None).await;
    assert!(matches!(called.result, Err(CallError::Model(ModelError::Unusable(_)))));
    assert!(matches!(cancel.why(), Some(Stop::ModelUnusable(why)) if why.contains("check the key")));

    // A server that is down: the first call finds out, and the next one is not made.
    let cancel = Cancel::default();
    let mut down = caller("http://127.0.0.1:9", 1.0, &cancel);
    down.retry_policy.attempts = 1;
    for call in 1..=2 {
        let called = down.call(&asking("Hi"), None).await;
        assert!(matches!(called.result, Err(CallError::Model(ModelError::Unusable(_)))), "call {call}");
        assert_eq!(called.attempts, 2 - call, "call {call}");
    }
    assert!(matches!(cancel.why(), Some(Stop::ModelUnusable(why)) if why.contains("Connection refused")));

    let server = scripted(vec![|| Reply::new(200, GOOD)]).await;
    let cancel = Cancel::default();
    let called = caller(&server.url, 0.0001, &cancel).call(&asking("Hi"), None).await;
    assert_eq!(called.result, Err(CallError::BudgetSpent));
    assert!(server.journal().is_empty(), "nothing was sent");
    assert!(
        matches!(cancel.why(), Some(Stop::BudgetSpent(why)) if why.contains("--budget-usd raises the budget"))
    );
}

/// A server that closes idle connections: nobody's request gets lost in one, so nothing counts as billed.
#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_given_up_in_time() {
    let server = Server::closing_idle(Duration::from_millis(1_500), |_| Reply::new(200, GOOD)).await;
    let caller = caller(&server.url, 1.0, &Cancel::default());
    for pause_ms in [0, 20, 1_495, 1_500, 1_505, 3_000] {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        let called = caller.call(&asking("Hi"), None).await;
        assert!(called.result.is_ok() && called.attempts == 1, "after {pause_ms} ms: {called:?}");
    }
    assert_eq!(caller.budget.status().unknown, Usd::ZERO);
}

/// A server that closes every connection after its answer and does not say so: a request that comes in the same
/// moment was read by nobody, so it is sent again and nothing counts as billed.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_closed_before_costs_nothing() {
    let server = Server::start(|_| Reply::new(200, GOOD).ending(Ending::Closed)).await;
    let caller = caller(&server.url, 1.0, &Cancel::default());
    for _ in 0..20 {
        let asked: Vec<ChatRequest> = (0..4).map(|at| asking(&format!("Hi {at}"))).collect();
        let calls = asked.iter().map(|request| caller.call(request, None));
        for called in futures::future::join_all(calls).await {
            assert!(called.result.is_ok() && called.attempts == 1, "{called:?}");
        }
    }
    assert_eq!(caller.budget.status().unknown, Usd::ZERO);
    assert_eq!(server.journal().len(), 80, "each was read once");
}
