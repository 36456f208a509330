//! What an iteration's first message says of the target: its id, what its server said of it when the run began, and how long
//! its calls took in an earlier iteration. All of it is on record, so that `verify` makes the same text again.

use serde::{Deserialize, de::IgnoredAny};

use super::history::History;
use mmh_record::{
    RecordError,
    chat::Usage,
    format::{ChatTemplate, TargetFacts},
    layout,
    reader::RunReader,
    text,
};

/// Most lines of an iteration's calls that are looked at, and how many iterations back one with calls is looked for.
const MAX_CALLS: usize = 1_000;
const MAX_BACK: usize = 10;

/// As much of a call's line as is needed.
#[derive(Deserialize)]
struct Timed {
    usage: Usage,
    #[serde(default)]
    cached: bool,
    attempts: u32,
    latency_ms: f64,
    reply: Option<IgnoredAny>,
}

mmh_record::recorded!(Timed);

/// How long calls took, added up.
#[derive(Debug, Default, PartialEq, Eq)]
struct Pace {
    calls: u64,
    micros: u64,
    input_tokens: u64,
    output_tokens: u64,
}

impl Pace {
    /// Counts a call that was answered at the first attempt, and not from the reply cache.
    fn add(&mut self, call: &Timed) {
        if call.cached || call.attempts != 1 || call.reply.is_none() {
            return;
        }
        self.calls += 1;
        // A number that is none counts as 0.
        self.micros = self.micros.saturating_add((call.latency_ms * 1e3).round() as u64);
        self.input_tokens = self.input_tokens.saturating_add(call.usage.total_input_tokens());
        self.output_tokens = self.output_tokens.saturating_add(call.usage.output_tokens);
    }

    /// In words; nothing if there is nothing to tell.
    fn told(&self, iteration: u32) -> Option<String> {
        if self.calls == 0 || self.micros == 0 || self.input_tokens == 0 {
            return None;
        }
        let seconds = |micros: f64| format!("{:.3} s", micros / 1e6);
        let mean = |sum: u64| (sum as f64 / self.calls as f64).round() as u64;
        Some(format!(
            " In iteration {iteration} a call took {} on average, with {} tokens of prompt and {} of reply (the mean of {} calls, some of \
             them at the same time): {} per thousand prompt tokens.",
            seconds(self.micros as f64 / self.calls as f64),
            mean(self.input_tokens),
            mean(self.output_tokens),
            self.calls,
            seconds(1e3 * self.micros as f64 / self.input_tokens as f64),
        ))
    }
}

/// The id, and what the server said.
fn stated(id: &str, facts: Option<&TargetFacts>) -> String {
    let mut told = format!("\n\nThe target model is {id}.");
    let Some(TargetFacts { context_tokens, trained_tokens, chat_template }) = facts else { return told };
    if let Some(tokens) = context_tokens {
        told += &format!(" Prompt and reply of a call have {} tokens together.", text::grouped(*tokens));
    }
    if let Some(tokens) = trained_tokens {
        told += &format!(" It was trained for {} tokens.", text::grouped(*tokens));
    }
    told += match chat_template {
        Some(ChatTemplate::Roles) => {
            " Its server's chat template marks who speaks, as for an instruct model, which follows instructions; that is a hint and no proof."
        }
        Some(ChatTemplate::Plain) => {
            " Its server hands the texts on as they stand, as for a base model, which continues a text and follows no instructions; that is \
             a hint and no proof."
        }
        Some(ChatTemplate::Missing) => {
            " Its server has no chat template for it, as for a base model, which continues a text and follows no instructions; that is a \
             hint and no proof."
        }
        None => "",
    };
    told
}

impl History {
    /// What is known of the target of this id.
    pub(super) fn target(&self, id: &str, facts: Option<&TargetFacts>) -> Result<String, RecordError> {
        Ok(stated(id, facts) + &self.pace()?.unwrap_or_default())
    }

    /// How long the calls of the newest iteration took whose harness asked the model. A simulated model's time says nothing.
    fn pace(&self) -> Result<Option<String>, RecordError> {
        if self.index.board().is_mock() {
            return Ok(None);
        }
        let scored = self.index.board().scored_before(self.known);
        for iteration in scored.into_iter().take(MAX_BACK) {
            let path = RunReader::iteration_file(iteration, layout::CALLS);
            if !self.has(iteration, &path) {
                continue;
            }
            let mut pace = Pace::default();
            for row in self.reader.rows::<Timed>(&path)?.take(MAX_CALLS) {
                pace.add(&row?);
            }
            if let Some(told) = pace.told(iteration) {
                return Ok(Some(told));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_target() {
        let facts = |context: u64, trained: u64, chat_template| {
            let known = |tokens: u64| (tokens > 0).then_some(tokens);
            Some(TargetFacts {
                context_tokens: known(context),
                trained_tokens: known(trained),
                chat_template,
            })
        };
        // name, facts, what is said, what is not
        let table = [
            ("nothing", None, "The target model is m.", "tokens"),
            ("a window", facts(8192, 0, None), "have 8,192 tokens together.", "trained"),
            ("base", facts(0, 32_768, Some(ChatTemplate::Plain)), "as for a base model", "together"),
            ("base, no template", facts(1, 1, Some(ChatTemplate::Missing)), "as for a base model", "marks"),
            ("instruct", facts(0, 0, Some(ChatTemplate::Roles)), "as for an instruct model", "as for a base"),
        ];
        for (name, facts, says, says_not) in table {
            let told = stated("m", facts.as_ref());
            assert!(told.contains(says) && !told.contains(says_not), "{name}: {told}");
        }
    }

    #[test]
    fn what_is_measured_of_calls() {
        let call = |latency_ms: f64, input_tokens: u64, attempts: u32, cached: bool, answered: bool| Timed {
            usage: Usage { input_tokens, output_tokens: 10, ..Usage::default() },
            cached,
            attempts,
            latency_ms,
            reply: answered.then_some(IgnoredAny),
        };
        // name, calls, what is told
        let table = [
            ("none", vec![], None),
            ("cached", vec![call(1.0, 100, 0, true, true)], None),
            ("not answered", vec![call(9.0, 100, 1, false, false)], None),
            ("tried again", vec![call(9.0, 100, 2, false, true)], None),
            ("no time", vec![call(0.0, 100, 1, false, true)], None),
            (
                "odd numbers",
                vec![call(f64::NAN, 100, 1, false, true), call(-1.0, u64::MAX, 1, false, true)],
                None,
            ),
            (
                "two",
                vec![
                    call(300.0, 100, 1, false, true),
                    call(500.0, 300, 1, false, true),
                    call(7e3, 9, 3, false, true),
                ],
                Some(
                    "took 0.400 s on average, with 200 tokens of prompt and 10 of reply (the mean of 2 calls, some of them at the same time): \
                      2.000 s per thousand prompt tokens.",
                ),
            ),
        ];
        for (name, calls, expected) in table {
            let mut pace = Pace::default();
            calls.iter().for_each(|call| pace.add(call));
            let told = pace.told(3);
            match expected {
                None => assert_eq!(told, None, "{name}"),
                Some(part) => {
                    assert!(told.as_ref().is_some_and(|told| told.contains(part)), "{name}: {told:?}")
                }
            }
        }
    }
}
