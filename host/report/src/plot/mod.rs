//! A run's scores as a picture, for papers and READMEs: by iteration with intervals, the best so far,
//! the baseline, and the held-out scores. The same run gives the same bytes on every machine.
//!
//! What it looks like is decided here, `svg` writes it down. Nothing is told by
//! colour alone: kinds of points differ in shape, kinds of lines in their dashes.

mod frame;
pub mod frontier;
mod svg;

use crate::compare::board;
use frame::Scores;
use mmh_record::{
    format::{Interval, IterationSummary, Score, Summary},
    objective::{Figure, Objective},
};
use svg::{Anchor, Stroke, Svg};

/// The picture's size, in the SVG's own units.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 460.0;

/// Where the points are.
const LEFT: f64 = 66.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 404.0;

/// Dark enough on white for text; told apart without colours by their shapes.
const INK: &str = "#1a1a1a";
const MUTED: &str = "#595959";
const GRID: &str = "#e4e4e4";
const VALIDATION: &str = "#005b94";
const HELD_OUT: &str = "#b34700";
const WARNING: &str = "#a30000";

/// Lines of text at the right do not come closer than this.
const LABEL_GAP: f64 = 17.0;

/// Most characters of the two lines at the top.
const TITLE_CHARS: usize = 80;
const SUBTITLE_CHARS: usize = 120;

/// Most numbers below the axis.
const TICKS: usize = 16;

/// The picture of a run, finished or not, as an SVG document.
pub fn svg(summary: &Summary) -> String {
    let chart = Chart::of(summary);
    let mut out = Svg::new(WIDTH, HEIGHT, &title(summary), &chart.description());
    chart.head(&mut out);
    chart.axes(&mut out);
    chart.lines(&mut out);
    chart.points(&mut out);
    chart.labels(&mut out);
    out.finish()
}

/// What is drawn.
struct Chart<'a> {
    summary: &'a Summary,
    /// Iterations by index, with their score or without.
    entries: Vec<(u32, Option<&'a IterationSummary>)>,
    scores: Scores,
}

fn title(summary: &Summary) -> String {
    frame::title(summary, "by iteration")
}

/// Text at the right, beside the height that it belongs to.
struct Label {
    y: f64,
    color: &'static str,
    text: String,
}

impl<'a> Chart<'a> {
    fn of(summary: &'a Summary) -> Self {
        let mut entries: Vec<(u32, Option<&IterationSummary>)> =
            summary.iterations.iter().map(|it| (it.index, Some(it))).collect();
        entries.extend(summary.unscored.iter().map(|it| (it.index, None)));
        entries.sort_by_key(|(index, _)| *index);
        entries.dedup_by_key(|(index, _)| *index);
        let objective = Objective::of(&summary.config);
        let scores = entries.iter().filter_map(|(_, it)| it.map(|it| &it.score));
        let ends = scores.chain(summary.test.iter().map(|it| &it.score));
        let ends: Vec<Interval> = ends.map(|score| within(score, objective).interval).collect();
        let all = objective.range();
        let low = ends.iter().map(|it| it.low).fold(all.high, f64::min);
        let high = ends.iter().map(|it| it.high).fold(all.low, f64::max);
        let (low, high) = if ends.is_empty() { (all.low, all.high) } else { range(low, high) };
        Self { summary, entries, scores: Scores { objective, low, high, right: RIGHT } }
    }

    /// For those who do not see it.
    fn description(&self) -> String {
        let scores = self.entries.iter().map(|(index, it)| match it {
            Some(it) => format!("{index:03} {}", self.figure(&it.score).spaced()),
            None => format!("{index:03} not scored"),
        });
        let test = self.summary.test.iter();
        let test = test.map(|it| format!("{:03} {}", it.index, self.figure(&it.score).spaced()));
        let simulated = if self.summary.config.mock { "Simulated models. " } else { "" };
        let scores = scores.collect::<Vec<_>>().join(", ");
        let test = test.collect::<Vec<_>>().join(", ");
        let name = self.scores.objective.name();
        format!("{simulated}Validation {name} by iteration: {scores}. Held-out test: {test}.")
    }

    fn x(&self, at: usize) -> f64 {
        let slots = self.entries.len().max(1) as f64;
        LEFT + (RIGHT - LEFT) * (at as f64 + 0.5) / slots
    }

    fn y(&self, value: f64) -> f64 {
        self.scores.y(value)
    }

    fn figure(&self, score: &Score) -> Figure {
        within(score, self.scores.objective)
    }

    fn head(&self, out: &mut Svg) {
        frame::head(out, self.summary, &title(self.summary));
        self.legend(out);
    }

    fn legend(&self, out: &mut Svg) {
        let y = 80.0;
        let mut x = 26.0;
        let mut entry = |width: f64, name: &str, mark: &dyn Fn(&mut Svg, f64)| {
            mark(out, x);
            out.text((x + 16.0, y + 4.0), Anchor::Start, 12.0, INK, name);
            x += width;
        };
        entry(196.0, "validation, with 95 % interval", &|out, x| {
            out.line((x, y - 9.0), (x, y + 9.0), VALIDATION, Stroke::Plain(1.5));
            out.circle((x, y), 4.5, VALIDATION, VALIDATION);
        });
        entry(108.0, "best so far", &|out, x| {
            out.line((x - 9.0, y), (x + 10.0, y), INK, Stroke::Plain(1.5));
        });
        entry(96.0, "baseline", &|out, x| {
            out.line((x - 9.0, y), (x + 10.0, y), MUTED, Stroke::Dashed(1.5));
        });
        if !self.summary.test.is_empty() {
            entry(208.0, "held-out test, with 95 % interval", &|out, x| {
                out.line((x, y - 9.0), (x, y + 9.0), HELD_OUT, Stroke::Plain(1.5));
                out.diamond((x, y), 6.0, HELD_OUT);
            });
        }
        if self.entries.iter().any(|(_, it)| it.is_none()) {
            entry(80.0, "not scored", &|out, x| out.cross((x, y), 4.5, MUTED));
        }
    }

    fn axes(&self, out: &mut Svg) {
        self.scores.grid(out);
        let every = self.entries.len().div_ceil(TICKS).max(1);
        for (at, (index, _)) in self.entries.iter().enumerate().step_by(every) {
            Scores::tick(out, self.x(at), &index.to_string());
        }
        let under = match self.summary.config.protocol.baselines {
            1 => "iteration (0 is the baseline)".to_owned(),
            several => format!("iteration (the first {several} are baselines)"),
        };
        self.scores.names(out, &under, self.entries.is_empty());
    }

    fn lines(&self, out: &mut Svg) {
        if let Some(baseline) = self.baseline() {
            let y = self.y(self.figure(&baseline.score).value);
            out.line((LEFT, y), (RIGHT, y), MUTED, Stroke::Dashed(1.5));
        }
        let mut steps: Vec<(f64, f64)> = Vec::new();
        let mut best = None;
        for (at, (_, it)) in self.entries.iter().enumerate() {
            let Some(figure) = it.map(|it| self.figure(&it.score).value) else { continue };
            if best.is_some_and(|best| !self.scores.objective.is_better(figure, best)) {
                continue;
            }
            best = Some(figure);
            let (x, y) = (self.x(at), self.y(figure));
            steps.extend(steps.last().map(|(_, before)| (x, *before)));
            steps.push((x, y));
        }
        steps.extend(steps.last().map(|(_, y)| (RIGHT, *y)));
        out.path(&steps, INK, 1.5);
    }

    fn points(&self, out: &mut Svg) {
        let slot = (RIGHT - LEFT) / self.entries.len().max(1) as f64;
        let radius = (slot / 4.0).clamp(1.5, 5.0);
        let whisker = |out: &mut Svg, x: f64, score: &Score, color: &str| {
            let interval = self.figure(score).interval;
            let (low, high) = (self.y(interval.low), self.y(interval.high));
            out.line((x, low), (x, high), color, Stroke::Plain(1.5));
            for y in [low, high] {
                out.line((x - radius * 0.8, y), (x + radius * 0.8, y), color, Stroke::Plain(1.5));
            }
        };
        for (at, (index, it)) in self.entries.iter().enumerate() {
            let x = self.x(at);
            let Some(it) = it else {
                out.cross((x, BOTTOM - 12.0), radius, MUTED);
                continue;
            };
            whisker(out, x, &it.score, VALIDATION);
            let y = self.y(self.figure(&it.score).value);
            out.circle((x, y), radius, VALIDATION, VALIDATION);
            if self.summary.best_iteration_index == Some(*index) {
                out.circle((x, y), radius + 4.0, INK, "none");
            }
            for test in self.summary.test.iter().filter(|test| test.index == *index) {
                let beside = x + (slot * 0.3).clamp(2.0, 16.0);
                whisker(out, beside, &test.score, HELD_OUT);
                let y = self.y(self.figure(&test.score).value);
                out.diamond((beside, y), radius * 1.3, HELD_OUT);
            }
        }
    }

    /// The numbers that one wants to cite, at the right.
    fn labels(&self, out: &mut Svg) {
        let label = |what: &str, index: u32, score: &Score, color| Label {
            y: self.y(self.figure(score).value),
            color,
            text: format!("{what} {index:03}: {}", self.figure(score).spaced()),
        };
        let mut labels: Vec<Label> = Vec::new();
        let baseline = self.baseline();
        labels.extend(baseline.map(|it| label("baseline", it.index, &it.score, MUTED)));
        let is_baseline = |index: &u32| self.summary.config.is_baseline(*index);
        let best = self.summary.best_iteration_index.filter(|best| !is_baseline(best));
        let best = self.entries.iter().find(|(index, _)| Some(*index) == best).and_then(|(_, it)| *it);
        labels.extend(best.map(|it| label("best", it.index, &it.score, VALIDATION)));
        let tested = self.summary.test.iter().take(4);
        labels.extend(tested.map(|it| label("held-out", it.index, &it.score, HELD_OUT)));
        labels.sort_by(|left, right| left.y.total_cmp(&right.y));
        spread(&mut labels);
        for label in labels {
            out.text((RIGHT + 12.0, label.y + 4.0), Anchor::Start, 13.0, label.color, &label.text);
        }
    }

    fn baseline(&self) -> Option<&IterationSummary> {
        let baseline = board::best_baseline(self.summary);
        self.entries.iter().find(|(index, _)| Some(*index) == baseline).and_then(|(_, it)| *it)
    }
}

/// Moves labels apart that would cover each other, downwards, and up again from the bottom.
fn spread(labels: &mut [Label]) {
    let mut free = f64::NEG_INFINITY;
    for label in labels.iter_mut() {
        label.y = label.y.max(free);
        free = label.y + LABEL_GAP;
    }
    let mut free = BOTTOM;
    for label in labels.iter_mut().rev() {
        label.y = label.y.min(free);
        free = label.y - LABEL_GAP;
    }
}

/// The axis from one full tenth to another, with room for differences to show, but not to mislead.
fn range(low: f64, high: f64) -> (f64, f64) {
    const LEAST: f64 = 4.0;
    // The small amount keeps 0.7000000001 from becoming 0.8.
    let (mut low, mut high) = ((low * 10.0 + 1e-9).floor(), (high * 10.0 - 1e-9).ceil());
    while high - low < LEAST {
        (low, high) = ((low - 1.0).max(0.0), (high + 1.0).min(10.0));
    }
    // Lines every fifth, where there are many tenths, meet both ends.
    if high - low > 6.0 {
        (low, high) = ((low / 2.0).floor() * 2.0, (high / 2.0).ceil() * 2.0);
    }
    (low / 10.0, high / 10.0)
}

/// A score's figure with all its numbers inside of the objective's range: a stranger's folder may hold any.
fn within(score: &Score, objective: Objective) -> Figure {
    let Interval { low, high } = objective.range();
    let inside = |value: f64| if value.is_nan() { low } else { value.clamp(low, high) };
    let Figure { value, interval, .. } = score.figure(objective);
    let interval = Interval { low: inside(interval.low), high: inside(interval.high) };
    Figure { objective, value: inside(value), interval }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_has_room() {
        let table = [
            ("wide", (0.184, 0.825), (0.0, 1.0)),
            ("usual", (0.385, 0.736), (0.3, 0.8)),
            ("narrow, at the top", (0.95, 1.0), (0.6, 1.0)),
            ("narrow, at the bottom", (0.0, 0.04), (0.0, 0.4)),
            ("full tenths", (0.3, 0.7), (0.3, 0.7)),
        ];
        for (name, (low, high), (from, to)) in table {
            let found = range(low, high);
            assert!((found.0 - from).abs() < 1e-9 && (found.1 - to).abs() < 1e-9, "{name}: {found:?}");
        }
    }

    #[test]
    fn labels_do_not_cover_each_other() {
        for heights in [vec![200.0, 201.0, 202.0], vec![400.0, 403.0, 404.0], vec![110.0], vec![]] {
            let label = |y: &f64| Label { y: *y, color: INK, text: String::new() };
            let mut labels: Vec<Label> = heights.iter().map(label).collect();
            spread(&mut labels);
            assert!(labels.windows(2).all(|it| it[1].y - it[0].y >= LABEL_GAP), "{heights:?}");
            assert!(labels.iter().all(|it| it.y <= BOTTOM), "{heights:?}");
        }
    }
}
