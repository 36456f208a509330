//! Where a text mentions labels.
//!
//! Not in here: which of several mentions counts. That is in `labels`.

use std::cmp::Ordering;

use crate::units::{Unit, is_joined, is_unspaced, is_word, units};

/// A label at a place in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mention<'a> {
    /// Its first unit.
    pub start: usize,
    /// The unit behind its last.
    pub end: usize,
    /// None where several labels are written like this.
    pub label: Option<&'a str>,
}

/// What some mentions come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning<'a> {
    Nothing,
    One(&'a str),
    Several,
}

impl<'a> Meaning<'a> {
    pub(crate) fn of(mentions: &[Mention<'a>]) -> Self {
        let meanings = mentions.iter().map(|mention| mention.label.map_or(Self::Several, Self::One));
        meanings.fold(Self::Nothing, Self::and)
    }

    /// What both come to together.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (it, Self::Nothing) | (Self::Nothing, it) => it,
            (Self::One(left), Self::One(right)) if left == right => self,
            _ => Self::Several,
        }
    }
}

/// How a text is like a label. The last is the closest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// Up to white space, punctuation, composition, case and width.
    Loose,
    /// Up to composition, case and width.
    Folded,
    /// Letter by letter.
    Exact,
}

/// A text in which labels are looked for.
pub(crate) struct Text<'t> {
    text: &'t str,
    pub units: Vec<Unit>,
}

impl<'t> Text<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, units: units(text) }
    }

    /// Whether there is anything between two places but white space and punctuation.
    pub(crate) fn has_kept(&self, start: usize, end: usize) -> bool {
        // A mention may go beyond the end of its line.
        self.units.get(start..end).is_some_and(|units| units.iter().any(|unit| unit.is_kept))
    }

    /// All mentions, in order. One that stands inside of a longer one does not count.
    pub(crate) fn mentions<'a, L: AsRef<str>>(&self, labels: &'a [L]) -> Vec<Mention<'a>> {
        let starts: Vec<usize> = (0..self.units.len()).filter(|start| self.begins(*start)).collect();
        let wanted = self.wanted(labels, &starts);
        let mut found: Vec<Mention<'a>> = Vec::new();
        for start in starts {
            if let Some(mention) = self.longest(&wanted, start)
                && found.last().is_none_or(|last| last.end < mention.end)
            {
                found.push(mention);
            }
        }
        found
    }

    /// The labels that may be mentioned at these places. That most begin with another letter keeps this cheap.
    fn wanted<'a, L: AsRef<str>>(&self, labels: &'a [L], starts: &[usize]) -> Vec<Wanted<'a>> {
        let bit = |character: char| 1u128 << (character as u32 % 128);
        let letters = starts.iter().map(|start| self.units[*start].character);
        let letters = letters.filter(char::is_ascii).fold(0, |all, letter| all | bit(letter));
        let labels = labels.iter().map(|label| (label.as_ref(), label.as_ref().trim()));
        let possible = labels.filter(|(_, text)| {
            text.chars().next().is_some_and(|first| {
                !first.is_ascii_alphanumeric() || letters & bit(first.to_ascii_lowercase()) != 0
            })
        });
        possible.map(|(label, text)| Wanted { label, units: units(text) }).collect()
    }

    /// The longest mention that starts here. Of labels that end at one place, the one that is most alike.
    fn longest<'a>(&self, wanted: &[Wanted<'a>], start: usize) -> Option<Mention<'a>> {
        let mut best: Option<((usize, Likeness), Option<&'a str>)> = None;
        for it in wanted {
            let Some(rank) = self.like(it, wanted, start) else { continue };
            let Some((best_rank, label)) = &mut best else {
                best = Some((rank, Some(it.label)));
                continue;
            };
            match rank.cmp(best_rank) {
                Ordering::Less => {}
                Ordering::Equal => *label = label.filter(|label| *label == it.label),
                Ordering::Greater => (*best_rank, *label) = (rank, Some(it.label)),
            }
        }
        best.map(|((end, _), label)| Mention { start, end, label })
    }

    /// Where a label ends that starts here, and how alike it is.
    fn like(&self, it: &Wanted<'_>, all: &[Wanted<'_>], start: usize) -> Option<(usize, Likeness)> {
        let rest = &self.units[start..];
        let first = rest.first()?;
        let begins = it.units.first().is_some_and(|unit| unit.character == first.character);
        if begins && starts_with(rest, &it.units) {
            let end = start + it.units.len();
            if self.ends(end) {
                let is_exact = self.text[first.at..].starts_with(it.label.trim());
                return Some((end, if is_exact { Likeness::Exact } else { Likeness::Folded }));
            }
        }
        let mut at = start;
        for wanted in it.kept() {
            // A label does not go on in another line, which may be the next item of a list.
            at += self.units[at..].iter().position(|unit| unit.is_kept || unit.character == '\n')?;
            if self.units[at].character != wanted {
                return None;
            }
            at += 1;
        }
        let is_loose = at > start && first.is_kept && self.ends(at) && it.is_apart(all);
        is_loose.then_some((at, Likeness::Loose))
    }

    /// Whether a mention can start here.
    fn begins(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1).map(|at| self.units[at]) else { return true };
        let (left, right) = (before.character, self.units[at].character);
        match left {
            _ if is_word(left) => can_touch(left, right),
            // `-1` is not `1`, and `R&D` is not `D`.
            '&' | '+' => !before.is_kept,
            '#' => true,
            _ if left.is_whitespace() || !left.is_ascii() => true,
            _ => !before.is_kept || !right.is_numeric(),
        }
    }

    /// Whether a mention can end before this place.
    fn ends(&self, at: usize) -> bool {
        let Some(after) = self.units.get(at) else { return true };
        match after.character {
            right if is_word(right) => can_touch(self.units[at - 1].character, right),
            // `A+` is not `A`, and `C#` is not `C`.
            right => right.is_whitespace() || !(right.is_ascii() && after.is_kept),
        }
    }
}

/// Whether two words can stand side by side without a space.
fn can_touch(left: char, right: char) -> bool {
    let is_free = |it: char| is_unspaced(it) || !(it.is_ascii() || is_word(it));
    !is_joined(left, right) && (is_free(left) || is_free(right))
}

/// A label, ready to be looked for.
struct Wanted<'a> {
    label: &'a str,
    units: Vec<Unit>,
}

impl Wanted<'_> {
    /// What loose matching compares.
    fn kept(&self) -> impl Iterator<Item = char> {
        self.units.iter().filter(|unit| unit.is_kept).map(|unit| unit.character)
    }

    /// Whether loose matching tells it from all other labels.
    fn is_apart(&self, all: &[Wanted<'_>]) -> bool {
        all.iter().all(|it| it.label == self.label || !it.kept().eq(self.kept()))
    }
}

fn starts_with(units: &[Unit], wanted: &[Unit]) -> bool {
    units.len() >= wanted.len()
        && units.iter().zip(wanted).all(|(it, wanted)| it.character == wanted.character)
}
