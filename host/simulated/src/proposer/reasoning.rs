//! What the proposer says: a sentence with each step, and the reasoning that is filed with a harness.
//!
//! The reasoning tells hypothesis, evidence, mechanism, and that a simulation wrote it. It counts labels
//! and never quotes a text of the split that harnesses are scored on.

use super::{
    conversation::Conversation,
    draft::{Verdict, verdict},
    ideas::{IDEA_MARKER, Idea, Mechanism},
    mend,
    source::Draft,
    study::Study,
};

/// Rows of the table of confusions.
const MAX_ROWS: usize = 8;

/// The reasoning for a draft, as markdown.
pub(crate) fn reasoning(study: &Study, draft: &Draft, conversation: &Conversation) -> String {
    let mut out = match draft.idea {
        Some(idea) => format!("# {IDEA_MARKER}{idea} (simulated proposer): {}\n", title(idea)),
        None => "# A plain zero-shot harness (simulated proposer)\n".to_owned(),
    };
    let hypothesis = draft.idea.map_or(
        "No harness has a score yet, so there is nothing to improve on: ask plainly first.",
        hypothesis,
    );
    out.push_str(&format!("\n## Hypothesis\n{hypothesis}\n\n## Evidence\n{}", evidence(study)));
    let set: Vec<String> = draft.set.iter().map(|one| format!("`{one}`")).collect();
    let set = if set.is_empty() { "none".to_owned() } else { set.join(", ") };
    out.push_str(&format!("\n## Mechanism\n{}All mechanisms of this harness: {set}.\n", mechanism(draft)));
    out.push_str(&trials(conversation));
    out.push_str("\nWritten by the simulated proposer: a program that follows a list of ideas, not a language model.\n");
    out
}

/// The idea in a few words.
pub(crate) fn title(idea: Idea) -> String {
    let n = idea.parameter;
    match idea.mechanism {
        Mechanism::FewShot => format!("{n} worked examples for each confused label"),
        Mechanism::ShortList => format!("offer only the {n} % of labels that fail most"),
        Mechanism::Retrieve => format!("the {n} nearest training rows as worked examples"),
        Mechanism::Reason => "reason first, then answer as JSON".to_owned(),
        Mechanism::Hints => format!("hints of up to {n} words for each confused pair"),
        Mechanism::Verdict => "two opinions, and a verdict where they differ".to_owned(),
    }
}

fn hypothesis(idea: Idea) -> &'static str {
    match idea.mechanism {
        Mechanism::FewShot => {
            "The model knows the labels by name only. Seeing training rows of those that it misses should show what is meant by them."
        }
        Mechanism::ShortList => {
            "The prompt lists labels that hardly ever fail. Offering only those that do should save tokens and leave less to confuse."
        }
        Mechanism::Retrieve => {
            "Training rows that are worded like the input tell more than rows that are the same for every input."
        }
        Mechanism::Reason => {
            "Naming what the text says before answering should keep the model from jumping to the first label that sounds right."
        }
        Mechanism::Hints => {
            "A few pairs of labels make up many of the failures. Words that stand with one of a pair and not with the other should tell them apart."
        }
        Mechanism::Verdict => {
            "Where two differently informed answers agree they are mostly right; where they differ, a choice between just these two is easier."
        }
    }
}

fn evidence(study: &Study) -> String {
    let Some(best) = &study.best else { return "There is no scored iteration.\n".to_owned() };
    let mut out = format!(
        "Iteration {:03} is the best so far: {} of {} right. I read {} of its {} failures; {} of them gave no answer at all.\n",
        best.iteration,
        best.n_correct,
        best.n_examples,
        study.failures.len(),
        study.n_failures,
        study.n_broken(),
    );
    let confusions = study.confusions();
    if !confusions.is_empty() {
        out.push_str("\n| gold | predicted | times |\n|---|---|---|\n");
        for ((gold, predicted), times) in confusions.iter().take(MAX_ROWS) {
            out.push_str(&format!("| {} | {} | {times} |\n", cell(gold), cell(predicted)));
        }
        if confusions.len() > MAX_ROWS {
            out.push_str(&format!("\nand {} more pairs.\n", confusions.len() - MAX_ROWS));
        }
    }
    let rows: usize = study.train.values().map(Vec::len).sum();
    if rows > 0 {
        out.push_str(&format!("\nI read {rows} training rows of {} labels.\n", study.train.len()));
    }
    out
}

/// A label as a cell of a markdown table.
fn cell(label: &str) -> String {
    label.replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn mechanism(draft: &Draft) -> String {
    let Some(idea) = draft.idea else {
        return "Instructions, labels, text; the label is looked for in the reply. ".to_owned();
    };
    let base = match draft.base {
        Some(base) => format!("Built on iteration {base:03}. "),
        None => format!("A combination of its own, of {}. ", counted(draft.set.len())),
    };
    let what = match idea.mechanism {
        Mechanism::FewShot => {
            "The source holds training rows that cover the telling words of each label.".to_owned()
        }
        Mechanism::ShortList => {
            "The prompt lists those labels alone, and worked examples of no others.".to_owned()
        }
        Mechanism::Retrieve => {
            "`learn` keeps the training rows; `predict` shows the nearest by idf-weighted word overlap."
                .to_owned()
        }
        Mechanism::Reason => format!(
            "{} reply tokens; the JSON is read leniently, and the whole reply if there is none.",
            idea.parameter
        ),
        Mechanism::Hints => {
            "Words by log-odds between the training rows of both labels, as rules in the prompt.".to_owned()
        }
        Mechanism::Verdict => {
            "One call with and one without examples at once; a third offers the two that they gave."
                .to_owned()
        }
    };
    format!("{base}{what} ")
}

fn counted(mechanisms: usize) -> String {
    format!("{mechanisms} mechanism{}", if mechanisms == 1 { "" } else { "s" })
}

/// What happened to the sources that were sent before this one.
fn trials(conversation: &Conversation) -> String {
    let mut out = String::new();
    for call in conversation.of("write_harness").chain(conversation.of("check_harness")) {
        if let Verdict::Failed(diagnostics) = verdict(call) {
            out.push_str(&match mend::first_error(&diagnostics) {
                Some((code, line)) => format!(
                    "\nAn earlier version did not compile (`{code}` at line {line}); this one mends that.\n"
                ),
                None => "\nAn earlier version was refused; this one is changed.\n".to_owned(),
            });
        }
    }
    for call in conversation.of("try_harness").filter(|call| !call.is_error) {
        let json = call.json();
        if let (Some(right), Some(examples)) = (json["n_correct"].as_u64(), json["examples"].as_array()) {
            out.push_str(&format!(
                "\nTried on {} examples that the best harness fails: {right} right.\n",
                examples.len()
            ));
        }
    }
    out
}
