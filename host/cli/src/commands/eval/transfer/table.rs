//! The table of several targets, for people.

use super::rows::{Row, Transferred};
use crate::model_args;
use mmh_record::{objective::Figure, text};

/// The widest that a target's name gets.
const NAME_COLUMNS: usize = 36;

/// What stands in a cell that has nothing to say.
const NOTHING: &str = "-";

/// All of it. What comes from a run or from a server is plain, and on one line.
pub fn render(it: &Transferred<'_>) -> String {
    let mut out = String::new();
    if it.targets.iter().any(|row| row.simulated) {
        let name = it.objective.name();
        out += &format!("SIMULATED model: {name} shows that the harness works, not how a real model does\n");
    }
    let harness = match (it.run_id, it.iteration) {
        (Some(run), Some(index)) => format!("iteration {index:03} of run {}", text::one_line(run)),
        _ => "one harness".to_owned(),
    };
    let digest = it.component_digest.short();
    out += &format!(
        "{harness}, component {digest}: {} {}, seed {}\n\n",
        text::one_line(it.dataset),
        it.split,
        it.seed
    );
    out += &table(it);
    out.push('\n');
    for row in it.targets.iter().filter(|row| row.score.is_none()) {
        let (kind, message) = (row.kind.as_deref().unwrap_or_default(), row.message.as_deref());
        let why = text::ellipsis(&text::one_line(message.unwrap_or_default()), 200);
        out += &format!("not scored with {}: {kind}: {why}\n", text::one_line(&row.target));
    }
    if let Some(against) = it.against.as_ref().filter(|_| it.targets.iter().any(|row| row.change.is_some())) {
        let count = it.targets.iter().filter(|row| row.change.is_some()).count();
        out += &format!(
            "change (points) and p: against {}, {}, corrected ({}, {})\n",
            text::one_line(against),
            it.test,
            it.correction,
            if count == 1 { "1 comparison".to_owned() } else { format!("{count} comparisons") },
        );
    }
    out += "tokens: of all prompts of an example, on average\n";
    for row in &it.targets {
        out += &model_args::kept(row.replies).replace('\n', &format!(" ({})\n", text::one_line(&row.target)));
    }
    it.warnings.iter().for_each(|warning| out += &format!("warning: {warning}\n"));
    text::plain(&out)
}

fn table(it: &Transferred<'_>) -> String {
    let names: Vec<String> =
        it.targets.iter().map(|row| text::fitted(&text::one_line(&row.name()), NAME_COLUMNS)).collect();
    let width = names.iter().map(|name| text::width(name)).max().unwrap_or(0).max("target".len());
    let figure = format!("{} [95 % int.]", it.objective.name());
    let line = |name: &str, cells: [&str; 8]| {
        let [figure, n, change, p, tokens, calls, errors, usd] = cells;
        let gap = " ".repeat(width.saturating_sub(text::width(name)));
        let cells = format!(
            "{figure:>20}  {n:>5}  {change:>6}  {p:>5}  {tokens:>7}  {calls:>6}  {errors:>6}  {usd:>8}"
        );
        format!("{name}{gap}  {cells}\n")
    };
    let mut out = line("target", [&figure, "n", "change", "p", "tokens", "calls", "errors", "USD"]);
    for (row, name) in it.targets.iter().zip(&names) {
        let cells = cells(it, row);
        out += &line(name, cells.each_ref().map(String::as_str));
    }
    out
}

fn cells(it: &Transferred<'_>, row: &Row) -> [String; 8] {
    let score = |show: &dyn Fn(&mmh_record::format::Score) -> String| {
        row.score.as_ref().map_or_else(|| NOTHING.to_owned(), show)
    };
    let figure = |figure: &Figure| format!("{:>6} {:>13}", figure.cell(), figure.interval());
    let number = |number: Option<f64>, places: usize| {
        number.map_or_else(|| NOTHING.to_owned(), |it| format!("{it:.places$}"))
    };
    let usd = match (&row.cost, row.simulated) {
        (Some(cost), false) => format!("{:.4}", cost.estimated_usd),
        _ => NOTHING.to_owned(),
    };
    [
        score(&|score| figure(&score.figure(it.objective))),
        score(&|score| score.n_examples.to_string()),
        row.change.map_or_else(|| NOTHING.to_owned(), |it| format!("{:+.1}", it.points)),
        row.change.map_or_else(|| NOTHING.to_owned(), |it| p_value(it.p_corrected)),
        number(row.prompt_tokens_per_example, 0),
        number(row.calls_per_example, 2),
        score(&|score| score.n_errors.to_string()),
        usd,
    ]
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "<.001".into() } else { format!("{p:.3}") }
}
