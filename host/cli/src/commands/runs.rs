//! `mmh runs`: the runs of a folder, a line each.

use std::{
    cmp::Ordering,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    error::{CliError, CliResult},
    output,
};
use mmh_record::{format::Summary, objective::Objective, reader::RunReader, text, user_notes::UserNotes};

#[derive(Args)]
pub struct RunsArgs {
    /// The folder of the runs
    #[arg(value_name = "DIR", default_value = "runs")]
    dir: PathBuf,
    /// Show only runs with this word in their name, task, models, status or tags; given several times, with all of them
    #[arg(long, value_name = "WORD")]
    filter: Vec<String>,
    /// Show only runs with this tag, on the run itself or on an iteration of it; given several times, with all of them
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// What the runs are sorted by
    #[arg(long, value_enum, default_value_t = Sort::Started)]
    sort: Sort,
    /// Print the runs as JSON
    #[arg(long)]
    json: bool,
}

/// What runs are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    // The newest first.
    Started,
    Name,
    // The best first.
    Score,
    // The dearest first.
    Cost,
    // Those without a tag last.
    Tags,
}

/// A run as it is listed.
#[derive(Serialize)]
struct Listed {
    /// The name of its folder.
    name: String,
    started_at: Timestamp,
    status: String,
    task: String,
    target_model: String,
    proposer_model: String,
    simulated: bool,
    /// Candidates that are done, and all that were asked for.
    done: usize,
    planned: usize,
    best_iteration: Option<u32>,
    /// The best figure on validation, from 0 to 1.
    value: Option<f64>,
    #[serde(skip)]
    shown: String,
    cost_usd: f64,
    /// The tags of the run and of its iterations, each once.
    tags: Vec<String>,
    /// Why its notes cannot be read.
    #[serde(skip)]
    problem: Option<String>,
}

pub fn main(args: &RunsArgs) -> CliResult {
    let mut runs = all(&args.dir)?;
    runs.retain(|run| args.filter.iter().all(|word| run.has(word)));
    runs.retain(|run| args.tag.iter().all(|tag| run.tags.contains(tag)));
    runs.sort_by(|a, b| order(args.sort, a, b));
    for (name, problem) in runs.iter().filter_map(|run| Some((&run.name, run.problem.as_ref()?))) {
        errln!("note: {} is listed without its tags: {}", text::name(name), text::name(problem));
    }
    if args.json {
        output::json(&runs);
        return Ok(ExitCode::SUCCESS);
    }
    if runs.is_empty() {
        outln!("no runs in {}", text::path(&args.dir));
        return Ok(ExitCode::SUCCESS);
    }
    let width = runs.iter().map(|run| text::width(&run.name)).max().unwrap_or_default().clamp(4, 40);
    outln!(
        "{:<width$}  {:<16}  {:<12} {:>7}  {:>9}  {:>9}  task, target [tags]",
        "run",
        "started (UTC)",
        "status",
        "done",
        "best",
        "USD"
    );
    for run in &runs {
        let name = text::fitted(&text::name(&run.name), width);
        let padding = " ".repeat(width.saturating_sub(text::width(&name)));
        outln!(
            "{name}{padding}  {:<16}  {:<12} {:>7}  {:>9}  {:>9.2}  {}, {}{}{}",
            run.started_at.strftime("%Y-%m-%d %H:%M"),
            text::fitted(&text::name(&run.status), 12),
            format!("{}/{}", run.done, run.planned),
            run.shown,
            run.cost_usd,
            text::name(&run.task),
            text::name(&run.target_model),
            if run.simulated { " (SIMULATED)" } else { "" },
            run.tags.iter().map(|tag| format!(" [{}]", text::name(tag))).collect::<String>(),
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The runs of a folder, and whatever else there is passed over.
fn all(dir: &Path) -> Result<Vec<Listed>, CliError> {
    let entries = std::fs::read_dir(dir)
        .map_err(|error| CliError::input(format!("cannot list {}: {error}", text::path(dir))))?;
    Ok(entries.flatten().filter(|it| it.path().is_dir()).filter_map(|it| listed(&it.path())).collect())
}

fn listed(folder: &Path) -> Option<Listed> {
    let reader = RunReader::open(folder).ok()?;
    let summary = reader.summary().ok()?;
    let config = &summary.config;
    let objective = Objective::of(config);
    let best = summary.iterations.iter().find(|it| Some(it.index) == summary.best_iteration_index);
    let notes = UserNotes::of_run(folder);
    Some(Listed {
        name: folder.file_name()?.to_string_lossy().into_owned(),
        started_at: config.started_at,
        status: status(&reader, &summary),
        task: config.dataset.clone(),
        target_model: config.target_model.clone(),
        proposer_model: config.proposer_model.clone(),
        simulated: config.mock,
        done: summary.iterations.len() + summary.unscored.len(),
        planned: config.all_candidates() as usize,
        best_iteration: summary.best_iteration_index,
        value: best.map(|it| objective.value(&it.score)),
        shown: best.map_or_else(|| "-".into(), |it| it.score.figure(objective).spaced()),
        cost_usd: summary.total_cost.estimated_usd,
        tags: notes.as_ref().map(UserNotes::tags_of_run).unwrap_or_default(),
        problem: notes.err().map(|error| error.to_string()),
    })
}

/// How the run stands, in a word.
fn status(reader: &RunReader, summary: &Summary) -> String {
    match (&summary.stopped, summary.finished_at) {
        _ if reader.is_being_written() => "going on".into(),
        (Some(stopped), _) => stopped.status.clone(),
        (None, Some(_)) => "finished".into(),
        (None, None) => "cut off".into(),
    }
}

impl Listed {
    fn has(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let simulated = if self.simulated { "simulated" } else { "" };
        let texts = [&self.name, &self.status, &self.task, &self.target_model, &self.proposer_model];
        let texts = texts.into_iter().map(String::as_str).chain(self.tags.iter().map(String::as_str));
        texts.chain([simulated]).any(|text| text.to_lowercase().contains(&word))
    }
}

/// Which of two runs comes first. Equal ones are by name.
fn order(sort: Sort, a: &Listed, b: &Listed) -> Ordering {
    let by = match sort {
        Sort::Started => b.started_at.cmp(&a.started_at),
        Sort::Name => Ordering::Equal,
        Sort::Score => b.value.unwrap_or(-1.0).total_cmp(&a.value.unwrap_or(-1.0)),
        Sort::Cost => b.cost_usd.total_cmp(&a.cost_usd),
        Sort::Tags => (a.tags.is_empty(), &a.tags).cmp(&(b.tags.is_empty(), &b.tags)),
    };
    by.then_with(|| a.name.cmp(&b.name))
}
