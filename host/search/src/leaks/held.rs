//! The texts that must not be found, and lists of them that are sorted for look-ups.

use super::{PREFIX_LETTERS, RUN_LETTERS, golds, letters};
use crate::dataset::Example;
use mmh_record::data::Split;

/// One text that must not be found.
pub struct Held {
    pub split: Split,
    pub example: Example,
    /// What it is of the example.
    pub part: Part,
    /// The letters of the text.
    pub letters: Box<str>,
}

/// What a text is of its example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The text that each example has.
    Text,
    /// A field, by its place among the fields.
    Field(usize),
    /// The right answer, or a text in it.
    Gold(Box<str>),
}

impl Held {
    pub fn text(&self) -> &str {
        let input = &self.example.input;
        match &self.part {
            Part::Text => &input.text,
            Part::Field(at) => input.fields.get(*at).map_or(&input.text, |field| &field.value),
            Part::Gold(text) => text,
        }
    }

    pub fn is_gold(&self) -> bool {
        matches!(self.part, Part::Gold(_))
    }

    /// Whether it is a right answer that is not found alone.
    pub fn is_short_gold(&self) -> bool {
        self.is_gold() && !golds::is_long(&self.letters)
    }
}

/// What is looked for of these examples: their texts, and the right answers of an open task.
pub fn of(split: Split, examples: &[Example], is_open: bool) -> Vec<Held> {
    let held = |example: &Example, part: Part, text: &str| Held {
        split,
        example: example.clone(),
        part,
        letters: letters::of(text).into(),
    };
    let mut found = Vec::new();
    for example in examples {
        found.extend(texts(example).map(|(part, text)| held(example, part, text)));
        let golds = if is_open { golds::texts(&example.gold) } else { Vec::new() };
        found.extend(golds.into_iter().map(|text| held(example, Part::Gold(text.as_str().into()), &text)));
    }
    found
}

/// The texts of an example: the one that it always has, and fields that are too long to be the same by accident.
fn texts(example: &Example) -> impl Iterator<Item = (Part, &str)> {
    let fields = example.input.fields.iter().enumerate();
    let fields = fields.map(|(at, field)| (Part::Field(at), field.value.as_str()));
    let letters = |text: &str| text.chars().filter(|it| it.is_alphanumeric()).count();
    let long = fields.filter(move |(_, value)| letters(value) >= RUN_LETTERS);
    std::iter::once((Part::Text, example.input.text.as_str())).chain(long)
}

/// The letters of each text of these examples, one at a time: a data set may have very many.
pub fn letters_of(examples: &[Example]) -> impl Iterator<Item = String> {
    examples.iter().flat_map(texts).map(|(_, text)| letters::of(text))
}

/// The places of these examples, sorted by a text of each. Equal ones keep their order.
pub fn sorted(held: &[Held], by: impl Fn(&Held) -> &str) -> Vec<u32> {
    let mut places: Vec<u32> = (0..held.len() as u32).collect();
    places.sort_by_key(|at| by(&held[*at as usize]));
    places
}

/// Which of these have the letters of a known text.
pub fn known(held: &[Held], known: impl Iterator<Item = String>) -> Vec<bool> {
    let (by_letters, mut is_known) = (sorted(held, |it| &*it.letters), vec![false; held.len()]);
    let letters = |at: &u32| &*held[*at as usize].letters;
    for text in known {
        let first = by_letters.partition_point(|at| letters(at) < text.as_str());
        // The first one stands for all of them, of which there may be very many.
        if let Some(at) = by_letters.get(first).filter(|at| letters(at) == text) {
            is_known[*at as usize] = true;
        }
    }
    for pair in by_letters.windows(2) {
        let [one, next] = [pair[0], pair[1]].map(|at| at as usize);
        is_known[next] |= is_known[one] && held[one].letters == held[next].letters;
    }
    is_known
}

/// The first letters of each text of these examples, as many as a key can have, sorted.
pub fn beginnings(train: &[Example]) -> Vec<Box<str>> {
    let beginning = |text: String| text.chars().take(PREFIX_LETTERS.end).collect::<String>().into();
    let mut beginnings: Vec<Box<str>> = letters_of(train).map(beginning).collect();
    beginnings.sort();
    beginnings.dedup();
    beginnings
}
