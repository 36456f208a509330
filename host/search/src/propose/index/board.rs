//! All iterations that are done, as the scoreboard and the list show them: newest first, or best first.

use std::cmp::Ordering;

use serde_json::{Value, json};

use mmh_record::{
    digest::Digest,
    format::{Frontier, IterationSummary, Score, Summary, Unscored},
    objective::Objective,
    text,
};
use mmh_report::frontier;

/// Most bytes of the reason for which an iteration has no score.
const MAX_REASON: usize = 600;

/// Most characters of the beginning of a reasoning.
const MAX_HEADLINE: usize = 120;

/// The order of a list of iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// By the objective, the best first, of equals the earlier one. Those without a score come last, the newest first.
    Best,
    /// The newest first.
    Newest,
}

/// The iterations that are done.
#[derive(Default)]
pub struct Board {
    /// By index.
    rows: Vec<Row>,
    /// Places in `rows`, in the order of [`Order::Best`].
    ranking: Vec<usize>,
    best: Option<u32>,
    frontier: Frontier,
    mock: bool,
    objective: Objective,
}

struct Row {
    index: u32,
    /// The digest of its component, where it has a score.
    component: Option<Digest>,
    result: RowResult,
}

enum RowResult {
    Scored { figures: Figures, headline: String },
    Unscored { status: String, reason: String },
}

/// The main figures of a score.
#[derive(Clone, Copy)]
struct Figures {
    /// What is compared.
    value: f64,
    n_correct: u64,
    n_examples: u64,
    n_errors: u64,
    mean_prompt_bytes: f64,
    prompt_tokens: f64,
    mean_model_calls: f64,
    /// Said of a harness that asks no model.
    remark: Option<&'static str>,
}

impl Figures {
    fn of(score: &Score, objective: Objective) -> Self {
        Self {
            value: objective.value(score),
            n_correct: score.n_correct,
            n_examples: score.n_examples,
            n_errors: score.n_errors,
            mean_prompt_bytes: score.mean_prompt_bytes,
            prompt_tokens: score.prompt_tokens(),
            mean_model_calls: score.mean_model_calls,
            remark: score.asks_no_model(),
        }
    }
}

impl Board {
    /// The board of a summary.
    pub fn of(summary: &Summary) -> Self {
        let objective = Objective::of(&summary.config);
        let scored = summary.iterations.iter().map(|it| scored(it, objective));
        let mut board = Self::with(scored.chain(summary.unscored.iter().map(unscored)).collect(), objective);
        (board.best, board.mock) = (summary.best_iteration_index, summary.config.mock);
        board.frontier = frontier::of(summary);
        board
    }

    fn with(mut rows: Vec<Row>, objective: Objective) -> Self {
        rows.sort_by_key(|row| row.index);
        let mut ranking: Vec<usize> = (0..rows.len()).collect();
        ranking.sort_by(|one, other| rows[*one].order(&rows[*other], objective));
        Self { rows, ranking, objective, ..Self::default() }
    }

    /// Enters the iteration that was added to a summary last.
    pub fn enter(&mut self, summary: &Summary, index: u32) {
        let last =
            summary.iterations.last().filter(|it| it.index == index).map(|it| scored(it, self.objective));
        let last = last.or_else(|| summary.unscored.last().filter(|it| it.index == index).map(unscored));
        if let Some(row) = last {
            self.add(row);
        }
        self.best = summary.best_iteration_index;
        self.frontier = frontier::of(summary);
    }

    fn add(&mut self, row: Row) {
        if self.rows.last().is_some_and(|last| last.index >= row.index) {
            // They come in order, but for those of an interrupted run.
            self.rows.push(row);
            let ordered = Self::with(std::mem::take(&mut self.rows), self.objective);
            (self.rows, self.ranking) = (ordered.rows, ordered.ranking);
            return;
        }
        let rank =
            self.ranking.partition_point(|place| self.rows[*place].order(&row, self.objective).is_lt());
        self.ranking.insert(rank, self.rows.len());
        self.rows.push(row);
    }

    /// The number of iterations.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// What scores are compared by.
    pub fn objective(&self) -> Objective {
        self.objective
    }

    /// The scored iterations before this one, the latest first.
    pub fn scored_before(&self, index: u32) -> Vec<u32> {
        let rows = self.rows.iter().rev().filter(|row| row.index < index && row.component.is_some());
        rows.map(|row| row.index).collect()
    }

    /// The index of the last iteration that is done.
    pub fn last(&self) -> Option<u32> {
        self.rows.last().map(|row| row.index)
    }

    /// The best iteration.
    pub fn best(&self) -> Option<u32> {
        self.best
    }

    /// The first of the scored iterations that has this component.
    pub fn with_component(&self, component: Digest) -> Option<u32> {
        self.rows.iter().find(|row| row.component == Some(component)).map(|row| row.index)
    }

    /// Whether both models are simulated.
    pub fn is_mock(&self) -> bool {
        self.mock
    }

    /// The iteration at a place in this order, with its main figures or in short.
    pub fn row(&self, order: Order, at: usize, in_short: bool) -> Value {
        let place = match order {
            Order::Best => self.ranking.get(at).copied(),
            Order::Newest => self.rows.len().checked_sub(at + 1),
        };
        place
            .and_then(|place| self.rows.get(place))
            .map_or(Value::Null, |row| row.json(self.objective, in_short, self.frontier.has(row.index)))
    }
}

fn scored(it: &IterationSummary, objective: Objective) -> Row {
    let line = it.reasoning.lines().find(|line| !line.trim().is_empty());
    let headline = text::ellipsis(line.unwrap_or_default().trim_start_matches('#').trim(), MAX_HEADLINE);
    Row {
        index: it.index,
        component: Some(it.component_digest),
        result: RowResult::Scored { figures: Figures::of(&it.score, objective), headline },
    }
}

fn unscored(it: &Unscored) -> Row {
    let reason = text::middle_cut(&it.reason, MAX_REASON);
    Row {
        index: it.index,
        component: None,
        result: RowResult::Unscored { status: it.status.clone(), reason },
    }
}

impl Row {
    /// Which of two comes first, best first.
    fn order(&self, other: &Self, objective: Objective) -> Ordering {
        match (&self.result, &other.result) {
            (RowResult::Scored { figures: one, .. }, RowResult::Scored { figures: two, .. }) => {
                let (one, two) = (one.value, two.value);
                match (objective.is_better(one, two), objective.is_better(two, one)) {
                    (true, _) => Ordering::Less,
                    (_, true) => Ordering::Greater,
                    _ => self.index.cmp(&other.index),
                }
            }
            (RowResult::Scored { .. }, RowResult::Unscored { .. }) => Ordering::Less,
            (RowResult::Unscored { .. }, RowResult::Scored { .. }) => Ordering::Greater,
            (RowResult::Unscored { .. }, RowResult::Unscored { .. }) => other.index.cmp(&self.index),
        }
    }

    fn json(&self, objective: Objective, in_short: bool, is_on_frontier: bool) -> Value {
        let (iteration, figure) = (self.index, objective.name());
        match &self.result {
            RowResult::Unscored { status, reason } => {
                json!({ "iteration": iteration, "status": status, (figure): null, "reason": reason })
            }
            RowResult::Scored { figures, .. } if in_short => {
                json!({ "iteration": iteration, "status": "scored", (figure): figures.value })
            }
            RowResult::Scored { figures: score, headline } => {
                let mut row = json!({
                    "iteration": iteration,
                    "status": "scored",
                    (figure): score.value,
                    "n_correct": score.n_correct,
                    "n_examples": score.n_examples,
                    "n_errors": score.n_errors,
                    "mean_prompt_bytes": score.mean_prompt_bytes.round(),
                    "mean_model_calls": score.mean_model_calls,
                    "mean_prompt_tokens": score.prompt_tokens.round(),
                    "on_frontier": is_on_frontier,
                    "reasoning_headline": headline,
                });
                if let Some(remark) = score.remark {
                    row["remark"] = json!(remark);
                }
                row
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(index: u32, accuracy: f64) -> Row {
        let figures = Figures::of(&Score { accuracy, ..Score::default() }, Objective::default());
        Row { index, component: None, result: RowResult::Scored { figures, headline: String::new() } }
    }

    fn unscored(index: u32) -> Row {
        let (status, reason) = ("gave-up".into(), "x".repeat(9_000));
        Row { index, component: None, result: RowResult::Unscored { status, reason } }
    }

    #[test]
    fn both_orders_hold_whatever_comes_when() {
        let rows = || {
            vec![
                scored(0, 0.4),
                scored(1, 0.6),
                unscored(2),
                scored(3, 0.6),
                scored(4, 0.1),
                unscored(5),
                scored(6, 0.9),
            ]
        };
        let indices = |board: &Board, order| -> Vec<u64> {
            (0..board.len()).filter_map(|at| board.row(order, at, true)["iteration"].as_u64()).collect()
        };
        for shift in 0..7 {
            let (mut board, mut rows) = (Board::default(), rows());
            rows.rotate_left(shift);
            rows.into_iter().for_each(|row| board.add(row));
            assert_eq!(indices(&board, Order::Newest), [6, 5, 4, 3, 2, 1, 0], "{shift}");
            assert_eq!(indices(&board, Order::Best), [6, 1, 3, 0, 4, 5, 2], "{shift}");
            assert_eq!(board.row(Order::Best, 7, true), Value::Null, "{shift}");
        }
    }
}
