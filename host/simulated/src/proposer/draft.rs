//! From what was read to what is to be written: the idea, its tables, and the source to send next.

use super::{
    conversation::{Call, Conversation},
    ideas::{Idea, Mechanism, Plan, set_in, with},
    literal::{table, table_in},
    mend, mine, python,
    source::{Draft, render},
    study::Study,
};

/// The harness to write in this iteration.
pub(crate) fn draft(study: &Study, seed: u64, iteration: u64) -> Draft {
    if study.best.is_none() {
        // Nothing to build on: a zero-shot harness of its own.
        return Draft { iteration, ..of_task(study) };
    }
    let mut dropped = Vec::new();
    loop {
        match Plan::of(study, seed, iteration, &dropped) {
            Plan::One(idea) => match one_more(study, idea, iteration) {
                Some(draft) => return draft,
                None => dropped.push(idea),
            },
            Plan::Combination(set) => return combined(study, set, iteration),
        }
    }
}

/// An empty harness for a task of this kind.
fn of_task(study: &Study) -> Draft {
    let Study { is_python, is_open, has_fields, .. } = *study;
    Draft { is_python, is_open, has_fields, ..Draft::default() }
}

/// The best harness's mechanisms with one more. None if there is nothing to put into the new one.
fn one_more(study: &Study, idea: Idea, iteration: u64) -> Option<Draft> {
    let mut draft = Draft {
        iteration,
        base: study.best.as_ref().map(|best| best.iteration),
        idea: Some(idea),
        set: with(&set_in(&study.best_source), idea),
        examples: table_in(&study.best_source, "EXAMPLES").map(str::to_owned),
        hints: table_in(&study.best_source, "HINTS").map(str::to_owned),
        offered: table_in(&study.best_source, "OFFERED").map(str::to_owned),
        ..of_task(study)
    };
    let made = add_table(&mut draft, study, idea);
    made.then(|| only_what_is_there(draft))
}

/// A harness of these mechanisms, with new tables.
fn combined(study: &Study, mut set: Vec<Idea>, iteration: u64) -> Draft {
    set.retain(|idea| !study.is_python || python::has(idea.mechanism));
    let mut draft = Draft { iteration, idea: set.first().copied(), set, ..of_task(study) };
    for idea in draft.set.clone() {
        add_table(&mut draft, study, idea);
    }
    only_what_is_there(draft)
}

/// Fills the table that an idea needs. False if there is nothing to put into it.
fn add_table(draft: &mut Draft, study: &Study, idea: Idea) -> bool {
    let wanted = idea.parameter as usize;
    let table = match idea.mechanism {
        Mechanism::FewShot => {
            draft.examples = filled("EXAMPLES", "(&str, &str)", &mine::worked_examples(study, wanted));
            &draft.examples
        }
        Mechanism::Hints => {
            draft.hints = filled("HINTS", "(&str, &str, &str)", &mine::hints(study, wanted));
            &draft.hints
        }
        Mechanism::ShortList => {
            draft.offered = filled("OFFERED", "&str", &mine::short_list(study, idea.parameter));
            &draft.offered
        }
        Mechanism::Retrieve | Mechanism::Reason | Mechanism::Verdict => return true,
    };
    table.is_some()
}

fn filled(name: &str, kind: &str, rows: &[Vec<String>]) -> Option<String> {
    (!rows.is_empty()).then(|| table(name, kind, rows))
}

/// Drops mechanisms whose table was not found in the best source, and tables without a mechanism.
fn only_what_is_there(mut draft: Draft) -> Draft {
    for (mechanism, slot) in [
        (Mechanism::FewShot, &mut draft.examples),
        (Mechanism::Hints, &mut draft.hints),
        (Mechanism::ShortList, &mut draft.offered),
    ] {
        match slot {
            None => draft.set.retain(|one| one.mechanism != mechanism),
            Some(_) if !draft.set.iter().any(|one| one.mechanism == mechanism) => *slot = None,
            Some(_) => {}
        }
    }
    draft
}

/// Whether this draft is written in haste, with a slip in it: the first idea ever.
pub(crate) fn in_haste(study: &Study, draft: &Draft) -> bool {
    // It knows no slips of Python.
    !draft.is_python && draft.idea.is_some() && study.past.iter().all(|past| past.idea.is_none())
}

/// What a tool said about a source.
pub(crate) enum Verdict {
    Fine,
    /// It did not do, with what the tool printed.
    Failed(String),
}

pub(crate) fn verdict(call: &Call) -> Verdict {
    let json = call.json();
    if call.name == "try_harness" {
        let kinds: Vec<&str> = json["examples"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|row| row["error_kind"].as_str())
            .collect();
        let all_broken = !kinds.is_empty() && kinds.iter().all(|kind| *kind != "ok");
        return if all_broken { Verdict::Failed(String::new()) } else { Verdict::Fine };
    }
    let fine = json["accepted"].as_bool().or(json["ok"].as_bool()).unwrap_or(!call.is_error);
    if fine && !call.is_error {
        return Verdict::Fine;
    }
    let diagnostics = json["diagnostics"].as_str().map_or_else(|| call.content.clone(), str::to_owned);
    Verdict::Failed(diagnostics)
}

/// The source to send next: the draft's, or what was sent last, mended if it failed.
pub(crate) fn next_source(conversation: &Conversation, draft: &Draft, slip: Option<u64>) -> String {
    let clean = render(draft);
    let mut source = slip.map_or_else(|| clean.clone(), |seed| mend::slipped(&clean, seed));
    let mut simpler = simpler(draft, clean).into_iter();
    let mut sent: Vec<&str> = Vec::new();
    for call in sources_sent(conversation) {
        sent.push(call.text("code"));
        source = match verdict(call) {
            Verdict::Fine => call.text("code").to_owned(),
            // The same source twice would fail twice.
            Verdict::Failed(diagnostics) => mend::mended(call.text("code"), &diagnostics)
                .filter(|mended| !sent.contains(&mended.as_str()))
                .or_else(|| simpler.find(|source| !sent.contains(&source.as_str())))
                .unwrap_or(source),
        };
    }
    source
}

/// Every call that carried a source, in order.
pub(crate) fn sources_sent(conversation: &Conversation) -> impl Iterator<Item = &Call> {
    let tools = ["check_harness", "try_harness", "write_harness"];
    conversation.calls.iter().filter(move |call| tools.contains(&call.name.as_str()))
}

/// What to fall back on, step by step: the draft itself, its new idea alone, a plain harness.
fn simpler(draft: &Draft, clean: String) -> Vec<String> {
    let alone = Draft { set: draft.idea.into_iter().collect(), ..draft.clone() };
    let Draft { iteration, idea, is_python, is_open, has_fields, .. } = *draft;
    let plain = Draft { iteration, idea, is_python, is_open, has_fields, ..Draft::default() };
    vec![clean, render(&only_what_is_there(alone)), render(&plain)]
}
