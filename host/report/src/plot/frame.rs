//! What all pictures of a run have around their points: the lines at the top, and the axis of scores.

use super::{
    BOTTOM, GRID, INK, LEFT, MUTED, SUBTITLE_CHARS, TITLE_CHARS, TOP, WARNING, WIDTH,
    svg::{Anchor, Stroke, Svg},
};
use mmh_record::{format::Summary, objective::Objective, text};

/// The first line: the data set, the figure, and what it stands over.
pub fn title(summary: &Summary, over: &str) -> String {
    let figure = Objective::of(&summary.config).name();
    let title = format!("{}: {figure} {over}", summary.config.dataset);
    text::ellipsis(&text::one_line(&title), TITLE_CHARS)
}

/// The lines at the top.
pub fn head(out: &mut Svg, summary: &Summary, title: &str) {
    let config = &summary.config;
    out.text((20.0, 30.0), Anchor::Start, 19.0, INK, title);
    let subtitle = format!(
        "{} validation examples, target {}, proposer {}, seed {}",
        config.eval_split_size, config.target_model, config.proposer_model, config.seed
    );
    let subtitle = text::ellipsis(&text::one_line(&subtitle), SUBTITLE_CHARS);
    out.text((20.0, 51.0), Anchor::Start, 13.0, MUTED, &subtitle);
    if config.mock {
        out.text((WIDTH - 20.0, 30.0), Anchor::End, 15.0, WARNING, "SIMULATED models");
    }
}

/// The axis of scores, at the left.
pub struct Scores {
    pub objective: Objective,
    /// The range of the axis, within that of the objective.
    pub low: f64,
    pub high: f64,
    /// Where the points end.
    pub right: f64,
}

impl Scores {
    pub fn y(&self, score: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * (score - self.low) / (self.high - self.low)
    }

    /// The lines of scores with their figures, and the line at the bottom.
    pub fn grid(&self, out: &mut Svg) {
        let step = if self.high - self.low > 0.65 { 0.2 } else { 0.1 };
        let lines = ((self.high - self.low) / step).round() as u32;
        for at in 0..=lines {
            let value = self.low + f64::from(at) * step;
            let y = self.y(value);
            out.line((LEFT, y), (self.right, y), GRID, Stroke::Plain(1.0));
            let unit = self.objective.unit();
            let name = format!("{} {}", unit.tick(value), unit.sign());
            out.text((LEFT - 10.0, y + 4.0), Anchor::End, 12.0, MUTED, &name);
        }
        out.line((LEFT, BOTTOM), (self.right, BOTTOM), INK, Stroke::Plain(1.0));
    }

    /// A step of the axis at the bottom, with its name.
    pub fn tick(out: &mut Svg, x: f64, name: &str) {
        out.line((x, BOTTOM), (x, BOTTOM + 5.0), INK, Stroke::Plain(1.0));
        out.text((x, BOTTOM + 20.0), Anchor::Middle, 12.0, MUTED, name);
    }

    /// What the axes are about, and that there is nothing to see yet.
    pub fn names(&self, out: &mut Svg, under: &str, is_empty: bool) {
        let middle = (LEFT + self.right) / 2.0;
        out.text((middle, BOTTOM + 42.0), Anchor::Middle, 13.0, INK, under);
        out.upright_text(20.0, (TOP + BOTTOM) / 2.0, 13.0, INK, self.objective.name());
        if is_empty {
            out.text((middle, (TOP + BOTTOM) / 2.0), Anchor::Middle, 15.0, MUTED, "nothing is scored yet");
        }
    }
}
