//! `mmh task`: what was understood of a task, before anything is spent on it.

use std::process::ExitCode;

use clap::Args;

use crate::{error::CliResult, output, workbench::ColumnArgs};
use mmh_record::{
    objective::{Objective, Unit},
    text,
};
use mmh_search::dataset::{
    Source,
    overview::{Constant, LabelCount, Overview, Shown, SplitSize},
};

/// How much of a text is shown, and how many labels and ids.
const SHOWN_CHARS: usize = 300;
const SHOWN_LABELS: usize = 40;
const SHOWN_IDS: usize = 10;

#[derive(Args)]
pub struct TaskArgs {
    /// The task's folder, or what else --dataset takes
    #[arg(value_name = "DIR")]
    task: String,
    #[command(flatten)]
    columns: ColumnArgs,
    /// Decides how a single file is divided
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Print what was understood as JSON
    #[arg(long)]
    json: bool,
}

pub fn main(args: &TaskArgs) -> CliResult {
    let columns = args.columns.resolve();
    let dataset = Source { name: &args.task, columns: &columns }.load(args.seed)?;
    let overview = Overview::of(&dataset);
    match args.json {
        true => output::json(&overview),
        false => output::text(&render(&overview)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The overview for people. What comes from the data is on one line each, and plain.
pub fn render(it: &Overview) -> String {
    let mut lines = vec![format!("task {}", one_line(&it.name))];
    lines.extend(it.splits.iter().map(split));
    lines.push(format!("instructions: {}", one_line(&it.instructions)));
    lines.push(format!("metric: {}", one_line(&it.metric_in_words)));
    lines.extend(it.scorer.as_ref().map(|scorer| {
        let (file, size) = (one_line(&scorer.file), text::bytes(scorer.bytes as u64));
        format!("scorer: {file}, {size}, sha256 {}", scorer.sha256)
    }));
    if !it.fields.is_empty() {
        lines.push(format!("fields besides the text: {}", one_line(&it.fields.join(", "))));
    }
    lines.push(labels(it));
    let examples = it.splits.iter().map(|split| split.rows).sum::<usize>();
    if !it.not_right.is_empty() {
        let ids: Vec<&str> = it.not_right.iter().take(SHOWN_IDS).map(String::as_str).collect();
        let (count, more) = (it.not_right.len(), if it.not_right.len() > SHOWN_IDS { ", …" } else { "" });
        lines.push(format!(
            "WARNING: of {examples} right answers, the metric does not count {count} as right: {}{more}",
            ids.join(", ")
        ));
    }
    lines.extend(it.findings.iter().map(|finding| format!("warning: {}", finding.line())));
    lines.push(String::new());
    lines.extend(it.examples.iter().flat_map(example));
    if it.constants.is_empty() {
        return text::plain(&(lines.join("\n") + "\n"));
    }
    lines.push(String::new());
    lines.push(format!("what the same answer to every example scores ({}):", it.objective));
    lines.extend(it.constants.iter().map(constant));
    text::plain(&(lines.join("\n") + "\n"))
}

fn split(it: &SplitSize) -> String {
    let SplitSize { split, rows, answers, answers_of_train, mean_input_bytes } = it;
    match split {
        _ if *rows == 0 => format!("{split:<6} no rows"),
        &"train" => format!(
            "{split:<6} {rows} rows, {answers} different answers, {mean_input_bytes} bytes of input on average"
        ),
        _ => format!(
            "{split:<6} {rows} rows, {answers} different answers; {answers_of_train} rows have an answer that train has too"
        ),
    }
}

fn labels(it: &Overview) -> String {
    if it.open {
        return "labels: none, the task is open: an answer is any text".into();
    }
    let counted = |it: &LabelCount| {
        let of_train = it.examples.get("train").copied().unwrap_or_default();
        format!("{} ({of_train})", text::ellipsis(&one_line(&it.label), 60))
    };
    let shown: Vec<String> = it.labels.iter().take(SHOWN_LABELS).map(counted).collect();
    let more = if it.labels.len() > SHOWN_LABELS { ", …" } else { "" };
    format!("labels: {}, with their rows in train: {}{more}", it.labels.len(), shown.join(", "))
}

fn example(it: &Shown) -> Vec<String> {
    let mut lines = vec![format!("{}  text: {}", it.id, one_line(&it.input.text))];
    let indent = " ".repeat(it.id.len());
    let fields = it.input.fields.iter();
    lines.extend(
        fields.map(|field| format!("{indent}  {}: {}", one_line(&field.name), one_line(&field.value))),
    );
    lines.push(format!("{indent}  right answer: {}", one_line(&it.gold)));
    lines
}

fn constant(it: &Constant) -> String {
    let unit: Unit = Objective::default().unit();
    let scores = it.scores.iter().map(|(split, scored)| {
        format!("{split} {} {} {}", unit.number(scored.value), unit.sign(), unit.interval(scored.interval))
    });
    // val before test
    let mut scores: Vec<String> = scores.collect();
    scores.reverse();
    let answer = if it.answer.is_empty() {
        String::new()
    } else {
        format!(" {:?}", text::ellipsis(&one_line(&it.answer), 60))
    };
    format!("  {}: {}{answer}", scores.join(", "), it.what)
}

fn one_line(it: &str) -> String {
    text::ellipsis(&text::one_line(it), SHOWN_CHARS)
}
