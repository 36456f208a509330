//! One harness with one target model: its score, or why it has none.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{
    EvalArgs, Harness,
    bench::{Bench, Ran, Unscored},
    causes,
    examples::Examples,
    leaked,
    record::Recorded,
    shown::{Outputs, no_labels},
    write_trace,
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
    outcome::OutcomeKind,
    text,
};
use mmh_search::{
    evaluate::{Evaluation, Learned, Outcome},
    score::score,
};

/// One evaluation: what was asked, and what came of it.
pub struct Alone<'a> {
    pub args: &'a EvalArgs,
    pub on: Examples<'a>,
    pub ran: &'a Ran,
}

impl Alone<'_> {
    /// Prints what came of it, and writes the files.
    pub async fn told(
        &self,
        recorded: Option<&Recorded>,
        outputs: &Outputs,
        trace: Option<&OutputFile>,
    ) -> CliResult {
        let ran = self.ran;
        let page = recorded.map(|recorded| self.write(recorded, outputs)).transpose()?.flatten();
        let (learned, done) = match &ran.came {
            Ok(evaluated) => evaluated,
            Err(problem) => {
                let failed = failed(self, problem);
                output::text(&page.filter(|_| !self.args.json).unwrap_or_default());
                let stop = ran.stop.as_ref();
                return Ok(stop.map_or(failed, |stop| CliError::stopped(stop, "nothing was evaluated")));
            }
        };
        if let Some(file) = trace {
            write_trace(file, &[&done.rows])?;
        }
        let examples = match recorded {
            Some(recorded) if self.args.json => self.examples_json(&done.rows, recorded)?,
            _ => None,
        };
        // Calls were refused because of the money or of the model: what harnesses made of that is no score.
        match ran.stop.as_ref().filter(|stop| **stop != Stop::Asked) {
            Some(stop) => self.not_scored(done, stop, examples),
            None => self.scored(learned, done, examples),
        }
        if let Some(recorded) = recorded.filter(|_| !self.args.json) {
            let shown = self.examples(&done.rows, learned.state(), recorded).await?;
            output::text(&(shown + &page.unwrap_or_default()));
        }
        let failed = done.rows.iter().any(|row| row.predicted_label.is_none());
        if recorded.is_none() && failed && !self.args.json {
            outln!("--show has prompts, replies and places in the source");
        }
        let ended = match answers_nothing(&done.rows) {
            true => ExitCode::from(EXAMINED_NOT_OK),
            false => ExitCode::SUCCESS,
        };
        let done = format!("{} examples were evaluated", done.rows.len());
        Ok(ran.stop.as_ref().map_or(ended, |stop| CliError::stopped(stop, &done)))
    }

    fn scored(&self, learned: &Learned, done: &Evaluation, examples: Option<Value>) {
        let Harness { digest, leaks, given } = self.on.harness;
        let (bench, Ran { cost, replies, .. }) = (self.on.bench, self.ran);
        let dataset = bench.dataset;
        let outcomes: Vec<Outcome> = done.rows.iter().map(Outcome::of).collect();
        let score = score(&outcomes, dataset.kind.objective(), learned, bench.mock);
        if self.args.json {
            let mut result = json!({ "ok": !answers_nothing(&done.rows), "component_digest": digest, "dataset": dataset.task.name, "data_findings": dataset.findings, "complete": done.complete, "cost": cost, "replies": replies, "score": score, "remark": score.asks_no_model(), "leaks": leaks });
            if let Some(made) = given.made_outside() {
                result["built"] = json!(made);
            }
            if let Some(examples) = examples {
                result["examples"] = examples;
            }
            output::json(&result);
        } else {
            let made = given.made_outside().map(|made| format!("{}\n", made.words())).unwrap_or_default();
            let shown = self.on.author().places(&shown(bench, self.ran, &score, &done.rows));
            output::text(&(made + &shown + &leaked(leaks)));
            paid(bench, self.ran);
        }
    }

    fn not_scored(&self, done: &Evaluation, stop: &Stop, examples: Option<Value>) {
        let Ran { cost, replies, .. } = self.ran;
        if self.args.json {
            let mut result = json!({ "ok": false, "kind": stop.status(), "message": stop.reason(), "evaluated": done.rows.len(), "cost": cost, "replies": replies });
            if let Some(examples) = examples {
                result["examples"] = examples;
            }
            output::json(&result);
        } else {
            outln!("not scored: {}", stop.status());
            paid(self.on.bench, self.ran);
        }
    }
}

/// Whether no example has an answer because of the harness itself. What a model did not say is no fault of the harness.
fn answers_nothing(rows: &[TraceRow]) -> bool {
    let is_own = |row: &TraceRow| {
        let of_model = [OutcomeKind::ModelError, OutcomeKind::BudgetSpent].contains(&row.error_kind);
        row.predicted_label.is_none() && !of_model
    };
    !rows.is_empty() && rows.iter().all(is_own)
}

fn paid(bench: &Bench<'_>, ran: &Ran) {
    if !bench.mock {
        outln!("cost: {}", scoreboard::cost(&ran.cost, ProposerKind::Conversation));
        output::text(&model_args::kept(ran.replies));
    }
}

fn failed(alone: &Alone<'_>, (kind, problem): &Unscored) -> ExitCode {
    if alone.args.json {
        output::json(&json!({ "ok": false, "kind": kind, "message": problem }));
    } else {
        outln!("{kind}: {}", alone.on.author().places(&text::plain(problem)));
    }
    ExitCode::from(EXAMINED_NOT_OK)
}

/// An evaluation's score, and the first of each kind of failure.
pub fn shown(bench: &Bench<'_>, ran: &Ran, score: &Score, rows: &[TraceRow]) -> String {
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
    out += &ran.cut.line().unwrap_or_default();
    out += &no_labels(rows, &dataset.task.labels).unwrap_or_default();
    for kind in score.outcomes.keys().filter(|kind| *kind != "ok") {
        out += &causes::lines(kind, rows);
    }
    let ungraded = rows.iter().filter_map(|row| row.scorer.as_ref()?.failure()).next();
    if let (Some(warning), Some(first)) =
        (score.scorer.as_ref().and_then(|totals| totals.warning()), ungraded)
    {
        out += &format!("{warning}; first: {}\n", text::ellipsis(&text::one_line(&first), 200));
    }
    text::plain(&out)
}
