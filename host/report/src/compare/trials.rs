//! What is said of several trials of each example, and of predictions while learning.

use mmh_record::{
    format::{Score, TrialScore},
    objective::Objective,
};

/// Means of trials that are shown one by one; JSON has all.
const SHOWN_MEANS: usize = 8;

/// What a score has besides its figure, in lines.
pub fn lines(score: &Score, objective: Objective) -> Vec<String> {
    let trials = score.trials.as_ref().map(|it| of_trials(it, objective));
    trials.into_iter().chain(online(score, objective)).collect()
}

/// `3 trials of each example: 50.0 %, 55.0 %, 45.0 %; spread 5.0 points; pass^3 30.0 %`.
pub fn of_trials(trials: &TrialScore, objective: Objective) -> String {
    let unit = objective.unit();
    let shown = |value: f64| format!("{} {}", unit.number(value), unit.sign());
    let mut means: Vec<String> = trials.means.iter().take(SHOWN_MEANS).map(|mean| shown(*mean)).collect();
    if trials.means.len() > SHOWN_MEANS {
        means.push(format!("and {} more", trials.means.len() - SHOWN_MEANS));
    }
    format!(
        "{count} trials of each example: {}; spread {:.1} points; pass^{count} {}",
        means.join(", "),
        unit.points(trials.spread),
        shown(trials.pass_all()),
        count = trials.count,
    )
}

/// `predicted while learning: 42.0 % [35.4, 48.9], 84 of 200 train examples right`.
fn online(score: &Score, objective: Objective) -> Option<String> {
    let online = score.online.as_ref()?;
    let figure = online.as_score().figure(objective);
    let (value, interval) = (figure.spaced(), figure.interval());
    let (right, all) = (online.n_correct, online.n_examples);
    Some(format!("predicted while learning: {value} {interval}, {right} of {all} train examples right"))
}
