//! Phrases of a source that stand in validation texts and in no train text. They are no leak: a few words can be the same by
//! accident. Whoever wrote them is told.

use std::collections::{BTreeMap, HashSet};

use super::literals::{self, Literal};
use crate::dataset::Example;

/// Words of a phrase, and letters that it has at least: fewer are common speech.
const WORDS: usize = 3;
const MIN_LETTERS: usize = 12;

/// Most phrases of a source that are looked for, and that are reported.
const MAX_LOOKED_FOR: usize = 50_000;
const MAX_REPORTED: usize = 10;

/// The phrases in the texts of this source that stand in a validation text and in no train text, in the order of the source.
pub fn of_val(source: &str, train: &[Example], val: &[Example]) -> Vec<String> {
    let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
    for literal in literals::of(source).iter().filter_map(Literal::text) {
        for phrase in phrases(literal) {
            let place = wanted.len();
            if place < MAX_LOOKED_FOR {
                wanted.entry(phrase).or_insert(place);
            }
        }
    }
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found: HashSet<String> =
        texts(val).flat_map(phrases).filter(|phrase| wanted.contains_key(phrase)).collect();
    if !found.is_empty() {
        for phrase in texts(train).flat_map(phrases) {
            found.remove(&phrase);
        }
    }
    let mut found: Vec<String> = found.into_iter().collect();
    found.sort_by_key(|phrase| wanted.get(phrase));
    found.truncate(MAX_REPORTED);
    found
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
            assert_eq!(of_val(source, &train, &val), expected, "{name}");
        }
    }
}
