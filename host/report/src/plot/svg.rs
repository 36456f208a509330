//! An SVG document, shape by shape. Attributes only, no style sheet: what many programs understand. No
//! place of anything depends on how wide a text is.

use std::fmt::Write;

use mmh_record::text;

/// Asked for in this order. They are much alike, and every system has one of them.
const FONTS: &str = "Roboto, Arial, Helvetica, sans-serif";

pub type Point = (f64, f64);

/// Where a text has its given place.
#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// How a line is drawn, with its width.
#[derive(Clone, Copy)]
pub enum Stroke {
    Plain(f64),
    Dashed(f64),
}

/// A document that is being written.
pub struct Svg(String);

// Writing into a string cannot fail, so the results of `writeln!` are dropped throughout.

impl Svg {
    pub fn new(width: f64, height: f64, title: &str, description: &str) -> Self {
        let (title, description) = (escaped(title), escaped(description));
        Self(format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="{FONTS}" role="img" aria-labelledby="title description">
<title id="title">{title}</title>
<desc id="description">{description}</desc>
<rect width="{width}" height="{height}" fill="#ffffff"/>
"##
        ))
    }

    pub fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    pub fn text(&mut self, (x, y): Point, anchor: Anchor, size: f64, color: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        let _ = writeln!(
            self.0,
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-size="{size}" fill="{color}">{text}</text>"#
        );
    }

    /// Text that reads from bottom to top, its middle at this place.
    pub fn upright_text(&mut self, x: f64, y: f64, size: f64, color: &str, text: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.0,
            r#"<text transform="translate({x:.1} {y:.1}) rotate(-90)" text-anchor="middle" font-size="{size}" fill="{color}">{text}</text>"#
        );
    }

    pub fn line(&mut self, from: Point, to: Point, color: &str, stroke: Stroke) {
        let (width, dashes) = match stroke {
            Stroke::Plain(width) => (width, ""),
            Stroke::Dashed(width) => (width, r#" stroke-dasharray="6 4""#),
        };
        let _ = writeln!(
            self.0,
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{color}" stroke-width="{width}"{dashes}/>"#,
            from.0, from.1, to.0, to.1
        );
    }

    /// A line through all of these points.
    pub fn path(&mut self, points: &[Point], color: &str, width: f64) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        let _ = writeln!(
            self.0,
            r#"<polyline points="{points}" fill="none" stroke="{color}" stroke-width="{width}"/>"#
        );
    }

    pub fn circle(&mut self, at: Point, radius: f64, color: &str, fill: &str) {
        let _ = writeln!(
            self.0,
            r#"<circle cx="{:.1}" cy="{:.1}" r="{radius:.1}" stroke="{color}" stroke-width="1.5" fill="{fill}"/>"#,
            at.0, at.1
        );
    }

    /// An open diamond: a light one is told from a dark circle in grey as well.
    pub fn diamond(&mut self, (x, y): Point, radius: f64, color: &str) {
        let (left, right, top, bottom) = (x - radius, x + radius, y - radius, y + radius);
        let _ = writeln!(
            self.0,
            r##"<path d="M{x:.1} {top:.1}L{right:.1} {y:.1}L{x:.1} {bottom:.1}L{left:.1} {y:.1}Z" fill="#ffffff" stroke="{color}" stroke-width="1.5"/>"##
        );
    }

    pub fn cross(&mut self, (x, y): Point, radius: f64, color: &str) {
        let stroke = Stroke::Plain(1.5);
        self.line((x - radius, y - radius), (x + radius, y + radius), color, stroke);
        self.line((x - radius, y + radius), (x + radius, y - radius), color, stroke);
    }
}

/// Text from anywhere as the text of an element.
fn escaped(text: &str) -> String {
    text::one_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
