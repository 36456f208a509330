//! Zero-shot: name the labels, show the text, ask for one of them.
//!
//! Every search starts from this harness. It learns nothing, gives no examples, and asks once.

use mmh_sdk::prelude::*;

struct ZeroShot;

impl Harness for ZeroShot {
    type State = ();

    fn predict(task: &Task, _state: &(), input: &str, model: &Model) -> Result<Prediction> {
        let prompt = format!(
            "{}\n\nLabels:\n{}\n\nText: {input}\n\nReply with one label and nothing else.",
            task.instructions,
            task.label_list(),
        );
        let reply = model.complete(&Request::new(prompt).max_tokens(64))?;
        match task.match_label(&reply.text) {
            Some(label) => Ok(Prediction::new(label)),
            None => bail!("the reply names none of the labels: {:?}", reply.text),
        }
    }
}

mmh_sdk::export!(ZeroShot);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_what_the_model_means() {
        let task = Task::new("weather", "Say what the sky does.", ["rain", "snow", "sun"]);
        let table = [
            ("bare", "snow", Ok("snow")),
            ("in a sentence", "It looks like **Rain**.", Ok("rain")),
            ("none of them", "fog", Err("the reply names none of the labels: \"fog\"")),
        ];
        for (name, reply, expected) in table {
            let found = ZeroShot::predict(&task, &(), "white flakes", &Model::replies([reply]));
            let found = found.map(|prediction| prediction.label).map_err(|error| error.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{name}");
        }
    }
}
