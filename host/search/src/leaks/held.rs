//! The texts that must not be found, and lists of them that are sorted for look-ups.

use super::{PREFIX_LETTERS, RUN_LETTERS, letters};
use crate::dataset::Example;
use mmh_record::data::Split;

/// One text that must not be found: of an example, or a long one of its fields.
pub struct Held {
    pub split: Split,
    pub example: Example,
    /// The place of the field that it is. None for the text that each example has.
    pub field: Option<usize>,
    /// The letters of the text.
    pub letters: Box<str>,
}

impl Held {
    pub fn text(&self) -> &str {
        let input = &self.example.input;
        self.field.and_then(|at| input.fields.get(at)).map_or(&input.text, |field| &field.value)
    }
}

/// The texts of an example: the one that it always has, and fields that are too long to be the same by accident, each with
/// its place among the fields.
pub fn texts(example: &Example) -> impl Iterator<Item = (Option<usize>, &str)> {
    let fields = example.input.fields.iter().enumerate().map(|(at, field)| (Some(at), field.value.as_str()));
    let letters = |text: &str| text.chars().filter(|it| it.is_alphanumeric()).count();
    let long = fields.filter(move |(_, value)| letters(value) >= RUN_LETTERS);
    std::iter::once((None, example.input.text.as_str())).chain(long)
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

/// Which of these examples have the letters of a train example.
pub fn known(held: &[Held], train: &[Example]) -> Vec<bool> {
    let (by_letters, mut is_known) = (sorted(held, |it| &*it.letters), vec![false; held.len()]);
    let letters = |at: &u32| &*held[*at as usize].letters;
    for text in letters_of(train) {
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
