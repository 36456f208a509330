//! One harness with one target model: its score, or why it has none.

use std::process::ExitCode;

use serde_json::json;

use super::{
    EvalArgs, Harness,
    bench::{Bench, Ran, Unscored},
    leaked, write_trace,
};
use crate::{
    error::{CliError, CliResult, EXAMINED_NOT_OK},
    model_args, output,
    output_file::OutputFile,
    scoreboard,
};
use mmh_models::cancel::Stop;
use mmh_record::{
    format::{ProposerKind, Score, TraceRow},
    text,
};
use mmh_search::{
    evaluate::{Evaluation, Learned, Outcome},
    score::score,
};

/// What came of the only target.
pub fn told(
    args: &EvalArgs,
    bench: &Bench<'_>,
    ran: Option<&Ran>,
    (harness, trace): (&Harness, Option<&OutputFile>),
) -> CliResult {
    let Some(ran) = ran else { return Err(CliError::host("no target was asked: this is a bug of mmh")) };
    let (learned, done) = match &ran.came {
        Ok(evaluated) => evaluated,
        Err(problem) => {
            let failed = failed(args, problem);
            let stop = ran.stop.as_ref();
            return Ok(stop.map_or(failed, |stop| CliError::stopped(stop, "nothing was evaluated")));
        }
    };
    if let Some(file) = trace {
        write_trace(file, &[&done.rows])?;
    }
    // Calls were refused because of the money or of the model: what harnesses made of that is no score.
    match ran.stop.as_ref().filter(|stop| **stop != Stop::Asked) {
        Some(stop) => not_scored(args, bench, done, ran, stop),
        None => scored(args, bench, (learned, done, ran), harness),
    }
    let done = format!("{} examples were evaluated", done.rows.len());
    Ok(ran.stop.as_ref().map_or(ExitCode::SUCCESS, |stop| CliError::stopped(stop, &done)))
}

fn scored(
    args: &EvalArgs,
    bench: &Bench<'_>,
    (learned, done, ran): (&Learned, &Evaluation, &Ran),
    harness: &Harness,
) {
    let Harness { digest, leaks } = harness;
    let (dataset, Ran { cost, replies, .. }) = (bench.dataset, ran);
    let outcomes: Vec<Outcome> = done.rows.iter().map(Outcome::of).collect();
    let score = score(&outcomes, dataset.kind.objective(), learned, bench.mock);
    if args.json {
        let result = json!({ "ok": true, "component_digest": digest, "dataset": dataset.task.name, "data_findings": dataset.findings, "complete": done.complete, "cost": cost, "replies": replies, "score": score, "remark": score.asks_no_model(), "leaks": leaks });
        output::json(&result);
    } else {
        output::text(&(shown(bench, &score, &done.rows) + &leaked(leaks)));
        paid(bench, ran);
    }
}

fn not_scored(args: &EvalArgs, bench: &Bench<'_>, done: &Evaluation, ran: &Ran, stop: &Stop) {
    let Ran { cost, replies, .. } = ran;
    if args.json {
        let result = json!({ "ok": false, "kind": stop.status(), "message": stop.reason(), "evaluated": done.rows.len(), "cost": cost, "replies": replies });
        output::json(&result);
    } else {
        outln!("not scored: {}", stop.status());
        paid(bench, ran);
    }
}

fn paid(bench: &Bench<'_>, ran: &Ran) {
    if !bench.mock {
        outln!("cost: {}", scoreboard::cost(&ran.cost, ProposerKind::Conversation));
        output::text(&model_args::kept(ran.replies));
    }
}

fn failed(args: &EvalArgs, (kind, problem): &Unscored) -> ExitCode {
    if args.json {
        output::json(&json!({ "ok": false, "kind": kind, "message": problem }));
    } else {
        outln!("{kind}: {}", text::plain(problem));
    }
    ExitCode::from(EXAMINED_NOT_OK)
}

fn shown(bench: &Bench<'_>, score: &Score, rows: &[TraceRow]) -> String {
    let (mut out, dataset) = (String::new(), bench.dataset);
    if bench.mock {
        let name = dataset.kind.objective().name();
        out += &format!("SIMULATED model: {name} shows that the harness works, not how a real model does\n");
    }
    let figure = score.figure(dataset.kind.objective());
    out += &format!(
        "{} {}: {} {} {} ({} of {}), {:.0} prompt bytes and {} fuel per example\n",
        dataset.task.name,
        bench.split.name(),
        figure.objective.name(),
        figure.cell(),
        figure.interval(),
        score.n_correct,
        score.n_answers(),
        score.mean_prompt_bytes,
        text::grouped(score.total_fuel / score.n_answers().max(1)),
    );
    if let Some(words) = score.asks_no_model() {
        out += &format!("it {words}: no example makes a call\n");
    }
    for line in mmh_report::compare::trials::lines(score, figure.objective) {
        out += &format!("{line}\n");
    }
    for (kind, count) in score.outcomes.iter().filter(|(kind, _)| *kind != "ok") {
        let first = rows.iter().find(|row| row.error_kind.name() == kind);
        let message = first.and_then(|row| row.error.as_deref()).unwrap_or_default();
        out += &format!("{count} x {kind}, first: {}\n", text::ellipsis(&text::one_line(message), 200));
    }
    let ungraded = rows.iter().filter_map(|row| row.scorer.as_ref()?.failure()).next();
    if let (Some(warning), Some(first)) =
        (score.scorer.as_ref().and_then(|totals| totals.warning()), ungraded)
    {
        out += &format!("{warning}; first: {}\n", text::ellipsis(&text::one_line(&first), 200));
    }
    text::plain(&out)
}
