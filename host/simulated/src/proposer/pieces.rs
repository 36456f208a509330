//! The pieces of Rust that generated harnesses are put together from. Text only.
//!
//! `{offered}`, `{examples}` and `{shown}` are filled in by `source`; every other brace is Rust's own.

pub(crate) const PER_LABEL: &str = r#"/// How many training rows are kept per label, so that the state stays small.
const PER_LABEL: usize = 100;
"#;

pub(crate) const MEMORY: &str = r#"/// The training rows, as `learn` has seen them.
#[derive(Default, Serialize, Deserialize)]
struct Memory {
    rows: Vec<Row>,
}

/// A training row. Its stems are sorted, in one text: thousands of small ones would take long to read.
#[derive(Serialize, Deserialize)]
struct Row {
    text: String,
    label: String,
    size: usize,
    stems: String,
}
"#;

pub(crate) const LEARN: &str = r#"    fn learn(_: &Task, mut state: Memory, feedback: &[Feedback], _: &Model) -> Result<Memory> {
        for it in feedback {
            if state.rows.iter().filter(|row| row.label == it.gold).count() < PER_LABEL {
                let stems = stems(&it.input.text);
                let (size, stems) = (stems.len(), stems.join(" "));
                state.rows.push(Row { text: it.input.text.clone(), label: it.gold.clone(), size, stems });
            }
        }
        Ok(state)
    }

"#;

pub(crate) const ALL_LABELS: &str = r#"task.labels.iter().map(String::as_str).collect()"#;

pub(crate) const PREDICT: &str = r#"        let offered: Vec<&str> = {offered};
{examples}        let request = Request::new(prompt(task, &offered, {shown}input)).max_tokens(REPLY_TOKENS);
        let reply = model.complete(&request)?;
        match read_label(task, &reply.text) {
            Some(label) => Ok(Answer::new(label)),
            None => bail!("the reply names no label: {}", reply.text),
        }
"#;

pub(crate) const PREDICT_BY_VERDICT: &str = r#"        let offered: Vec<&str> = {offered};
        let examples = {examples};
        let prompts = [prompt(task, &offered, &examples, input), prompt(task, &offered, &[], input)];
        let mut opinions = ask_all(task, model, prompts.to_vec())?;
        if let [first, second] = opinions[..]
            && first != second
        {
            // They differ: offer and show only these two, and let the model decide again.
            info!("deciding between {first} and {second}");
            opinions = ask_all(task, model, vec![prompt(task, &[first, second], &examples, input)])?;
        }
        match opinions.first() {
            Some(label) => Ok(Answer::new(*label)),
            None => bail!("no reply names a label"),
        }
"#;

pub(crate) const ASK_ALL: &str = r#"/// The labels that the model answers these prompts with; a reply without a label is left out.
fn ask_all<'a>(task: &'a Task, model: &Model, prompts: Vec<String>) -> Result<Vec<&'a str>> {
    let requests: Vec<Request> =
        prompts.into_iter().map(|text| Request::new(text).max_tokens(REPLY_TOKENS)).collect();
    let mut answers = Vec::new();
    for reply in model.complete_all(&requests) {
        answers.extend(read_label(task, &reply?.text));
    }
    Ok(answers)
}
"#;

pub(crate) const OFFERED_LABELS: &str = r#"/// The task's labels that are on the short list.
fn offered_labels(task: &Task) -> Vec<&str> {
    task.labels.iter().map(String::as_str).filter(|label| OFFERED.contains(label)).collect()
}
"#;

pub(crate) const EXAMPLES_FIXED: &str = r#"/// The worked examples that are shown with every input.
fn worked_examples() -> Vec<(&'static str, &'static str)> {
    EXAMPLES.to_vec()
}
"#;

pub(crate) const EXAMPLES_NEAREST: &str = r#"/// The worked examples for an input: the nearest training rows.
fn worked_examples<'a>(state: &'a Memory, input: &Input) -> Vec<(&'a str, &'a str)> {
    nearest(state, input)
}
"#;

pub(crate) const EXAMPLES_BOTH: &str = r#"/// The worked examples for an input: the fixed ones, then the nearest training rows.
fn worked_examples<'a>(state: &'a Memory, input: &Input) -> Vec<(&'a str, &'a str)> {
    let mut examples = nearest(state, input);
    let fixed = EXAMPLES.iter().filter(|row| !examples.contains(row));
    let mut all: Vec<(&str, &str)> = fixed.copied().collect();
    all.append(&mut examples);
    all
}
"#;

pub(crate) const PROMPT_LABELS: &str = r#"    let mut text = format!("{}\n\nLabels:\n", task.instructions);
    for label in offered {
        text += &format!("- {label}\n");
    }
    text += "\n";
"#;

pub(crate) const PROMPT_HINTS: &str = r#"    text += "Hints:\n";
    for (words, label, rival) in HINTS {
        if offered.contains(label) && offered.contains(rival) {
            text += &format!("- If the text mentions {words}, prefer {label} over {rival}.\n");
        }
    }
    text += "\n";
"#;

pub(crate) const PROMPT_PLAIN: &str = r#"    text += "Answer with exactly one of the labels above, and nothing else.\n\n";
"#;

pub(crate) const PROMPT_REASON: &str = r#"    text += "Think step by step about what the text says and which labels fit. Then reply with JSON: ";
    text += "{\"reasoning\": \"...\", \"label\": \"...\"}\n\n";
"#;

pub(crate) const PROMPT_EXAMPLES: &str = r#"    // A worked example of a label that is not offered would only mislead.
    for (example, label) in examples.iter().filter(|(_, label)| offered.contains(label)) {
        text += &format!("Text: {example}\nLabel: {label}\n\n");
    }
"#;

pub(crate) const PROMPT_OPEN: &str = r#"    // An open task offers no labels.
    debug_assert!(offered.is_empty());
    let mut text = format!("{}\n\n", task.instructions);
"#;

pub(crate) const PROMPT_OPEN_PLAIN: &str = r#"    text += "Reply with the answer and nothing else.\n\n";
"#;

pub(crate) const PROMPT_OPEN_REASON: &str = r#"    text += "Think step by step about what is asked. Then end with `Answer: <answer>`.\n\n";
"#;

pub(crate) const PROMPT_OPEN_EXAMPLES: &str = r#"    for (example, answer) in examples {
        text += &format!("Text: {example}\nAnswer: {answer}\n\n");
    }
"#;

pub(crate) const PROMPT_FIELDS: &str = r#"    // What an input has besides its text.
    text += &format!("{}\n\n", input.field_list());
"#;

pub(crate) const READ_ANSWER: &str = r#"/// The answer in a reply: what follows the last `Answer:`, or all of it.
fn read_label<'a>(_: &'a Task, reply: &'a str) -> Option<&'a str> {
    let answer = reply.rsplit_once("Answer:").map_or(reply, |(_, answer)| answer).trim();
    Some(answer).filter(|answer| !answer.is_empty())
}
"#;

pub(crate) const READ_LABEL: &str = r#"/// The label that a reply means.
fn read_label<'a>(task: &'a Task, reply: &str) -> Option<&'a str> {
    task.match_label(reply)
}
"#;

pub(crate) const READ_JSON: &str = r#"/// The label in a reply's JSON; in the whole reply, if the JSON is missing or names none.
fn read_label<'a>(task: &'a Task, reply: &str) -> Option<&'a str> {
    let answer = json::extract_str(reply, "label");
    answer.and_then(|answer| task.match_label(&answer)).or_else(|| task.match_label(reply))
}
"#;

pub(crate) const NEAREST: &str = r#"/// The training rows that share the most telling words with an input, the nearest last.
fn nearest<'a>(state: &'a Memory, input: &Input) -> Vec<(&'a str, &'a str)> {
    let asked = stems(&input.text);
    let shared: Vec<Vec<usize>> = state.rows.iter().map(|row| shared(&asked, &row.stems)).collect();
    // A word that stands in few rows tells more.
    let mut holders = vec![0; asked.len()];
    shared.iter().flatten().for_each(|&at| holders[at] += 1);
    let worth: Vec<f64> = holders.iter().map(|&n| (state.rows.len() as f64 / f64::from(n)).ln()).collect();
    // A long row shares words by chance.
    let score = |(stems, row): (&Vec<usize>, &'a Row)| {
        (stems.iter().map(|&at| worth[at]).sum::<f64>() / (row.size as f64).sqrt(), row)
    };
    let mut scored: Vec<(f64, &Row)> = shared.iter().zip(&state.rows).map(score).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.truncate(NEAREST);
    scored.iter().rev().map(|(_, row)| (row.text.as_str(), row.label.as_str())).collect()
}

/// Which of these stems a row has. Both are sorted, so that one pass is enough.
fn shared(asked: &[String], stems: &str) -> Vec<usize> {
    let mut own = stems.as_bytes().split(|byte| *byte == b' ').peekable();
    let mut found = Vec::new();
    for (at, stem) in asked.iter().enumerate() {
        while own.next_if(|it| *it < stem.as_bytes()).is_some() {}
        if own.next_if(|it| *it == stem.as_bytes()).is_some() {
            found.push(at);
        }
    }
    found
}

/// A text's words, each cut to its beginning so that `coughs` and `coughing` are one; sorted.
fn stems(text: &str) -> Vec<String> {
    let stems = labels::words(text).iter().map(|word| word.chars().take(5).collect());
    stems.collect::<BTreeSet<String>>().into_iter().collect()
}
"#;
