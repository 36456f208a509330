//! What nobody can prove of a run, in one line.

use mmh_record::{
    format::{Config, ProposerKind},
    text,
};
use mmh_search::verify::Verdict;

/// What only the run itself says.
pub fn line(config: &Config, verdict: &Verdict) -> String {
    let counted = verdict.claimed;
    let mut claims = vec!["times and latencies".to_owned()];
    let has_model = config.proposer_kind == ProposerKind::Conversation;
    if !config.mock {
        let model = text::name(&config.target_model);
        let proposer = if has_model { "the proposer's replies, " } else { "replies: " };
        claims.push(format!("{proposer}{} of {model}, and what they cost outside", counted.replies));
    }
    if !has_model {
        claims.push(format!(
            "the proposer's {} tool calls, and why it made no more of them",
            counted.tool_calls
        ));
    }
    if counted.timed_out > 0 {
        claims.push(format!("{} outcomes of the wall clock, which count as wrong", counted.timed_out));
    }
    if counted.tool_results > 0 {
        claims.push(format!(
            "{} tool results that depend on the machine or on what is missing",
            counted.tool_results
        ));
    }
    let rest = match (config.mock, has_model) {
        (false, _) => "",
        (true, true) => "; the simulated models said everything again",
        (true, false) => "; the simulated target said everything again",
    };
    format!("claimed only: {}{rest}", claims.join("; "))
}
