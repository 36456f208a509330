//! Scores and costs of a search so far, from the record or new.
//!
//! Each candidate has an account of the run's budget, and the held-out evaluations have one together. What an account was
//! billed beyond the recorded replies belongs to it as well: calls without a reply, and calls whose replies were lost when
//! the run was killed.

use std::sync::Arc;

use super::{Search, account::cost_of_calls, schedule::goes_on_at};
use crate::{evaluate::Retry, propose::RunIndex};
use mmh_models::{cancel::Stop, metering::budget::Budget};
use mmh_record::{
    RecordError,
    digest::Digest,
    format::{Config, Cost, CostFile, IterationCost, Score, Stopped, Summary, TestScore, TimeSpent},
    layout::{self, Place},
    manifest,
    objective::Objective,
    pricing::Usd,
    reader::RunReader,
};
use mmh_report::frontier;

/// Scores and costs of a search so far.
pub(super) struct Progress {
    pub summary: Summary,
    pub cost: CostFile,
    objective: Objective,
    /// The best iteration's value of the objective.
    best: Option<f64>,
    /// Where the proposer's tools look things up.
    pub index: Arc<RunIndex>,
    /// What the time went to before the search was resumed.
    time_before: TimeSpent,
    /// The costs of all iterations together.
    proposed: Cost,
    /// What the run was billed before it was resumed, and is in no iteration's cost: for the candidates that were under way,
    /// and for the held-out evaluations that were begun.
    carried: Usd,
    carried_held_out: Usd,
}

impl Progress {
    /// The recorded progress, without iterations that were interrupted, and which recorded calls are made again.
    pub fn begin(search: &Search) -> Result<(Self, Retry), RecordError> {
        let mut summary = search.summary.clone();
        let unusable = Stop::ModelUnusable(String::new());
        let was = |stop: &Stopped| stop.status == unusable.status();
        let retry =
            if summary.stopped.as_ref().is_some_and(was) { Retry::Unanswered } else { Retry::Refused };
        let goes_on_at = goes_on_at(&summary);
        summary.iterations.retain(|it| it.index < goes_on_at);
        summary.unscored.retain(|it| it.index < goes_on_at);
        // Held-out scores are derived again from their records, with their costs.
        summary.test.clear();
        summary.untested.clear();
        (summary.stopped, summary.finished_at) = (None, None);
        let mut cost = cost_of(&summary, &search.config, search.budget.status().limit);
        if let Some(claims) = &search.claims {
            cost.budget_usd = claims.budget_usd();
        }
        summary.total_cost = cost.total;
        let objective = Objective::of(&search.config);
        let scored = summary.iterations.iter().map(|it| (it.index, objective.value(&it.score)));
        let best = objective.best(scored);
        summary.best_iteration_index = best.map(|(index, _)| index);
        let best = best.map(|(_, value)| value);
        let proposed = cost.total;
        let unaccounted = search.budget.billed().minus(known(&proposed));
        let carried_held_out = unaccounted.min(billed_held_out(search)?);
        let carried = unaccounted.minus(carried_held_out);
        let index = Arc::new(RunIndex::new(&summary, &search.dataset.train, &search.val));
        let time_before = summary.time.unwrap_or_default();
        Ok((
            Self { summary, cost, time_before, objective, best, index, proposed, carried, carried_held_out },
            retry,
        ))
    }

    /// Enters what the time went to so far. Of a run that is made again only its record knows.
    pub fn take_time(&mut self, search: &Search) {
        let measured = self.time_before.plus(search.evaluator.times.so_far());
        let measured = (measured != TimeSpent::default()).then_some(measured);
        self.summary.time = search.claims.as_ref().map_or(measured, |claims| claims.time());
    }

    pub fn has(&self, index: u32) -> bool {
        self.summary.iterations.iter().any(|it| it.index == index)
            || self.summary.unscored.iter().any(|it| it.index == index)
    }

    /// Enters a score. A later iteration becomes the best one only if it is better.
    pub fn enter(&mut self, index: u32, score: &Score) {
        let objective = self.objective;
        let figure = objective.value(score);
        if self.best.is_none_or(|best| objective.is_better(figure, best)) {
            self.best = Some(figure);
            self.summary.best_iteration_index = Some(index);
        }
    }

    /// The digest of a scored iteration's component.
    pub fn component(&self, index: u32) -> Digest {
        let found = self.summary.iterations.iter().find(|it| it.index == index);
        found.map_or_else(|| Digest::of([]), |it| it.component_digest)
    }

    /// The iterations that get a held-out score.
    pub fn finalists(&self) -> Vec<u32> {
        frontier::finalists(&self.summary)
    }

    /// Enters a held-out score. They are sorted by iteration.
    pub fn tested(&mut self, test: TestScore) {
        self.summary.test.push(test);
        self.summary.test.sort_by_key(|it| it.index);
    }

    /// Shares what was billed before the run was resumed among the candidates of a generation, which have these costs and
    /// were billed so much since: each gets what its recorded calls cost, the first one the rest as well.
    pub fn share(&mut self, candidates: &[(Cost, Usd)]) -> Vec<Usd> {
        let mut shares = Vec::with_capacity(candidates.len());
        for (cost, billed) in candidates {
            let recorded = Usd::from_f64(cost.estimated_usd).minus(*billed).min(self.carried);
            self.carried = self.carried.minus(recorded);
            shares.push(recorded);
        }
        if let Some(first) = shares.first_mut() {
            *first += std::mem::take(&mut self.carried);
        }
        shares
    }

    /// Adds the cost of a candidate. `account` is what its calls were billed to, `before` its share of what was billed before
    /// the run was resumed.
    pub fn spend(
        &mut self,
        index: u32,
        mut cost: Cost,
        (account, before): (&Budget, Usd),
        search: &Search,
    ) -> Cost {
        let billed = account.billed().plus(before);
        cost.unknown_usd = match &search.claims {
            Some(claims) => claims.unknown_usd(Some(index)),
            None => beyond(billed, &cost),
        };
        self.cost.iterations.push(IterationCost { index, cost });
        self.proposed += cost;
        self.add_up();
        cost
    }

    /// Adds the cost of a held-out evaluation. `account` is what the calls of all of them were billed to.
    pub fn spend_held_out(&mut self, cost: Cost, account: &Budget, search: &Search) {
        self.cost.test += cost;
        self.carried_held_out += std::mem::take(&mut self.carried);
        let billed = account.billed().plus(self.carried_held_out);
        self.cost.test.unknown_usd = match &search.claims {
            Some(claims) => claims.unknown_usd(None),
            None => beyond(billed, &self.cost.test),
        };
        self.add_up();
    }

    fn add_up(&mut self) {
        self.cost.total = self.proposed;
        self.cost.total += self.cost.test;
        self.summary.total_cost = self.cost.total;
    }
}

/// What was billed beyond a cost, in US dollars.
fn beyond(billed: Usd, cost: &Cost) -> f64 {
    billed.minus(Usd::from_f64(cost.estimated_usd)).as_f64()
}

/// What a cost accounts for.
fn known(cost: &Cost) -> Usd {
    Usd::from_f64(cost.estimated_usd).plus(Usd::from_f64(cost.unknown_usd))
}

/// What the held-out evaluations that were begun before the run was resumed were billed: their recorded calls, and what
/// calls without a reply may have cost. Their costs are derived again.
fn billed_held_out(search: &Search) -> Result<Usd, RecordError> {
    if search.claims.is_some() || search.config.mock {
        return Ok(Usd::ZERO);
    }
    let reader = RunReader::new(search.writer.dir()?);
    let folders = manifest::folders_of(reader.dir()).unwrap_or_default();
    let mut cost = Cost::default();
    for folder in folders.iter().filter(|folder| Place::of(folder) == Some(Place::HeldOut)) {
        cost += cost_of_calls(&reader, folder, &[layout::CALLS, layout::SCORER_CALLS])?;
    }
    let unknown_usd = reader.cost().map_or(0.0, |cost| cost.test.unknown_usd);
    Ok(known(&Cost { unknown_usd, ..cost }))
}

/// The costs of a summary's iterations.
fn cost_of(summary: &Summary, config: &Config, limit: Usd) -> CostFile {
    let scored = summary.iterations.iter().map(|it| (it.index, it.cost));
    let unscored = summary.unscored.iter().map(|it| (it.index, it.cost));
    let mut iterations: Vec<IterationCost> =
        scored.chain(unscored).map(|(index, cost)| IterationCost { index, cost }).collect();
    iterations.sort_by_key(|it| it.index);
    let mut total = Cost::default();
    iterations.iter().for_each(|it| total += it.cost);
    // It may have been raised since the run began.
    let budget_usd = config.budget_usd.map(|_| limit.as_f64());
    CostFile { total, mock: config.mock, budget_usd, iterations, test: Cost::default() }
}
