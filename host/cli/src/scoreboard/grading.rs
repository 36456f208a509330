//! What a scoreboard says of a task's own scorer.

use mmh_record::{format::Summary, text};

/// What the task's own scorer failed on, and what it asked for.
pub fn grading(summary: &Summary) -> Vec<String> {
    let scored = summary.iterations.iter().map(|it| (format!("{:03}", it.index), &it.score));
    let tested = summary.test.iter().map(|it| (format!("held-out test, {:03}", it.index), &it.score));
    let all = scored.chain(tested).filter_map(|(of, score)| Some((of, score.scorer.as_ref()?)));
    let failed =
        all.clone().filter_map(|(of, totals)| Some(format!("grading of {of}: {}", totals.warning()?)));
    let mut lines: Vec<String> = failed.map(|line| text::one_line(&line)).collect();
    let calls = all.fold(0_u64, |sum, (_, totals)| sum.saturating_add(totals.model_calls));
    if calls > 0 {
        let calls = text::grouped(calls);
        lines.push(format!(
            "the task's scorer asked the target {calls} times: in the cost, and in no other column"
        ));
    }
    lines
}
