//! Finds held-back examples in a candidate: texts and tables of answers, in its source and in the data of its
//! component.
//!
//! It is a tripwire and no proof: an encrypted or computed text is not found. A text that is also in `train` never
//! counts, because a harness may learn from it. Not in here: what is done about a leak.

mod hashes;
mod letters;
mod literals;
mod pieces;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use mmh_record::leak::{Leak, Place};
use wasmparser::{Parser, Payload};

use crate::dataset::Example;
use letters::Letters;
use literals::Literal;
use mmh_engine::compile::{Rejection, RejectionKind};
use mmh_record::{data::Split, text};
use pieces::{PIECE_BYTES, Pieces};

/// Most leaks that are reported. Further ones are dropped.
pub const MAX_LEAKS: usize = 64;

/// This many common letters and digits in a row, without white space and punctuation, are no accident. They are about
/// 40 characters of prose.
const RUN_LETTERS: usize = 32;

/// The length of a text's beginning that can be a key in a table of answers.
const PREFIX_LETTERS: std::ops::Range<usize> = 8..RUN_LETTERS;

/// This many rows make a table of prefixes or ids, and this many a table of hashes.
const PREFIX_ROWS: usize = 5;
const HASH_ROWS: usize = 3;

/// Longest excerpt, in characters.
const EXCERPT_CHARS: usize = 120;

/// The rejection of a harness with these leaks; nothing if there are none. A proposer reads it, so it says nothing about
/// the examples.
pub fn refusal(leaks: &[Leak]) -> Option<Rejection> {
    if leaks.is_empty() {
        return None;
    }
    let more = if leaks.len() == MAX_LEAKS { " or more" } else { "" };
    let message = format!(
        "the harness carries {}{more} validation or test examples in its source or data, and this run refuses that: take them out",
        leaks.len()
    );
    Some(Rejection { kind: RejectionKind::Leak, message, diagnostics: String::new() })
}

/// One text that must not be found: of an example, or a long one of its fields.
struct Held {
    split: Split,
    id: String,
    gold: String,
    text: String,
    letters: Letters,
}

/// Looks for the held-back examples of one data set. It is made once and used for every candidate.
pub struct Lint {
    held: Vec<Held>,
    pieces: Pieces,
    /// Every held example by its letters, sorted.
    by_letters: Vec<(String, usize)>,
    train_letters: Vec<String>,
    hashes: HashMap<u64, usize>,
    ids: HashMap<String, usize>,
}

/// What was found so far: one excerpt for each place and example.
type Findings = BTreeMap<(Place, usize), String>;

impl Lint {
    /// A lint that looks for `val` and `test`, except for texts that are also in `train`.
    pub fn new(train: &[Example], val: &[Example], test: &[Example]) -> Self {
        let mut train_letters: Vec<String> = train.iter().flat_map(texts).map(letters::of).collect();
        train_letters.sort();
        let known: HashSet<&String> = train_letters.iter().collect();
        let of = |split: Split, rows: &[Example]| {
            let held = rows.iter().flat_map(|row| texts(row).map(move |text| (row, text)));
            let held = held.map(|(row, text)| Held {
                split,
                id: row.id.clone(),
                gold: row.gold.clone(),
                text: text.to_owned(),
                letters: Letters::new(text),
            });
            held.collect::<Vec<_>>()
        };
        let mut held = of(Split::Val, val);
        held.extend(of(Split::Test, test));
        held.retain(|it| !known.contains(&it.letters.text));
        let texts: Vec<&str> = held.iter().map(|it| it.letters.text.as_str()).collect();
        let pieces = Pieces::new(&texts, &train_letters);
        let mut by_letters: Vec<(String, usize)> =
            held.iter().enumerate().map(|(at, it)| (it.letters.text.clone(), at)).collect();
        by_letters.sort();
        let hashes = hashes::table(held.iter().map(|it| it.text.as_str()));
        let ids = held.iter().enumerate().map(|(at, it)| (it.id.clone(), at)).collect();
        Self { held, pieces, by_letters, train_letters, hashes, ids }
    }

    /// The held-back examples that are in this source or in this component's data, at most [`MAX_LEAKS`].
    pub fn check(&self, source: &str, component: &[u8]) -> Vec<Leak> {
        let mut found = Findings::new();
        let literals = literals::of(source);
        self.texts(Place::Source, &letters::of(source), &mut found);
        // A text that was cut into several literals is whole when they are joined.
        let joined: String = literals.iter().filter_map(Literal::text).collect();
        self.texts(Place::Source, &letters::of(&joined), &mut found);
        self.prefixes(&literals, &mut found);
        self.names(&literals, &mut found);
        let numbers = literals.iter().filter_map(Literal::number);
        self.hashes(Place::Source, numbers, &mut found);
        for data in data_segments(component) {
            self.texts(Place::Data, &letters::of(&String::from_utf8_lossy(data)), &mut found);
            self.hashes(Place::Data, words(data), &mut found);
        }
        let leaks = found.into_iter().take(MAX_LEAKS);
        leaks.map(|((place, at), excerpt)| self.leak(place, at, &excerpt)).collect()
    }

    fn leak(&self, place: Place, at: usize, excerpt: &str) -> Leak {
        let Held { split, id, .. } = &self.held[at];
        Leak {
            place,
            split: split.name().to_owned(),
            example_id: id.clone(),
            excerpt: text::ellipsis(&text::one_line(excerpt), EXCERPT_CHARS),
        }
    }

    /// Long runs of an example's text.
    fn texts(&self, place: Place, haystack: &str, found: &mut Findings) {
        for (start, owners) in self.pieces.found_in(haystack.as_bytes()) {
            for &(at, offset) in owners {
                if found.contains_key(&(place, at)) {
                    continue;
                }
                let letters = &self.held[at].letters;
                let (from, to) = common_run(haystack, start, &letters.text, offset);
                let run = &letters.text[from..to];
                if run.len() == letters.text.len() || run.chars().count() >= RUN_LETTERS {
                    let excerpt = letters.original(&self.held[at].text, from, to);
                    found.insert((place, at), excerpt.to_owned());
                }
            }
        }
    }

    /// Literals that begin an example, each beside a literal that is its label.
    fn prefixes(&self, literals: &[Literal], found: &mut Findings) {
        let texts: Vec<&str> = literals.iter().filter_map(Literal::text).collect();
        let pairs = texts.windows(2).flat_map(|pair| [(pair[0], pair[1]), (pair[1], pair[0])]);
        let rows: BTreeMap<usize, String> = pairs
            .filter_map(|(key, label)| Some((self.begun_by(key, label)?, format!("{key} -> {label}"))))
            .collect();
        enter(Place::Source, rows, PREFIX_ROWS, found);
    }

    /// The held example with this label that begins so, if no train example does.
    fn begun_by(&self, key: &str, label: &str) -> Option<usize> {
        let key = letters::of(key);
        if !PREFIX_LETTERS.contains(&key.chars().count()) || begins(&self.train_letters, &key) {
            return None;
        }
        let first = self.by_letters.partition_point(|(text, _)| *text < key);
        let candidates = self.by_letters[first..].iter().take_while(|(text, _)| text.starts_with(&key));
        let mut candidates = candidates.map(|(_, at)| *at);
        candidates.find(|&at| self.held[at].gold == label.trim())
    }

    /// Literals that are example ids.
    fn names(&self, literals: &[Literal], found: &mut Findings) {
        let texts = literals.iter().filter_map(Literal::text);
        let rows = texts.filter_map(|text| Some((*self.ids.get(text.trim())?, text.to_owned())));
        enter(Place::Source, rows.collect(), PREFIX_ROWS, found);
    }

    /// Numbers that are common hashes of an example's text.
    fn hashes(&self, place: Place, numbers: impl Iterator<Item = u64>, found: &mut Findings) {
        let hits = numbers.filter_map(|number| Some((*self.hashes.get(&number)?, number)));
        let rows: BTreeMap<usize, String> =
            hits.map(|(at, number)| (at, format!("{number:#x}, a hash of the text"))).collect();
        enter(place, rows, HASH_ROWS, found);
    }
}

/// The texts of an example: the one that it always has, and fields that are too long to be the same by accident.
fn texts(example: &Example) -> impl Iterator<Item = &str> {
    let fields = example.input.fields.iter().map(|field| field.value.as_str());
    let is_long = |value: &&str| value.chars().filter(|it| it.is_alphanumeric()).count() >= RUN_LETTERS;
    std::iter::once(example.input.text.as_str()).chain(fields.filter(is_long))
}

/// Adds the rows of a table, if there are enough of them.
fn enter(place: Place, rows: BTreeMap<usize, String>, enough: usize, found: &mut Findings) {
    if rows.len() >= enough {
        for (at, excerpt) in rows {
            found.entry((place, at)).or_insert(excerpt);
        }
    }
}

/// The range in the second text in which two texts agree, around a piece that they share.
fn common_run(left: &str, at: usize, right: &str, offset: usize) -> (usize, usize) {
    let len = PIECE_BYTES;
    let (before, after) = (&left.as_bytes()[..at], &left.as_bytes()[at + len..]);
    let (own_before, own_after) = (&right.as_bytes()[..offset], &right.as_bytes()[offset + len..]);
    let back = before.iter().rev().zip(own_before.iter().rev()).take_while(|(a, b)| a == b).count();
    let on = after.iter().zip(own_after).take_while(|(a, b)| a == b).count();
    let (mut from, mut to) = (offset - back, offset + len + on);
    while !right.is_char_boundary(from) {
        from += 1;
    }
    while !right.is_char_boundary(to) {
        to -= 1;
    }
    (from, to)
}

/// Whether one of these sorted texts begins with `key`.
fn begins(sorted: &[String], key: &str) -> bool {
    let first = sorted.partition_point(|text| text.as_str() < key);
    sorted.get(first).is_some_and(|text| text.starts_with(key))
}

/// The data segments of all modules of a component, up to the first part that cannot be parsed.
fn data_segments(component: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(component).map_while(Result::ok) {
        if let Payload::DataSection(section) = payload {
            found.extend(section.into_iter().map_while(Result::ok).map(|segment| segment.data));
        }
    }
    found
}

/// The 64-bit numbers in a data segment, wherever the compiler may have put one.
fn words(data: &[u8]) -> impl Iterator<Item = u64> {
    let windows = data.windows(8).step_by(4);
    windows
        .filter_map(|window| Some(u64::from_le_bytes(window.try_into().ok()?)))
        .filter(|&it| it > u64::from(u32::MAX))
}
