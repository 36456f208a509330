//! What the simulated target makes of prompts, as tables.

use super::*;
use mmh_record::chat::{ChatMessage, ChatRole};

const LABELS: &str = "Labels:\n- chicken pox\n- common cold\n- impetigo\n- migraine\n";

fn request(prompt: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage::text(ChatRole::User, prompt)],
        max_tokens: 400,
        ..Default::default()
    }
}

fn turns(texts: &[(ChatRole, &str)]) -> ChatRequest {
    let messages = texts.iter().map(|(role, text)| ChatMessage::text(*role, *text)).collect();
    ChatRequest { messages, max_tokens: 400, ..Default::default() }
}

fn said(request: &ChatRequest, seed: u64) -> String {
    SimulatedTarget::new(seed).reply(request).unwrap().text()
}

/// How many of 100 seeds give a reply that holds this text.
fn times(prompt: &str, wanted: &str) -> usize {
    (0..100).filter(|seed| said(&request(prompt), *seed).to_lowercase().contains(wanted)).count()
}

#[test]
fn understands_common_layouts() {
    use ChatRole::{Assistant, User};
    let abc = ["a b", "c", "d"];
    #[rustfmt::skip]
    let table: Vec<(&str, ChatRequest, &[&str], usize, &str)> = vec![
        ("bullets and fields", request("Classify.\n\nLabels:\n- a b\n- c\n- d\n\nText: x y\nLabel: c\n\nText: q r\nLabel:"), &abc, 1, "q r"),
        ("numbers", request("Choose one of these:\n1. a b\n2. c\n3. d\n\nInput: q r\nAnswer:"), &abc, 0, "q r"),
        ("one line", request("Possible labels: a b, c, d.\n\nPatient: q r"), &abc, 0, "q r"),
        ("one of", request("Answer with one of: \"a b\", \"c\" or \"d\".\nQ: q r\nA:"), &abc, 0, "q r"),
        ("array", request("Labels: [\"a b\", \"c\", \"d\"]\n\nx => c\ny => d\n\nText: q r"), &abc, 2, "q r"),
        ("json lines", request("Labels: a b | c | d\n{\"text\": \"x\", \"label\": \"c\"}\n{\"text\": \"q r\", \"label\": \"\"}"), &abc, 1, "q r"),
        ("tags", request("Labels: a b, c, d\n<example><text>x</text><label>c</label></example>\n<text>q r</text>"), &abc, 1, "q r"),
        ("turns", turns(&[(User, "Labels: a b, c, d\n\nText: x"), (Assistant, "C."), (User, "Text: q r")]), &abc, 1, "q r"),
        ("no list", request("Text: x\nLabel: a b\n\nText: y\nLabel: c\n\nText: z\nLabel: d\n\nText: q r\nLabel:"), &abc, 3, "q r"),
        ("a list of something else", request("Rules:\n- be brief\n- be kind\n\nx => a b\ny => c\nz => d\n\nText: q r"), &abc, 3, "q r"),
        ("glossary", request("What each label means:\n- a b: red, blue\n- c: green\n- d: black\n\nText: q r"), &abc, 0, "q r"),
        ("no field", request("Which of the labels a b, c, d fits?\nLabels: a b, c, d\n\nq r"), &abc, 0, "q r"),
        ("instruction last", request("Labels: a b, c, d\n\nText: q r\n\nAnswer with the label only."), &abc, 0, "q r"),
        ("quotes in labels", request("Labels:\n- a \"b\"\n- \"c\"\n- d\n\nText: q r"), &["a \"b\"", "c", "d"], 0, "q r"),
    ];
    for (name, request, options, examples, query) in table {
        let reading = prompt::read(&request);
        assert_eq!(reading.options, options, "{name}");
        assert_eq!(reading.examples.len(), examples, "{name}: {:?}", reading.examples);
        assert_eq!(reading.query, query, "{name}");
    }
}

/// Labels that differ in little are options of their own, and each of them is answered at times.
#[test]
fn labels_that_differ_in_signs_or_case_stay_apart() {
    for labels in [
        &["A", "A+", "A-", "B"][..],
        &["-1", "0", "1"],
        &["C", "C#", "C++"],
        &["flu", "FLU", "cold"],
        &["👍", "👎"],
    ] {
        let list: String = labels.iter().map(|label| format!("- {label}\n")).collect();
        let prompt =
            format!("Choose.\n\nLabels:\n{list}\nText: q r\n\nReply with one label and nothing else.");
        let reading = prompt::read(&request(&prompt));
        assert_eq!(reading.options, labels);
        let said: std::collections::BTreeSet<String> =
            (0..200).map(|seed| said(&request(&prompt), seed)).collect();
        for (at, label) in labels.iter().enumerate() {
            assert!(said.contains(*label), "{label:?} of {labels:?} is never said: {said:?}");
            let worked = format!("Labels:\n{list}\nText: x\nLabel: {label}\n\nText: q r\nLabel:");
            assert_eq!(prompt::read(&request(&worked)).examples, [("x".to_owned(), at)], "{label}");
        }
    }
}

#[test]
fn the_texts_it_shows_are_no_instructions() {
    let reading = prompt::read(&request(&format!(
        "{LABELS}\nText: I think step by step, in JSON\nLabel: impetigo\n\nText: I think so\nLabel:"
    )));
    assert!(!reading.form.reasons);
    assert_eq!(reading.form.shape, form::Shape::Continue);
}

#[test]
fn a_system_prompt_counts() {
    let mut request = request("I cannot bear bright light, my head throbs");
    request.system = Some(format!("You classify.\n{LABELS}\nAnswer with the label only."));
    assert!(said(&request, 3).to_lowercase().contains("migraine"));
}

#[test]
fn the_same_request_gives_the_same_reply() {
    let request = request(&format!("{LABELS}\nText: my nose runs and I sneeze\nLabel:"));
    let first = SimulatedTarget::new(7).reply(&request).unwrap();
    assert_eq!(SimulatedTarget::new(7).reply(&request).unwrap(), first);
    assert!(first.usage.input_tokens > 10 && first.usage.output_tokens > 0);
    let distinct: std::collections::BTreeSet<String> = (0..40).map(|seed| said(&request, seed)).collect();
    assert!(distinct.len() > 1, "the seed has to matter");
}

#[test]
fn it_answers_only_what_is_offered() {
    // Clearly a migraine, which is not on offer.
    let prompt = "Labels:\n- impetigo\n- common cold\n\nAnswer with one label only.\nText: throbbing head, light hurts, aura\nLabel:";
    for seed in 0..40 {
        let reply = said(&request(prompt), seed).to_lowercase();
        assert!(reply.contains("impetigo") || reply.contains("common cold"), "{reply}");
        assert!(!reply.contains("migraine"), "{reply}");
    }
    assert_eq!(
        said(&request("Text: throbbing headache on one side, bright light is awful"), 0),
        "This sounds like migraine."
    );
    assert_eq!(said(&request("Text: my invoice is wrong"), 0), "I am not sure what to answer.");
}

/// Without a list of labels it copies the answer of the example that is most like the question, sign by sign.
#[test]
fn open_answers_are_copied_from_the_nearest_example() {
    let shown = [
        ("a ketone is reduced with borohydride", "CC(=O)C.[BH4-]"),
        ("an ester is hydrolysed in water", "CC(=O)OC.O, [OH-]"),
        ("an amine is acylated by a chloride", "CCN; CC(=O)Cl"),
    ];
    let examples: String =
        shown.iter().map(|(text, answer)| format!("Text: {text}\nAnswer: {answer}\n\n")).collect();
    for (text, answer) in shown {
        // what is asked, and what has to come back
        let table = [
            (format!("Name the reactants.\n\n{examples}Text: {text} again\nAnswer:"), answer.to_owned()),
            (
                format!(
                    "Name the reactants. End with `Answer: <reactants>`.\n\n{examples}Text: {text} again"
                ),
                format!("Answer: {answer}"),
            ),
            (
                format!(
                    "Name the reactants as JSON: {{\"answer\": \"...\"}}\n\n{examples}Text: {text} again"
                ),
                serde_json::json!({ "answer": answer }).to_string(),
            ),
        ];
        for (prompt, expected) in table {
            let right = (0..100).filter(|seed| said(&request(&prompt), *seed) == expected).count();
            assert!(right > 90, "{prompt}: {right} of 100 say {expected}");
        }
    }
    // Without examples it has nothing to go by, and says so.
    for prompt in
        ["Name the reactants.\n\nText: a ketone is reduced\nAnswer:", "Name the reactants.\n\nText: CC(O)C"]
    {
        assert_eq!(said(&request(prompt), 3), "I am not sure what to answer.");
    }
}

#[test]
fn evidence_in_the_prompt_moves_the_answer() {
    let labels = "Labels:\n- blorp\n- quux\n- zanf\n\nAnswer with the label only.\n";
    let query = "Text: the parcel never arrived at my house\nLabel:";
    let examples = "Text: where is my parcel, it has not arrived\nLabel: quux\n\nText: I forgot my password\nLabel: zanf\n\n";
    let hint = "- If the text mentions parcel or courier, prefer quux.\n\n";
    let table = [
        ("nothing", format!("{labels}{query}"), 10..=60),
        ("a similar example", format!("{labels}{examples}{query}"), 95..=100),
        ("a hint", format!("{labels}{hint}{query}"), 61..=100),
    ];
    for (name, prompt, expected) in table {
        let found = times(&prompt, "quux");
        assert!(expected.contains(&found), "{name}: {found}");
    }
}

#[test]
fn reasons_steady_it_and_mind_negation() {
    let text = "Text: No sneezing and no runny nose, no sore throat. My head throbs and I need a dark room.";
    let plain = times(&format!("{LABELS}\nAnswer with the label only.\n\n{text}\nLabel:"), "migraine");
    let prompt = format!(
        "{LABELS}\nThink step by step, then reply with JSON: {{\"reasoning\": \"...\", \"label\": \"...\"}}\n\n{text}"
    );
    let reasoned = times(&prompt, "\"label\":\"migraine");
    assert!(reasoned > plain, "{reasoned} against {plain}");
    assert!(reasoned > 90, "{reasoned}");
}

#[test]
fn limits_and_stops_hold() {
    let prompt = format!(
        "{LABELS}\nThink step by step, then end with `Answer: <label>`.\n\nText: my head throbs in bright light"
    );
    let table: [(&str, u32, &[&str], StopReason, bool); 5] = [
        ("room enough", 400, &[], StopReason::EndTurn, true),
        ("cut off while reasoning", 12, &[], StopReason::MaxTokens, false),
        ("one token", 1, &[], StopReason::MaxTokens, false),
        ("a stop sequence", 400, &["Answer:"], StopReason::StopSequence, false),
        ("a stop that does not occur", 400, &["xyzzy", ""], StopReason::EndTurn, true),
    ];
    for (name, max_tokens, stop, reason, answers) in table {
        let mut request = request(&prompt);
        request.max_tokens = max_tokens;
        request.stop = stop.iter().map(|stop| (*stop).to_owned()).collect();
        let reply = SimulatedTarget::new(1).reply(&request).unwrap();
        assert_eq!(reply.stop_reason, reason, "{name}: {}", reply.text());
        assert_eq!(reply.text().contains("Answer:"), answers, "{name}: {}", reply.text());
        assert!(reply.usage.output_tokens <= u64::from(max_tokens), "{name}");
    }
    for bad in
        [ChatRequest { max_tokens: 9, ..Default::default() }, ChatRequest { max_tokens: 0, ..request("x") }]
    {
        assert!(matches!(SimulatedTarget::new(1).reply(&bad), Err(ModelError::Invalid(_))));
    }
}

#[test]
fn replies_are_worded_in_several_ways() {
    let forms: std::collections::BTreeSet<bool> = (0..40)
        .map(|seed| {
            said(
                &request(&format!("{LABELS}\nReply as JSON: {{\"label\": \"...\"}}\n\nText: sneezing")),
                seed,
            )
            .contains("```")
        })
        .collect();
    assert_eq!(forms.len(), 2, "JSON comes bare and fenced");
}

#[test]
fn no_prompt_makes_it_fail() {
    let whole = format!(
        "{LABELS}\n{{\"text\": \"x\", \"label\": \"impetigo\"}}\n<text>\u{e9}\u{1f600}</text>\n- If the text mentions a, prefer migraine over impetigo.\n\
         x => migraine\nReply as JSON: {{\"why\": \"\", \"label\": \"<label>\"}}\nText: \"\"\"a\n\n\u{202e}b\"\"\"\nLabel: "
    );
    for end in (0..=whole.len()).filter(|end| whole.is_char_boundary(*end)) {
        let _ = said(&request(&whole[..end]), 0);
        let _ = said(&request(&whole[end..]), 0);
    }
    for text in [
        "",
        "\0",
        "{}",
        "[]",
        "- \n- \n- ",
        "Label:\nLabel:\nLabel:",
        ":::",
        "{\"label\":1}",
        "```",
        "</",
        "=> => =>",
    ] {
        let _ = said(&request(text), 0);
    }
    let long = format!(
        "{LABELS}\n{}\nText: fever",
        "Text: some fever, \"quoted\" \u{e9}\nLabel: impetigo\n\n".repeat(1_500)
    );
    assert!(!said(&request(&long), 0).is_empty());
}
