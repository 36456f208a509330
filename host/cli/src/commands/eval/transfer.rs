//! One harness with several target models, side by side: does what was found with one model carry over to others?

mod rows;
mod table;

use std::process::ExitCode;

use super::{
    EvalArgs, Harness,
    bench::{Bench, Ran, Target},
    of_run::OfRun,
    write_trace,
};
use crate::{
    error::{CliError, CliResult, EXAMINED_NOT_OK},
    model_args::{self, Connector},
    output,
    output_file::OutputFile,
    targets_args::TargetsArgs,
    terminal::Terminal,
};
use mmh_engine::build::Built;
use mmh_models::cancel::Stop;
use mmh_record::{data::Split, format::TraceRow, pricing::Usd};
use mmh_report::{
    compare::{Numbers, SIGNIFICANCE},
    statistics::paired_test,
};
use mmh_search::{evaluate::Outcome, score::score};
use rows::{Row, Transferred, compare};

/// The models that are asked, in their order. Without a name, a run's own target.
pub fn targets(
    connector: &Connector<'_>,
    args: &TargetsArgs,
    of_run: Option<&OfRun>,
) -> Result<Vec<Target>, CliError> {
    if connector.mock && args.named() > 1 {
        return Err(CliError::input(
            "--mock has one simulated target, so there is nothing to compare: with another --seed it errs elsewhere, but it is no other model",
        ));
    }
    let own = of_run.filter(|_| !args.is_given() && !connector.mock);
    let choices = args.choices()?.into_iter().map(|choice| match own {
        Some(run) => choice.of_run(&run.config),
        None => choice,
    });
    choices
        .map(|choice| {
            let model = connector.target(&choice)?;
            Ok(Target { replies: model_args::replies(connector.global, &model)?, model })
        })
        .collect()
}

/// An evaluation of one harness with several targets.
pub struct Transfer<'a> {
    pub args: &'a EvalArgs,
    pub bench: &'a Bench<'a>,
    pub of_run: Option<&'a OfRun>,
    pub harness: &'a Harness,
}

impl Transfer<'_> {
    /// Evaluates with one target after the other. Each may spend an equal share of what the budget still has.
    pub async fn run(
        &self,
        targets: Vec<Target>,
        built: &Built,
        (terminal, trace): (&Terminal, Option<&OutputFile>),
    ) -> CliResult {
        let (bench, mut numbers) = (self.bench, Numbers::default());
        let (mut rows, mut warnings) = (Vec::new(), Vec::new());
        let recorded = self.of_run.map(|run| (run, run.recorded(bench.split, &mut numbers)));
        match recorded {
            Some((run, Ok(Some(found)))) => {
                warnings.extend(simulated_only_there(run, bench.mock));
                rows.push(Row::recorded(run, found.score, found.grades));
            }
            Some((_, Err(problem))) => warnings.push(format!("the record is not compared: {problem}")),
            Some((run, Ok(None))) if bench.split != Split::Train => warnings.push(format!(
                "the run has no {} score of {:03}, so changes are against the first target",
                bench.split.name(),
                run.index
            )),
            _ => {}
        }
        let (count, mut traces) = (targets.len(), Vec::new());
        for (at, target) in targets.into_iter().enumerate() {
            let left = self.args.on.money.budget_usd() - bench.budget.billed().as_f64();
            let share = Usd::from_f64((left / (count - at) as f64).max(0.0));
            let account = std::sync::Arc::new(bench.budget.account(Some(share)));
            // What failed with one target does not concern the next one.
            let ran = bench.evaluate(target, account, bench.cancel.afresh(), built.clone(), None).await?;
            terminal.done();
            let (row, rows_of_it) = self.row(ran, &mut numbers);
            rows.push(row);
            traces.push(rows_of_it);
            if bench.cancel.afresh().why() == Some(Stop::Asked) {
                break;
            }
        }
        if let Some(file) = trace {
            write_trace(file, &traces.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        }
        Ok(self.told(rows, warnings, count))
    }

    /// A target's row, and what happened on each example.
    fn row(&self, ran: Ran, numbers: &mut Numbers) -> (Row, Vec<TraceRow>) {
        let Ran { model, came, cost, replies, stop, .. } = ran;
        let mut row = Row::of(model, self.bench.mock);
        (row.cost, row.replies) = (Some(cost), replies);
        let rows = match came {
            Err((kind, message)) => {
                (row.kind, row.message) = (Some(kind.to_owned()), Some(message));
                Vec::new()
            }
            Ok((learned, done)) => {
                let outcomes: Vec<Outcome> = done.rows.iter().map(Outcome::of).collect();
                let objective = self.bench.dataset.kind.objective();
                // Answers that were refused because of the money or of the model are no score; nor are some of them.
                if stop.is_none() {
                    for it in &done.rows {
                        row.grades.enter(numbers.of(&it.example_id), &it.grade());
                    }
                    row.scored(score(&outcomes, objective, &learned, self.bench.mock));
                }
                done.rows
            }
        };
        if let Some(stop) = &stop {
            (row.kind, row.message) = (Some(stop.status().to_owned()), Some(stop.reason().to_owned()));
        }
        row.stop = stop;
        (row, rows)
    }

    /// Shows all rows, and says how it ended.
    fn told(&self, mut rows: Vec<Row>, warnings: Vec<String>, count: usize) -> ExitCode {
        let (bench, objective) = (self.bench, self.bench.dataset.kind.objective());
        let against = compare(objective, &mut rows);
        let scored = rows.iter().filter(|row| !row.recorded && row.score.is_some()).count();
        let stop = rows.iter().find_map(|row| row.stop.clone());
        let all = Transferred {
            ok: scored == count,
            run_id: self.of_run.map(|run| run.config.run_id.as_str()),
            iteration: self.of_run.map(|run| run.index),
            component_digest: self.harness.digest,
            dataset: &bench.dataset.task.name,
            split: bench.split.name(),
            seed: bench.seed,
            test: paired_test(objective, bench.protocol.trials),
            correction: "Holm",
            significance: SIGNIFICANCE,
            against,
            targets: rows,
            warnings,
            data_findings: &bench.dataset.findings,
            leaks: &self.harness.leaks,
            objective,
        };
        match self.args.json {
            true => output::json(&all),
            false => output::text(&(table::render(&all) + &super::leaked(all.leaks))),
        }
        match stop {
            Some(stop) => CliError::stopped(&stop, &format!("{scored} of {count} targets have a score")),
            None if all.ok => ExitCode::SUCCESS,
            None => ExitCode::from(EXAMINED_NOT_OK),
        }
    }
}

/// A warning where the run's own target is simulated and the others are not.
fn simulated_only_there(run: &OfRun, mock: bool) -> Option<String> {
    (run.config.mock && !mock).then(|| {
        "the run's own target is simulated: a change against it says nothing about the harness".to_owned()
    })
}
