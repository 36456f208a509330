//! What the page says of a run's iterations beside each other: the frontier, and the comparisons in the words of the terminal.

use serde::Serialize;

use super::read::Stamp;
use crate::compare::{
    SIGNIFICANCE,
    board::{Against, Board},
    words,
};
use mmh_record::{
    format::{FrontierMember, Summary},
    layout,
    reader::RunReader,
};

/// The frontier and the comparisons of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Compared {
    pub frontier: Vec<FrontierMember>,
    /// What the figures of the rows are.
    pub note: String,
    /// Scored iterations that were compared with another one, by index.
    pub rows: Vec<Row>,
    /// What follows from the comparisons, in the words of the terminal: a headline begins with a letter, what belongs to it
    /// with two spaces.
    pub words: Vec<String>,
}

/// The comparisons of an iteration.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub index: u32,
    /// Against the best of all earlier ones.
    pub before: Option<Figures>,
    /// Against the baseline, corrected for having looked at several.
    pub baseline: Option<Figures>,
    /// Against its parent.
    pub parent: Option<Figures>,
}

/// One comparison, written as in the terminal.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The iteration that it is compared with.
    pub with: u32,
    pub change: String,
    pub fixed: u64,
    pub broken: u64,
    pub p: String,
    pub p_holm: Option<String>,
    /// Whether the p-value, corrected where it is, shows nothing.
    pub may_be_noise: bool,
}

impl Figures {
    fn of(against: &Against, p_corrected: Option<f64>) -> Self {
        let paired = &against.paired;
        let may_be_noise = p_corrected.unwrap_or(paired.p) >= SIGNIFICANCE;
        Self {
            with: against.index,
            change: format!("{:+.1}", paired.points()),
            fixed: paired.fixed,
            broken: paired.broken,
            p: words::p_value(paired.p),
            p_holm: p_corrected.map(words::p_value),
            may_be_noise,
        }
    }
}

impl Compared {
    /// Of a run with this summary. Reads the grades of all its examples.
    fn of(reader: &RunReader, summary: &Summary) -> Self {
        let board = Board::of(reader, summary);
        let rows = board.iterations.iter().map(|row| Row {
            index: row.index,
            before: row.against_best_so_far.as_ref().map(|it| Figures::of(it, None)),
            baseline: row.against_baseline.as_ref().map(|it| Figures::of(&it.against, Some(it.p_corrected))),
            parent: row.against_parent.as_ref().map(|it| Figures::of(it, None)),
        });
        let rows = rows.filter(|row| row.before.is_some() || row.baseline.is_some()).collect();
        let best = words::best(&board, summary).into_iter().map(|line| line.replacen("* ", "", 1));
        let damaged = board.damaged.iter().map(|it| format!("not compared: {it}"));
        Self {
            rows,
            note: words::changes(&board),
            words: best.chain(words::held_out(&board, summary)).chain(damaged).collect(),
            frontier: board.frontier,
        }
    }
}

/// The comparisons of the summary that was looked at last. They are made anew once it was written again.
#[derive(Default)]
pub struct Kept(Option<(Stamp, Compared)>);

impl Kept {
    pub fn of(&mut self, reader: &RunReader, summary: Option<&Summary>) -> Compared {
        let Some(summary) = summary else { return Compared::default() };
        let stamp = reader.stamp(layout::SUMMARY);
        match &self.0 {
            Some((known, compared)) if stamp.is_some() && *known == stamp => compared.clone(),
            _ => {
                let compared = Compared::of(reader, summary);
                self.0 = Some((stamp, compared.clone()));
                compared
            }
        }
    }
}
