//! The scoreboard for other programs: CSV for spreadsheets and data frames, Markdown for pages.

use super::{Line, Scoreboard, cost_name, errors_by_kind, frontier, page, tokens, trials};
use crate::error::CliError;
use mmh_record::{
    format::{IterationSummary, Learning, Score},
    objective::Figure,
    text,
};

/// The columns of the CSV behind those of the figure. Empty cells are what is not known; `change` is in points.
const CSV: [&str; 26] = [
    "n_examples",
    "n_correct",
    "n_errors",
    "errors",
    "best_so_far",
    "change_points",
    "fixed",
    "broken",
    "p",
    "baseline_change_points",
    "baseline_fixed",
    "baseline_broken",
    "baseline_p",
    "baseline_p_holm",
    "mean_prompt_bytes",
    "fuel_per_example",
    "tokens",
    "usd",
    "parent",
    "source_digest",
    "component_digest",
    "on_frontier",
    "mean_prompt_tokens",
    "mean_model_calls",
    "usd_per_example",
    "remark",
];

/// One line an iteration.
pub fn csv(it: &Scoreboard) -> Result<String, CliError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let figure = it.objective().name();
    let [low, high] = ["low", "high"].map(|end| format!("{figure}_{end}"));
    let first = ["iteration", "status", "best", figure, &low, &high];
    let last = of_protocol(it);
    let names = first.iter().chain(&CSV).copied().chain(last.iter().map(|(name, _)| *name));
    writer.write_record(names).map_err(CliError::host)?;
    for line in it.lines() {
        let cells = identity(&line)
            .into_iter()
            .chain(score(&line))
            .chain(comparisons(&line))
            .chain(effort(&line))
            .chain(reach(it, &line))
            .chain(last.iter().map(|(_, cell)| cell(&line)));
        writer.write_record(cells).map_err(CliError::host)?;
    }
    let bytes = writer.into_inner().map_err(CliError::host)?;
    String::from_utf8(bytes).map_err(CliError::host)
}

/// A further column: its name, and what a line has in it.
type More = (&'static str, fn(&Line<'_>) -> String);

/// The columns that a run has because of its protocol, as fractions of 1.
fn of_protocol(it: &Scoreboard) -> Vec<More> {
    let protocol = &it.summary.config.protocol;
    let mut more: Vec<More> = Vec::new();
    if protocol.trials > 1 {
        more.push(("spread", |line| number(line, |score| Some(score.trials.as_ref()?.spread))));
        more.push(("pass_all", |line| number(line, |score| Some(score.trials.as_ref()?.pass_all()))));
    }
    if protocol.learning == Learning::Online {
        more.push(("online_accuracy", |line| number(line, |score| Some(score.online.as_ref()?.accuracy))));
    }
    more
}

fn number(line: &Line<'_>, of: fn(&Score) -> Option<f64>) -> String {
    line.scored.and_then(|it| of(&it.score)).map(|number| number.to_string()).unwrap_or_default()
}

fn identity(line: &Line<'_>) -> [String; 3] {
    [line.row.index.to_string(), inert(&line.row.status), line.row.best.to_string()]
}

fn score(line: &Line<'_>) -> [String; 7] {
    let Some(score) = line.scored.map(|it| &it.score) else { return Default::default() };
    let Figure { value, interval, .. } = score.figure(line.objective);
    [
        value.to_string(),
        interval.low.to_string(),
        interval.high.to_string(),
        score.n_examples.to_string(),
        score.n_correct.to_string(),
        score.n_errors.to_string(),
        inert(&errors_by_kind(score)),
    ]
}

fn comparisons(line: &Line<'_>) -> Vec<String> {
    let mut cells = vec![String::new(); 10];
    if let Some(against) = &line.row.against_best_so_far {
        let it = &against.paired;
        cells[0] = against.index.to_string();
        cells[1] = it.points().to_string();
        (cells[2], cells[3], cells[4]) = (it.fixed.to_string(), it.broken.to_string(), scientific(it.p));
    }
    if let Some(tested) = &line.row.against_baseline {
        let it = &tested.against.paired;
        cells[5] = it.points().to_string();
        (cells[6], cells[7], cells[8]) = (it.fixed.to_string(), it.broken.to_string(), scientific(it.p));
        cells[9] = scientific(tested.p_corrected);
    }
    cells
}

/// Five digits: more of them would be chance.
fn scientific(p: f64) -> String {
    format!("{p:.4e}")
}

fn effort(line: &Line<'_>) -> Vec<String> {
    let of_score = |show: &dyn Fn(&IterationSummary) -> String| line.scored.map(show).unwrap_or_default();
    vec![
        of_score(&|it| it.score.mean_prompt_bytes.to_string()),
        of_score(&|it| (it.score.total_fuel / it.score.n_answers().max(1)).to_string()),
        line.cost.map(|cost| tokens(cost).to_string()).unwrap_or_default(),
        line.cost.map(|cost| cost.estimated_usd.to_string()).unwrap_or_default(),
        of_score(&|it| it.parent.map(|parent| parent.to_string()).unwrap_or_default()),
        of_score(&|it| it.source_digest.to_string()),
        of_score(&|it| it.component_digest.to_string()),
    ]
}

/// Whether it is on the frontier, by what, and what must be said of it.
fn reach(it: &Scoreboard, line: &Line<'_>) -> [String; 5] {
    let Some(score) = line.scored.map(|it| &it.score) else { return Default::default() };
    let is_on = it.board.frontier.iter().any(|member| member.index == line.row.index);
    [
        is_on.to_string(),
        score.prompt_tokens().to_string(),
        score.mean_model_calls.to_string(),
        score.mean_cost_usd.to_string(),
        score.asks_no_model().unwrap_or_default().to_owned(),
    ]
}

/// Text that a spreadsheet does not take for a formula.
pub fn inert(cell: &str) -> String {
    let cell = text::one_line(cell);
    if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell }
}

/// A table, and what follows from it.
pub fn markdown(it: &Scoreboard) -> String {
    let config = &it.summary.config;
    let simulated = if config.mock { " **Simulated models.**" } else { "" };
    let mut page = format!(
        "Run {}: {}, {} validation examples{}, proposer {}, target {}, seed {}.{simulated}\n\n",
        escaped(&config.run_id),
        escaped(&config.dataset),
        config.eval_split_size,
        trials::protocol(config),
        escaped(&config.proposer_model),
        escaped(&config.target_model),
        config.seed
    );
    let names = "95 % interval | change | fixed | broken | p | errors | prompt | fuel";
    let (figure, cost) = (it.objective().name(), cost_name(config.mock));
    page += &format!("| iteration | status | {figure} | {names} | {cost} | component |\n");
    page += "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n";
    for line in it.lines() {
        page += &format!("| {} |\n", row(&line).join(" | "));
    }
    page += &on_frontier(it);
    page += "\n";
    for finding in page::best(it)
        .iter()
        .chain(&frontier::without_model(it))
        .chain(&page::held_out(it))
        .chain(&page::data(&it.summary))
    {
        let nested = if finding.starts_with("  ") { "  " } else { "" };
        page += &format!("{nested}- {}\n", escaped(finding.trim_start_matches(['*', ' '])));
    }
    page
}

/// The frontier as a table of its own.
fn on_frontier(it: &Scoreboard) -> String {
    let members = &it.board.frontier;
    if members.is_empty() {
        return String::new();
    }
    let mut table =
        format!("\n| frontier | {} | prompt tokens | model calls | USD |\n", it.objective().name());
    table += "|---|---:|---:|---:|---:|\n";
    for member in members {
        let figure = Figure { objective: it.objective(), value: member.score, interval: member.interval };
        let estimated = if member.estimated { "~" } else { "" };
        table += &format!(
            "| {:03} | {} | {estimated}{:.1} | {:.2} | {:.6} |\n",
            member.index,
            figure.cell(),
            member.prompt_tokens,
            member.model_calls,
            member.cost_usd
        );
    }
    table
}

fn row(line: &Line<'_>) -> Vec<String> {
    let errors = line.of_score(|it| match it.score.n_errors {
        0 => "0".to_owned(),
        _ => errors_by_kind(&it.score),
    });
    let cells = [
        format!("{:03}", line.row.index),
        if line.row.best { "best".to_owned() } else { line.row.status.clone() },
        line.of_figure(Figure::cell),
        line.of_figure(Figure::interval),
        line.change(),
        line.fixed(),
        line.broken(),
        line.p(),
        errors,
        line.prompt(),
        line.fuel(),
        line.cost(),
        line.component(),
    ];
    cells.iter().map(|cell| escaped(cell)).collect()
}

/// Text that means nothing in Markdown or HTML.
fn escaped(cell: &str) -> String {
    let mut out = String::with_capacity(cell.len());
    for character in text::one_line(cell).chars() {
        match character {
            '<' => out += "&lt;",
            '&' => out += "&amp;",
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '!' => out.extend(['\\', character]),
            _ => out.push(character),
        }
    }
    out
}
