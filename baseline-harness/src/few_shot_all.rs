//! Few-shot with all that fits: shows the train examples in their order, as many as a budget of bytes has room for.
//!
//! What is too long for the room that is left is skipped, so that shorter examples behind it are still shown.

use mmh_sdk::prelude::*;

/// The most bytes that the examples of a prompt take together. It leaves most of the usual 256 KiB of a prompt to what is
/// asked, and is about 16,000 tokens of English.
const EXAMPLES_BYTES: usize = 64 * 1024;

/// What stands between two parts of a prompt.
const GAP: &str = "\n\n";

/// The examples that are shown, as they stand in a prompt.
#[derive(Default, Serialize, Deserialize)]
struct Memory {
    examples: Vec<String>,
    bytes: usize,
}

struct FewShotAll;

impl Harness for FewShotAll {
    type State = Memory;

    fn learn(task: &Task, mut memory: Memory, feedback: &[Feedback], _model: &Model) -> Result<Memory> {
        for it in feedback {
            let example = example(task, it);
            let bytes = memory.bytes + example.len() + GAP.len();
            // The same example may come again, in another epoch.
            if bytes <= EXAMPLES_BYTES && !memory.examples.contains(&example) {
                memory.examples.push(example);
                memory.bytes = bytes;
            }
        }
        Ok(memory)
    }

    fn predict(task: &Task, memory: &Memory, input: &Input, model: &Model) -> Result<Answer> {
        answer(task, prompt(task, &memory.examples, input), model)
    }
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

mmh_sdk::export!(FewShotAll);

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts with their right answers.
    type Rows<'a> = &'a [(&'a str, &'a str)];

    fn feedback(rows: Rows<'_>) -> Vec<Feedback> {
        let row = |(text, gold): &(&str, &str)| Feedback {
            input: Input::new(*text).with_field("place", "Oslo"),
            gold: (*gold).into(),
            attempt: None,
        };
        rows.iter().map(row).collect()
    }

    fn learned(task: &Task, batches: &[&[(&str, &str)]]) -> Memory {
        let learn = |memory, rows: &&[(&str, &str)]| {
            FewShotAll::learn(task, memory, &feedback(rows), &Model::replies([""])).expect("it learns")
        };
        batches.iter().fold(Memory::default(), learn)
    }

    #[test]
    fn shows_all_that_fits() {
        let open = Task::open("weather", "Say what the sky does.");
        let long = "x".repeat(EXAMPLES_BYTES);
        // name, batches, the texts that are shown
        let table: [(&str, &[Rows<'_>], &[&str]); 4] = [
            ("nothing", &[], &[]),
            ("in their order, over batches", &[&[("b", "1"), ("a", "2")], &[("c", "3")]], &["b", "a", "c"]),
            ("each once", &[&[("a", "1")], &[("a", "1"), ("a", "2")]], &["a", "a"]),
            ("what is too long is skipped", &[&[("a", "1"), (&long, "2"), ("c", "3")]], &["a", "c"]),
        ];
        for (name, batches, expected) in table {
            let memory = learned(&open, batches);
            let texts = memory.examples.iter().map(|it| it.split("Text: ").nth(1).unwrap_or_default());
            let texts: Vec<&str> = texts.map(|it| it.split('\n').next().unwrap_or_default()).collect();
            assert_eq!(texts, expected, "{name}");
            assert_eq!(memory.bytes, memory.examples.iter().map(|it| it.len() + 2).sum::<usize>(), "{name}");
        }
    }

    #[test]
    fn asks_with_examples() {
        let closed = Task::new("weather", "Say what the sky does.", ["rain", "snow"]);
        let open = Task::open("weather", "Say what the sky does.");
        let one = "Say what the sky does.\n\nLabels:\n- rain\n- snow\n\nExamples:\n\nplace: Oslo\nText: drops\nLabel: rain\n\n\
                   Reply with one label for the following and nothing else.\n\nText: flakes\nLabel:";
        let any = "Say what the sky does.\n\nExamples:\n\nplace: Oslo\nText: drops\nAnswer: rain\n\n\
                   Reply with the answer to the following and nothing else.\n\nText: flakes\nAnswer:";
        for (name, task, expected) in [("labels", &closed, one), ("open", &open, any)] {
            let examples = learned(task, &[&[("drops", "rain")]]).examples;
            assert_eq!(prompt(task, &examples, &Input::new("flakes")), expected, "{name}");
        }
        let none = "Say what the sky does.\n\nReply with the answer to the following and nothing else.\n\nText: flakes\nAnswer:";
        assert_eq!(prompt(&open, &[], &Input::new("flakes")), none);
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
                FewShotAll::predict(task, &Memory::default(), &"flakes".into(), &Model::replies([reply]));
            let found = found.map(|it| it.text).map_err(|error| error.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{reply:?}");
        }
    }
}
