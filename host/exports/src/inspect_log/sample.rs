//! A sample of a log: what happened on an example. Its messages are those of the last call to the model; each call is an
//! event.

use mmh_record::{
    chat::Usage,
    format::{CallRow, TraceRow},
    objective::Objective,
    trial::TrialId,
};
use serde_json::{Value, json};

use super::{Log, header, messages, usage};
use crate::stable_id;

/// The example's id, and which of its trials it is, from 1.
pub(super) fn id_and_epoch(row: &TraceRow) -> (String, u32) {
    let trial = TrialId::of(&row.example_id);
    (trial.example.to_owned(), trial.number.max(1))
}

/// The sample of an example.
pub(super) fn of(log: &Log<'_>, row: &TraceRow, calls: &[CallRow]) -> Value {
    let (id, epoch) = id_and_epoch(row);
    let mut total = Usage::default();
    calls.iter().for_each(|call| total += call.usage);
    let cost: f64 = calls.iter().map(|call| call.cost_usd).sum();
    let uuid = stable_id(&["inspect", "sample", &log.config.run_id, &log.evaluation.folder, &row.example_id]);
    let answer = row.predicted_label.as_deref().unwrap_or_default();
    let mut sample = json!({
        "id": id,
        "epoch": epoch,
        "input": row.input,
        "target": row.gold_label,
        "messages": calls.last().map(messages::of_call).unwrap_or_default(),
        "output": {
            "model": row.model,
            "choices": [{ "message": { "role": "assistant", "content": answer }, "stop_reason": "stop" }],
            "completion": answer,
            "usage": usage(&total, cost),
        },
        "scores": { (header::scorer(log)): score(log, row) },
        "metadata": metadata(row),
        "store": {},
        "events": events(log, calls),
        "model_usage": { (row.model.as_str()): usage(&total, cost) },
        "total_time": row.latency_ms / 1000.0,
        "working_time": row.latency_ms / 1000.0,
        "turn_count": calls.len(),
        "uuid": uuid,
        "attachments": {},
    });
    if let Some(error) = &row.error {
        sample["error"] = json!({ "message": error, "traceback": row.stderr, "traceback_ansi": row.stderr });
    }
    sample
}

/// What a list of samples shows of one.
pub(super) fn summary(mut sample: Value) -> Value {
    let messages = sample["messages"].as_array().map_or(0, Vec::len);
    let error = sample["error"]["message"].take();
    let mut summary = json!({ "completed": true, "message_count": messages, "error": error });
    let kept = [
        "id",
        "epoch",
        "input",
        "target",
        "scores",
        "model_usage",
        "total_time",
        "working_time",
        "turn_count",
        "uuid",
    ];
    for name in kept {
        summary[name] = sample[name].take();
    }
    summary
}

fn score(log: &Log<'_>, row: &TraceRow) -> Value {
    let grade = row.grade();
    let value = match Objective::of(log.config) {
        Objective::Accuracy if grade.correct => json!("C"),
        Objective::Accuracy => json!("I"),
        Objective::Score => json!(grade.score),
    };
    json!({
        "value": value,
        "answer": row.predicted_label,
        "explanation": row.error,
        "metadata": { "correct": grade.correct, "score": grade.score, "parts": grade.parts },
    })
}

fn metadata(row: &TraceRow) -> Value {
    json!({
        "outcome": row.error_kind,
        "fields": row.fields,
        "fuel": row.fuel,
        "peak_memory_bytes": row.peak_memory_bytes,
        "model_calls": row.model_calls,
        "cached_calls": row.cached_calls,
        "prompt_bytes": row.prompt_bytes,
        "logs": row.log_lines(),
        "stdout": row.stdout,
        "stderr": row.stderr,
    })
}

/// A call to the model is an event. The run has no time of a call, so that all of them have the one of the run.
fn events(log: &Log<'_>, calls: &[CallRow]) -> Vec<Value> {
    let mut seconds = 0.0;
    let mut event = |call: &CallRow| {
        let start = seconds;
        seconds += call.latency_ms / 1000.0;
        let request = &call.request;
        let uuid = stable_id(&[
            "inspect",
            "call",
            &log.config.run_id,
            &log.evaluation.folder,
            &call.example_id,
            &call.call.to_string(),
        ]);
        json!({
            "uuid": uuid,
            "event": "model",
            "timestamp": log.config.started_at.to_string(),
            "working_start": start,
            "working_time": call.latency_ms / 1000.0,
            "model": call.model,
            "input": messages::of_request(request),
            "tools": [],
            "tool_choice": "none",
            "config": {
                "max_tokens": request.max_tokens,
                "temperature": request.temperature,
                "stop_seqs": (!request.stop.is_empty()).then_some(&request.stop),
            },
            "output": messages::output(call),
            "error": call.error,
            "cache": call.cached.then_some("read"),
            "retries": call.attempts.saturating_sub(1),
        })
    };
    calls.iter().map(&mut event).collect()
}
