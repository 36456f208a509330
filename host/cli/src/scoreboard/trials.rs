//! What is said of several trials of each example, and of predictions while learning.

use mmh_record::{
    format::{Config, Learning, Score, TrialScore},
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

/// How harnesses learn and are evaluated, where that is not the plain way: `, 3 trials of each, learning online`.
pub fn protocol(config: &Config) -> String {
    let protocol = &config.protocol;
    let mut told = String::new();
    if protocol.trials > 1 {
        told += &format!(", {} trials of each", protocol.trials);
    }
    if protocol.learning == Learning::Online {
        told += ", learning online";
    }
    if let Some(size) = protocol.batch_size {
        told += &format!(", in batches of {size}");
    }
    if protocol.epochs > 1 {
        told += &format!(", {} epochs", protocol.epochs);
    }
    told
}

/// What the columns of trials and of online learning mean.
pub fn meaning(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    if config.protocol.trials > 1 {
        lines.push(format!(
            "spread: the standard deviation between the means of the trials, in points; pass^k: the chance that all {} trials of an example are right",
            config.protocol.trials
        ));
    }
    if config.protocol.learning == Learning::Online {
        let what = "train examples, each predicted before its answer was learned; it ranks no iteration";
        lines.push(format!("online: {what}"));
    }
    lines
}
