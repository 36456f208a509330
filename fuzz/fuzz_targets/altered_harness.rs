//! Harnesses that compile and run, altered in a few places: bytes changed, put in, taken out, copied. What
//! still compiles is run, with little fuel, and has to end with an outcome.

#![no_main]

use std::sync::{Arc, LazyLock};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use mmh_engine::sandbox::{CallContext, CallIndex, LabelledExample, ModelPort, Task};
use mmh_fuzz::{SANDBOX, limits, prepare, seeds};
use mmh_record::{
    chat::{Block, CallOutcome, ChatReply, ChatRequest},
    digest::Digest,
};

/// A small one, written by hand, and one that the compiler made of the baseline.
static HARNESSES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let compiled = seeds().join("run/iterations/000/harness.wasm");
    [
        wat::parse_str(include_str!("../../tests/components/harness.wat")).expect("it is well-formed"),
        std::fs::read(compiled).expect("prepare.sh has made it"),
    ]
});

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));

#[derive(Arbitrary, Debug)]
struct Alteration {
    /// One in sixteen is the compiled one, which takes a hundred times as long.
    which: u8,
    edits: Vec<Edit>,
}

#[derive(Arbitrary, Debug)]
enum Edit {
    Flip { at: u32, bits: u8 },
    Set { at: u32, byte: u8 },
    PutIn { at: u32, bytes: Vec<u8> },
    TakeOut { at: u32, count: u8 },
    Copy { from: u32, to: u32, count: u8 },
    Cut { at: u32 },
}

fuzz_target!(|alteration: Alteration| {
    let mut bytes = HARNESSES[usize::from(alteration.which % 16 == 15)].clone();
    alteration.edits.iter().take(16).for_each(|edit| apply(edit, &mut bytes));
    let Some(harness) = prepare(bytes) else { return };
    let task = Task { name: "t".into(), instructions: "i".into(), labels: vec!["a".into(), "b".into()] };
    let setting =
        || CallContext { task: &task, state: b"a", seed: Digest::of("seed"), model: Arc::new(Echo) };
    let lessons = [LabelledExample { input: "x".into(), gold: "a".into(), attempt: None }];
    RUNTIME.block_on(async {
        let learned = SANDBOX.learn(&harness, setting(), &lessons).await;
        assert!(learned.result.is_err() || learned.fuel > 0);
        let report = SANDBOX.predict(&harness, setting(), &"the input".into()).await;
        assert!(report.fuel <= limits().fuel && report.peak_memory_bytes <= limits().memory_bytes);
        match report.result {
            Ok(label) => assert!(label.len() as u64 <= limits().answer_bytes),
            Err(failure) => assert!(!failure.message.is_empty(), "{failure:?}"),
        }
    });
});

fn apply(edit: &Edit, bytes: &mut Vec<u8>) {
    let place = |at: u32| at as usize % bytes.len().max(1);
    let span = |at: u32, count: u8| place(at)..(place(at) + usize::from(count)).min(bytes.len());
    match edit {
        _ if bytes.is_empty() => {}
        Edit::Flip { at, bits } => {
            let at = place(*at);
            bytes[at] ^= bits;
        }
        Edit::Set { at, byte } => {
            let at = place(*at);
            bytes[at] = *byte;
        }
        Edit::PutIn { at, bytes: new } => {
            let at = place(*at);
            bytes.splice(at..at, new.iter().copied());
        }
        Edit::TakeOut { at, count } => drop(bytes.drain(span(*at, *count))),
        Edit::Copy { from, to, count } => {
            let (from, to) = (span(*from, *count), place(*to));
            let copy = bytes[from].to_vec();
            bytes.splice(to..to, copy);
        }
        Edit::Cut { at } => bytes.truncate(place(*at)),
    }
}

/// A model that says what it was asked.
struct Echo;

#[async_trait::async_trait]
impl ModelPort for Echo {
    async fn complete(
        &self,
        request: &Arc<ChatRequest>,
        _: CallIndex,
        _: std::time::Duration,
    ) -> CallOutcome {
        let content = vec![Block::Text { text: request.prompt_text() }];
        CallOutcome::unasked(Ok(ChatReply { content, ..ChatReply::default() }))
    }
}
