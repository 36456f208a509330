//! What is on record of tool calls: results that are taken over because the call cannot be repeated, and what calls of before an
//! interruption have changed.

use serde_json::Value;

use super::{
    Submission, ToolCall, Toolbox,
    tries::{TRIED, TRIED_TRAIN, is_of_train},
};
use crate::propose::{
    ProposeError, again, arguments as args, arguments::parse, history::Answer, trials::trial_name,
};
use mmh_record::{RecordError, layout};

impl Toolbox<'_> {
    /// Repeats the changes of a call that was answered before. Its result is on record.
    pub(in crate::propose) async fn recall(
        &mut self,
        call: ToolCall,
        result: &Answer,
    ) -> Result<(), ProposeError> {
        match (call.name.as_str(), result) {
            ("write_harness", _) => {}
            ("try_harness", Ok(result)) => {
                self.count_trial(result);
                return Ok(());
            }
            ("add_note", Ok(_)) => {
                let asked = parse::<args::Note>(&call.name, call.input);
                self.notes.extend(asked.map(|asked| asked.text.trim().to_owned()));
                return Ok(());
            }
            _ => return Ok(()),
        }
        match result {
            Ok(_) => {
                let Ok(asked) = parse::<args::Submission>(&call.name, call.input) else {
                    return Err(not_again("its arguments cannot be read").into());
                };
                let built = self.context.build(&asked.code).await?;
                let built = built.map_err(|rejection| not_again(&rejection.message))?;
                self.submission = Some(Submission { source: asked.code, reasoning: asked.reasoning, built });
            }
            Err(said) => self.refused(said),
        }
        Ok(())
    }

    /// Keeps why a submission was refused, as the result of the tool says it.
    pub(super) fn refused(&mut self, said: &str) {
        let said: Value = serde_json::from_str(said).unwrap_or_default();
        if let (Some(kind), Some(message)) = (said["reason"].as_str(), said["message"].as_str()) {
            self.last_refusal = Some((kind.to_owned(), message.to_owned()));
        }
    }

    /// The recorded result of a call that cannot be repeated on this machine.
    pub(super) fn claimed(&self, call: &ToolCall) -> Option<Answer> {
        let again = self.again()?;
        let is_known = call.input["code"].as_str().is_some_and(|code| self.context.builder.knows(code));
        again.claimed_result(self.place.0, self.at, call, is_known)
    }

    /// Logs the reads of such a call, and takes over the model calls of a trial.
    pub(super) fn take_over(&mut self, call: &ToolCall, result: &Answer) -> Result<(), RecordError> {
        match (call.name.as_str(), result) {
            ("read_train", Ok(content)) => self.history.note("dataset/train", content.len()),
            ("try_harness", _) => {
                self.trials.take_over(&format!("{}/", trial_name(self.place.0, self.place.1)))?;
                if let Some(content) = result.as_ref().ok().filter(|content| is_of_train(content)) {
                    return self.history.note(TRIED_TRAIN, content.len());
                }
                let tried = again::tried(&call.input, result);
                let size = |id: &String| {
                    let example = self.context.index.val(id, self.context.val);
                    example.map_or(0, |example| example.input.size_bytes())
                };
                let bytes = tried.iter().map(size).sum();
                if tried.is_empty() { Ok(()) } else { self.history.note(TRIED, bytes) }
            }
            _ => Ok(()),
        }
    }
}

/// The error of a harness that was accepted before and cannot be built now.
fn not_again(why: &str) -> RecordError {
    let problem = format!("the harness that was accepted is not built again: {why}");
    RecordError::Damaged { file: layout::TRANSCRIPT.into(), problem }
}
