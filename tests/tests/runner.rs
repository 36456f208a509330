//! The seam between an evaluation and the machine that does its work: calls and reports are data.

use std::sync::Arc;

use async_trait::async_trait;
use mmh_engine::{
    build::{Built, BuiltScorer},
    runner::{HarnessCall, Runner, ScorerCall, Trained},
    sandbox::{LabelledExample, ModelPort, Report, Sandbox},
};
use mmh_models::{cancel::Cancel, metering::MeteredModel};
use mmh_record::{clock::Clock, data::Split, format::TraceRow, grade::Grade, input::Input, limits::Limits};
use mmh_search::{
    dataset::task::BASELINE,
    dataset::{self, BUILTIN, Dataset},
    evaluate::{Evaluator, ExampleSet, Learning, Lessons, RecordedEvaluation, Sink, Target, sink::Discard},
    progress::Silent,
};
use mmh_simulated::target::SimulatedTarget;
use mmh_tests::{builder, guest};
use serde::{Serialize, de::DeserializeOwned};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A runner as far away as a runner can be: calls and reports go through bytes.
struct ThroughBytes(Arc<Sandbox>);

fn through_bytes<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let bytes = serde_json::to_vec(value).expect("it is data");
    serde_json::from_slice(&bytes).expect("it is read back")
}

#[async_trait]
impl Runner for ThroughBytes {
    fn limits(&self) -> &Limits {
        self.0.limits()
    }

    async fn predict(
        &self,
        harness: &Trained,
        call: &HarnessCall<Input>,
        model: Arc<dyn ModelPort>,
    ) -> Report<String> {
        let call = through_bytes(call);
        assert_eq!((call.component, call.state), (harness.built.component.digest, harness.state.digest()));
        through_bytes(&Runner::predict(&*self.0, harness, &call, model).await)
    }

    async fn learn(
        &self,
        harness: &Trained,
        call: &HarnessCall<Vec<LabelledExample>>,
        model: Arc<dyn ModelPort>,
    ) -> Report<Vec<u8>> {
        through_bytes(&Runner::learn(&*self.0, harness, &through_bytes(call), model).await)
    }

    async fn score(
        &self,
        scorer: &BuiltScorer,
        call: &ScorerCall,
        model: Arc<dyn ModelPort>,
    ) -> Report<Grade> {
        through_bytes(&Runner::score(&*self.0, scorer, &through_bytes(call), model).await)
    }
}

/// How a harness learned, its state, and the outcomes of its examples.
type Outcomes = (String, Vec<u8>, Vec<TraceRow>);

async fn outcomes(runner: Arc<dyn Runner>, built: Built, dataset: &Dataset) -> Outcomes {
    let clock = Clock::Fixed(jiff::Timestamp::UNIX_EPOCH);
    let model = MeteredModel::free(Arc::new(SimulatedTarget::new(0)), clock, Cancel::default());
    let evaluator = Evaluator {
        runner,
        target: Arc::new(Target::new(model, None)),
        kind: dataset.kind.clone(),
        task: Arc::new(dataset.task.clone()),
        seed: 0,
        concurrency: 4,
        lessons: Lessons::default(),
        times: Arc::default(),
        record_bytes: u64::MAX,
        clock,
        observer: Arc::new(Silent),
        cancel: Cancel::default(),
    };
    let (sink, past): (Arc<dyn Sink>, _) = (Arc::new(Discard), RecordedEvaluation::default());
    match evaluator.learn(built, &dataset.train, &past, &sink).await.expect("the host can go on") {
        Learning::Done(learned) => {
            let set = ExampleSet::new(Split::Val, &dataset.val[..12]);
            let done = evaluator.evaluate(&learned, set, past, sink).await.expect("the host can go on");
            (String::new(), learned.state().to_vec(), done.rows)
        }
        Learning::Failed { reason, .. } => (reason, Vec::new(), Vec::new()),
        Learning::Interrupted { .. } => panic!("nobody stops it"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_reports_survive_as_bytes() {
    let builder = builder(PROGRAM, Limits::default()).await;
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let guests = ["learner", "complete_all", "chance_and_time", "panic", "learn_panic", "invalid_request"];
    let sources = guests.map(|name| (name, guest(&format!("run/{name}.rs"))));
    for (name, source) in [("the baseline", BASELINE.to_owned())].into_iter().chain(sources) {
        let built = builder.build(&source).await.expect("the host can go on").expect("it builds");
        let here = outcomes(builder.sandbox.clone(), built.clone(), &dataset).await;
        let far = outcomes(Arc::new(ThroughBytes(builder.sandbox.clone())), built, &dataset).await;
        assert!(here.2.len() == 12 || !here.0.is_empty(), "{name} ends");
        assert_eq!(here, far, "{name}");
    }
}
