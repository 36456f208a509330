//! The candidate in Rust: shows the examples that share the most words with the text, and asks for a label.

use mmh_sdk::prelude::*;

const VARIANT: &str = "0";
const SHOWN: usize = 8;

#[derive(Default, Serialize, Deserialize)]
struct Memory {
    train: Vec<(String, String)>,
}

struct FewShot;

impl Harness for FewShot {
    type State = Memory;

    fn learn(_task: &Task, mut state: Memory, feedback: &[Feedback], _model: &Model) -> Result<Memory> {
        state.train.extend(feedback.iter().map(|it| (it.input.text.clone(), it.gold.clone())));
        Ok(state)
    }

    fn predict(task: &Task, state: &Memory, input: &Input, model: &Model) -> Result<Answer> {
        let wanted = labels::words(&input.text);
        let shared = |text: &str| labels::words(text).iter().filter(|word| wanted.contains(word)).count();
        let mut nearest: Vec<_> = state.train.iter().collect();
        nearest.sort_by_cached_key(|(text, _)| std::cmp::Reverse(shared(text)));
        let shown: Vec<String> =
            nearest.iter().take(SHOWN).map(|(text, label)| format!("Text: {text}\nLabel: {label}")).collect();
        let prompt = format!(
            "{}\n\nLabels:\n{}\n\n{}\n\nForm {VARIANT}\nText: {input}\nLabel:",
            task.instructions,
            task.label_list(),
            shown.join("\n\n"),
        );
        let reply = model.complete(&Request::new(prompt).max_tokens(64))?;
        let label = task.match_label(&reply.text).unwrap_or(&task.labels[0]);
        Ok(Answer::new(label))
    }
}

mmh_sdk::export!(FewShot);
