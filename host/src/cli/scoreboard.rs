//! The scoreboard of a run, as text and as JSON.

use std::fmt::Write;

use super::{environment, error::CliError};
use crate::{
    jail::Confinement,
    record::format::{Cost, Score, Summary},
    text,
};

/// Prints a summary as JSON.
pub fn print_json(summary: &Summary) -> Result<(), CliError> {
    let json = serde_json::to_string_pretty(summary).map_err(CliError::host)?;
    println!("{json}");
    Ok(())
}

/// Prints the scoreboard; in a terminal, the best line stands out.
pub fn print(summary: &Summary) {
    for line in render(summary).lines() {
        match line.starts_with("* ") && line.contains('%') && environment::colors() {
            true => println!("\u{1b}[1;32m{line}\u{1b}[0m"),
            false => println!("{line}"),
        }
    }
}

/// The scoreboard of a run, finished or not.
fn render(summary: &Summary) -> String {
    let mut out = String::new();
    header(&mut out, summary);
    rows(&mut out, summary);
    footer(&mut out, summary);
    text::plain(&out)
}

// Writing into a string cannot fail, so the results of `writeln!` are dropped throughout.

fn header(out: &mut String, summary: &Summary) {
    let config = &summary.config;
    let _ = writeln!(
        out,
        "run {}: {}, {} validation examples, seed {}",
        config.run_id, config.dataset, config.eval_split_size, config.seed
    );
    let _ = writeln!(out, "proposer {}, target {}", config.proposer_model, config.target_model);
    if config.mock {
        let _ = writeln!(
            out,
            "SIMULATED models: accuracy shows that the search works, not how a real model does"
        );
    }
    if config.confinement == Confinement::NoLandlock {
        let _ = writeln!(
            out,
            "UNCONFINED: the kernel had no Landlock, so a candidate's source could take in the user's files"
        );
    }
    if summary.finished_at.is_none() {
        let _ = writeln!(
            out,
            "not finished: {} of {} iterations are here",
            summary.iterations.len() + summary.unscored.len(),
            config.iterations + 1
        );
    }
    if let Some(stopped) = &summary.stopped {
        let _ = writeln!(out, "stopped, {}: {}", stopped.status, text::one_line(&stopped.reason));
    }
    let _ = writeln!(out);
}

fn rows(out: &mut String, summary: &Summary) {
    let _ = writeln!(
        out,
        "  iteration  accuracy  95 % interval     right  no answer  prompt bytes  fuel/example  component"
    );
    let mut lines: Vec<(u32, String)> = summary
        .iterations
        .iter()
        .map(|it| {
            let mark = if summary.best_iteration_index == Some(it.index) { "*" } else { " " };
            let score = &it.score;
            let line = format!(
                "{mark} {:03}        {:>7.1}%  {}  {:>8}  {:>9}  {:>12.0}  {:>12}  {}",
                it.index,
                100.0 * score.accuracy,
                interval(score),
                format!("{}/{}", score.n_correct, score.n_examples),
                score.n_errors,
                score.mean_prompt_bytes,
                text::grouped(score.total_fuel / score.n_examples.max(1)),
                it.component_digest.short(),
            );
            (it.index, line)
        })
        .collect();
    lines.extend(summary.unscored.iter().map(|it| {
        let line = format!(
            "  {:03}        not scored: {}: {}",
            it.index,
            it.status,
            text::ellipsis(&text::one_line(&it.reason), 90)
        );
        (it.index, line)
    }));
    lines.sort_by_key(|(index, _)| *index);
    for (_, line) in lines {
        let _ = writeln!(out, "{line}");
    }
}

/// A score's interval in per cent.
pub fn interval(score: &Score) -> String {
    format!("[{:>5.1}, {:>5.1}]", 100.0 * score.interval.low, 100.0 * score.interval.high)
}

fn footer(out: &mut String, summary: &Summary) {
    let _ = writeln!(out);
    if let Some(best) = summary.best_iteration_index {
        let _ =
            writeln!(out, "* best on validation: {best:03} (the best of several is an optimistic estimate)");
    }
    for test in &summary.test {
        let _ = writeln!(
            out,
            "held-out test, {:03}: {:.1}% {} of {}",
            test.index,
            100.0 * test.score.accuracy,
            interval(&test.score),
            test.score.n_examples
        );
    }
    let simulated = if summary.config.mock { " (simulated)" } else { "" };
    let budget = summary.config.budget_usd.map(|budget| format!(", of a budget of {budget:.2} USD"));
    let _ = writeln!(out, "cost: {}{simulated}{}", cost(&summary.total_cost), budget.unwrap_or_default());
}

/// What something cost, in a line.
pub fn cost(cost: &Cost) -> String {
    let mut line = format!("{:.4} USD", cost.estimated_usd);
    if cost.unknown_usd > 0.0 {
        let _ = write!(line, " (and at most {:.4} for calls that were not answered)", cost.unknown_usd);
    }
    let _ = write!(
        line,
        "; proposer {} in, {} out; target {} in, {} out (tokens)",
        text::grouped(cost.proposer_input_tokens),
        text::grouped(cost.proposer_output_tokens),
        text::grouped(cost.target_input_tokens),
        text::grouped(cost.target_output_tokens),
    );
    line
}
