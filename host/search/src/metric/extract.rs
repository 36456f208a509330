//! Cuts the answer out of a text by regular expressions.
//!
//! The crate `regex` needs time that grows with the text, but to find all matches one after the other can take the square
//! of it. So the search for the last match has a budget, which short texts cannot use up.

use mmh_record::metric::Take;
use regex::{Regex, RegexBuilder};

use super::InvalidMetric;

/// Most bytes of an expression, and of what it is compiled to.
const MAX_PATTERN_BYTES: usize = 1_000;
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// Most expressions of a metric.
const MAX_PATTERNS: usize = 16;

/// Most bytes that are looked at to find the last match, if each match begins a new search to the text's end. Texts below
/// 8 KiB never take so many; in longer ones, the last of thousands of matches may be one of the earlier.
const LAST_MATCH_BYTES: usize = 64 << 20;

#[derive(Clone, Debug, Default)]
pub(super) struct Extractor {
    patterns: Vec<Regex>,
    take: Take,
    strict: bool,
}

impl Extractor {
    pub(super) fn new(patterns: &[String], take: Take, strict: bool) -> Result<Self, InvalidMetric> {
        if patterns.len() > MAX_PATTERNS {
            return Err(InvalidMetric(format!(
                "`extract` has {} expressions, more than the limit of {MAX_PATTERNS}",
                patterns.len()
            )));
        }
        let patterns = patterns.iter().map(|pattern| compiled(pattern)).collect::<Result<_, _>>()?;
        Ok(Self { patterns, take, strict })
    }

    /// The part of a text that is the answer. None where no expression matches and one has to.
    pub(super) fn of<'t>(&self, text: &'t str) -> Option<&'t str> {
        if self.patterns.is_empty() {
            return Some(text);
        }
        let found = self.patterns.iter().find_map(|pattern| match self.take {
            Take::First => group(pattern, text, 0),
            Take::Last => group(pattern, text, last(pattern, text)?),
        });
        found.or((!self.strict).then_some(text))
    }
}

fn compiled(pattern: &str) -> Result<Regex, InvalidMetric> {
    let invalid =
        |problem: String| InvalidMetric(format!("the expression {pattern:?} of `extract` {problem}"));
    if pattern.len() > MAX_PATTERN_BYTES {
        let problem = format!("has {} bytes, more than the limit of {MAX_PATTERN_BYTES}", pattern.len());
        return Err(InvalidMetric(format!("an expression of `extract` {problem}")));
    }
    let mut builder = RegexBuilder::new(pattern);
    let built = builder.size_limit(MAX_COMPILED_BYTES).dfa_size_limit(MAX_COMPILED_BYTES).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => {
            invalid(format!("takes more than {limit} bytes when compiled"))
        }
        error => invalid(format!("is none: {}", error.to_string().lines().last().unwrap_or_default())),
    })
}

/// Of the first match from this place on, the first group that took part, or all of it.
fn group<'t>(pattern: &Regex, text: &'t str, at: usize) -> Option<&'t str> {
    if pattern.captures_len() == 1 {
        return pattern.find_at(text, at).map(|found| found.as_str());
    }
    let found = pattern.captures_at(text, at)?;
    let groups = found.iter().skip(1).flatten();
    groups.chain(found.get(0)).next().map(|group| group.as_str())
}

/// Where the last match begins.
fn last(pattern: &Regex, text: &str) -> Option<usize> {
    let mut budget = LAST_MATCH_BYTES;
    let within_budget = |found: &regex::Match<'_>| {
        let rest = text.len() - found.start();
        let had = budget;
        budget = budget.saturating_sub(rest);
        had > 0
    };
    pattern.find_iter(text).take_while(within_budget).last().map(|found| found.start())
}
