//! The frontier of a run, score against prompt tokens; and which harnesses get a held-out score, which can depend on it.
//! Functions of the summary alone, so that everybody who shows or derives them has the same.

use std::cmp::Ordering;

use mmh_record::{
    format::{Config, Frontier, FrontierMember, HeldOut, IterationSummary, Summary},
    objective::Objective,
};

/// The frontier of a run.
pub fn of(summary: &Summary) -> Frontier {
    among(&summary.config, &summary.iterations)
}

/// The frontier among these iterations of a run with this configuration.
pub fn among<'a>(config: &Config, iterations: impl IntoIterator<Item = &'a IterationSummary>) -> Frontier {
    let objective = Objective::of(config);
    let members = iterations.into_iter().map(|it| member(it, objective));
    // A stranger's summary may hold what is no number.
    let mut members: Vec<FrontierMember> =
        members.filter(|it| it.score.is_finite() && it.prompt_tokens.is_finite()).collect();
    members.sort_by(|one, other| before(one, other, objective));
    let mut best: Option<f64> = None;
    members.retain(|it| {
        let stays = best.is_none_or(|best| objective.is_better(it.score, best));
        best = if stays { Some(it.score) } else { best };
        stays
    });
    Frontier { members }
}

/// Fewer tokens come first; of as many, the better score; of equals in both, the first iteration.
fn before(one: &FrontierMember, other: &FrontierMember, objective: Objective) -> Ordering {
    let by_score =
        match (objective.is_better(one.score, other.score), objective.is_better(other.score, one.score)) {
            (true, _) => Ordering::Less,
            (_, true) => Ordering::Greater,
            _ => Ordering::Equal,
        };
    one.prompt_tokens.total_cmp(&other.prompt_tokens).then(by_score).then(one.index.cmp(&other.index))
}

fn member(it: &IterationSummary, objective: Objective) -> FrontierMember {
    let figure = it.score.figure(objective);
    FrontierMember {
        index: it.index,
        score: figure.value,
        interval: figure.interval,
        prompt_tokens: it.score.prompt_tokens(),
        estimated: it.score.estimated_calls > 0,
        model_calls: it.score.mean_model_calls,
        cost_usd: it.score.mean_cost_usd,
    }
}

/// The iterations that get a held-out score once a search is over: the best one first, then the baselines that have a
/// score, then what else the run's protocol asks for, by index.
pub fn finalists(summary: &Summary) -> Vec<u32> {
    let config = &summary.config;
    let mut scored: Vec<u32> = summary.iterations.iter().map(|it| it.index).collect();
    scored.sort_unstable();
    let mut finalists: Vec<u32> = summary.best_iteration_index.into_iter().collect();
    finalists.extend(scored.iter().filter(|index| config.is_baseline(**index)));
    match config.protocol.held_out {
        HeldOut::Best => {}
        HeldOut::Frontier => {
            let frontier = of(summary);
            finalists.extend(scored.iter().filter(|index| frontier.has(**index)));
        }
        HeldOut::All => finalists.extend(&scored),
    }
    let mut known = Vec::new();
    finalists.retain(|index| {
        let is_new = !known.contains(index);
        known.push(*index);
        is_new
    });
    finalists
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmh_record::format::{Protocol, Score};
    use serde_json::json;

    /// A summary with these scores and prompt tokens, whose best is the first of the best.
    fn summary(scores: &[(f64, f64)], protocol: Protocol) -> Summary {
        let mut summary: Summary =
            serde_json::from_str(include_str!("../../../runs/example/summary.json")).expect("a summary");
        let one = summary.iterations[0].clone();
        let iterations = scores.iter().enumerate().map(|(index, &(accuracy, tokens))| IterationSummary {
            index: index as u32,
            score: Score { accuracy, mean_prompt_tokens: Some(tokens), n_examples: 10, ..Score::default() },
            ..one.clone()
        });
        summary.iterations = iterations.collect();
        let figures = summary.iterations.iter().map(|it| (it.index, it.score.accuracy));
        summary.best_iteration_index = Objective::Accuracy.best(figures).map(|(index, _)| index);
        summary.config.protocol = protocol;
        summary
    }

    #[test]
    fn members_are_dominated_by_nobody() {
        // name, scores with prompt tokens, the members by tokens
        type Case<'a> = (&'a str, &'a [(f64, f64)], &'a [u32]);
        let table: [Case<'_>; 9] = [
            ("nothing is scored", &[], &[]),
            ("one", &[(0.5, 100.0)], &[0]),
            ("more for more", &[(0.5, 100.0), (0.6, 200.0), (0.4, 50.0)], &[2, 0, 1]),
            ("worse and longer", &[(0.5, 100.0), (0.4, 200.0)], &[0]),
            ("as good and longer", &[(0.5, 100.0), (0.5, 200.0)], &[0]),
            ("as good and shorter", &[(0.5, 200.0), (0.5, 100.0)], &[1]),
            ("as long and better", &[(0.5, 100.0), (0.6, 100.0)], &[1]),
            ("the first of equals", &[(0.5, 100.0), (0.5, 100.0)], &[0]),
            ("what is no number", &[(f64::NAN, 1.0), (0.9, f64::INFINITY), (0.1, 5.0)], &[2]),
        ];
        for (name, scores, expected) in table {
            let found = of(&summary(scores, Protocol::default()));
            let members: Vec<u32> = found.members.iter().map(|it| it.index).collect();
            assert_eq!(members, expected, "{name}");
        }
    }

    #[test]
    fn a_member_says_what_it_takes() {
        let mut summary = summary(&[(0.5, 120.0)], Protocol::default());
        summary.iterations[0].score.mean_model_calls = 2.0;
        summary.iterations[0].score.mean_cost_usd = 0.25;
        let plain = json!({ "index": 0, "score": 0.5, "interval": { "low": 0.0, "high": 0.0 },
            "prompt_tokens": 120.0, "model_calls": 2.0, "cost_usd": 0.25 });
        let written = |summary: &Summary| serde_json::to_value(&of(summary).members[0]).expect("plain data");
        assert_eq!(written(&summary), plain);
        summary.iterations[0].score.estimated_calls = 1;
        assert_eq!(written(&summary)["estimated"], true);
    }

    #[test]
    fn the_protocol_decides_who_gets_a_held_out_score() {
        // The best is 3, the frontier 4, 2 and 5: which is as good as 3 with fewer tokens.
        let scores = [(0.5, 100.0), (0.4, 100.0), (0.6, 90.0), (0.8, 300.0), (0.3, 10.0), (0.8, 200.0)];
        let table = [
            ("the best", 1, HeldOut::Best, vec![3, 0]),
            ("the best, from two baselines", 2, HeldOut::Best, vec![3, 0, 1]),
            ("the best is a baseline", 4, HeldOut::Best, vec![3, 0, 1, 2]),
            ("the frontier", 1, HeldOut::Frontier, vec![3, 0, 2, 4, 5]),
            ("all", 1, HeldOut::All, vec![3, 0, 1, 2, 4, 5]),
        ];
        for (name, baselines, held_out, expected) in table {
            let protocol = Protocol { baselines, held_out, ..Protocol::default() };
            assert_eq!(finalists(&summary(&scores, protocol)), expected, "{name}");
        }
        assert!(finalists(&summary(&[], Protocol::default())).is_empty());
    }
}
