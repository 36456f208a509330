//! Asks the model, with everything that a scorer is given. The length of the reply decides.

use mmh_sdk::prelude::*;

struct Judge;

impl Scorer for Judge {
    fn score(task: &Task, input: &Input, gold: &str, answer: &Answer, model: &Model) -> Result<Grade> {
        let place = input.field("place").unwrap_or("nowhere");
        let question = format!("{} {input} {place} {:?}: {answer} for {gold}?", task.instructions, task.labels);
        let before = model.calls_left();
        let reply = model.ask(question)?;
        info!("{} of {before} calls are left", model.calls_left());
        let score = reply.len() as f64 / 100.0;
        Ok(Grade { correct: score > 0.2, ..Grade::partial(score) }.part("precision", 0.5).part("recall", 1.0))
    }
}

mmh_sdk::export_scorer!(Judge);
