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

/// A training row. Its stems are sorted, so that `predict` only has to look them up.
#[derive(Serialize, Deserialize)]
struct Row {
    text: String,
    label: String,
    stems: Vec<String>,
}
"#;

pub(crate) const LEARN: &str = r#"    fn learn(_: &Task, mut state: Memory, feedback: &[Feedback], _: &Model) -> Result<Memory> {
        for it in feedback {
            if state.rows.iter().filter(|row| row.label == it.gold).count() < PER_LABEL {
                let stems = stems(&it.input);
                state.rows.push(Row { text: it.input.clone(), label: it.gold.clone(), stems });
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
            Some(label) => Ok(Prediction::new(label)),
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
            Some(label) => Ok(Prediction::new(*label)),
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
fn worked_examples<'a>(state: &'a Memory, input: &str) -> Vec<(&'a str, &'a str)> {
    nearest(state, input)
}
"#;

pub(crate) const EXAMPLES_BOTH: &str = r#"/// The worked examples for an input: the fixed ones, then the nearest training rows.
fn worked_examples<'a>(state: &'a Memory, input: &str) -> Vec<(&'a str, &'a str)> {
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
fn nearest<'a>(state: &'a Memory, input: &str) -> Vec<(&'a str, &'a str)> {
    let mut shared = vec![0.0; state.rows.len()];
    for stem in stems(input) {
        let holds = |row: &Row| row.stems.binary_search(&stem).is_ok();
        let holders: Vec<usize> = (0..state.rows.len()).filter(|&at| holds(&state.rows[at])).collect();
        // A word that stands in few rows tells more.
        let worth = (state.rows.len() as f64 / holders.len().max(1) as f64).ln();
        holders.iter().for_each(|&at| shared[at] += worth);
    }
    // A long row shares words by chance.
    let score = |(worth, row): (f64, &'a Row)| (worth / (row.stems.len().max(1) as f64).sqrt(), row);
    let mut scored: Vec<(f64, &Row)> = shared.into_iter().zip(&state.rows).map(score).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.truncate(NEAREST);
    scored.iter().rev().map(|(_, row)| (row.text.as_str(), row.label.as_str())).collect()
}

/// A text's words, each cut to its beginning so that `coughs` and `coughing` are one; sorted.
fn stems(text: &str) -> Vec<String> {
    let stems = labels::words(text).iter().map(|word| word.chars().take(5).collect());
    stems.collect::<BTreeSet<String>>().into_iter().collect()
}
"#;
