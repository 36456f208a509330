//! One harness with several target models, side by side: does what was found with one model carry over to others?

mod table;

use std::process::ExitCode;

use serde::Serialize;

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
use mmh_record::{
    data::Split,
    format::{Cost, Score, TraceRow},
    objective::Objective,
    pricing::Usd,
};
use mmh_report::{
    compare::{Grades, Numbers, Paired, SIGNIFICANCE, holm},
    statistics::paired_test,
};
use mmh_search::{
    evaluate::{Outcome, replies},
    score::score,
};

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

/// What came of all targets.
#[derive(Serialize)]
struct Transferred<'a> {
    /// Whether every target has a score.
    ok: bool,
    /// The run, if the harness is one of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iteration: Option<u32>,
    component_digest: mmh_record::digest::Digest,
    dataset: &'a str,
    split: &'static str,
    seed: u64,
    /// What the changes are tested with, and how p-values are corrected.
    test: &'static str,
    correction: &'static str,
    significance: f64,
    /// What changes are measured against; nothing before anything has a score.
    against: Option<String>,
    targets: Vec<Row>,
    warnings: Vec<String>,
    data_findings: &'a [mmh_record::data::DataFinding],
    leaks: &'a [mmh_record::leak::Leak],
    #[serde(skip)]
    objective: Objective,
}

/// One target.
#[derive(Serialize)]
struct Row {
    target: String,
    /// Whether this is what the run has on record: nothing was asked for it.
    recorded: bool,
    simulated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<Score>,
    /// Against the row that is named in `against`, over the examples that both have.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_per_example: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_per_example: Option<f64>,
    /// Absent for what is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replies: Option<replies::Tally>,
    /// Why there is no score.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip)]
    grades: Grades,
    #[serde(skip)]
    stop: Option<Stop>,
}

/// What is another with this target.
#[derive(Clone, Copy, Serialize)]
struct Change {
    #[serde(flatten)]
    paired: Paired,
    points: f64,
    p_corrected: f64,
    more_than_noise: bool,
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
            let left = self.args.money.budget_usd() - bench.budget.billed().as_f64();
            let share = Usd::from_f64((left / (count - at) as f64).max(0.0));
            let account = std::sync::Arc::new(bench.budget.account(Some(share)));
            // What failed with one target does not concern the next one.
            let ran = bench.evaluate(target, account, bench.cancel.afresh(), built.clone()).await?;
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
        let Ran { model, came, cost, replies, stop } = ran;
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
            test: paired_test(objective),
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

/// Compares each row with a score with the first that has one, and says which that is.
fn compare(objective: Objective, rows: &mut [Row]) -> Option<String> {
    let first = rows.iter().position(|row| row.score.is_some())?;
    let others: Vec<usize> = (first + 1..rows.len()).filter(|at| rows[*at].score.is_some()).collect();
    let pair = |at: &usize| Paired::of(objective, &rows[first].grades, &rows[*at].grades);
    let pairs: Vec<Paired> = others.iter().map(pair).collect();
    let corrected = holm(&pairs.iter().map(|it| it.p).collect::<Vec<_>>());
    for ((at, paired), p_corrected) in others.into_iter().zip(pairs).zip(corrected) {
        let (points, more_than_noise) = (paired.points(), p_corrected < SIGNIFICANCE);
        rows[at].change = Some(Change { paired, points, p_corrected, more_than_noise });
    }
    Some(rows[first].name())
}

impl Row {
    fn of(target: String, simulated: bool) -> Self {
        Self {
            target,
            recorded: false,
            simulated,
            score: None,
            change: None,
            prompt_tokens_per_example: None,
            calls_per_example: None,
            cost: None,
            replies: None,
            kind: None,
            message: None,
            grades: Grades::default(),
            stop: None,
        }
    }

    fn recorded(run: &OfRun, score: Score, grades: Grades) -> Self {
        let mut row = Self::of(run.config.target_model.clone(), run.config.mock);
        (row.recorded, row.grades) = (true, grades);
        row.scored(score);
        row
    }

    fn scored(&mut self, score: Score) {
        let n = score.n_examples.max(1) as f64;
        self.prompt_tokens_per_example = Some(score.total_input_tokens as f64 / n);
        self.calls_per_example = Some(score.mean_model_calls);
        self.score = Some(score);
    }

    /// The target's name, with what tells the record from an evaluation of now.
    fn name(&self) -> String {
        match self.recorded {
            true => format!("{} (recorded)", self.target),
            false => self.target.clone(),
        }
    }
}
