//! The ideas that the simulated proposer has, in the order in which it comes to them.
//!
//! An idea is one mechanism with a parameter. A harness is a set of them, named in a marker line of its
//! source, so that a later iteration can build on it. Whether an idea helps is not known here. When all have been tried,
//! `combinations` follow.

use std::fmt;

use super::{combinations, python, study::Study};

/// A way in which a harness can do better than to ask plainly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mechanism {
    /// Worked examples in the source, per confused label.
    FewShot,
    /// Offers only the labels that fail most, in percent of all labels.
    ShortList,
    /// Learns the training rows and shows this many of the nearest.
    Retrieve,
    /// Reasons first, then answers as JSON, with this many reply tokens.
    Reason,
    /// Rules for confused pairs, with this many words each.
    Hints,
    /// Two opinions, and this many more calls for a verdict where they differ.
    Verdict,
}

const NAMES: &[(Mechanism, &str)] = &[
    (Mechanism::FewShot, "few-shot"),
    (Mechanism::ShortList, "short-list"),
    (Mechanism::Retrieve, "retrieve"),
    (Mechanism::Reason, "reason"),
    (Mechanism::Hints, "hints"),
    (Mechanism::Verdict, "verdict"),
];

/// A mechanism with its parameter, written `retrieve:6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Idea {
    pub mechanism: Mechanism,
    pub parameter: u32,
}

impl Mechanism {
    /// The idea of this mechanism with a parameter.
    pub(crate) fn with(self, parameter: u32) -> Idea {
        idea(self, parameter)
    }
}

const fn idea(mechanism: Mechanism, parameter: u32) -> Idea {
    Idea { mechanism, parameter }
}

/// In the order of trying: first each mechanism, then other parameters.
const ORDER: &[Idea] = &[
    idea(Mechanism::FewShot, 2),
    idea(Mechanism::ShortList, 50),
    idea(Mechanism::Retrieve, 6),
    idea(Mechanism::Reason, 400),
    idea(Mechanism::Hints, 5),
    idea(Mechanism::Verdict, 1),
    idea(Mechanism::Retrieve, 12),
    idea(Mechanism::FewShot, 4),
    idea(Mechanism::Retrieve, 3),
    idea(Mechanism::Hints, 8),
];

/// The marker before the one new idea, and the one before all mechanisms of a harness.
pub(crate) const IDEA_MARKER: &str = "idea: ";
pub(crate) const SET_MARKER: &str = "mechanisms: ";

impl Idea {
    /// Whether there is anything in what was read that it could act on.
    pub(crate) fn applies(self, study: &Study, set: &[Idea]) -> bool {
        if study.is_python && !python::has(self.mechanism) {
            return false;
        }
        // These three are about labels, which an open task does not have.
        if study.is_open
            && matches!(self.mechanism, Mechanism::ShortList | Mechanism::Hints | Mechanism::Verdict)
        {
            return false;
        }
        match self.mechanism {
            Mechanism::ShortList => study.labels.len() >= 3 && !study.missed().is_empty(),
            Mechanism::Hints => !study.confusions().is_empty(),
            // Without examples both opinions would see the same.
            Mechanism::Verdict => {
                set.iter().any(|one| matches!(one.mechanism, Mechanism::FewShot | Mechanism::Retrieve))
            }
            Mechanism::FewShot | Mechanism::Retrieve | Mechanism::Reason => true,
        }
    }

    /// Whether it needs training rows to write its source.
    fn reads_train(self) -> bool {
        matches!(self.mechanism, Mechanism::FewShot | Mechanism::Hints)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, parameter) = text.trim().split_once(':')?;
        let (mechanism, _) = NAMES.iter().find(|(_, known)| *known == name)?;
        Some(idea(*mechanism, parameter.parse().ok()?))
    }
}

impl fmt::Display for Idea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            NAMES.iter().find(|(mechanism, _)| *mechanism == self.mechanism).map_or("", |(_, name)| name);
        write!(f, "{name}:{}", self.parameter)
    }
}

/// The idea that a source or a reasoning says it tried.
pub(crate) fn idea_in(text: &str) -> Option<Idea> {
    text.match_indices(IDEA_MARKER).find_map(|(at, marker)| {
        Idea::parse(
            text[at + marker.len()..].split(|c: char| c.is_whitespace() || c == ',' || c == ')').next()?,
        )
    })
}

/// The mechanisms that a source says it has.
pub(crate) fn set_in(source: &str) -> Vec<Idea> {
    let line = source.lines().take(40).find_map(|line| {
        let line = line.trim();
        line.strip_prefix("//! ").or_else(|| line.strip_prefix("# "))?.strip_prefix(SET_MARKER)
    });
    line.unwrap_or_default().split(' ').filter_map(Idea::parse).collect()
}

/// A set of mechanisms with one more, which replaces its like. In a fixed order.
pub(crate) fn with(set: &[Idea], new: Idea) -> Vec<Idea> {
    let mut set: Vec<Idea> = set.iter().copied().filter(|one| one.mechanism != new.mechanism).collect();
    set.push(new);
    set.sort_unstable();
    set
}

/// What is written in an iteration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plan {
    /// The best harness with one more idea.
    One(Idea),
    /// A combination of its own.
    Combination(Vec<Idea>),
}

impl Plan {
    /// The plan of an iteration: an idea that was not tried, but for the dropped ones. When there is none, or as many
    /// iterations have passed as there are ideas, a combination.
    pub(crate) fn of(study: &Study, seed: u64, iteration: u64, dropped: &[Idea]) -> Self {
        let idea = (iteration <= ORDER.len() as u64).then(|| choose(study, dropped)).flatten();
        idea.map_or_else(|| Self::Combination(combinations::of(study, seed, iteration)), Self::One)
    }

    /// Whether it needs training rows to write its source.
    pub(crate) fn reads_train(&self) -> bool {
        match self {
            Self::One(idea) => idea.reads_train(),
            Self::Combination(set) => set.iter().any(|idea| idea.reads_train()),
        }
    }
}

/// The first idea that was not tried and that applies, but for those that turned out to be empty, and for those that are
/// left to the candidates before this one.
fn choose(study: &Study, dropped: &[Idea]) -> Option<Idea> {
    let set = set_in(&study.best_source);
    let tried = |idea: Idea| set.contains(&idea) || study.past.iter().any(|past| past.idea == Some(idea));
    let free = |idea: &Idea| !tried(*idea) && !dropped.contains(idea) && idea.applies(study, &set);
    ORDER.iter().copied().filter(free).nth(study.before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_read_back() {
        for idea in ORDER {
            let source = format!(
                "//! Simulated.\n//!\n//! idea: {idea}\n//! mechanisms: {idea} reason:9\nfn x() {{}}"
            );
            assert_eq!(idea_in(&source), Some(*idea));
            assert_eq!(set_in(&source), [*idea, Idea::parse("reason:9").unwrap()]);
            assert_eq!(idea_in(&format!("# idea: {idea} (simulated)")), Some(*idea));
        }
        assert_eq!(idea_in("no idea: what"), None);
        assert_eq!(set_in("//! mechanisms: \u{1f600} a:b :"), []);
    }

    #[test]
    fn one_mechanism_replaces_its_like() {
        let set: Vec<Idea> = ["retrieve:6", "few-shot:2"].into_iter().filter_map(Idea::parse).collect();
        let set = with(&set, idea(Mechanism::Retrieve, 12));
        assert_eq!(set.iter().map(Idea::to_string).collect::<Vec<_>>(), ["few-shot:2", "retrieve:12"]);
    }
}
