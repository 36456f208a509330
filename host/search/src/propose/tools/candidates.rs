//! The tools that compile a harness to check it or to submit it.

use serde_json::{Value, json};

use super::{Submission, Toolbox};
use crate::{
    leaks,
    propose::{ProposeError, arguments as args, duplicate, history::Answer},
};
use mmh_engine::{
    build::Built,
    compile::{Rejection, RejectionKind},
};
use mmh_record::text;

/// Longest reasoning, in bytes.
const MAX_REASONING_BYTES: usize = 64 << 10;

impl Toolbox<'_> {
    /// Compiles a harness.
    pub(super) async fn check(&self, code: &str) -> Result<Answer, ProposeError> {
        Ok(Ok(match self.context.build(code).await? {
            Ok(built) => {
                let mut answer = json!({ "ok": true, "component_bytes": built.component.bytes.len() });
                self.warn_of_phrases(code, &mut answer);
                answer
            }
            Err(rejection) => refusal(&rejection),
        }
        .to_string()))
    }

    /// Says which phrases of a source stand in validation texts and in no train text. Without train examples nobody can say.
    fn warn_of_phrases(&self, code: &str, answer: &mut Value) {
        let train = &self.context.dataset.train;
        let phrases = match train.is_empty() {
            true => Vec::new(),
            false => self.context.index.phrases(train, self.context.val).of(code),
        };
        if !phrases.is_empty() {
            answer["warning"] = json!(
                "these phrases of the source stand in validation texts and in no train text: a harness that knows validation \
                 examples is worth less on held-out ones"
            );
            answer["phrases"] = json!(phrases);
        }
    }

    pub(super) async fn submit(&mut self, asked: args::Submission) -> Result<Answer, ProposeError> {
        if asked.reasoning.len() > MAX_REASONING_BYTES {
            let limit = text::bytes(MAX_REASONING_BYTES as u64);
            return Ok(Err(format!(
                "the reasoning has {} bytes, the limit is {limit}",
                asked.reasoning.len()
            )));
        }
        if self.submission.is_some() {
            return Ok(Err("a harness was accepted already in this turn".into()));
        }
        let verdict = match self.too_large(&asked) {
            Some(rejection) => Err(rejection),
            None => self.context.build(&asked.code).await?,
        };
        let verdict = verdict.and_then(|built| self.without_leaks(&asked.code, built));
        match verdict.and_then(|built| self.new_one(built)) {
            Ok(built) => {
                let answer = json!({ "accepted": true, "component_digest": built.component.digest });
                self.submission = Some(Submission { source: asked.code, reasoning: asked.reasoning, built });
                Ok(Ok(answer.to_string()))
            }
            Err(rejection) => {
                let mut answer = refusal(&rejection);
                answer["accepted"] = json!(false);
                Ok(Err(answer.to_string()))
            }
        }
    }

    /// The rejection of a submission that takes too much of the run's summary.
    fn too_large(&self, asked: &args::Submission) -> Option<Rejection> {
        let bytes = json!([asked.code, asked.reasoning]).to_string().len() as u64;
        let [taken, share] = [bytes, self.summary_bytes].map(text::bytes);
        (bytes > self.summary_bytes).then(|| Rejection {
            kind: RejectionKind::SourceTooLarge,
            message: format!(
                "source and reasoning take {taken} in the run's summary, their share of it is {share}"
            ),
            diagnostics: String::new(),
        })
    }

    /// Refuses a harness that an earlier generation has already.
    fn new_one(&self, built: Built) -> Result<Built, Rejection> {
        let twin = self.context.index.board().with_component(built.component.digest);
        twin.map_or(Ok(built), |twin| Err(duplicate(twin)))
    }

    fn without_leaks(&self, source: &str, built: Built) -> Result<Built, Rejection> {
        let leaks = self.lint.map(|lint| lint.check(source, &built.component.bytes)).unwrap_or_default();
        leaks::refusal(&leaks).map_or(Ok(built), Err)
    }
}

/// What a proposer is told of a harness that is not admitted.
pub(super) fn refusal(rejection: &Rejection) -> Value {
    let diagnostics = match rejection.diagnostics.as_str() {
        "" => &rejection.message,
        diagnostics => diagnostics,
    };
    json!({ "ok": false, "reason": rejection.kind.name(), "message": rejection.message, "diagnostics": diagnostics })
}
