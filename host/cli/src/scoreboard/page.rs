//! The scoreboard for people: a head, a table that fits the terminal, and what the numbers prove.

use super::{
    Line, Scoreboard, cost, cost_name, errors_by_kind, frontier, grading::grading, proposals, trials,
};
use mmh_record::{
    built::Confinement,
    format::{Config, Learning, Summary},
    objective::Objective,
    text,
};
use mmh_report::compare::{
    board::{UNDER_WAY, UnderWay},
    words,
};
use mmh_search::leaks::MAX_LEAKS;

/// A column of the table.
struct Column {
    name: &'static str,
    width: usize,
    cell: fn(&Line<'_>) -> String,
    /// On a narrow terminal, the columns with the highest number go first; those with 0 stay.
    goes: u8,
}

impl Column {
    fn new(name: &'static str, width: usize, goes: u8, cell: fn(&Line<'_>) -> String) -> Self {
        Self { name, width, cell, goes }
    }
}

/// Findings about the data that are shown, and how much of each.
const SHOWN_FINDINGS: usize = 12;
const FINDING_CHARS: usize = 400;

/// Between two columns.
const GAP: &str = "  ";

/// All columns: those of a plain search are, together and with the iteration in front, 100 wide.
fn columns(config: &Config) -> Vec<Column> {
    let figure = match Objective::of(config) {
        Objective::Accuracy => "accuracy [95 % int.]",
        Objective::Score => "score [95 % int.]",
    };
    let mut columns = vec![
        Column::new(figure, 20, 0, |line| {
            line.of_figure(|figure| format!("{:>6} {:>13}", figure.cell(), figure.interval()))
        }),
        Column::new("change", 6, 1, |line| line.change()),
        Column::new("fixed", 5, 3, |line| line.fixed()),
        Column::new("broken", 6, 3, |line| line.broken()),
        Column::new("p", 5, 2, |line| line.p()),
        Column::new("errors", 6, 4, |line| line.errors()),
        Column::new("prompt", 6, 6, |line| line.prompt()),
        Column::new("fuel", 6, 7, |line| line.fuel()),
        Column::new(cost_name(config.mock), 7, 5, |line| line.cost()),
        Column::new("binary", 8, 8, |line| line.component()),
    ];
    let mut more = Vec::new();
    if config.protocol.trials > 1 {
        more.push(Column::new("spread", 6, 0, |line| line.spread()));
        more.push(Column::new("pass^k", 6, 0, |line| line.pass_all()));
    }
    if config.protocol.learning == Learning::Online {
        more.push(Column::new("online", 6, 0, |line| line.online()));
    }
    columns.splice(1..1, more);
    columns
}

/// The whole scoreboard, of at most so many columns of a terminal.
pub fn render(it: &Scoreboard, width: usize) -> String {
    let mut lines = header(&it.summary);
    lines.push(String::new());
    lines.extend(table(it, width));
    lines.push(String::new());
    let on_frontier = frontier::table(it);
    if !on_frontier.is_empty() {
        lines.extend(on_frontier);
        lines.push(String::new());
    }
    lines.extend(findings(it));
    let fit = |line: &String| text::wrapped(line, width, "  ");
    let mut page: String = lines.iter().map(fit).collect::<Vec<_>>().join("\n");
    page.push('\n');
    text::plain(&page)
}

fn header(summary: &Summary) -> Vec<String> {
    let config = &summary.config;
    let mut lines = vec![
        format!(
            "run {}: {}, {} validation examples{}, seed {}",
            config.run_id,
            config.dataset,
            config.eval_split_size,
            trials::protocol(config),
            config.seed
        ),
        format!("proposer {}, target {}", config.proposer_model, config.target_model),
    ];
    if config.mock {
        lines.push(format!(
            "SIMULATED models: {} shows that the search works, not how a real model does",
            Objective::of(config).name()
        ));
    }
    if config.confinement == Confinement::NoLandlock {
        let what = "the kernel had no Landlock, so a candidate's source could take in the user's files";
        lines.push(format!("UNCONFINED: {what}"));
    }
    if summary.finished_at.is_none() {
        lines.push(format!(
            "not finished: {} of {} iterations are here",
            summary.iterations.len() + summary.unscored.len(),
            config.all_candidates()
        ));
    }
    if let Some(stopped) = &summary.stopped {
        lines.push(format!("stopped, {}: {}", stopped.status, text::one_line(&stopped.reason)));
    }
    lines.iter().map(|line| text::one_line(line)).collect()
}

fn table(it: &Scoreboard, width: usize) -> Vec<String> {
    let columns = fitting(columns(&it.summary.config), width);
    let cells = |first: &str, cell: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().map(|column| format!("{GAP}{:>1$}", cell(column), column.width));
        format!("{first:<5}{}", cells.collect::<String>())
    };
    let mut lines = vec![cells("  it.", &|column| column.name.to_owned())];
    for line in it.lines() {
        let first = format!("{} {:03}", line.mark(), line.row.index);
        lines.push(match line.scored {
            Some(_) => cells(&first, &|column| (column.cell)(&line)),
            None => text::fitted(&format!("{first}{GAP}{}", unscored(it, &line)), width),
        });
    }
    lines
}

/// As many columns as fit.
fn fitting(mut columns: Vec<Column>, width: usize) -> Vec<Column> {
    let taken = |columns: &[Column]| 5 + columns.iter().map(|it| GAP.len() + it.width).sum::<usize>();
    while taken(&columns) > width {
        let goes = columns.iter().map(|column| column.goes).max().unwrap_or(0);
        if goes == 0 {
            break;
        }
        columns.retain(|column| column.goes != goes);
    }
    columns
}

/// What stands in place of a score.
fn unscored(it: &Scoreboard, line: &Line<'_>) -> String {
    if line.row.status == UNDER_WAY {
        let found = it.board.under_way.iter().find(|it| it.index == line.row.index);
        return found.map_or_else(String::new, standing);
    }
    let reason = it.summary.unscored.iter().find(|it| it.index == line.row.index);
    let reason = reason.map(|it| it.reason.as_str()).unwrap_or_default();
    text::one_line(&format!("not scored: {}: {reason}", line.row.status))
}

fn standing(it: &UnderWay) -> String {
    if it.done == 0 && it.turns > 0 {
        return format!("under way: {} turns of the proposer", it.turns);
    }
    let right = it.correct.filter(|_| it.done > 0);
    let right = right.map(|right| format!(", {:.1}% right", 100.0 * right as f64 / it.done as f64));
    format!("under way: {} of {} examples{}", it.done, it.total, right.unwrap_or_default())
}

/// What follows from the table.
fn findings(it: &Scoreboard) -> Vec<String> {
    let mut lines = errors(it);
    lines.extend(grading(&it.summary));
    if it.board.iterations.iter().any(|row| row.against_best_so_far.is_some()) {
        let changes = words::changes(&it.board);
        lines.push(format!("{changes}; prompt bytes and fuel: per example"));
    }
    lines.extend(frontier::without_model(it));
    lines.extend(trials::meaning(&it.summary.config));
    lines.extend(leaks(&it.summary));
    lines.extend(best(it));
    lines.extend(held_out(it));
    lines.extend(proposals::lines(it));
    lines.extend(data(&it.summary));
    lines.extend(under_way(it));
    lines.extend(it.board.damaged.iter().map(|it| format!("not compared: {}", text::one_line(it))));
    lines.push(money(&it.summary));
    lines.extend(proposals::claimed(&it.proposals).map(|claimed| {
        format!(
            "the agent's own output says that it spent {}: claimed, and in no sum",
            proposals::claim(&claimed)
        )
    }));
    lines.extend(it.summary.time.as_ref().map(super::time));
    lines
}

/// Iterations whose accuracy on validation means nothing.
fn leaks(summary: &Summary) -> Vec<String> {
    let leaking = summary.iterations.iter().filter(|it| !it.leaks.is_empty());
    let shown = leaking.map(|it| {
        let more = if it.leaks.len() == MAX_LEAKS { " or more" } else { "" };
        let count = it.leaks.len();
        format!(
            "LEAK: {:03} carries {count}{more} validation or test examples along: see leaks.json",
            it.index
        )
    });
    shown.collect()
}

fn errors(it: &Scoreboard) -> Vec<String> {
    let with_errors = it.summary.iterations.iter().filter(|it| it.score.n_errors > 0);
    with_errors
        .map(|it| text::one_line(&format!("errors of {:03}: {}", it.index, errors_by_kind(&it.score))))
        .collect()
}

/// Which iteration is best, whether that is more than noise, and what such a choice is worth.
pub fn best(it: &Scoreboard) -> Vec<String> {
    words::best(&it.board, &it.summary)
}

/// The held-out scores, and whether they differ.
pub fn held_out(it: &Scoreboard) -> Vec<String> {
    words::held_out(&it.board, &it.summary)
}

/// What a careful user should know of the data. It may be a stranger's.
pub fn data(summary: &Summary) -> Vec<String> {
    let findings = summary.config.task.findings.as_deref().unwrap_or_default();
    let shown = findings.iter().take(SHOWN_FINDINGS);
    let mut lines: Vec<String> =
        shown.map(|finding| text::ellipsis(&format!("data: {}", finding.line()), FINDING_CHARS)).collect();
    if findings.len() > SHOWN_FINDINGS {
        lines.push(format!("data: {} more findings are in config.json", findings.len() - SHOWN_FINDINGS));
    }
    lines
}

fn under_way(it: &Scoreboard) -> Option<String> {
    let all = &it.board.under_way;
    let held_out = all.iter().filter(|it| it.split == "test");
    let what: String =
        held_out.map(|it| format!("held-out test, {:03}: {}; ", it.index, standing(it))).collect();
    let goes_on = "the run goes on, or was cut off: then `mmh run --resume RUN` goes on with it";
    (!all.is_empty()).then(|| format!("{what}{goes_on}"))
}

fn money(summary: &Summary) -> String {
    let simulated = if summary.config.mock { " (simulated)" } else { "" };
    let budget = summary.config.budget_usd.map(|budget| format!(", of a budget of {budget:.2} USD"));
    format!(
        "cost: {}{simulated}{}",
        cost(&summary.total_cost, summary.config.proposer_kind),
        budget.unwrap_or_default()
    )
}
