//! Finds held-back examples in a candidate: texts, tables of answers, and right answers of an open task, in its source and
//! in the data of its component.
//!
//! It is a tripwire and no proof: an encrypted or computed text is not found. A text that is also in `train` never
//! counts, because a harness may learn from it. Not in here: what is done about a leak.

mod golds;
mod hashes;
mod held;
mod letters;
mod literals;
pub mod phrases;
mod pieces;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use mmh_record::leak::{Leak, Place};
use wasmparser::{Parser, Payload};

use crate::dataset::{Dataset, Example};
use hashes::Hashes;
use held::{Held, beginnings, letters_of, sorted};
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

/// Looks for the held-back examples of one data set. It is made once and used for every candidate.
///
/// A data set may have very many examples, so what is looked up is in sorted lists of numbers, and no text is held twice.
pub struct Lint {
    held: Vec<Held>,
    pieces: Pieces,
    /// The places in `held`, sorted by letters.
    by_letters: Vec<u32>,
    /// The beginnings of the letters of `train`, sorted.
    train: Vec<Box<str>>,
    hashes: Hashes,
    /// The places in `held`, sorted by id.
    by_id: Vec<u32>,
    golds: golds::Short,
}

/// What was found so far: one excerpt for each place and example.
type Findings = BTreeMap<(Place, usize), String>;

impl Lint {
    /// A lint for a data set: for its `val` and `test`, except for what is also in `train`. The right answers of an open
    /// task are looked for as well; those of a task with labels are no secret.
    pub fn of(dataset: &Dataset) -> Self {
        let Dataset { task, train, val, test, .. } = dataset;
        match dataset.is_open() {
            true => Self::of_open(&task.instructions, train, val, test),
            false => Self::new(train, val, test),
        }
    }

    /// A lint for the examples of a task with labels.
    pub fn new(train: &[Example], val: &[Example], test: &[Example]) -> Self {
        Self::made(None, train, val, test)
    }

    /// A lint for the examples of an open task with these instructions.
    pub fn of_open(instructions: &str, train: &[Example], val: &[Example], test: &[Example]) -> Self {
        Self::made(Some(instructions), train, val, test)
    }

    fn made(open: Option<&str>, train: &[Example], val: &[Example], test: &[Example]) -> Self {
        let mut held = held::of(Split::Val, val, open.is_some());
        held.extend(held::of(Split::Test, test, open.is_some()));
        let known_texts = || {
            let answers = if open.is_some() { train } else { &[] };
            let more = answers.iter().map(|example| letters::of(&example.gold)).chain(open.map(letters::of));
            letters_of(train).chain(more)
        };
        let is_known = held::known(&held, known_texts());
        let stands_there = golds::known(&held, known_texts());
        let mut is_known = is_known.into_iter().zip(stands_there).map(|(known, stands)| known || stands);
        held.retain(|_| is_known.next() != Some(true));
        let whole = held.iter().map(|it| if it.is_short_gold() { "" } else { &*it.letters });
        let pieces = Pieces::new(whole, known_texts());
        let by_letters = sorted(&held, |it| &*it.letters);
        let by_id = sorted(&held, |it| &*it.example.id);
        let hashes = Hashes::of(held.iter().map(Held::text));
        let golds = golds::Short::of(&held);
        Self { held, pieces, by_letters, train: beginnings(train), hashes, by_id, golds }
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
        for (at, text) in self.golds.found(&literals) {
            found.entry((Place::Source, at)).or_insert(text);
        }
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
        let held = &self.held[at];
        let what = if held.is_gold() { "right answer: " } else { "" };
        Leak {
            place,
            split: held.split.name().to_owned(),
            example_id: held.example.id.clone(),
            excerpt: text::ellipsis(&text::one_line(&format!("{what}{excerpt}")), EXCERPT_CHARS),
        }
    }

    /// Long runs of an example's text.
    fn texts(&self, place: Place, haystack: &str, found: &mut Findings) {
        for (start, owners) in self.pieces.found_in(haystack.as_bytes()) {
            for (at, offset) in owners {
                if found.contains_key(&(place, at)) {
                    continue;
                }
                let one = &self.held[at];
                let (from, to) = common_run(haystack, start, &one.letters, offset);
                let run = &one.letters[from..to];
                if run.len() == one.letters.len() || run.chars().count() >= RUN_LETTERS {
                    found.insert((place, at), letters::original(one.text(), from, to).to_owned());
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
        if !PREFIX_LETTERS.contains(&key.chars().count()) || begins(&self.train, &key) {
            return None;
        }
        let letters = |at: u32| &*self.held[at as usize].letters;
        let first = self.by_letters.partition_point(|at| letters(*at) < key.as_str());
        let mut candidates = self.by_letters[first..].iter().take_while(|at| letters(**at).starts_with(&key));
        let is_meant = |one: &Held| !one.is_gold() && one.example.gold == label.trim();
        let found = candidates.find(|at| is_meant(&self.held[**at as usize]));
        found.map(|at| *at as usize)
    }

    /// Literals that are example ids.
    fn names(&self, literals: &[Literal], found: &mut Findings) {
        let texts = literals.iter().filter_map(Literal::text);
        let rows = texts.filter_map(|text| Some((self.named(text.trim())?, text.to_owned())));
        enter(Place::Source, rows.collect(), PREFIX_ROWS, found);
    }

    /// The held example with this id.
    fn named(&self, id: &str) -> Option<usize> {
        let id_of = |at: u32| self.held[at as usize].example.id.as_str();
        // An example may have several texts. The first one stands for all of them.
        let first = self.by_id.partition_point(|at| id_of(*at) < id);
        self.by_id.get(first).filter(|at| id_of(**at) == id).map(|at| *at as usize)
    }

    /// Numbers that are common hashes of an example's text.
    fn hashes(&self, place: Place, numbers: impl Iterator<Item = u64>, found: &mut Findings) {
        let hits = numbers.filter_map(|number| Some((self.hashes.get(number)?, number)));
        let rows: BTreeMap<usize, String> =
            hits.map(|(at, number)| (at, format!("{number:#x}, a hash of the text"))).collect();
        enter(place, rows, HASH_ROWS, found);
    }
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
fn begins(sorted: &[Box<str>], key: &str) -> bool {
    let first = sorted.partition_point(|text| &**text < key);
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
