//! An evaluation against a server that fails at random: every example ends with an answer or a typed model
//! error, every answer is paid for once, and the budget holds by the server's own count.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mmh_models::{
    cancel::{Cancel, Stop},
    catalog::{Catalog, Overrides},
    metering::{MeteredModel, RetryPolicy, RunContext, budget::Budget, throttle::Throttle},
    remote::{Remote, Role},
};
use mmh_record::{clock::Clock, data::Split, limits::Limits, outcome::OutcomeKind, pricing::Usd};
use mmh_search::{
    dataset::task::BASELINE,
    dataset::{self, BUILTIN, Dataset},
    evaluate::{
        Evaluation, Evaluator, ExampleSet, Learned, Lessons, RecordedEvaluation, Target, sink::Discard,
    },
    progress::Silent,
};
use mmh_tests::{
    builder,
    server::{Ending, Reply, Request, Server},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// 300 tokens in and 4 out, at 1 and 5 dollars per million: what the server bills for a reply.
const REPLY: &str = r#"{"content":[{"type":"text","text":"migraine"}],"stop_reason":"end_turn","usage":{"input_tokens":300,"output_tokens":4}}"#;
const BILL_PICO: u64 = 320_000_000;

/// A server that fails in one of seven ways, so often, and keeps count of what it bills.
async fn failing(share: f64, billed: Arc<AtomicU64>) -> Server {
    let chance = Mutex::new(fastrand::Rng::with_seed(7));
    let fault = move || {
        let mut chance = chance.lock().expect("no panic");
        (chance.f64() < share).then(|| chance.u8(0..7))
    };
    Server::start(move |_: &Request| {
        // No sooner than a model could have answered: a connection that is closed at once was closed before.
        let soon = Duration::from_millis(50);
        let (reply, bills) = match fault() {
            None => (Reply::new(200, REPLY), true),
            Some(0) => (Reply::new(429, "{}").header("retry-after-ms", "20"), false),
            Some(1) => (Reply::new(529, "{}").header("retry-after-ms", "20"), false),
            Some(2) => (Reply::new(500, "{}").header("retry-after-ms", "20"), false),
            // Whatever the client makes of these, the tokens were made.
            Some(3) => (Reply::new(200, REPLY).ending(Ending::Reset), true),
            Some(4) => (Reply::new(200, REPLY).ending(Ending::Truncated), true),
            Some(5) => (Reply::new(200, &REPLY[1..]), true),
            Some(_) => (Reply::new(200, REPLY).after(Duration::from_secs(30)), true),
        };
        if bills {
            billed.fetch_add(BILL_PICO, Ordering::Relaxed);
        }
        let after = reply.after.max(soon);
        reply.after(after)
    })
    .await
}

struct Ended {
    evaluation: Evaluation,
    budget: Arc<Budget>,
    cancel: Cancel,
}

async fn evaluate(url: &str, dataset: &Dataset, budget_usd: f64, concurrency: usize) -> Ended {
    let builder = builder(PROGRAM, Limits::default()).await;
    let built = builder.build(BASELINE).await.expect("the host can go on").expect("it builds");
    let catalog = Catalog::builtin().expect("well-formed");
    let over = Overrides { base_url: Some(url.to_owned()), ..Overrides::default() };
    let model = catalog.resolve("claude-haiku-4-5", &over, "").expect("known");
    let (cancel, budget) = (Cancel::default(), Arc::new(Budget::new(Usd::from_f64(budget_usd))));
    let price = model.price.clone().expect("priced");
    let remote = Arc::new(Remote::new(model, Role::Target, None, false).expect("a client"));
    // So often that no call gives up because of load, which would end the run.
    let retry_policy = RetryPolicy { attempts: 8, attempt: Duration::from_secs(1), ..RetryPolicy::ONCE };
    let run = RunContext { budget: budget.clone(), clock: Clock::System, cancel: cancel.clone() };
    let caller = MeteredModel::new(remote, price, Throttle::new(concurrency), retry_policy, run);
    let evaluator = Evaluator {
        runner: builder.sandbox.clone(),
        kind: dataset.kind.clone(),
        target: Arc::new(Target::new(caller, None)),
        task: Arc::new(dataset.task.clone()),
        seed: 0,
        concurrency,
        lessons: Lessons::default(),
        times: Arc::default(),
        record_bytes: u64::MAX,
        clock: Clock::System,
        observer: Arc::new(Silent),
        cancel: cancel.clone(),
    };
    let harness = Learned::with_state(built, []);
    let work = evaluator.evaluate(
        &harness,
        ExampleSet::new(Split::Train, &dataset.train),
        RecordedEvaluation::default(),
        Arc::new(Discard),
    );
    let evaluation = work.await.expect("it is evaluated");
    Ended { evaluation, budget, cancel }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_ends_and_every_answer_is_paid_once() {
    let billed = Arc::new(AtomicU64::new(0));
    let server = failing(0.2, billed.clone()).await;
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let Ended { evaluation, budget, .. } = evaluate(&server.url, &dataset, 15.0, 64).await;
    assert!(evaluation.complete && evaluation.rows.len() == dataset.train.len());
    let answered = evaluation.rows.iter().filter(|row| row.error_kind == OutcomeKind::Ok).count() as u64;
    for row in evaluation.rows.iter().filter(|row| row.error_kind != OutcomeKind::Ok) {
        let error = row.error.as_deref().unwrap_or_default();
        let typed = row.error_kind == OutcomeKind::ModelError;
        assert!(typed && error.contains("claude-haiku-4-5"), "{:?}: {error}", row.error_kind);
    }
    assert!(answered * 100 >= 99 * evaluation.rows.len() as u64, "{answered} answers");
    // Should a call have been given up, a control request was answered as well.
    let paid = evaluation.cost.target_output_tokens / 4;
    let (standing, exact) = (budget.status(), 0.000_32 * paid as f64);
    assert!((answered..answered + 3).contains(&paid), "{answered} answers, {paid} paid");
    assert_eq!(standing.spent, Usd::from_f64(exact), "every answer once");
    assert_eq!(Usd::from_f64(evaluation.cost.estimated_usd), standing.spent, "cost.json says the same");
    let billed = Usd::from_f64(billed.load(Ordering::Relaxed) as f64 / 1e12);
    assert!(standing.spent <= billed, "{standing:?}, billed {billed:?}");
    assert!(billed <= standing.spent.plus(standing.unknown), "{standing:?}, billed {billed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_is_never_exceeded() {
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    for (share, budget_usd, concurrency) in [(0.0, 0.06, 1), (0.0, 0.06, 64), (0.2, 0.06, 64), (0.2, 0.0, 8)]
    {
        let billed = Arc::new(AtomicU64::new(0));
        let server = failing(share, billed.clone()).await;
        let Ended { evaluation, budget, cancel } =
            evaluate(&server.url, &dataset, budget_usd, concurrency).await;
        let name = format!("{share} of faults, {budget_usd} USD, {concurrency} at once");
        let limit = Usd::from_f64(budget_usd);
        let (standing, billed) =
            (budget.status(), Usd::from_f64(billed.load(Ordering::Relaxed) as f64 / 1e12));
        assert!(
            billed <= limit && standing.spent.plus(standing.unknown) <= limit,
            "{name}: {billed:?} {standing:?}"
        );
        assert!(matches!(cancel.why(), Some(Stop::BudgetSpent(_))), "{name}: it stopped");
        assert!(!evaluation.complete, "{name}");
        if share == 0.0 {
            // A call reserves less than half a cent: that much may stay unspent.
            assert!(billed.plus(Usd::from_f64(0.005)) >= limit, "{name}: {billed:?} is far below");
        }
    }
}
