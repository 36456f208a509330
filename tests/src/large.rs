//! Made-up runs of any size, written as a search writes them: example by example, through the record's writer.

use std::{fs, path::Path};

use jiff::Timestamp;
use mmh_record::{
    chat::{Block, ChatMessage, ChatReply, ChatRequest, ChatRole, Usage},
    digest::Digest,
    format::{CallRow, CostFile, IterationSummary, LogRow, Score, Summary, TraceRow},
    layout,
    writer::{Beginning, IterationWriter, RunWriter},
};
use mmh_report::statistics::wilson;

use super::made::{config, cost, row};

/// How large a run is.
#[derive(Clone, Copy)]
pub struct Size {
    pub candidates: u32,
    /// Each candidate is evaluated on all of them, with a model call each.
    pub examples: usize,
    /// The size of a call's prompt, about.
    pub prompt_bytes: usize,
}

/// Writes a finished run of this size.
pub fn write(folder: &Path, size: Size) {
    let Size { candidates, examples, .. } = size;
    let mut summary = Summary::new(config(candidates - 1, examples));
    fs::create_dir_all(folder).expect("a folder");
    let beginning = Beginning {
        config: &summary.config,
        summary: &summary,
        cost: &CostFile::default(),
        baselines: &["// harness 0\n".into()],
    };
    let run = RunWriter::scratch(folder, &beginning).expect("a run");
    for index in 0..candidates {
        let writer = run.iteration(index).expect("a folder");
        let score = evaluation(&writer, index, size);
        writer.put(layout::SOURCE, format!("// harness {index}\n").as_bytes()).expect("written");
        writer.put(layout::REASONING, b"# An idea\n").expect("written");
        writer.put_json(layout::SCORE, &score).expect("written");
        summary.iterations.push(IterationSummary {
            index,
            parent: index.checked_sub(1),
            harness_code: format!("// harness {index}\n"),
            reasoning: "# An idea\n".into(),
            filesystem_reads: Vec::new(),
            score,
            cost: cost(index),
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            source_digest: Digest::of(format!("source {index}")),
            leaks: Vec::new(),
            component_digest: Digest::of(format!("component {index}")),
        });
    }
    summary.best_iteration_index = Some(candidates - 1);
    summary.finished_at = Some(Timestamp::UNIX_EPOCH);
    run.summary(&summary).expect("written");
    run.seal().expect("written");
}

/// Writes the traces and the calls, and says what they come to.
fn evaluation(writer: &IterationWriter, index: u32, size: Size) -> Score {
    let traces = writer.append(layout::TRACES).expect("a file");
    let calls = writer.append(layout::CALLS).expect("a file");
    let mut n_correct = 0;
    for at in 0..size.examples {
        // Later candidates get more of them right, and not quite the same ones.
        let right = (at * 7919 + index as usize * 104_729) % 100 < 40 + 5 * index as usize;
        n_correct += u64::from(right);
        let made = made(index, at, right, size.prompt_bytes / WORDS.len());
        traces.push(&made.0).expect("written");
        calls.push(&made.1).expect("written");
    }
    traces.finish().expect("written");
    calls.finish().expect("written");
    let n = size.examples as u64;
    let accuracy = n_correct as f64 / n as f64;
    Score { accuracy, interval: wilson(n_correct, n), n_examples: n, n_correct, ..Score::default() }
}

fn made(index: u32, at: usize, right: bool, words: usize) -> (TraceRow, CallRow) {
    let example_id = format!("val-{at:04}");
    let input = format!("Text {at}. {}", WORDS.repeat(1 + at % 3));
    let request = ChatRequest {
        system: Some(format!("Answer with one label, as harness {index} does. {}", WORDS.repeat(words))),
        messages: vec![ChatMessage::text(ChatRole::User, format!("{input}\nWhich label fits best?"))],
        max_tokens: 64,
        ..ChatRequest::default()
    };
    let label = if right { "yes" } else { "no" };
    let usage = Usage { input_tokens: 100 + at as u64 % 97, output_tokens: 3, ..Usage::default() };
    let reply =
        ChatReply { content: vec![Block::Text { text: label.into() }], usage, ..ChatReply::default() };
    let log = LogRow { level: "info".into(), message: format!("asked with {} characters", input.len()) };
    let row = TraceRow {
        scorer: None,
        fuel: 150_000 + (at as u64 * 7919) % 10_007,
        latency_ms: (at % 1009) as f64 / 10.0,
        input_tokens: usage.input_tokens,
        prompt_bytes: request.prompt_text().len() as u64,
        logs: vec![log],
        input,
        ..row(&example_id, if right { "+" } else { "-" })
    };
    let call = CallRow {
        example_id,
        call: 0,
        model: "target".into(),
        request_digest: Digest::of(serde_json::to_vec(&request).expect("JSON")),
        request,
        reply: Some(reply),
        error: None,
        failure: None,
        usage,
        cached: false,
        cost_usd: 0.0001,
        price_tier: 0,
        attempts: 1,
        latency_ms: row.latency_ms,
        control: None,
    };
    (row, call)
}

const WORDS: &str = "The patient reports a headache, a fever since three days and pain behind the eyes. ";
