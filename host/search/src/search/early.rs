//! Decides whether a search ends before its last iteration: because its baseline is broken, or because several proposals
//! in a row gave no candidate. Only the record decides, so that a run that was killed ends at the same place when it is
//! resumed.

use crate::evaluate::{EVALUATION_TIMEOUT, LEARN_FAILED, SCREENED_OUT, WITHOUT_MODEL};
use mmh_models::cancel::{SHARE_SPENT, Stop};
use mmh_record::format::{Score, Summary, Unscored};

/// The statuses of candidates without a score. All other iterations without a score have no candidate, or were
/// interrupted.
const ENDS_OF_CANDIDATES: [&str; 5] =
    [LEARN_FAILED, EVALUATION_TIMEOUT, SCREENED_OUT, WITHOUT_MODEL, SHARE_SPENT];

/// Why the search ends before the iteration `next`, if it does.
pub fn stop(summary: &Summary, next: u32) -> Option<Stop> {
    if next == 0 {
        return None;
    }
    let config = &summary.config;
    // A run that had ended was resumed on purpose, which its record says.
    let since = config.resumes.last().map(|resume| resume.from_iteration);
    if since.is_none()
        && let Some(problem) = baseline(summary)
    {
        let advice = "no proposer is paid to start from it; a new run takes another --baseline";
        let which = if config.protocol.baselines == 1 { "" } else { "each of the baselines is broken; " };
        return Some(Stop::BaselineBroken(format!("{which}the baseline {problem}: {advice}")));
    }
    let missing = without_candidate(summary, since.unwrap_or(0).max(1), next);
    let last = missing.last().filter(|_| config.patience > 0 && missing.len() >= config.patience as usize)?;
    Some(Stop::ProposerGaveUp(format!(
        "{} proposals in a row came to no candidate, which is what --patience allows; the last one, {:03}: {}: {}",
        missing.len(),
        last.index,
        last.status,
        mmh_record::text::ellipsis(&mmh_record::text::one_line(&last.reason), 200)
    )))
}

/// What is wrong with the first baseline, if none of them is a harness to start from.
fn baseline(summary: &Summary) -> Option<String> {
    let problem = |index| {
        if let Some(it) = summary.unscored.iter().find(|it| it.index == index) {
            return Some(format!("was not scored: {}: {}", it.status, it.reason));
        }
        summary.iterations.iter().find(|it| it.index == index).and_then(|it| broken(&it.score))
    };
    let problems: Option<Vec<String>> = (0..summary.config.protocol.baselines).map(problem).collect();
    problems?.into_iter().next()
}

/// How a harness is broken, if it is: it answers no example, and makes no model call. A harness that asks and cannot read
/// the replies is something to start from.
pub fn broken(score: &Score) -> Option<String> {
    (score.n_errors == score.n_answers() && score.asks_no_model().is_some()).then(|| {
        let kinds = score.outcomes.iter().map(|(kind, count)| format!("{count} {kind}"));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        format!("answers none of {} examples and asks no model ({kinds})", score.n_examples)
    })
}

/// The iterations directly before `next` whose proposals gave no candidate, in order, from `first` on.
fn without_candidate(summary: &Summary, first: u32, next: u32) -> Vec<&Unscored> {
    let has_none = |it: &&Unscored| !ENDS_OF_CANDIDATES.contains(&it.status.as_str());
    let unscored = |index| summary.unscored.iter().find(|it| it.index == index).filter(has_none);
    let mut missing: Vec<&Unscored> = (first..next).rev().map_while(unscored).collect();
    missing.reverse();
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_harness_answers_nothing_and_asks_nothing() {
        let score = |n_examples, n_errors, mean_model_calls| Score {
            n_examples,
            n_errors,
            mean_model_calls,
            outcomes: [("panic".to_owned(), n_errors)].into(),
            ..Score::default()
        };
        let table = [
            ("all fail before they ask", score(20, 20, 0.0), true),
            ("one answers", score(20, 19, 0.0), false),
            ("all fail after they asked", score(20, 20, 1.0), false),
            ("one of them asked", score(20, 20, 0.05), false),
            ("nothing was evaluated", score(0, 0, 0.0), false),
        ];
        for (name, score, expected) in table {
            assert_eq!(broken(&score).is_some(), expected, "{name}");
        }
    }
}
