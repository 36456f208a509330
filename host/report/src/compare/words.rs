//! What the comparisons of a run say, in words: the same in the terminal, in Markdown and on the page.

use super::{
    board::{Against, Board, SCORED, Tested},
    trials,
};
use mmh_record::{format::Summary, objective::Objective, text};

/// A p-value as it is shown.
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "<.001".into() } else { format!("{p:.3}") }
}

/// What the figures beside each iteration are.
pub fn changes(board: &Board) -> String {
    format!(
        "change (points), fixed, broken and p: against the best iteration before, {}, not corrected",
        board.test
    )
}

/// Which iteration is best, whether that is more than noise, and what such a choice is worth.
pub fn best(board: &Board, summary: &Summary) -> Vec<String> {
    let Some(best) = &board.best else { return Vec::new() };
    let unit = Objective::of(&summary.config).unit();
    let value = format!("{}{}", unit.number(best.value.value), unit.sign());
    let mut lines = vec![format!("* best on validation: {:03}, {value}", best.index)];
    let score = summary.iterations.iter().find(|it| it.index == best.index).map(|it| &it.score);
    let told = score.map(|score| trials::lines(score, Objective::of(&summary.config))).unwrap_or_default();
    lines.extend(told.iter().map(|line| format!("  {line}")));
    if let Some(tested) = &best.against_baseline {
        let baseline = tested.against.index;
        lines.push(format!("  against the baseline {baseline:03}: {}", verdict(tested, "comparison")));
    }
    let baseline = best.against_baseline.map(|it| it.against.index);
    if let Some(tested) = best.against_runner_up.as_ref().filter(|it| Some(it.against.index) != baseline) {
        let name = format!("  against the runner-up {:03}", tested.against.index);
        lines.push(format!("{name}: {}", verdict(tested, "pair")));
    }
    let scored = board.iterations.iter().filter(|row| row.status == SCORED).count();
    if scored > 1 {
        let is_tested = summary.test.iter().any(|test| test.index == best.index);
        let rest = match summary.config.task.seen_tests().as_deref() {
            _ if !is_tested => "; held-out examples would tell more",
            Some([]) => "; the held-out score below is not",
            Some(_) => "; the held-out score below counts texts that the search has seen",
            None => "; the held-out score below tells more",
        };
        lines.push(format!("  the best of {scored} on validation is an optimistic estimate{rest}"));
    }
    lines
}

/// `+17.0 points (22 fixed, 5 broken), p 0.002, corrected 0.005 (Holm, 3 comparisons): more than noise`.
fn verdict(tested: &Tested, one: &str) -> String {
    let noise = if tested.more_than_noise { "more than noise" } else { "may be noise" };
    let (corrected, count) = (p_value(tested.p_corrected), tested.comparisons);
    let plural = if count == 1 { "" } else { "s" };
    let difference = difference(&tested.against);
    format!("{difference}, corrected {corrected} (Holm, {count} {one}{plural}): {noise}")
}

fn difference(against: &Against) -> String {
    let paired = &against.paired;
    format!(
        "{:+.1} points ({} fixed, {} broken), p {}",
        paired.points(),
        paired.fixed,
        paired.broken,
        p_value(paired.p)
    )
}

/// The held-out scores, and whether they differ.
pub fn held_out(board: &Board, summary: &Summary) -> Vec<String> {
    let mut lines: Vec<String> = summary
        .test
        .iter()
        .map(|test| {
            let figure = test.score.figure(Objective::of(&summary.config));
            let (value, interval) = (figure.cell(), figure.interval());
            let told = trials::lines(&test.score, figure.objective);
            let told: String = told.iter().map(|line| format!("; {line}")).collect();
            format!("held-out test, {:03}: {value} {interval} of {}{told}", test.index, test.score.n_examples)
        })
        .collect();
    let untested = summary.untested.iter();
    lines.extend(
        untested.map(|it| format!("no held-out score, {:03}: {}", it.index, text::one_line(&it.reason))),
    );
    if let Some(against) = &board.held_out {
        let noise = if against.paired.p < board.significance { "more than noise" } else { "may be noise" };
        lines.push(format!("  best against baseline: {}, a single test: {noise}", difference(against)));
    }
    lines.extend(board.held_out_all.iter().map(|one| {
        let against = one.tested.against.index;
        format!(
            "  {:03} against the baseline {against:03}: {}",
            one.iteration,
            verdict(&one.tested, "comparison")
        )
    }));
    lines
}
