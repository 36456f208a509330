//! The table of several runs: for people, and for other programs.

use std::collections::BTreeSet;

use crate::{error::CliError, scoreboard::inert};
use mmh_record::{
    objective::{Objective, Unit},
    text,
};
use mmh_report::across::{Across, BEST, CHANGE, Column, Group, RunScores};

/// The widest that the name of a data set, or of a row, gets.
const NAME_COLUMNS: usize = 20;

/// The least that a column has, so that every figure fits.
const MIN_COLUMNS: usize = 8;

/// What stands in a cell that has nothing to say.
const NOTHING: &str = "-";

/// The table, and what the numbers are. What comes from runs is plain, and on one line.
pub fn render(it: &Across) -> String {
    let mut lines = Vec::new();
    for group in &it.groups {
        if it.groups.len() > 1 {
            let names = group.runs.iter().flatten().map(|at| it.runs[*at].name.as_str());
            lines.push(text::one_line(&names.collect::<Vec<_>>().join(", ")));
        }
        lines.extend(table(it, group));
        lines.push(String::new());
    }
    let figures: BTreeSet<&str> = it.runs.iter().map(|run| run.figure).collect();
    let figures: Vec<&str> = figures.into_iter().collect();
    lines.push(format!("{}; {CHANGE}: {BEST} against the best baseline, in points", figures.join(", ")));
    if it.columns.len() > 1 {
        lines.push(format!("mean: {}, however many examples each has", it.mean));
    }
    lines.extend(it.runs.iter().flat_map(run));
    lines.extend(it.warnings.iter().map(|warning| format!("warning: {}", text::one_line(warning))));
    text::plain(&(lines.join("\n") + "\n"))
}

/// A group's head and rows.
fn table(it: &Across, group: &Group) -> Vec<String> {
    let heads: Vec<[String; 2]> = it
        .columns
        .iter()
        .zip(&group.runs)
        .map(|(column, at)| head(column, at.map(|at| &it.runs[at])))
        .collect();
    let widths: Vec<usize> = heads
        .iter()
        .map(|head| head.iter().map(|it| text::width(it)).max().unwrap_or(0).max(MIN_COLUMNS))
        .collect();
    let names: Vec<String> = group.rows.iter().map(|row| name(&row.name)).collect();
    let first = names.iter().map(|name| text::width(name)).max().unwrap_or(0);
    let line = |name: &str, cells: Vec<String>, mean: &str| {
        let mut line = format!("{name}{}", " ".repeat(first.saturating_sub(text::width(name))));
        for (cell, width) in cells.iter().zip(&widths) {
            line += &format!("  {}{cell}", " ".repeat(width.saturating_sub(text::width(cell))));
        }
        // The mean of one data set is that one.
        if it.columns.len() > 1 {
            line += &format!("  {mean:>MIN_COLUMNS$}");
        }
        line.trim_end().to_owned()
    };
    let mut lines = vec![
        line("", heads.iter().map(|head| head[0].clone()).collect(), "mean"),
        line("", heads.iter().map(|head| head[1].clone()).collect(), ""),
    ];
    for (row, name) in group.rows.iter().zip(&names) {
        let shown = |value: &Option<f64>| cell(&row.name, *value);
        lines.push(line(name, row.cells.iter().map(shown).collect(), &shown(&row.mean)));
    }
    lines
}

/// The name of a data set, and which examples the figures are of.
fn head(column: &Column, run: Option<&RunScores>) -> [String; 2] {
    let examples = run.and_then(|run| Some(format!("{} {}", run.split, run.entry(BEST)?.n_examples)));
    [name(&column.name), examples.unwrap_or_default()]
}

fn name(text: &str) -> String {
    text::fitted(&text::one_line(text), NAME_COLUMNS)
}

fn cell(row: &str, value: Option<f64>) -> String {
    let unit: Unit = Objective::default().unit();
    match value {
        None => NOTHING.to_owned(),
        Some(points) if row == CHANGE => format!("{points:+.1}"),
        Some(value) => format!("{}{}", unit.number(value), unit.sign()),
    }
}

/// A run in words.
fn run(it: &RunScores) -> Vec<String> {
    let split = if it.split == "test" { "held-out test" } else { "validation" };
    let n = it.entry(BEST).map_or(0, |it| it.n_examples);
    let mut lines = vec![text::one_line(&format!(
        "{}: {}, {split}, {n} examples, {}, target {}, proposer {}, seed {}",
        it.name, it.dataset, it.figure, it.target_model, it.proposer_model, it.seed
    ))];
    lines.push(format!("  {}", change(it)));
    lines.extend(it.warnings.iter().map(|warning| format!("  warning: {}", text::one_line(warning))));
    lines
}

fn change(it: &RunScores) -> String {
    let best = it.entry(BEST).map_or(0, |it| it.index);
    let Some(change) = &it.change else { return format!("best {best:03}: nothing better than a baseline") };
    let difference = format!("best {best:03} against {:03}: {:+.1} points", change.against, change.points);
    match &change.paired {
        Some(paired) => format!(
            "{difference} ({} fixed, {} broken), p {}",
            paired.fixed,
            paired.broken,
            if paired.p < 0.001 { "<.001".into() } else { format!("{:.3}", paired.p) }
        ),
        None => difference,
    }
}

/// The columns of the CSV. A mean has no run.
const CSV: [&str; 16] = [
    "group",
    "row",
    "dataset",
    "value",
    "low",
    "high",
    "change_points",
    "p",
    "n_examples",
    "split",
    "figure",
    "run",
    "iteration",
    "target",
    "proposer",
    "simulated",
];

/// One line for each harness of each run, and for each mean.
pub fn csv(it: &Across) -> Result<String, CliError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(CSV).map_err(CliError::host)?;
    for (number, group) in it.groups.iter().enumerate() {
        for (column, run) in it.columns.iter().zip(&group.runs) {
            let Some(run) = run.map(|at| &it.runs[at]) else { continue };
            for entry in &run.entries {
                let change = run.change.filter(|_| entry.row == BEST);
                let p = change.and_then(|it| it.paired).map(|it| format!("{:.4e}", it.p));
                let cells = [
                    number.to_string(),
                    inert(&entry.row),
                    inert(&column.name),
                    entry.value.to_string(),
                    entry.interval.low.to_string(),
                    entry.interval.high.to_string(),
                    change.map(|it| it.points.to_string()).unwrap_or_default(),
                    p.unwrap_or_default(),
                    entry.n_examples.to_string(),
                    run.split.to_owned(),
                    run.figure.to_owned(),
                    inert(&run.name),
                    entry.index.to_string(),
                    inert(&run.target_model),
                    inert(&run.proposer_model),
                    run.mock.to_string(),
                ];
                writer.write_record(cells).map_err(CliError::host)?;
            }
        }
        if it.columns.len() > 1 {
            let of = |name: &str| group.rows.iter().find(|row| row.name == name).and_then(|row| row.mean);
            for row in group.rows.iter().filter(|row| row.name != CHANGE) {
                let Some(mean) = row.mean else { continue };
                let mut cells: Vec<String> = vec![String::new(); CSV.len()];
                (cells[0], cells[1], cells[2]) = (number.to_string(), inert(&row.name), "mean".into());
                cells[3] = mean.to_string();
                cells[6] =
                    of(CHANGE).filter(|_| row.name == BEST).map(|it| it.to_string()).unwrap_or_default();
                writer.write_record(&cells).map_err(CliError::host)?;
            }
        }
    }
    let bytes = writer.into_inner().map_err(CliError::host)?;
    String::from_utf8(bytes).map_err(CliError::host)
}
