//! The right answers of held-back examples of an open task. They are as secret as the texts, unless they are so short that
//! they may stand in a harness by chance, or also stand in `train` or in the instructions.
//!
//! A long one is looked for as a text is. Shorter ones are found where several of them stand close together: one alone may
//! be common knowledge, such as the name of a city.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::{RUN_LETTERS, held::Held, letters, literals::Literal};

/// Shorter answers are never looked for.
const MIN_LETTERS: usize = 12;

/// So many different answers are no accident, if they stand among so many texts in a row.
const ROWS: usize = 5;
const AMONG: usize = 10;

/// What may stand between the entries of a list that is one literal.
const SEPARATORS: [char; 5] = ['\n', '\t', '|', ';', ','];

/// The texts of a right answer that may be looked for: all of it, or the texts in it, if it is a JSON array or object.
pub fn texts(gold: &str) -> Vec<String> {
    let mut texts = Vec::new();
    match serde_json::from_str(gold) {
        Ok(value @ (Value::Array(_) | Value::Object(_))) => leaves(value, &mut texts),
        _ => texts.push(gold.to_owned()),
    }
    texts.retain(|text| is_secret(&letters::of(text)));
    texts
}

fn leaves(value: Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.into_iter().for_each(|item| leaves(item, texts)),
        Value::Object(fields) => fields.into_iter().for_each(|(_, field)| leaves(field, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether these letters are so many that they are no accident. A number never is.
fn is_secret(letters: &str) -> bool {
    letters.chars().count() >= MIN_LETTERS && letters.contains(|it: char| !it.is_numeric())
}

/// Whether an answer with these letters is found alone.
pub fn is_long(letters: &str) -> bool {
    letters.chars().count() >= RUN_LETTERS
}

/// Which of the shorter answers among these stand in one of the known texts.
pub fn known(held: &[Held], known: impl Iterator<Item = String>) -> Vec<bool> {
    let mut by_start: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (at, one) in held.iter().enumerate().filter(|(_, one)| one.is_short_gold()) {
        by_start.entry(&one.letters.as_bytes()[..MIN_LETTERS]).or_default().push(at);
    }
    let mut is_known = vec![false; held.len()];
    if by_start.is_empty() {
        return is_known;
    }
    for text in known {
        for (from, start) in text.as_bytes().windows(MIN_LETTERS).enumerate() {
            for at in by_start.get(start).into_iter().flatten() {
                is_known[*at] |= text.as_bytes()[from..].starts_with(held[*at].letters.as_bytes());
            }
        }
    }
    is_known
}

/// The shorter answers, by their letters.
pub struct Short {
    /// Sorted, with the place of the first held answer that has these letters.
    table: Vec<(Box<str>, u32)>,
}

impl Short {
    /// Those among these.
    pub fn of(held: &[Held]) -> Self {
        let short = (0..).zip(held).filter(|(_, one)| one.is_short_gold());
        let mut table: Vec<(Box<str>, u32)> = short.map(|(at, one)| (one.letters.clone(), at)).collect();
        table.sort_unstable();
        table.dedup_by(|next, first| next.0 == first.0);
        Self { table }
    }

    /// Those that stand close together in these literals, each with its text there.
    pub fn found(&self, literals: &[Literal]) -> BTreeMap<usize, String> {
        let mut rows = BTreeMap::new();
        if self.table.is_empty() {
            return rows;
        }
        let hits = self.hits(literals);
        for (at, (first, ..)) in hits.iter().enumerate() {
            let close = || hits[at..].iter().take_while(|(place, ..)| *place < first + AMONG);
            if close().map(|(_, held, _)| held).collect::<BTreeSet<_>>().len() >= ROWS {
                rows.extend(close().map(|(_, held, text)| (*held, (*text).to_owned())));
            }
        }
        rows
    }

    /// The answers among the texts of these literals: the place among the texts, the place of the answer, the text.
    fn hits<'l>(&self, literals: &'l [Literal]) -> Vec<(usize, usize, &'l str)> {
        let (mut hits, mut place) = (Vec::new(), 0);
        for text in literals.iter().filter_map(Literal::text) {
            let whole = self.get(text);
            // An answer may have a separator in it.
            let parts: Vec<&str> = match whole {
                Some(_) => vec![text],
                None => text.split(SEPARATORS).filter(|part| part.contains(char::is_alphanumeric)).collect(),
            };
            for part in parts {
                hits.extend(whole.or_else(|| self.get(part)).map(|held| (place, held, part.trim())));
                place += 1;
            }
        }
        hits
    }

    fn get(&self, text: &str) -> Option<usize> {
        let letters = letters::of(text);
        let found = self.table.binary_search_by(|(own, _)| (**own).cmp(letters.as_str())).ok()?;
        Some(self.table[found].1 as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Lint, tests::rows};
    use super::*;

    const LONG: &str = "Because the harbour froze over in the winter of 1928, no ship could leave.";
    const NAMES: [&str; 8] = [
        "Clockmaker's Bridge",
        "Saint Olga of the Reeds",
        "The Seventh Lantern, Oslo",
        "Upper Marsh Railway",
        "Wilhelmina Tansy",
        "Old Customs House",
        "Ferry of the Nine Oaks",
        "Northern Lichen Moth",
    ];

    fn lint() -> Lint {
        let train = rows(
            "train",
            &[
                ("which bridge is it, the Old Customs House or another one?", "Red Bridge of Tolland"),
                ("b", "yes"),
            ],
        );
        let texts = NAMES.iter().enumerate().map(|(at, name)| (format!("question {at}"), (*name).to_owned()));
        let more = [
            ("why", LONG),
            ("again", LONG),
            ("sure", "yes"),
            ("how many", "1234567890123456789"),
            ("which one", "Red Bridge of Tolland"),
            ("list", "[\"Ministry of Inland Tides\",\"no\",7]"),
            ("object", "{\"what\":{\"name\":\"Lighthouse Keeper's Almanac\"}}"),
            ("which answer", "Example of an Answer"),
        ];
        let more = more.map(|(text, gold)| (text.to_owned(), gold.to_owned()));
        let val: Vec<(String, String)> = texts.chain(more).collect();
        let val: Vec<(&str, &str)> = val.iter().map(|(text, gold)| (text.as_str(), gold.as_str())).collect();
        Lint::of_open("Name it, such as: Example of an Answer", &train, &rows("val", &val), &[])
    }

    fn ids(found: &[mmh_record::leak::Leak]) -> Vec<usize> {
        let number = |leak: &mmh_record::leak::Leak| leak.example_id[4..].parse().expect("a number");
        found.iter().map(number).collect()
    }

    #[test]
    fn right_answers_of_an_open_task_are_leaks() {
        let list = |texts: &[&str]| texts.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>().join(", ");
        let other = ["cat", "dog", "hen", "cow", "pig", "owl"];
        let spread = |others: usize| -> String {
            let rows = NAMES[..5].iter().map(|name| format!("{name:?}, {}", list(&other[..others])));
            rows.collect::<Vec<_>>().join(", ")
        };
        let table: [(&str, String, &[usize]); 22] = [
            ("nothing", "fn main() {}".into(), &[]),
            ("a long one", format!("{LONG:?}"), &[8, 9]),
            ("a long part of one", "\"the harbour froze over in the winter of 1928\"".into(), &[8, 9]),
            ("too short a part", "\"froze over in the winter\"".into(), &[]),
            ("in another form", "// BECAUSE the harbour froze over - in the winter of 1928".into(), &[8, 9]),
            ("five names", list(&NAMES[..5]), &[0, 1, 2, 3, 4]),
            ("four names", list(&NAMES[..4]), &[]),
            ("one name five times", list(&[NAMES[0]; 5]), &[]),
            (
                "without case and punctuation",
                list(&NAMES[..5]).to_lowercase().replace('\'', ""),
                &[0, 1, 2, 3, 4],
            ),
            ("with keys between them", spread(1), &[0, 1, 2, 3, 4]),
            ("far between", spread(2), &[]),
            ("a list in a literal", format!("{:?}", NAMES[3..].join("|")), &[]),
            (
                "a longer list in a literal",
                format!("{:?}", [&NAMES[..2], &NAMES[3..]].concat().join(" | ")),
                &[0, 1, 3, 4, 6, 7],
            ),
            ("in a comment", format!("// {}", list(&NAMES[..5]).replace('"', "")), &[]),
            ("short ones", list(&["yes", "no", "yes, it is"]), &[]),
            ("a number", "1234567890123456789, \"1234567890123456789\"".into(), &[]),
            (
                "four and what train has as an answer",
                list(&[&NAMES[..4], &["Red Bridge of Tolland"]].concat()),
                &[],
            ),
            ("four and what a train text has", list(&[&NAMES[..4], &["Old Customs House"]].concat()), &[]),
            (
                "four and what the instructions have",
                list(&[&NAMES[..4], &["Example of an Answer"]].concat()),
                &[],
            ),
            (
                "four and one of a list",
                list(&[&NAMES[..4], &["Ministry of Inland Tides"]].concat()),
                &[0, 1, 2, 3, 13],
            ),
            (
                "four and one of an object",
                list(&[&NAMES[..4], &["Lighthouse Keeper's Almanac"]].concat()),
                &[0, 1, 2, 3, 14],
            ),
            ("an answer with a comma", list(&NAMES[..5]), &[0, 1, 2, 3, 4]),
        ];
        let lint = lint();
        for (name, source, expected) in table {
            let found = lint.check(&source, &[]);
            assert_eq!(ids(&found), expected, "{name}: {source}: {found:?}");
            assert!(found.iter().all(|leak| leak.excerpt.starts_with("right answer: ")), "{name}: {found:?}");
        }
    }

    /// Labels are no secret: a harness is told them.
    #[test]
    fn right_answers_of_a_closed_task_are_none() {
        let lint =
            Lint::new(&rows("train", &[("a", "b")]), &rows("val", &NAMES.map(|name| ("text", name))), &[]);
        let source = NAMES.map(|it| format!("{it:?}")).join(", ");
        assert_eq!(lint.check(&source, &[]), []);
    }

    #[test]
    fn texts_of_an_answer_are_those_of_its_json() {
        let long = "a text of twelve";
        let table: [(&str, &[&str]); 8] = [
            (long, &[long]),
            ("short", &[]),
            ("\u{7f6a}\u{540d}", &[]),
            ("123456789012345", &[]),
            ("[\"a text of twelve\", \"b\"]", &[long]),
            ("{\"a text of twelve\": 1, \"b\": [{\"c\": \"a text of twelve\"}]}", &[long]),
            ("[a text of twelve", &["[a text of twelve"]),
            ("\"a text of twelve\"", &["\"a text of twelve\""]),
        ];
        for (gold, expected) in table {
            assert_eq!(texts(gold), expected, "{gold}");
        }
    }
}
