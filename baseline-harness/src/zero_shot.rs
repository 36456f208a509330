//! Zero-shot: name the labels, show the input, ask for one of them. In an open task, ask for an answer alone.
//!
//! Every search starts from this harness. It learns nothing, gives no examples, and asks once.

use mmh_sdk::prelude::*;

struct ZeroShot;

impl Harness for ZeroShot {
    type State = ();

    fn predict(task: &Task, _state: &(), input: &Input, model: &Model) -> Result<Answer> {
        if task.is_open() {
            return open_answer(task, input, model);
        }
        let reply = model.complete(&Request::new(prompt(task, input)).max_tokens(64))?;
        match task.match_label(&reply.text) {
            Some(label) => Ok(Answer::new(label)),
            None => bail!("the reply names none of the labels: {:?}", reply.text),
        }
    }
}

/// The answer where there are no labels: what the model says.
fn open_answer(task: &Task, input: &Input, model: &Model) -> Result<Answer> {
    let reply = model.ask(prompt(task, input))?;
    match task.read_answer(&reply) {
        Some(answer) => Ok(answer),
        None => bail!("the reply is empty"),
    }
}

/// What is asked: the instructions, what may be answered, the fields if there are any, the text.
fn prompt(task: &Task, input: &Input) -> String {
    let mut parts = vec![task.instructions.clone()];
    if !task.is_open() {
        parts.push(format!("Labels:\n{}", task.label_list()));
    }
    if !input.fields.is_empty() {
        parts.push(input.field_list());
    }
    parts.push(format!("Text: {input}"));
    parts.push(match task.is_open() {
        true => "Reply with the answer and nothing else.".into(),
        false => "Reply with one label and nothing else.".into(),
    });
    parts.join("\n\n")
}

mmh_sdk::export!(ZeroShot);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_what_the_model_means() {
        let closed = Task::new("weather", "Say what the sky does.", ["rain", "snow", "sun"]);
        let open = Task::open("weather", "Say what the sky does.");
        let table = [
            ("bare", &closed, "snow", Ok("snow")),
            ("in a sentence", &closed, "It looks like **Rain**.", Ok("rain")),
            ("none of them", &closed, "fog", Err("the reply names none of the labels: \"fog\"")),
            ("an open answer", &open, " fog\n", Ok("fog")),
            ("no open answer", &open, "\n", Err("the reply is empty")),
        ];
        for (name, task, reply, expected) in table {
            let found = ZeroShot::predict(task, &(), &"white flakes".into(), &Model::replies([reply]));
            let found = found.map(|answer| answer.text).map_err(|error| error.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{name}");
        }
    }

    #[test]
    fn asks_for_what_the_task_has() {
        let closed = Task::new("weather", "Say what the sky does.", ["rain", "snow"]);
        let open = Task::open("weather", "Say what the sky does.");
        let (plain, placed) = (Input::new("flakes"), Input::new("flakes").with_field("place", "Oslo"));
        let one = "Say what the sky does.\n\nLabels:\n- rain\n- snow\n\nText: flakes\n\nReply with one label and nothing else.";
        let any = "Say what the sky does.\n\nplace: Oslo\n\nText: flakes\n\nReply with the answer and nothing else.";
        for (name, task, input, expected) in
            [("labels", &closed, &plain, one), ("no labels, a field", &open, &placed, any)]
        {
            assert_eq!(prompt(task, input), expected, "{name}");
        }
    }
}
