//! A run's frontier as a picture: scores over the prompt tokens of an example. Members are filled and joined, others hollow.

use super::{
    BOTTOM, HEIGHT, INK, LEFT, MUTED, VALIDATION, WIDTH,
    frame::{self, Scores},
    range,
    svg::{Anchor, Svg},
    within,
};
use crate::frontier;
use mmh_record::{
    format::{FrontierMember, Summary},
    objective::Objective,
    text,
};

/// Where the points end: there is nothing to be written at their right.
const RIGHT: f64 = 836.0;

/// What a number beside a point takes, and the radius of a point with the room around it.
const LABEL: (f64, f64) = (25.0, 12.0);
const POINT: f64 = 6.0;

/// Places of a number beside its point: how far its left end and its base line are from the point.
const BESIDE: [(f64, f64); 6] =
    [(8.0, -4.0), (8.0, 14.0), (-33.0, -4.0), (-33.0, 14.0), (-12.5, -9.0), (-12.5, 20.0)];

/// The picture of a run's frontier, as an SVG document.
pub fn svg(summary: &Summary) -> String {
    let plane = Plane::of(summary);
    let title = frame::title(summary, "over prompt tokens");
    let mut out = Svg::new(WIDTH, HEIGHT, &title, &plane.description(summary));
    plane.head(&mut out, summary, &title);
    plane.axes(&mut out);
    plane.members(&mut out);
    plane.points(&mut out);
    out.finish()
}

/// A scored iteration.
struct Point {
    index: u32,
    tokens: f64,
    score: f64,
    is_member: bool,
}

/// What is drawn.
struct Plane {
    /// Members of the frontier first, by tokens.
    points: Vec<Point>,
    scores: Scores,
    most: f64,
}

impl Plane {
    fn of(summary: &Summary) -> Self {
        let objective = Objective::of(&summary.config);
        let members = frontier::of(summary).members;
        let is_member = |index: u32| members.iter().any(|it: &FrontierMember| it.index == index);
        let points = summary.iterations.iter().map(|it| {
            let tokens = it.score.prompt_tokens();
            let tokens = if tokens.is_finite() { tokens.max(0.0) } else { 0.0 };
            let score = within(&it.score, objective).value;
            Point { index: it.index, tokens, score, is_member: is_member(it.index) }
        });
        let mut points: Vec<Point> = points.collect();
        points.sort_by(|one, other| {
            other.is_member.cmp(&one.is_member).then(one.tokens.total_cmp(&other.tokens))
        });
        let all = objective.range();
        let low = points.iter().map(|it| it.score).fold(all.high, f64::min);
        let high = points.iter().map(|it| it.score).fold(all.low, f64::max);
        let (low, high) = if points.is_empty() { (all.low, all.high) } else { range(low, high) };
        let most = points.iter().map(|it| it.tokens).fold(1.0, f64::max) * 1.06;
        Self { points, scores: Scores { objective, low, high, right: RIGHT }, most }
    }

    fn description(&self, summary: &Summary) -> String {
        let unit = self.scores.objective.unit();
        let told = self.points.iter().filter(|it| it.is_member);
        let told = told.map(|it| {
            let score = format!("{} {}", unit.number(it.score), unit.sign());
            format!("{:03} {score} with {} prompt tokens", it.index, it.tokens.round())
        });
        let simulated = if summary.config.mock { "Simulated models. " } else { "" };
        let told = told.collect::<Vec<_>>().join(", ");
        format!("{simulated}On the frontier of {} and prompt tokens: {told}.", self.scores.objective.name())
    }

    fn x(&self, tokens: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * tokens / self.most
    }

    fn y(&self, score: f64) -> f64 {
        self.scores.y(score)
    }

    fn head(&self, out: &mut Svg, summary: &Summary, title: &str) {
        frame::head(out, summary, title);
        out.circle((26.0, 80.0), 5.0, VALIDATION, VALIDATION);
        let meaning = "on the frontier: no other has as good a score with as few tokens";
        out.text((38.0, 84.0), Anchor::Start, 12.0, INK, meaning);
        out.circle((446.0, 80.0), 4.0, VALIDATION, "none");
        out.text((458.0, 84.0), Anchor::Start, 12.0, INK, "other iterations");
    }

    fn axes(&self, out: &mut Svg) {
        self.scores.grid(out);
        let step = step_of(self.most / 6.0);
        let ticks = (self.most / step).floor() as u32;
        for at in 0..=ticks {
            let tokens = f64::from(at) * step;
            Scores::tick(out, self.x(tokens), &text::grouped(tokens as u64));
        }
        self.scores.names(out, "prompt tokens per example", self.points.is_empty());
    }

    /// The members as steps: nothing with more tokens is better until the next one.
    fn members(&self, out: &mut Svg) {
        let mut steps: Vec<(f64, f64)> = Vec::new();
        for it in self.points.iter().filter(|it| it.is_member) {
            let (x, y) = (self.x(it.tokens), self.y(it.score));
            steps.extend(steps.last().map(|(_, before)| (x, *before)));
            steps.push((x, y));
        }
        steps.extend(steps.last().map(|(_, y)| (RIGHT, *y)));
        out.path(&steps, VALIDATION, 1.5);
    }

    fn points(&self, out: &mut Svg) {
        let places: Vec<(f64, f64)> =
            self.points.iter().map(|it| (self.x(it.tokens), self.y(it.score))).collect();
        for (it, at) in self.points.iter().zip(&places) {
            match it.is_member {
                true => out.circle(*at, 5.0, VALIDATION, VALIDATION),
                false => out.circle(*at, 4.0, VALIDATION, "none"),
            }
        }
        for (it, label) in self.points.iter().zip(labels(&places)) {
            let Some(at) = label else { continue };
            let color = if it.is_member { VALIDATION } else { MUTED };
            out.text(at, Anchor::Start, 12.0, color, &format!("{:03}", it.index));
        }
    }
}

/// The next step of an axis: 1, 2 or 5 and zeros, at least as large as this.
fn step_of(least: f64) -> f64 {
    let zeros = 10_f64.powf(least.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|it| it * zeros).into_iter().find(|it| *it >= least).unwrap_or(10.0 * zeros)
}

/// A box by its corners: left, top, right, bottom.
type Area = (f64, f64, f64, f64);

/// Where the numbers of points stand, so that none covers another one or a point. None where there is no room.
fn labels(points: &[(f64, f64)]) -> Vec<Option<(f64, f64)>> {
    let mut taken: Vec<Area> =
        points.iter().map(|(x, y)| (x - POINT, y - POINT, x + POINT, y + POINT)).collect();
    let inside = |area: &Area| area.0 >= LEFT && area.2 <= WIDTH && area.3 <= BOTTOM;
    let mut place = |(x, y): &(f64, f64)| {
        let found = BESIDE.into_iter().find_map(|(right, down)| {
            let (left, base) = (x + right, y + down);
            let area = (left, base - LABEL.1 + 2.0, left + LABEL.0, base + 2.0);
            let free = inside(&area) && taken.iter().all(|other| apart(&area, other));
            free.then_some(((left, base), area))
        });
        taken.extend(found.map(|(_, area)| area));
        found.map(|(at, _)| at)
    };
    points.iter().map(&mut place).collect()
}

fn apart(one: &Area, other: &Area) -> bool {
    one.2 <= other.0 || other.2 <= one.0 || one.3 <= other.1 || other.3 <= one.1
}

#[cfg(test)]
mod tests {
    use super::{super::TOP, *};

    #[test]
    fn numbers_do_not_cover_each_other() {
        let line = |step: f64| -> Vec<(f64, f64)> {
            (0..40).map(|at| (200.0 + f64::from(at) * step, 250.0)).collect()
        };
        // name, points, whether all are named
        let table = [
            ("far apart", vec![(100.0, 200.0), (300.0, 200.0)], true),
            ("close", vec![(100.0, 200.0), (109.0, 203.0), (118.0, 200.0)], true),
            ("at the edges", vec![(LEFT, BOTTOM), (RIGHT, TOP)], true),
            ("many in one place", vec![(300.0, 300.0); 20], false),
            ("many in a line", line(6.0), false),
            ("none", vec![], true),
        ];
        for (name, points, all) in table {
            let found = labels(&points);
            assert_eq!(found.iter().all(Option::is_some), all, "{name}");
            let areas: Vec<Area> =
                found.iter().flatten().map(|(x, y)| (*x, y - LABEL.1 + 2.0, x + LABEL.0, y + 2.0)).collect();
            for (at, one) in areas.iter().enumerate() {
                assert!(areas[at + 1..].iter().all(|other| apart(one, other)), "{name}");
            }
        }
    }

    #[test]
    fn steps_are_round() {
        for (least, step) in [(0.2, 1.0), (3.0, 5.0), (70.0, 100.0), (200.0, 200.0), (4200.0, 5000.0)] {
            assert!((step_of(least) - step).abs() < 1e-9, "{least}: {}", step_of(least));
        }
    }
}
