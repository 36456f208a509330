//! A flame graph as an SVG: each function is a bar as wide as what it took, above the one that called it. The file needs
//! nothing else; a pointer over a bar shows its name and its share.

use std::collections::BTreeMap;

use mmh_record::text;

const WIDTH: f64 = 1200.0;
const ROW: f64 = 18.0;
const MARGIN: f64 = 10.0;
const HEAD: f64 = 44.0;

/// The width of a letter, about.
const LETTER: f64 = 6.6;

/// Bars that are narrower are left out: nobody could see them.
const LEAST_WIDTH: f64 = 0.25;

/// Most bars on top of each other.
const MOST_DEEP: usize = 300;

#[derive(Default)]
struct Bar {
    weight: u64,
    above: BTreeMap<String, Bar>,
}

impl Bar {
    fn add(&mut self, stack: &[String], weight: u64) {
        self.weight += weight;
        if let Some((first, rest)) = stack.split_first() {
            self.above.entry(first.clone()).or_default().add(rest, weight);
        }
    }

    fn depth(&self) -> usize {
        self.above.values().map(|bar| 1 + bar.depth()).max().unwrap_or(0)
    }
}

/// The flame graph of these stacks: the outermost function first, and what was taken with it on top. `unit` names what is
/// counted.
pub fn svg(title: &str, unit: &str, stacks: &[(Vec<String>, u64)]) -> String {
    let mut root = Bar::default();
    for (stack, weight) in stacks {
        root.add(&stack[..stack.len().min(MOST_DEEP)], *weight);
    }
    let height = HEAD + ROW * (root.depth() as f64 + 1.0) + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"ui-monospace, monospace\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"15\" fill=\"#222\">{}</text>\n",
        escaped(title)
    );
    let all = Place { unit, total: root.weight.max(1), bottom: height - MARGIN };
    all.bar(&mut out, ("all", &root), MARGIN, 0);
    out += "</svg>\n";
    out
}

/// What the places of bars depend on.
struct Place<'a> {
    unit: &'a str,
    total: u64,
    bottom: f64,
}

impl Place<'_> {
    fn bar(&self, out: &mut String, (name, bar): (&str, &Bar), x: f64, depth: usize) {
        let share = bar.weight as f64 / self.total as f64;
        let width = share * (WIDTH - 2.0 * MARGIN);
        if width < LEAST_WIDTH {
            return;
        }
        let y = self.bottom - ROW * (depth as f64 + 1.0);
        let (shown, fill) = (fitting(name, width), color(name));
        *out += &format!(
            "<g><title>{}: {} {}, {:.1} %</title><rect x=\"{x:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{:.1}\" \
             fill=\"{fill}\" stroke=\"#fff\" stroke-width=\"0.5\"/>",
            escaped(name),
            text::grouped(bar.weight),
            self.unit,
            share * 100.0,
            ROW - 1.0
        );
        if !shown.is_empty() {
            *out += &format!(
                "<text x=\"{:.2}\" y=\"{:.1}\" fill=\"#222\">{}</text>",
                x + 3.0,
                y + 12.5,
                escaped(&shown)
            );
        }
        *out += "</g>\n";
        let mut from = x;
        for (name, above) in &bar.above {
            self.bar(out, (name, above), from, depth + 1);
            from += above.weight as f64 / self.total as f64 * (WIDTH - 2.0 * MARGIN);
        }
    }
}

/// As much of a name as there is room for.
fn fitting(name: &str, width: f64) -> String {
    let room = ((width - 6.0) / LETTER).floor().max(0.0) as usize;
    if room < 3 { String::new() } else { text::ellipsis(name, room) }
}

/// A warm colour that belongs to the name.
fn color(name: &str) -> String {
    let mixed =
        name.bytes().fold(2_166_136_261_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(16_777_619));
    let (hue, light) = (10 + mixed % 45, 62 + (mixed >> 8) % 14);
    format!("hsl({hue}, 85%, {light}%)")
}

fn escaped(text: &str) -> String {
    let plain = text::one_line(text);
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_wide_as_what_they_took() {
        let stack = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let stacks = [
            (stack(&["main", "<T as Sort>::sort"]), 3_000),
            (stack(&["main"]), 1_000),
            (stack(&["main", "tiny"]), 0),
        ];
        let svg = svg("fuel & more", "fuel", &stacks);
        for part in [
            "fuel &amp; more",
            "<title>all: 4,000 fuel, 100.0 %</title>",
            "<title>main: 4,000 fuel, 100.0 %</title>",
            "<title>&lt;T as Sort&gt;::sort: 3,000 fuel, 75.0 %</title><rect x=\"10.00\" y=\"44.0\" width=\"885.00\"",
        ] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert!(!svg.contains("tiny"), "{svg}");
    }

    #[test]
    fn any_names_and_depths_are_drawn() {
        let deep: Vec<String> = (0..10_000).map(|at| format!("\u{1b}[31m{at}<script>")).collect();
        let svg = svg("a\nb", "fuel", &[(deep, u64::MAX / 2), (Vec::new(), 1)]);
        assert!(!svg.contains('\u{1b}') && !svg.contains("<script>"));
        assert_eq!(svg.matches("<g>").count(), MOST_DEEP + 1);
        assert!(super::svg("nothing", "fuel", &[]).ends_with("</svg>\n"));
    }
}
