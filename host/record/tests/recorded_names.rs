//! The bytes of all types that stand in a run and are plain values elsewhere.
//!
//! Types of conversations are written through their mirrors in `format::chat`. All others here are the record's own:
//! engine, models and search use them as plain values, and their names of fields are recorded names. Whoever renames a
//! field of one of them keeps its name in the record by `#[serde(rename)]`, and this table as it is.

#![allow(clippy::expect_used, reason = "a test stops at what must not happen")]

use mmh_record::{
    built::{Confinement, Tool},
    chat::{Api, CallError, ChatRole, ModelError, StopReason, Usage},
    data::{Columns, DataFinding, FindingKind},
    digest::Digest,
    leak::{Leak, Place},
    limits::Limits,
    outcome::OutcomeKind,
    pricing::{Price, Rate, Tier},
    resumes::{Change, Resume},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

/// The JSON of a value, and that it comes back.
fn json_of<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) -> String {
    let found = serde_json::to_string(&value).expect("it is plain data");
    assert_eq!(serde_json::from_str::<T>(&found).expect("it is read back"), value, "{found}");
    found
}

fn rate() -> Rate {
    Rate { input: 1.0, output: 2.0, cache_read: 3.0, cache_write: 4.0, cache_write_1h: 5.0 }
}

#[test]
fn recorded_types_keep_their_names() {
    let digest = Digest::of("");
    let refused = |error: fn(String) -> ModelError| json_of(CallError::from(error("why".into())));
    let finding = |kind| DataFinding {
        kind,
        splits: vec!["val".into()],
        count: 2,
        ids: vec!["val-0001".into()],
        text: "2 texts".into(),
    };
    // what, its JSON, what it has to be
    let table = [
        (
            "usage",
            json_of(Usage {
                input_tokens: 1,
                output_tokens: 2,
                cache_read_tokens: 3,
                cache_write_tokens: 4,
                cache_write_1h_tokens: 5,
            }),
            r#"{"input_tokens":1,"output_tokens":2,"cache_read_tokens":3,"cache_write_tokens":4,"cache_write_1h_tokens":5}"#,
        ),
        (
            "usage without a cache",
            json_of(Usage::default()),
            r#"{"input_tokens":0,"output_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0}"#,
        ),
        ("wire formats", json_of(vec![Api::Anthropic, Api::Openai]), r#"["anthropic","openai"]"#),
        ("roles", json_of(vec![ChatRole::User, ChatRole::Assistant]), r#"["user","assistant"]"#),
        ("a spent budget", json_of(CallError::BudgetSpent), r#""budget-spent""#),
        ("a refused request", refused(ModelError::Refused), r#"{"refused":"why"}"#),
        ("an unavailable model", refused(ModelError::Unavailable), r#"{"unavailable":"why"}"#),
        ("an invalid request", refused(ModelError::Invalid), r#"{"invalid":"why"}"#),
        ("an unusable model", refused(ModelError::Unusable), r#"{"unusable":"why"}"#),
        (
            "a price",
            json_of(Price { rate: rate(), tiers: vec![Tier { above_input_tokens: 6, rate: rate() }] }),
            r#"{"input":1.0,"output":2.0,"cache_read":3.0,"cache_write":4.0,"cache_write_1h":5.0,"tiers":[{"above_input_tokens":6,"input":1.0,"output":2.0,"cache_read":3.0,"cache_write":4.0,"cache_write_1h":5.0}]}"#,
        ),
        (
            "a price without tiers",
            json_of(Price { rate: rate(), tiers: Vec::new() }),
            r#"{"input":1.0,"output":2.0,"cache_read":3.0,"cache_write":4.0,"cache_write_1h":5.0}"#,
        ),
        (
            "a leak",
            json_of(Leak {
                place: Place::Source,
                split: "val".into(),
                example_id: "val-0001".into(),
                excerpt: "x".into(),
            }),
            r#"{"place":"source","split":"val","example_id":"val-0001","excerpt":"x"}"#,
        ),
        ("places of leaks", json_of(vec![Place::Source, Place::Data]), r#"["source","data"]"#),
        (
            "a finding",
            json_of(finding(FindingKind::Overlap)),
            r#"{"kind":"overlap","splits":["val"],"count":2,"ids":["val-0001"],"text":"2 texts"}"#,
        ),
        (
            "columns",
            json_of(Columns { text: Some("a".into()), label: Some("b".into()) }),
            r#"{"text":"a","label":"b"}"#,
        ),
        ("no columns", json_of(Columns::default()), "{}"),
        (
            "a tool",
            json_of(Tool { name: "rustc".into(), version: "1".into(), sha256: digest }),
            r#"{"name":"rustc","version":"1","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#,
        ),
        (
            "confinements",
            json_of(vec![Confinement::Full, Confinement::NoLandlock]),
            r#"["full","no-landlock"]"#,
        ),
        (
            "a resume",
            json_of(Resume {
                at: "2026-01-02T03:04:05Z".parse().expect("a time"),
                from_iteration: 3,
                changes: vec![Change { what: "/limits/attempts".into(), from: json!(1), to: json!(2) }],
            }),
            r#"{"at":"2026-01-02T03:04:05Z","from_iteration":3,"changes":[{"what":"/limits/attempts","from":1,"to":2}]}"#,
        ),
    ];
    for (what, found, expected) in table {
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn reasons_and_kinds_keep_their_words() {
    let reasons = [
        (StopReason::EndTurn, "end_turn"),
        (StopReason::MaxTokens, "max_tokens"),
        (StopReason::StopSequence, "stop_sequence"),
        (StopReason::ToolUse, "tool_use"),
        (StopReason::PauseTurn, "pause_turn"),
        (StopReason::Refusal, "refusal"),
        (StopReason::ModelContextWindowExceeded, "model_context_window_exceeded"),
        (StopReason::Other("recitation".into()), "recitation"),
    ];
    let findings = [
        (FindingKind::Duplicates, "duplicates"),
        (FindingKind::Contradictions, "contradictions"),
        (FindingKind::Overlap, "overlap"),
        (FindingKind::SimilarLabels, "similar-labels"),
        (FindingKind::UntrainedLabels, "untrained-labels"),
        (FindingKind::ManyLabels, "many-labels"),
        (FindingKind::EmptyTest, "empty-test"),
        (FindingKind::UnreadFiles, "unread-files"),
        (FindingKind::Other, "other"),
    ];
    let outcomes = [
        (OutcomeKind::Ok, "ok"),
        (OutcomeKind::HarnessError, "harness-error"),
        (OutcomeKind::Panic, "panic"),
        (OutcomeKind::Trap, "trap"),
        (OutcomeKind::Exit, "exit"),
        (OutcomeKind::StackOverflow, "stack-overflow"),
        (OutcomeKind::OutOfFuel, "out-of-fuel"),
        (OutcomeKind::MemoryLimit, "memory-limit"),
        (OutcomeKind::Timeout, "timeout"),
        (OutcomeKind::CallLimit, "call-limit"),
        (OutcomeKind::PromptLimit, "prompt-limit"),
        (OutcomeKind::OutputLimit, "output-limit"),
        (OutcomeKind::RecordLimit, "record-limit"),
        (OutcomeKind::BadComponent, "bad-component"),
        (OutcomeKind::ModelError, "model-error"),
        (OutcomeKind::BudgetSpent, "budget-spent"),
        (OutcomeKind::BadGrade, "bad-grade"),
        (OutcomeKind::ScorerError, "scorer-error"),
    ];
    let words = reasons.map(|(reason, word)| (json_of(reason), word)).into_iter();
    let words = words.chain(findings.map(|(kind, word)| (json_of(kind), word)));
    for (found, word) in words.chain(outcomes.map(|(kind, word)| (json_of(kind), word))) {
        assert_eq!(found, format!("\"{word}\""));
    }
    // The counts of a score have these names too.
    outcomes.iter().for_each(|(kind, word)| assert_eq!(kind.name(), *word));
}

/// In this order they stand in `config.json`, and their digest names them in statements.
#[test]
fn limits_keep_their_names_and_their_order() {
    let expected = r#"{"fuel":10000000000,"memory_bytes":268435456,"example_wall_ms":60000,"evaluation_ms":900000,"model_calls":16,"prompt_bytes":262144,"reply_tokens":4096,"answer_bytes":65536,"log_bytes":65536,"state_bytes":16777216,"evaluation_record_bytes":1073741824,"source_bytes":262144,"component_bytes":33554432,"rustc_wall_ms":60000,"rustc_memory_bytes":2147483648,"diagnostics_bytes":8192,"native_wall_ms":30000,"native_memory_bytes":2147483648,"proposer_steps":24,"proposer_reply_tokens":16384,"tool_result_bytes":65536,"turn_tool_calls":32,"turn_tools_ms":1800000,"target_attempt_ms":30000,"proposer_attempt_ms":600000,"proposer_call_ms":1800000,"attempts":6}"#;
    assert_eq!(json_of(Limits::default()), expected);
    // A limit that is younger than the run has its default.
    assert_eq!(serde_json::from_str::<Limits>("{}").expect("limits"), Limits::default());
}
