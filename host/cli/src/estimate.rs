//! `mmh run --dry-run`: what a search may cost, before anything is spent.
//!
//! The baseline is compiled and run over the validation examples, with a model that only counts: the sizes
//! of its prompts are measured, not guessed. What later harnesses and the proposer will do is a range.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{error::CliError, evaluations::Evaluations, output};
use mmh_engine::build::Builder;
use mmh_models::{
    ChatError, ChatModel,
    cancel::Cancel,
    catalog::{Caching, Resolved},
    metering::MeteredModel,
    tokens_in,
};
use mmh_record::{
    baseline::Baseline,
    chat::{Block, ChatReply, ChatRequest, Usage},
    clock::Clock,
    data::Split,
    format::{Protocol, ScorerTrace},
    limits::Limits,
    pricing::{Price, Usd},
    text,
};
use mmh_search::{
    dataset::{Dataset, Example},
    evaluate::{
        Evaluator, ExampleSet, Learning, Lessons, Outcome, RecordedEvaluation, Sink, Target, sink::Discard,
    },
    progress::Silent,
    propose::{instructions, specs_in},
    score::score,
    search,
};

/// Harnesses that show examples have prompts up to so many times as large as a zero-shot baseline.
const LARGER_PROMPTS: u64 = 16;

/// Turns that a proposer takes at least, and what a turn adds to its conversation: results and words.
const FEW_TURNS: u64 = 8;
const TURN_RESULT_TOKENS: (u64, u64) = (3_000, 8_000);
const TURN_REPLY_TOKENS: (u64, u64) = (1_000, 2_000);

/// What is to be estimated.
pub struct Plan<'a> {
    pub iterations: u32,
    pub protocol: Protocol,
    pub seed: u64,
    pub dataset: &'a Dataset,
    pub val: &'a [Example],
    pub with_test: bool,
    pub baselines: &'a [Baseline],
    pub builder: &'a Builder,
    pub proposer: (&'a Resolved, &'a Price),
    pub target: (&'a Resolved, &'a Price),
    pub budget_usd: f64,
}

impl Plan<'_> {
    /// How many candidates the proposer writes.
    fn proposals(&self) -> u64 {
        u64::from(self.iterations) * u64::from(self.protocol.candidates)
    }
}

/// A line of the estimate: at least and at most.
struct Line {
    what: String,
    calls: (u64, u64),
    input: (u64, u64),
    output: (u64, u64),
    usd: (Usd, Usd),
}

/// Measures, and prints the estimate.
pub async fn print(plan: &Plan<'_>, json: bool) -> Result<(), CliError> {
    let baseline = measure_all(plan).await?;
    let evaluations = Evaluations { protocol: &plan.protocol, iterations: plan.iterations };
    let test = if plan.with_test { &plan.dataset.test[..] } else { &[] };
    let mut lines = vec![
        proposer(plan),
        target(plan, &baseline, "validation", evaluations.validation(plan.val.len())),
        target(plan, &baseline, "held-out", evaluations.held_out(test.len())),
    ];
    let learning = evaluations.while_learning(plan.dataset.train.len());
    lines.extend(learning.map(|examples| target(plan, &baseline, "while learning", examples)));
    let total = lines
        .iter()
        .fold((Usd::ZERO, Usd::ZERO), |(low, high), line| (low.plus(line.usd.0), high.plus(line.usd.1)));
    match json {
        true => output::json(&as_json(plan, &baseline, &lines, total)),
        false => print_table(plan, &baseline, &lines, total),
    }
    Ok(())
}

fn print_table(plan: &Plan<'_>, baseline: &Measured, lines: &[Line], total: (Usd, Usd)) {
    outln!("an estimate; nothing was spent and no model was asked\n");
    outln!("{:<42} {:>15} {:>24} {:>20} {:>18}", "", "calls", "input tokens", "output tokens", "USD");
    for line in lines {
        outln!(
            "{:<42} {:>15} {:>24} {:>20} {:>18}",
            line.what,
            range(line.calls),
            range(line.input),
            range(line.output),
            dollars(line.usd)
        );
    }
    outln!("{:<42} {:>80}", "total", dollars(total));
    outln!(
        "\nThe baseline's prompts have {} tokens per example, by measurement. The upper figures are for prompts {LARGER_PROMPTS} times\nas large and a proposer that takes all of its turns. Whatever happens, no more than --budget-usd {} is spent.",
        baseline.input_tokens,
        plan.budget_usd
    );
}

fn as_json(plan: &Plan<'_>, baseline: &Measured, lines: &[Line], total: (Usd, Usd)) -> Value {
    let tokens = |(low, high): (u64, u64)| json!({ "low": low, "high": high });
    let usd = |(low, high): (Usd, Usd)| json!({ "low": low.as_f64(), "high": high.as_f64() });
    let lines = lines.iter().map(|line| {
        json!({
            "what": line.what,
            "calls": tokens(line.calls),
            "input_tokens": tokens(line.input),
            "output_tokens": tokens(line.output),
            "usd": usd(line.usd),
        })
    });
    json!({
        "estimate": lines.collect::<Vec<_>>(),
        "total_usd": usd(total),
        "budget_usd": plan.budget_usd,
        "iterations": plan.iterations,
        "validation_examples": plan.val.len(),
        "trials": plan.protocol.trials,
        "baseline_per_example": {
            "calls": baseline.calls,
            "input_tokens": baseline.input_tokens,
            "output_tokens": baseline.output_tokens,
        },
    })
}

/// What the baseline asks for, per example.
struct Measured {
    calls: u64,
    input_tokens: u64,
    output_tokens: u64,
}

/// The most that one of the baselines asks for.
async fn measure_all(plan: &Plan<'_>) -> Result<Measured, CliError> {
    let mut most = Measured { calls: 0, input_tokens: 0, output_tokens: 0 };
    for baseline in plan.baselines {
        let found = measure(plan, baseline).await?;
        most = Measured {
            calls: most.calls.max(found.calls),
            input_tokens: most.input_tokens.max(found.input_tokens),
            output_tokens: most.output_tokens.max(found.output_tokens),
        };
    }
    Ok(most)
}

async fn measure(plan: &Plan<'_>, baseline: &Baseline) -> Result<Measured, CliError> {
    let built = match plan.builder.build_baseline(baseline).await? {
        Ok(built) => built,
        Err(rejection) => {
            let message =
                format!("the baseline is refused: {}\n{}", rejection.message, rejection.diagnostics);
            return Err(CliError::examined(message));
        }
    };
    let label = plan.dataset.task.labels.first().cloned().unwrap_or_default();
    let caller = MeteredModel::free(Arc::new(Counter(label)), Clock::System, Cancel::default());
    let evaluator = Evaluator {
        runner: plan.builder.sandbox.clone(),
        target: Arc::new(Target::new(caller, None)),
        kind: plan.dataset.kind.clone(),
        task: Arc::new(plan.dataset.task.clone()),
        seed: plan.seed,
        concurrency: 2,
        lessons: measured_lessons(plan),
        times: Arc::default(),
        record_bytes: u64::MAX,
        clock: Clock::System,
        observer: Arc::new(Silent),
        cancel: Cancel::default(),
    };
    let sink: Arc<dyn Sink> = Arc::new(Discard);
    let learned = match evaluator
        .learn(built, &plan.dataset.train, &RecordedEvaluation::default(), &sink)
        .await?
    {
        Learning::Done(learned) => learned,
        Learning::Failed { reason, .. } => return Err(CliError::examined(format!("the baseline: {reason}"))),
        Learning::Interrupted { .. } => return Err(CliError::input("stopped")),
    };
    let (set, past) = (ExampleSet::new(Split::Val, plan.val), RecordedEvaluation::default());
    let done = evaluator.evaluate_keeping(&learned, set, past, sink, |row| Outcome::of(&row)).await?;
    let score = score(&done.rows, plan.dataset.kind.objective(), &learned, true);
    let refused = score.asks_no_model().filter(|_| plan.protocol.require_model);
    let broken = search::broken(&score).or(refused.map(|words| format!("{words} (--require-model)")));
    if let Some(problem) = broken.filter(|_| plan.iterations > 0) {
        return Err(CliError::examined(format!(
            "the baseline {problem}: a search would end before it asks the proposer"
        )));
    }
    let n = done.rows.len().max(1) as u64;
    // What the task's own scorer asks for is paid as well.
    let each = |harness: fn(&Outcome) -> u64, scorer: fn(&ScorerTrace) -> u64| {
        let one = |row: &Outcome| harness(row) + row.scorer.as_ref().map_or(0, scorer);
        done.rows.iter().map(one).sum::<u64>().div_ceil(n)
    };
    Ok(Measured {
        calls: each(|row| row.model_calls.into(), |trace| trace.model_calls),
        input_tokens: each(|row| row.input_tokens, |trace| trace.input_tokens),
        output_tokens: each(|row| row.output_tokens, |trace| trace.output_tokens),
    })
}

/// A model that only counts needs no answers, so the baseline is measured after it has learned, in one pass.
fn measured_lessons(plan: &Plan<'_>) -> Lessons {
    let (batch_size, limits) = (plan.protocol.batch_size, plan.builder.sandbox.limits());
    Lessons::planned(&plan.dataset.train, limits, &Protocol { batch_size, ..Protocol::default() })
}

fn target(plan: &Plan<'_>, each: &Measured, split: &str, examples: (u64, u64)) -> Line {
    let (model, price) = plan.target;
    let cost = |n, input_tokens, output_tokens| {
        price.of(Usage { input_tokens, output_tokens, ..Usage::default() }).times(n)
    };
    let ((few, many), large) = (examples, each.input_tokens * LARGER_PROMPTS);
    Line {
        what: format!("target {}, {split}", model.id),
        calls: (few * each.calls, many * each.calls),
        input: (few * each.input_tokens, many * large),
        output: (few * each.output_tokens, many * each.output_tokens),
        usd: (cost(few, each.input_tokens, each.output_tokens), cost(many, large, each.output_tokens)),
    }
}

fn proposer(plan: &Plan<'_>) -> Line {
    let (model, price) = plan.proposer;
    let limits: &Limits = plan.builder.sandbox.limits();
    let first = plan.protocol.candidate(plan.protocol.baselines);
    let opening =
        instructions::opening(first, &plan.protocol, plan.dataset, plan.val.len(), limits.proposer_steps);
    let language = plan.builder.compiler.language();
    let tools: usize = specs_in(language)
        .iter()
        .map(|tool| tool.description.len() + tool.input_schema.to_string().len())
        .sum();
    let first = tokens_in(instructions::system(language).len() + opening.len() + tools);
    let turns = (FEW_TURNS.min(limits.proposer_steps.into()), u64::from(limits.proposer_steps));
    let iteration = |turns, results: u64, reply: u64| {
        let (mut usage, mut cost, mut before) = (Usage::default(), Usd::ZERO, 0);
        for turn in 0..turns {
            let prompt = first + turn * (results + reply);
            let one = Usage { output_tokens: reply, ..prompt_usage(model.profile.caching, before, prompt) };
            (cost, before) = (cost.plus(price.of(one)), prompt);
            usage += one;
        }
        (usage, cost)
    };
    let low = iteration(turns.0, TURN_RESULT_TOKENS.0, TURN_REPLY_TOKENS.0);
    let high = iteration(turns.1, TURN_RESULT_TOKENS.1, TURN_REPLY_TOKENS.1);
    let n = plan.proposals();
    Line {
        what: match plan.protocol.candidates {
            1 => format!("proposer {}, {n} iterations", model.id),
            _ => format!("proposer {}, {n} candidates", model.id),
        },
        calls: (n * turns.0, n * turns.1),
        input: (n * low.0.total_input_tokens(), n * high.0.total_input_tokens()),
        output: (n * low.0.output_tokens, n * high.0.output_tokens),
        usd: (low.1.times(n), high.1.times(n)),
    }
}

/// How a prompt is counted of which the first `before` tokens were there in the turn before.
fn prompt_usage(caching: Caching, before: u64, prompt: u64) -> Usage {
    let new = prompt - before;
    match caching {
        Caching::None => Usage { input_tokens: prompt, ..Usage::default() },
        Caching::Automatic => Usage { input_tokens: new, cache_read_tokens: before, ..Usage::default() },
        Caching::OnRequest { .. } => {
            Usage { cache_write_tokens: new, cache_read_tokens: before, ..Usage::default() }
        }
    }
}

fn range((low, high): (u64, u64)) -> String {
    if low == high {
        text::grouped(low)
    } else {
        format!("{} to {}", text::grouped(low), text::grouped(high))
    }
}

fn dollars((low, high): (Usd, Usd)) -> String {
    format!("{:.2} to {:.2}", low.as_f64(), high.as_f64())
}

/// A model that only counts. It always answers with the same label.
struct Counter(String);

#[async_trait]
impl ChatModel for Counter {
    fn id(&self) -> &str {
        "counter"
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        let usage = Usage {
            input_tokens: tokens_in(request.prompt_text().len()),
            output_tokens: tokens_in(self.0.len()),
            ..Usage::default()
        };
        Ok(ChatReply { content: vec![Block::Text { text: self.0.clone() }], usage, ..ChatReply::default() })
    }
}
