//! What proposers did besides their harnesses, in lines: trials, notes, and what agents say that they spent.

use super::Scoreboard;
use mmh_record::text;
use mmh_report::proposals::{Claimed, Proposal};

/// Most notes that are shown, and characters of each.
const SHOWN_NOTES: usize = 12;
const NOTE_CHARS: usize = 300;

/// The lines of the scoreboard.
pub fn lines(it: &Scoreboard) -> Vec<String> {
    let mut lines: Vec<String> = tried(it).into_iter().collect();
    let notes = it.proposals.iter().flat_map(|it| it.notes.iter().map(move |note| (it.index, note)));
    let all = notes.clone().count();
    let shown = notes.take(SHOWN_NOTES);
    lines.extend(shown.map(|(index, note)| {
        text::ellipsis(&format!("note of {index:03}: {}", text::one_line(note)), NOTE_CHARS)
    }));
    if all > SHOWN_NOTES {
        lines.push(format!("{} more notes are in notes.jsonl of the iterations", all - SHOWN_NOTES));
    }
    lines.extend(read_by_themselves(it));
    lines
}

/// What agents in work folders read by themselves, which only their own output can tell.
fn read_by_themselves(it: &Scoreboard) -> Option<String> {
    it.summary.config.proposer_command.as_ref()?;
    let told = it.proposals.iter().filter(|it| !it.own_reads.is_empty());
    let told: Vec<String> = told.map(|it| format!("{:03} {}", it.index, it.own_reads.len())).collect();
    Some(match told.is_empty() {
        true => "what the agent read in its work folder by itself is unknown".to_owned(),
        false => format!(
            "files and commands that the agent's own output names: {}; --json lists them, and nothing checks them",
            told.join(", ")
        ),
    })
}

/// How often candidates were tried on validation examples: the more often, the less their scores there mean.
fn tried(it: &Scoreboard) -> Option<String> {
    let tried = it.proposals.iter().filter(|it| it.trials.val + it.trials.train > 0);
    let told = |it: &Proposal| match (it.trials.val, it.trials.train) {
        (val, 0) => format!("{:03} {val}", it.index),
        (val, train) => format!("{:03} {val} (and {train} on train)", it.index),
    };
    let told: Vec<String> = tried.map(told).collect();
    (!told.is_empty()).then(|| format!("trials on validation before submission: {}", told.join(", ")))
}

/// What agents say that they spent, all together.
pub fn claimed(proposals: &[Proposal]) -> Option<Claimed> {
    proposals.iter().filter_map(|it| it.claimed).reduce(Claimed::and)
}

/// In words: `1,200 in, 80 out (tokens), 0.1200 USD`. What an agent does not say is unknown.
pub fn claim(claimed: &Claimed) -> String {
    let tokens = |tokens: Option<u64>| tokens.map_or_else(|| "unknown".to_owned(), text::grouped);
    let usd = claimed.usd.map_or_else(|| "money unknown".to_owned(), |usd| format!("{usd:.4} USD"));
    format!("{} in, {} out (tokens), {usd}", tokens(claimed.input_tokens), tokens(claimed.output_tokens))
}
