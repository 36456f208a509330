//! The scoreboard of a run: as text (`page`, with its `frontier`), as JSON, and as tables for other programs (`tables`).

mod frontier;
mod grading;
mod page;
pub mod proposals;
mod tables;
pub mod trials;

pub use tables::inert;

use std::fmt::Write;

use serde::Serialize;

use crate::{environment, error::CliError, output};
use mmh_record::{
    RecordError,
    format::{Cost, IterationSummary, ProposerKind, Score, Summary, TimeSpent},
    objective::{Figure, Objective},
    reader::RunReader,
    text,
};
use mmh_report::{
    compare::{
        board::{Against, Board, Row},
        words::p_value,
    },
    proposals::Proposal,
};
use mmh_search::evaluate::replies::Tally;

/// A run's summary, and what its traces say besides.
#[derive(Serialize)]
pub struct Scoreboard {
    #[serde(flatten)]
    pub summary: Summary,
    #[serde(rename = "scoreboard")]
    pub board: Board,
    /// What proposers did besides their harnesses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<Proposal>,
    /// How many calls of the command that prints this were answered from kept replies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<Tally>,
}

/// How it is printed.
#[derive(Clone, Copy)]
pub enum Format {
    Text,
    Json,
    Csv,
    Markdown,
}

impl Format {
    pub fn json_or_text(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

impl Scoreboard {
    /// Of the run in this folder, finished or not.
    pub fn read(reader: &RunReader) -> Result<Self, RecordError> {
        let summary = reader.summary()?;
        let proposals = Proposal::all(reader, &summary);
        Ok(Self { board: Board::of(reader, &summary), summary, proposals, replies: None })
    }

    pub fn print(&self, format: Format) -> Result<(), CliError> {
        match format {
            Format::Json => output::json(self),
            Format::Csv => output::text(&tables::csv(self)?),
            Format::Markdown => output::text(&tables::markdown(self)),
            Format::Text => {
                for line in page::render(self, environment::columns()).lines() {
                    // In a terminal, the best line stands out.
                    match line.starts_with("* ") && environment::colors() {
                        true => output::raw(format!("\u{1b}[1;32m{line}\u{1b}[0m\n").as_bytes()),
                        false => outln!("{line}"),
                    }
                }
            }
        }
        Ok(())
    }

    /// What its iterations are compared by.
    fn objective(&self) -> Objective {
        Objective::of(&self.summary.config)
    }

    /// The board's rows, each with its score if there is one.
    fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let mock = self.summary.config.mock;
        let objective = self.objective();
        self.board.iterations.iter().map(move |row| {
            let scored = self.summary.iterations.iter().find(|it| it.index == row.index);
            let unscored = self.summary.unscored.iter().find(|it| it.index == row.index);
            let cost = scored.map(|it| &it.cost).or(unscored.map(|it| &it.cost));
            Line { row, scored, cost, objective, mock }
        })
    }
}

/// An iteration on the scoreboard.
struct Line<'a> {
    row: &'a Row,
    scored: Option<&'a IterationSummary>,
    /// What it cost, with a score or without.
    cost: Option<&'a Cost>,
    objective: Objective,
    mock: bool,
}

/// What stands in a cell that has nothing to say.
const NOTHING: &str = "-";

impl Line<'_> {
    fn of_score(&self, show: impl Fn(&IterationSummary) -> String) -> String {
        self.scored.map_or_else(|| NOTHING.into(), show)
    }

    fn of_change(&self, show: impl Fn(&Against) -> String) -> String {
        self.row.against_best_so_far.as_ref().map_or_else(|| NOTHING.into(), show)
    }

    fn mark(&self) -> &'static str {
        if self.row.best { "*" } else { " " }
    }

    fn of_figure(&self, show: impl Fn(&Figure) -> String) -> String {
        self.of_score(|it| show(&it.score.figure(self.objective)))
    }

    fn change(&self) -> String {
        self.of_change(|it| format!("{:+.1}", it.paired.points()))
    }

    fn fixed(&self) -> String {
        self.of_change(|it| it.paired.fixed.to_string())
    }

    fn broken(&self) -> String {
        self.of_change(|it| it.paired.broken.to_string())
    }

    fn p(&self) -> String {
        self.of_change(|it| p_value(it.paired.p))
    }

    fn spread(&self) -> String {
        let spread = |it: &IterationSummary| Some(it.score.trials.as_ref()?.spread);
        let spread = self.scored.and_then(spread).map(|spread| self.objective.unit().points(spread));
        spread.map_or_else(|| NOTHING.into(), |points| format!("{points:.1}"))
    }

    fn pass_all(&self) -> String {
        let pass = self.scored.and_then(|it| Some(it.score.trials.as_ref()?.pass_all()));
        self.percent(pass)
    }

    /// The figure of the predictions while learning.
    fn online(&self) -> String {
        let online = self.scored.and_then(|it| Some(it.score.online.as_ref()?.as_score()));
        self.percent(online.map(|score| self.objective.value(&score)))
    }

    fn percent(&self, value: Option<f64>) -> String {
        let unit = self.objective.unit();
        value.map_or_else(|| NOTHING.into(), |value| format!("{}{}", unit.number(value), unit.sign()))
    }

    fn errors(&self) -> String {
        self.of_score(|it| it.score.n_errors.to_string())
    }

    fn prompt(&self) -> String {
        self.of_score(|it| text::compact(it.score.mean_prompt_bytes.round() as u64))
    }

    fn fuel(&self) -> String {
        self.of_score(|it| text::compact(it.score.total_fuel / it.score.n_answers().max(1)))
    }

    /// US dollars, or the tokens of simulated models.
    fn cost(&self) -> String {
        self.cost.map_or_else(
            || NOTHING.into(),
            |cost| match self.mock {
                true => text::compact(tokens(cost)),
                false if cost.estimated_usd < 100.0 => format!("{:.4}", cost.estimated_usd),
                false => format!("{:.0}", cost.estimated_usd),
            },
        )
    }

    fn component(&self) -> String {
        self.of_score(|it| it.component_digest.short()[..8].to_owned())
    }
}

/// What the column of [`Line::cost`] holds.
fn cost_name(mock: bool) -> &'static str {
    if mock { "tokens" } else { "USD" }
}

fn tokens(cost: &Cost) -> u64 {
    let parts = [
        cost.proposer_input_tokens,
        cost.proposer_output_tokens,
        cost.target_input_tokens,
        cost.target_output_tokens,
    ];
    parts.into_iter().fold(0, u64::saturating_add)
}

/// `3 panic, 1 timeout`: how the examples without an answer ended.
fn errors_by_kind(score: &Score) -> String {
    let kinds = score.outcomes.iter().filter(|(kind, count)| *kind != "ok" && **count > 0);
    kinds.map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}

/// What something cost, in a line. What a proposer spends that is no model is known to nobody here.
pub fn cost(cost: &Cost, proposer: ProposerKind) -> String {
    let mut line = format!("{:.4} USD", cost.estimated_usd);
    if cost.unknown_usd > 0.0 {
        let _ = write!(line, " (and at most {:.4} for calls that were not answered)", cost.unknown_usd);
    }
    let proposer = match proposer {
        ProposerKind::Tools => "unknown".to_owned(),
        ProposerKind::Conversation => {
            let [input, output] =
                [cost.proposer_input_tokens, cost.proposer_output_tokens].map(text::grouped);
            format!("{input} in, {output} out")
        }
    };
    let _ = write!(
        line,
        "; proposer {proposer}; target {} in, {} out (tokens)",
        text::grouped(cost.target_input_tokens),
        text::grouped(cost.target_output_tokens),
    );
    line
}

/// What the time went to: `time: 412.0 s: proposer 392.1 s (95.2 %), ...`.
pub fn time(time: &TimeSpent) -> String {
    let total_ms = time.total_ms();
    let parts = time.parts().map(|(name, ms)| {
        format!("{name} {:.1} s ({:.1} %)", ms as f64 / 1e3, 100.0 * ms as f64 / total_ms.max(1) as f64)
    });
    format!("time: {:.1} s: {}", total_ms as f64 / 1e3, parts.join(", "))
}
