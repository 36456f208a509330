//! Conversations driven to their end by a small tool host of the test's own.

mod host;
mod tickets;

use super::*;
use host::{Ending, ToolHost, chat};
use mmh_record::chat::{ChatMessage, ChatRole};

#[test]
fn it_improves_on_a_task_that_it_was_not_written_for() {
    for seed in 0..2 {
        let mut host = ToolHost::new(seed);
        let endings: Vec<Ending> = (1..=4).map(|_| host.run(&SimulatedProposer::new(seed))).collect();
        assert!(endings.iter().all(|ending| ending.submitted && ending.turns <= 12), "{endings:?}");
        assert_eq!(
            endings.iter().map(|ending| ending.refused).collect::<Vec<_>>(),
            [1, 0, 0, 0],
            "the first has a slip"
        );
        let scores: Vec<usize> = host.iterations.iter().map(|iteration| iteration.n_correct()).collect();
        let total = host.iterations[0].outcomes.len();
        assert!(scores[1] > scores[0], "iteration 1 improves: {scores:?} of {total}");
        assert!(scores[2] < scores[1], "iteration 2 is the worse idea: {scores:?} of {total}");
        assert!(
            scores[3] > scores[0] + total / 10,
            "iteration 3 improves on the best: {scores:?} of {total}"
        );
    }
}

/// Each idea that applies is tried once. Then there is a new combination in every iteration, for as long as anybody asks.
#[test]
fn every_idea_is_tried_once_and_then_combinations_follow() {
    let mut host = ToolHost::new(5);
    let mut sets = std::collections::BTreeSet::new();
    let mut combines = false;
    for iteration in 1..=60 {
        let ending = host.run(&SimulatedProposer::new(5));
        assert!(ending.submitted, "{iteration}: {}", ending.last_words);
        let made = host.iterations.last().unwrap();
        let (idea, set) = (ideas::idea_in(&made.source).unwrap(), ideas::set_in(&made.source));
        assert!(set.contains(&idea) && sets.insert(set.clone()), "{iteration}: {set:?} was tried before");
        assert_eq!(ideas::idea_in(&made.reasoning), Some(idea));
        let is_combination = made.reasoning.contains("A combination of its own");
        assert!(is_combination || !combines, "{iteration}: {}", made.reasoning);
        assert!(is_combination || iteration <= 10, "{iteration}: {}", made.reasoning);
        combines = is_combination;
    }
    assert!(combines);
}

#[test]
fn no_text_that_it_is_scored_on_gets_into_a_source() {
    let mut host = ToolHost::new(2);
    for _ in 0..6 {
        host.run(&SimulatedProposer::new(2));
    }
    for iteration in &host.iterations[1..] {
        for (text, _) in host::rows(false) {
            let literal = literal::literal(text);
            assert!(!iteration.source.contains(literal.trim_matches('"')), "{text}");
            assert!(!iteration.reasoning.contains(text), "{text}");
        }
        assert!(iteration.source.contains("simulated") && iteration.reasoning.contains("simulated"));
    }
}

#[test]
fn the_same_conversation_gives_the_same_step() {
    let (mut one, mut two) = (ToolHost::new(1), ToolHost::new(1));
    for _ in 0..3 {
        one.run(&SimulatedProposer::new(1));
        two.run(&SimulatedProposer::new(1));
    }
    let sources = |host: &ToolHost| {
        host.iterations.iter().map(|iteration| iteration.source.clone()).collect::<Vec<_>>()
    };
    assert_eq!(sources(&one), sources(&two));
}

#[test]
fn without_a_scored_iteration_it_starts_plainly() {
    let mut host = ToolHost::new(0);
    host.iterations.clear();
    let ending = host.run(&SimulatedProposer::new(0));
    assert!(ending.submitted, "{ending:?}");
    assert!(host.iterations[0].source.contains("impl Harness for Candidate"));
}

/// Answers every tool call with one text, and gives the number of turns until it ends.
fn turns_against(content: &str, is_error: bool) -> usize {
    let mut request = ChatRequest {
        messages: vec![ChatMessage::text(ChatRole::User, "Write iteration 1.\nLabels:\n- a\n- b\n- c")],
        max_tokens: 4096,
        ..Default::default()
    };
    for turn in 1..=20 {
        let reply = chat(&SimulatedProposer::new(9), &request);
        request.messages.push(ChatMessage::assistant(&reply));
        if reply.stop_reason == StopReason::EndTurn {
            return turn;
        }
        let results = reply.content.iter().filter_map(|block| match block {
            Block::ToolUse { id, .. } => {
                Some(Block::ToolResult { tool_use_id: id.clone(), content: content.to_owned(), is_error })
            }
            _ => None,
        });
        request.messages.push(ChatMessage::user(results.collect()));
    }
    panic!("it goes on for ever on {content:?}");
}

#[test]
fn broken_tools_do_not_break_it() {
    let board = r#"{"best":0,"iterations":[{"iteration":0,"status":"scored","accuracy":0.5,"n_correct":1,"n_examples":2}]}"#;
    let trace = r#"{"best":0,"iterations":[{"iteration":0,"accuracy":0.5}],"total":900,"returned":1,"ok":false,
        "examples":[{"example_id":"v1","gold_label":"a","predicted_label":"b","input":"x","label":"a","error_kind":"panic"}]}"#;
    let table = [
        ("empty", ""),
        ("null", "null"),
        ("no JSON", "oops"),
        ("cut off", &board[..40]),
        ("an array", "[1,2]"),
        ("a board for everything", board),
        ("a bit of everything", trace),
        ("wrong types", r#"{"best":"x","iterations":{"a":1},"examples":3,"total":-1,"returned":"many"}"#),
        ("refused", r#"{"accepted":false,"reason":"did-not-compile","diagnostics":"error[E0999]: ?"}"#),
        (
            "hostile numbers",
            r#"{"best":18446744073709551615,"iterations":[{"iteration":18446744073709551614,"accuracy":1e308}]}"#,
        ),
    ];
    for (name, content) in table {
        for is_error in [false, true] {
            let turns = turns_against(content, is_error);
            assert!(turns <= 16, "{name}, error {is_error}: {turns} turns");
        }
    }
}
