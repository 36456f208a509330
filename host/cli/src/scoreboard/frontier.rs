//! The frontier for people: a short table, and harnesses that ask no model.

use super::Scoreboard;
use mmh_record::{
    format::{ASKS_NO_MODEL, FrontierMember, asks_no_model},
    objective::Figure,
};

/// Most members that are shown; `--json` and frontier.json have all.
const SHOWN: usize = 20;

/// The table of the frontier, with a line above it. Empty where nothing is scored.
pub fn table(it: &Scoreboard) -> Vec<String> {
    let members = &it.board.frontier;
    if members.is_empty() {
        return Vec::new();
    }
    let figure = it.objective().name();
    let mut lines = vec![
        format!(
            "frontier on validation: none has at least this {figure} with as few prompt tokens; per example"
        ),
        format!("  it.  {figure:>8}  prompt tokens  calls       USD"),
    ];
    lines.extend(members.iter().take(SHOWN).map(|member| row(it, member)));
    if members.len() > SHOWN {
        lines.push(format!("  {} more are in frontier.json", members.len() - SHOWN));
    }
    if members.iter().any(|it| it.estimated) {
        lines.push("  ~: the provider did not tell all tokens, so they were estimated from the texts".into());
    }
    lines
}

fn row(it: &Scoreboard, member: &FrontierMember) -> String {
    let figure = Figure { objective: it.objective(), value: member.score, interval: member.interval }.cell();
    let tokens = format!("{}{:.1}", if member.estimated { "~" } else { "" }, member.prompt_tokens);
    let usd = match it.summary.config.mock {
        true => super::NOTHING.to_owned(),
        false => format!("{:.6}", member.cost_usd),
    };
    let remark = asks_no_model(1, member.model_calls).map(|words| format!("  {words}")).unwrap_or_default();
    format!("  {:03}  {figure:>8}  {tokens:>13}  {:>5.2}  {usd:>8}{remark}", member.index, member.model_calls)
}

/// The scored harnesses that ask no model, in a line.
pub fn without_model(it: &Scoreboard) -> Option<String> {
    let scored = it.summary.iterations.iter().filter(|it| it.score.asks_no_model().is_some());
    let found: Vec<String> = scored.map(|it| format!("{:03}", it.index)).collect();
    (!found.is_empty())
        .then(|| format!("{ASKS_NO_MODEL}: {}: none of the examples makes a call", found.join(", ")))
}
