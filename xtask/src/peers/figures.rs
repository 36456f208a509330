//! What is made of the times: medians, ratios, and the tables that are printed.

use std::time::Duration;

use super::systems::{Comparison, System};

/// The times of one comparison, ours and theirs, pair by pair.
pub struct Measured {
    pub comparison: &'static Comparison,
    pub pairs: Vec<(Duration, Duration)>,
}

/// Ours divided by theirs: below 1, `mmh` took less time.
#[derive(Debug, PartialEq)]
struct Ratios {
    of_medians: f64,
    lowest: f64,
    highest: f64,
}

/// All that is printed, in Markdown. `facts` tell of machine, tools and date.
pub fn page(facts: &[(&str, String)], measured: &[Measured]) -> String {
    let mut page = String::new();
    facts.iter().for_each(|(what, found)| page += &format!("- {what}: {found}\n"));
    page += "\n| work | compared with | `mmh` | other | `mmh` / other | pair by pair |\n|---|---|---|---|---|---|\n";
    measured.iter().for_each(|it| page += &row(it));
    page += "\n| system | how a candidate runs | what it is kept from |\n|---|---|---|\n";
    let mut seen: Vec<&str> = Vec::new();
    for system in measured.iter().flat_map(|it| [it.comparison.ours, it.comparison.theirs]) {
        if !seen.contains(&system.title) {
            seen.push(system.title);
            page += &format!("| {} | {} | {} |\n", system.title, system.runs, system.guards);
        }
    }
    page
}

fn row(Measured { comparison, pairs }: &Measured) -> String {
    let (ours, theirs) = medians(pairs);
    let Ratios { of_medians, lowest, highest } = ratios(pairs);
    let System { title, package, .. } = comparison.theirs;
    let version = package.map(|it| format!(" ({} {})", it.name, it.version)).unwrap_or_default();
    format!(
        "| {} | {title}{version} | {ours:.3} s | {theirs:.3} s | {of_medians:.2} | {lowest:.2} to {highest:.2} |\n",
        comparison.work
    )
}

fn ratios(pairs: &[(Duration, Duration)]) -> Ratios {
    let (ours, theirs) = medians(pairs);
    let paired: Vec<f64> =
        pairs.iter().map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64()).collect();
    Ratios {
        of_medians: ours / theirs,
        lowest: paired.iter().copied().fold(f64::INFINITY, f64::min),
        highest: paired.iter().copied().fold(0.0, f64::max),
    }
}

fn medians(pairs: &[(Duration, Duration)]) -> (f64, f64) {
    let of = |time: fn(&(Duration, Duration)) -> Duration| {
        median(pairs.iter().map(|pair| time(pair).as_secs_f64()).collect())
    };
    (of(|pair| pair.0), of(|pair| pair.1))
}

/// The middle one, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len() / 2, values.len() % 2) {
        (0, 0) => f64::NAN,
        (middle, 1) => values[middle],
        (middle, _) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::systems::COMPARISONS;

    fn pairs(milliseconds: &[(u64, u64)]) -> Vec<(Duration, Duration)> {
        let pair =
            |(ours, theirs): &(u64, u64)| (Duration::from_millis(*ours), Duration::from_millis(*theirs));
        milliseconds.iter().map(pair).collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let table: [(&str, &[f64], f64); 4] = [
            ("one", &[3.0], 3.0),
            ("an odd number, in no order", &[5.0, 1.0, 2.0], 2.0),
            ("an even number", &[4.0, 1.0, 2.0, 10.0], 3.0),
            ("an outlier", &[1.0, 1.0, 1000.0], 1.0),
        ];
        for (name, values, expected) in table {
            assert_eq!(median(values.to_vec()), expected, "{name}");
        }
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn ratios_are_of_medians_and_of_pairs() {
        let table = [
            ("one pair", vec![(50, 100)], [0.5, 0.5, 0.5]),
            // Medians 40 and 80; the pairs have 0.5, 0.25 and 2.
            ("three pairs", vec![(40, 80), (20, 80), (200, 100)], [0.5, 0.25, 2.0]),
        ];
        for (name, times, [of_medians, lowest, highest]) in table {
            assert_eq!(ratios(&pairs(&times)), Ratios { of_medians, lowest, highest }, "{name}");
        }
    }

    #[test]
    fn the_page_has_facts_ratios_and_each_system_once() {
        let measured = [1, 3].map(|at| Measured {
            comparison: &COMPARISONS[at],
            pairs: pairs(&[(500, 1000), (400, 1000), (600, 1000)]),
        });
        let page = page(&[("date", "2026-11-27".into())], &measured);
        let expected = "\
- date: 2026-11-27

| work | compared with | `mmh` | other | `mmh` / other | pair by pair |
|---|---|---|---|---|---|
| new candidate | OpenEvolve, process pool (openevolve 0.4.1) | 0.500 s | 1.000 s | 0.50 | 0.40 to 0.60 |
| new candidate | ShinkaEvolve, local job (shinka-evolve 0.0.7) | 0.500 s | 1.000 s | 0.50 | 0.40 to 0.60 |

| system | how a candidate runs | what it is kept from |
|---|---|---|
| mmh | ";
        assert!(page.starts_with(expected), "{page}");
        for title in ["mmh", "OpenEvolve, process pool", "ShinkaEvolve, local job"] {
            assert_eq!(page.matches(&format!("\n| {title} | ")).count(), 1, "{title}: {page}");
        }
        assert_eq!(page.lines().count(), 12, "{page}");
    }
}
