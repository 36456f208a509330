//! Nearest examples: shows the train examples that are most like the input, the most similar one last.
//!
//! Texts are alike if they share words, where rare words count more: the cosine of their tf-idf vectors.

use std::collections::{BTreeMap, HashMap};

use mmh_sdk::prelude::*;

/// How many examples are shown.
const EXAMPLES: usize = 8;

/// The most bytes that the examples of a prompt take together. It leaves most of the usual 256 KiB of a prompt to what is
/// asked.
const EXAMPLES_BYTES: usize = 64 * 1024;

/// The most bytes of train examples that are remembered, of a state that has 16 MiB. Later ones are not.
const MEMORY_BYTES: usize = 4 * 1024 * 1024;

/// What stands between two parts of a prompt.
const GAP: &str = "\n\n";

/// The train examples: what is asked, and the right answer.
#[derive(Default, Serialize, Deserialize)]
struct Memory {
    examples: BTreeMap<String, String>,
    bytes: usize,
}

struct Nearest;

impl Harness for Nearest {
    type State = Memory;

    fn learn(_task: &Task, mut memory: Memory, feedback: &[Feedback], _model: &Model) -> Result<Memory> {
        for it in feedback {
            let asked = question(&it.input);
            let bytes = memory.bytes + asked.len() + it.gold.len();
            // The same question may come again, in another epoch or with another answer: the first one counts.
            if bytes <= MEMORY_BYTES && !memory.examples.contains_key(&asked) {
                memory.examples.insert(asked, it.gold.clone());
                memory.bytes = bytes;
            }
        }
        Ok(memory)
    }

    fn predict(task: &Task, memory: &Memory, input: &Input, model: &Model) -> Result<Answer> {
        let shown = shown(task, memory, &question(input));
        info!("shown {} of {} examples", shown.len(), memory.examples.len());
        answer(task, prompt(task, &shown, input), model)
    }
}

/// The nearest examples as they stand in a prompt, the most similar one last.
fn shown(task: &Task, memory: &Memory, asked: &str) -> Vec<String> {
    let (mut shown, mut bytes) = (Vec::new(), 0);
    for (text, gold) in nearest(memory, asked) {
        let example = format!("{text}\n{}: {gold}", answer_name(task));
        if shown.len() < EXAMPLES && bytes + example.len() + GAP.len() <= EXAMPLES_BYTES {
            bytes += example.len() + GAP.len();
            shown.push(example);
        }
    }
    shown.reverse();
    shown
}

/// All examples, the most similar one first. Of equals, the first in the order of their texts.
fn nearest<'m>(memory: &'m Memory, asked: &str) -> Vec<(&'m str, &'m str)> {
    let counted: Vec<Vec<Term>> = memory.examples.keys().map(|text| counts(text)).collect();
    // The number of texts with each term, then the square of its weight.
    let mut weights: HashMap<u64, f64> = HashMap::new();
    for (term, _) in counted.iter().flatten() {
        *weights.entry(*term).or_default() += 1.0;
    }
    let all = counted.len() as f64;
    weights.values_mut().for_each(|it| *it = (1.0 + ((1.0 + all) / (1.0 + *it)).ln()).powi(2));
    let wanted = counts(asked);
    let similarity = |counts: &[Term]| {
        // In the order of the terms, so that rounding is always the same.
        let (mut product, mut squares) = (0.0, 0.0);
        for (term, count) in counts {
            let weight = weights.get(term).copied().unwrap_or_default();
            squares += count * count * weight;
            if let Ok(at) = wanted.binary_search_by_key(term, |(term, _)| *term) {
                product += count * wanted[at].1 * weight;
            }
        }
        product / squares.sqrt().max(f64::MIN_POSITIVE)
    };
    let examples = memory.examples.iter().map(|(text, gold)| (text.as_str(), gold.as_str()));
    let mut order: Vec<(f64, (&str, &str))> =
        counted.iter().zip(examples).map(|(counts, example)| (similarity(counts), example)).collect();
    order.sort_by(|left, right| right.0.total_cmp(&left.0));
    order.into_iter().map(|(_, example)| example).collect()
}

/// A term as a number, which is quicker to compare than its text, and how often it stands in a text.
type Term = (u64, f64);

/// The terms of a text, sorted. A word in lower case is one. Where a script has no spaces between words, each character and
/// each pair of neighbours is one.
fn counts(text: &str) -> Vec<Term> {
    let mut terms: Vec<u64> = Vec::new();
    let (mut word, mut before) = (None, None);
    for character in text.chars().flat_map(char::to_lowercase) {
        let (unspaced, in_word) = (is_unspaced(character), character.is_alphanumeric());
        if unspaced || !in_word {
            terms.extend(word.take());
        }
        if unspaced && in_word {
            let alone = hashed(START, character);
            terms.push(alone);
            terms.extend(before.map(|before| hashed(before, character)));
            before = Some(alone);
        } else {
            before = None;
            if in_word {
                word = Some(hashed(word.unwrap_or(START), character));
            }
        }
    }
    terms.extend(word);
    terms.sort_unstable();
    terms.chunk_by(|left, right| left == right).map(|run| (run[0], run.len() as f64)).collect()
}

/// Where the hash of a term starts, and its next step: FNV-1a, by characters.
const START: u64 = 0xcbf2_9ce4_8422_2325;

fn hashed(hash: u64, character: char) -> u64 {
    (hash ^ u64::from(u32::from(character))).wrapping_mul(0x0100_0000_01b3)
}

/// Whether a character is of a script without spaces: Thai, Lao, Burmese, Khmer, Japanese, Chinese.
fn is_unspaced(it: char) -> bool {
    matches!(u32::from(it), 0xe00..=0xeff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3040..=0x30ff | 0x3400..=0x9fff
        | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// Asks, and reads the answer from the reply.
fn answer(task: &Task, prompt: String, model: &Model) -> Result<Answer> {
    let request = Request::new(prompt);
    // A label is short, an open answer may be long.
    let request = if task.is_open() { request } else { request.max_tokens(64) };
    let reply = model.complete(&request)?;
    match task.read_answer(&reply.text) {
        Some(answer) => Ok(answer),
        None => bail!("the reply gives no answer: {:?}", reply.text),
    }
}

/// What is asked: the instructions, what may be answered, the examples, the input.
fn prompt(task: &Task, examples: &[String], input: &Input) -> String {
    let mut parts = vec![task.instructions.clone()];
    if !task.is_open() {
        parts.push(format!("Labels:\n{}", task.label_list()));
    }
    if !examples.is_empty() {
        parts.push("Examples:".into());
        parts.extend_from_slice(examples);
    }
    parts.push(match task.is_open() {
        true => "Reply with the answer to the following and nothing else.".into(),
        false => "Reply with one label for the following and nothing else.".into(),
    });
    parts.push(format!("{}\n{}:", question(input), answer_name(task)));
    parts.join(GAP)
}

/// What an input asks: its fields, then its text.
fn question(input: &Input) -> String {
    match input.fields.is_empty() {
        true => format!("Text: {input}"),
        false => format!("{}\nText: {input}", input.field_list()),
    }
}

fn answer_name(task: &Task) -> &'static str {
    if task.is_open() { "Answer" } else { "Label" }
}

mmh_sdk::export!(Nearest);

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts with their right answers.
    type Rows<'a> = &'a [(&'a str, &'a str)];

    fn learned(rows: Rows<'_>) -> Memory {
        let task = Task::open("weather", "Say what the sky does.");
        let row = |(text, gold): &(&str, &str)| Feedback {
            input: Input::new(*text),
            gold: (*gold).into(),
            attempt: None,
        };
        let rows: Vec<Feedback> = rows.iter().map(row).collect();
        Nearest::learn(&task, Memory::default(), &rows, &Model::replies([""])).expect("it learns")
    }

    #[test]
    fn finds_the_most_similar() {
        // name, train texts, what is asked, the order
        let table: [(&str, &[&str], &str, &[&str]); 5] = [
            (
                "shared words",
                &["a red fox", "a blue whale", "a red rose bush"],
                "the red rose",
                &["a red rose bush", "a red fox", "a blue whale"],
            ),
            (
                "rare words count more",
                &["the the cat", "the dog", "the owl"],
                "the owl",
                &["the owl", "the the cat", "the dog"],
            ),
            (
                "case and punctuation do not matter",
                &["Snow, again!", "rain"],
                "AGAIN: snow",
                &["Snow, again!", "rain"],
            ),
            (
                "without spaces",
                &["\u{76d7}\u{7a83}\u{7f6a}", "\u{8bc8}\u{9a97}\u{7f6a}"],
                "\u{4ed6}\u{8bc8}\u{9a97}",
                &["\u{8bc8}\u{9a97}\u{7f6a}", "\u{76d7}\u{7a83}\u{7f6a}"],
            ),
            ("nothing in common", &["b", "a"], "z", &["a", "b"]),
        ];
        for (name, train, asked, expected) in table {
            let rows: Vec<(&str, &str)> = train.iter().map(|text| (*text, "gold")).collect();
            let memory = learned(&rows);
            let found = nearest(&memory, &question(&Input::new(asked)));
            let texts: Vec<&str> = found.iter().map(|(text, _)| text.trim_start_matches("Text: ")).collect();
            assert_eq!(texts, expected, "{name}");
        }
    }

    #[test]
    fn shows_a_few_that_fit() {
        let closed = Task::new("weather", "Say what the sky does.", ["rain", "snow"]);
        let long = format!("sky {}", "x".repeat(EXAMPLES_BYTES));
        let numbered: Vec<String> = (0..20).map(|at| format!("cloud {at}")).collect();
        let many: Vec<(&str, &str)> = numbered.iter().map(|text| (text.as_str(), "rain")).collect();
        // name, rows, what is shown
        let table: [(&str, Rows<'_>, &[&str]); 3] = [
            (
                "the most similar one last",
                &[("sky", "rain"), ("mud", "snow")],
                &["Text: mud\nLabel: snow", "Text: sky\nLabel: rain"],
            ),
            ("not what is too long", &[(&long, "rain"), ("mud", "snow")], &["Text: mud\nLabel: snow"]),
            ("the first answer of a text", &[("sky", "rain"), ("sky", "snow")], &["Text: sky\nLabel: rain"]),
        ];
        for (name, rows, expected) in table {
            assert_eq!(shown(&closed, &learned(rows), "Text: sky"), expected, "{name}");
        }
        assert_eq!(shown(&closed, &learned(&many), "Text: cloud 3").len(), EXAMPLES);
        assert_eq!(
            shown(&closed, &learned(&many), "Text: cloud 3").last().map(String::as_str),
            Some("Text: cloud 3\nLabel: rain")
        );
        let memory = learned(&[(&"x".repeat(MEMORY_BYTES), "rain"), ("mud", "snow")]);
        assert_eq!(memory.examples.len(), 1, "what is too long is not remembered");
    }

    #[test]
    fn reads_the_answer() {
        let closed = Task::new("weather", "Say what the sky does.", ["rain", "snow"]);
        let open = Task::open("weather", "Say what the sky does.");
        let table = [
            (&closed, "**Snow**.", Ok("snow")),
            (&closed, "fog", Err("the reply gives no answer: \"fog\"")),
            (&open, " fog\n", Ok("fog")),
            (&open, " ", Err("the reply gives no answer: \" \"")),
        ];
        for (task, reply, expected) in table {
            let found =
                Nearest::predict(task, &Memory::default(), &"flakes".into(), &Model::replies([reply]));
            let found = found.map(|it| it.text).map_err(|error| error.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{reply:?}");
        }
    }
}
