//! Scores and costs of a search so far, from the record or new.

use super::Search;
use crate::evaluate::Retry;
use mmh_models::cancel::Stop;
use mmh_record::objective::Objective;
use mmh_record::{
    digest::Digest,
    format::{Config, Cost, CostFile, IterationCost, Score, Stopped, Summary, TestScore},
    pricing::Usd,
};

/// Scores and costs of a search so far.
pub(super) struct Progress {
    pub summary: Summary,
    pub cost: CostFile,
    objective: Objective,
    /// The best iteration's value of the objective.
    best: Option<f64>,
}

impl Progress {
    /// The recorded progress, without iterations that were interrupted, and which recorded calls are made again.
    pub fn begin(search: &Search) -> (Self, Retry) {
        let mut summary = search.summary.clone();
        let unusable = Stop::ModelUnusable(String::new());
        let was = |stop: &Stopped| stop.status == unusable.status();
        let retry =
            if summary.stopped.as_ref().is_some_and(was) { Retry::Unanswered } else { Retry::Refused };
        summary.unscored.retain(|it| !Stop::is_status(&it.status));
        // Held-out scores are derived again from their records, with their costs.
        summary.test.clear();
        summary.untested.clear();
        (summary.stopped, summary.finished_at) = (None, None);
        let mut cost = cost_of(&summary, &search.config, search.budget.standing().limit);
        if let Some(claims) = &search.claims {
            cost.budget_usd = claims.budget_usd();
        }
        summary.total_cost = cost.total;
        let objective = Objective::of(&search.config);
        let best = summary.best_iteration_index;
        let best =
            summary.iterations.iter().find(|it| Some(it.index) == best).map(|it| objective.value(&it.score));
        (Self { summary, cost, objective, best }, retry)
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

    /// The iterations that get a held-out score: the best one, and the baseline if it was scored.
    pub fn finalists(&self) -> Vec<u32> {
        let baseline = self.summary.iterations.iter().any(|it| it.index == 0).then_some(0);
        let mut finalists: Vec<u32> = self.summary.best_iteration_index.into_iter().chain(baseline).collect();
        finalists.dedup();
        finalists
    }

    /// Enters a held-out score. They are sorted by iteration.
    pub fn tested(&mut self, test: TestScore) {
        self.summary.test.push(test);
        self.summary.test.sort_by_key(|it| it.index);
    }

    /// Adds the cost of an iteration, or without an index of a held-out evaluation. All that was billed since the last time
    /// belongs to it as well: calls without a reply, and calls whose replies were lost when the run was killed.
    pub fn spend(&mut self, index: Option<u32>, mut cost: Cost, search: &Search) -> Cost {
        let (standing, total) = (search.budget.standing(), &self.cost.total);
        let known = [total.estimated_usd, total.unknown_usd, cost.estimated_usd];
        let known = known.map(Usd::from_f64).into_iter().sum();
        cost.unknown_usd = match &search.claims {
            None => standing.spent.plus(standing.unknown).minus(known).as_f64(),
            // All of the held-out evaluation's, the first time.
            Some(claims) if index.is_some() || self.cost.test == Cost::default() => claims.unknown_usd(index),
            Some(_) => 0.0,
        };
        match index {
            Some(index) => self.cost.iterations.push(IterationCost { index, cost }),
            None => self.cost.test += cost,
        }
        self.cost.total += cost;
        self.summary.total_cost = self.cost.total;
        cost
    }
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
