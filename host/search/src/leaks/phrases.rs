//! Phrases of a source that stand in validation texts and in no train text. They are no leak: a few words can be the same by
//! accident. Whoever wrote them is told.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::literals::{self, Literal};
use crate::dataset::Example;

/// Words of a phrase, and letters that it has at least: fewer are common speech.
const WORDS: usize = 3;
const MIN_LETTERS: usize = 12;

/// Most phrases of a source that are looked for, and that are reported.
const MAX_LOOKED_FOR: usize = 50_000;
const MAX_REPORTED: usize = 10;

/// The phrases of validation texts that stand in no train text. They are made once and looked up for every source, because a
/// data set may have very many texts.
pub struct Phrases(HashSet<u64>);

impl Phrases {
    /// Those of this data set.
    pub fn new(train: &[Example], val: &[Example]) -> Self {
        let mut found: HashSet<u64> = texts(val).flat_map(phrases).map(|it| hash(&it)).collect();
        for phrase in texts(train).flat_map(phrases) {
            found.remove(&hash(&phrase));
        }
        Self(found)
    }

    /// Those that stand in the texts of a source, in its order.
    pub fn of(&self, source: &str) -> Vec<String> {
        let mut known = HashSet::new();
        let wanted =
            literals::of(source).iter().filter_map(Literal::text).flat_map(phrases).collect::<Vec<_>>();
        let new = wanted.into_iter().filter(|phrase| known.insert(hash(phrase))).take(MAX_LOOKED_FOR);
        new.filter(|phrase| self.0.contains(&hash(phrase))).take(MAX_REPORTED).collect()
    }
}

/// The hash that stands for a phrase. Two of the same are as good as impossible.
fn hash(phrase: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    phrase.hash(&mut hasher);
    hasher.finish()
}

/// The texts of these examples, fields included.
fn texts(examples: &[Example]) -> impl Iterator<Item = &str> {
    examples.iter().flat_map(|example| {
        let fields = example.input.fields.iter().map(|field| field.value.as_str());
        std::iter::once(example.input.text.as_str()).chain(fields)
    })
}

/// The runs of words in a text, in lower case.
fn phrases(text: &str) -> Vec<String> {
    let words: Vec<String> = text
        .split(|it: char| !it.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let is_long = |words: &[String]| words.iter().map(String::len).sum::<usize>() >= MIN_LETTERS;
    words.windows(WORDS).filter(|words| is_long(words)).map(|words| words.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_of_validation_alone_are_found() {
        let example = |text: &str| Example::new("x", text, "gold");
        let train = [example("My skin itches at night, and my joints hurt."), example("A dry cough")];
        let val = [example("The rash spreads over both arms; my skin itches at night"), example("It is so")];
        // name, source, what is found
        let table: [(&str, &str, &[&str]); 6] = [
            ("nothing", "fn main() {}", &[]),
            ("words of validation", r#"let x = "Rash spreads, OVER";"#, &["rash spreads over"]),
            ("words of both", r#"let x = "skin itches at night";"#, &[]),
            ("a comment", "// rash spreads over both arms", &[]),
            ("short words", r#"let x = "it is so";"#, &[]),
            (
                "several",
                r#"["over both arms my", "x", "rash spreads over"]"#,
                // "both arms my" has too few letters.
                &["over both arms", "rash spreads over"],
            ),
        ];
        for (name, source, expected) in table {
            assert_eq!(Phrases::new(&train, &val).of(source), expected, "{name}");
        }
    }
}
