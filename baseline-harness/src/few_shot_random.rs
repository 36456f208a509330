//! Few-shot at random: shows a few train examples, drawn by chance, the same ones for every input.
//!
//! Chance is the run's: another `--seed` draws others. Which ones are drawn depends neither on the order of the train examples
//! nor on how they are divided into batches.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};

use mmh_sdk::prelude::*;

/// How many examples are shown.
const EXAMPLES: usize = 16;

/// The most bytes that one example may take: so all of them fit into the usual 256 KiB of a prompt with room to spare.
const EXAMPLE_BYTES: usize = 4 * 1024;

/// What stands between two parts of a prompt.
const GAP: &str = "\n\n";

/// The examples that are shown.
#[derive(Default, Serialize, Deserialize)]
struct Memory {
    /// What the draw depends on. None before the first batch.
    seed: Option<u64>,
    /// Sorted by their lots.
    drawn: Vec<Drawn>,
}

/// An example with its lot: a number that looks random. The smallest lots are drawn.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Drawn {
    lot: u64,
    /// As it stands in a prompt.
    example: String,
}

struct FewShotRandom;

impl Harness for FewShotRandom {
    type State = Memory;

    fn learn(task: &Task, mut memory: Memory, feedback: &[Feedback], _model: &Model) -> Result<Memory> {
        // In the sandbox, this is a number that the run's seed decides.
        let seed = *memory.seed.get_or_insert_with(|| RandomState::new().build_hasher().finish());
        for it in feedback {
            let example = example(task, it);
            if example.len() > EXAMPLE_BYTES {
                continue;
            }
            let drawn = Drawn { lot: lot(seed, &example), example };
            // The same example may come again, in another epoch.
            if let Err(at) = memory.drawn.binary_search(&drawn) {
                memory.drawn.insert(at, drawn);
                memory.drawn.truncate(EXAMPLES);
            }
        }
        Ok(memory)
    }

    fn predict(task: &Task, memory: &Memory, input: &Input, model: &Model) -> Result<Answer> {
        let examples: Vec<&str> = memory.drawn.iter().map(|drawn| drawn.example.as_str()).collect();
        answer(task, prompt(task, &examples, input), model)
    }
}

/// The lot of an example.
fn lot(seed: u64, example: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, example).hash(&mut hasher);
    hasher.finish()
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
fn prompt(task: &Task, examples: &[&str], input: &Input) -> String {
    let mut parts = vec![task.instructions.clone()];
    if !task.is_open() {
        parts.push(format!("Labels:\n{}", task.label_list()));
    }
    if !examples.is_empty() {
        parts.push("Examples:".into());
        parts.extend(examples.iter().map(|it| (*it).to_owned()));
    }
    parts.push(match task.is_open() {
        true => "Reply with the answer to the following and nothing else.".into(),
        false => "Reply with one label for the following and nothing else.".into(),
    });
    parts.push(format!("{}\n{}:", question(input), answer_name(task)));
    parts.join(GAP)
}

/// An example as it stands in a prompt.
fn example(task: &Task, it: &Feedback) -> String {
    format!("{}\n{}: {}", question(&it.input), answer_name(task), it.gold)
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

mmh_sdk::export!(FewShotRandom);

#[cfg(test)]
mod tests {
    use super::*;

    fn feedback(texts: &[String]) -> Vec<Feedback> {
        let of = |text: &String| Feedback { input: Input::new(text), gold: "rain".into(), attempt: None };
        texts.iter().map(of).collect()
    }

    /// What is drawn with this seed, where the examples come in batches.
    fn drawn(seed: u64, texts: &[String], batch: usize) -> Vec<String> {
        let task = Task::open("weather", "Say what the sky does.");
        let first = Memory { seed: Some(seed), ..Memory::default() };
        let memory = texts.chunks(batch).fold(first, |memory, texts| {
            FewShotRandom::learn(&task, memory, &feedback(texts), &Model::replies([""])).expect("it learns")
        });
        assert_eq!(memory.seed, Some(seed));
        memory.drawn.into_iter().map(|it| it.example).collect()
    }

    #[test]
    fn the_draw_depends_on_the_seed_alone() {
        let texts: Vec<String> = (0..100).map(|at| format!("text {at}")).collect();
        let (first, mut backwards) = (drawn(7, &texts, 20), texts.clone());
        backwards.reverse();
        let twice = [texts.as_slice(), &texts].concat();
        // name, what is drawn, whether it is the first draw
        let table = [
            ("again", drawn(7, &texts, 20), true),
            ("other batches", drawn(7, &texts, 1), true),
            ("another order", drawn(7, &backwards, 33), true),
            ("two epochs", drawn(7, &twice, 20), true),
            ("another seed", drawn(8, &texts, 20), false),
        ];
        assert_eq!(first.len(), EXAMPLES);
        for (name, found, is_same) in table {
            assert_eq!((found.len(), found == first), (EXAMPLES, is_same), "{name}: {found:?}");
        }
        let few = [texts[0].clone(), "x".repeat(EXAMPLE_BYTES)];
        assert_eq!(
            drawn(7, &few, 20),
            ["Text: text 0\nAnswer: rain"],
            "all there are, but for one that is too long"
        );
    }

    #[test]
    fn every_example_may_be_drawn() {
        let texts: Vec<String> = (0..40).map(|at| format!("text {at}")).collect();
        let mut times = std::collections::BTreeMap::<String, u32>::new();
        for seed in 0..400 {
            drawn(seed, &texts, 40).into_iter().for_each(|it| *times.entry(it).or_default() += 1);
        }
        // 160 on average, with a standard deviation of 10.
        let (least, most) = (times.values().min(), times.values().max());
        assert!(times.len() == 40 && least > Some(&110) && most < Some(&210), "{least:?} to {most:?}");
    }

    #[test]
    fn asks_with_the_drawn_examples() {
        let task = Task::new("weather", "Say what the sky does.", ["rain", "snow"]);
        let drawn = vec![Drawn { lot: 1, example: "Text: drops\nLabel: rain".into() }];
        let model = Model::scripted(|request| {
            let prompt = &request.messages[0].content;
            assert!(
                prompt.contains("\n\nExamples:\n\nText: drops\nLabel: rain\n\nReply with one label"),
                "{prompt}"
            );
            assert!(prompt.ends_with("place: Oslo\nText: flakes\nLabel:"), "{prompt}");
            Ok(Reply::text("snow"))
        });
        let memory = Memory { seed: Some(1), drawn };
        let input = Input::new("flakes").with_field("place", "Oslo");
        let found = FewShotRandom::predict(&task, &memory, &input, &model).map(|it| it.text);
        assert_eq!(found.map_err(|error| error.to_string()), Ok("snow".into()));
    }
}
