//! A harness: it shows the labels and the text to the model, and reads a label from the reply.

use mmh_sdk::prelude::*;

struct Guesser;

impl Harness for Guesser {
    /// What `learn` keeps for `predict`. Nothing yet: add `fn learn` to learn from train examples.
    type State = ();

    fn predict(task: &Task, _state: &(), input: &Input, model: &Model) -> Result<Answer> {
        let reply = model.complete(&Request::new(prompt(task, input)).max_tokens(64))?;
        match task.read_answer(&reply.text) {
            Some(answer) => Ok(answer),
            None => bail!("the reply gives no answer: {:?}", reply.text),
        }
    }
}

fn prompt(task: &Task, input: &Input) -> String {
    if task.is_open() {
        return format!("{}\n\nText: {input}\n\nReply with the answer and nothing else.", task.instructions);
    }
    let labels = task.label_list();
    format!("{}\n\nLabels:\n{labels}\n\nText: {input}\n\nReply with one label and nothing else.", task.instructions)
}

mmh_sdk::export!(Guesser);

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        Task::new("weather", "Say what the sky does.", ["rain", "snow"])
    }

    #[test]
    fn reads_the_label_from_the_reply() {
        let model = Model::replies(["It is **snow**."]);
        let answer = Guesser::predict(&task(), &(), &"white flakes".into(), &model).expect("an answer");
        assert_eq!(answer.text, "snow");
    }

    #[test]
    fn asks_with_all_labels() {
        let model = Model::scripted(|request| {
            assert!(request.messages[0].content.contains("- rain\n- snow"));
            Ok(Reply::text("rain"))
        });
        assert!(Guesser::predict(&task(), &(), &"drops".into(), &model).is_ok());
    }
}
