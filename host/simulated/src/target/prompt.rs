//! Understands a prompt: which answers it offers, what it shows, what it asks, and in which form.
//!
//! It sees the request and nothing else. A layout that it does not know costs evidence, never a failure.

use std::collections::HashMap;

use super::{
    form::{Form, read_form},
    layout::{self, Part, is_input_key, is_label_key},
    rules::{Rule, read_rule},
    text::normalize,
};
use mmh_record::chat::{Block, ChatMessage, ChatRequest, ChatRole};

/// What a prompt says.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The offered answers, as they are written. Empty if nothing is offered.
    pub options: Vec<String>,
    /// Whether a list offers the answers. Otherwise they are those of the examples, which are copied as they stand.
    pub is_listed: bool,
    /// Worked examples: a text and the option that it was given.
    pub examples: Vec<(String, usize)>,
    pub rules: Vec<Rule>,
    /// What is to be classified.
    pub query: String,
    pub form: Form,
    pub bytes: usize,
}

/// Options by their text. Those that are the same up to case and punctuation, such as `A+` and `A-`, are found letter by
/// letter only.
pub(crate) struct Options {
    pub texts: Vec<String>,
    by_text: HashMap<String, usize>,
    by_normal_text: HashMap<String, usize>,
}

impl Options {
    pub(crate) fn new(texts: Vec<String>) -> Self {
        let mut options = Self { texts: Vec::new(), by_text: HashMap::new(), by_normal_text: HashMap::new() };
        for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
            if !options.by_text.contains_key(text) {
                options.by_text.insert(text.to_owned(), options.texts.len());
                options.texts.push(text.to_owned());
            }
        }
        let keys = distinct(&options.texts).into_iter().enumerate();
        options.by_normal_text = keys.filter_map(|(at, key)| Some((key?, at))).collect();
        options
    }

    /// The option that a text is: letter by letter, or up to case and punctuation.
    pub(crate) fn exactly(&self, text: &str) -> Option<usize> {
        self.by_text.get(text.trim()).or_else(|| self.by_normal_text.get(&normalize(text))).copied()
    }

    /// The options that a text mentions as whole words, in order of their place.
    pub(crate) fn mentioned(&self, text: &str) -> Vec<usize> {
        let padded = format!(" {} ", normalize(text));
        let mut found: Vec<(usize, usize, usize)> = Vec::new();
        for (key, &option) in &self.by_normal_text {
            if let Some(at) = padded.find(&format!(" {key} ")) {
                found.push((at, at + key.len(), option));
            }
        }
        if self.by_normal_text.len() < self.texts.len() {
            found.extend(self.literal(text));
        }
        found.sort_unstable_by_key(|&(start, end, option)| (start, std::cmp::Reverse(end), option));
        let mut end_of_last = 0;
        found.retain(|&(start, end, _)| {
            let inside = start < end_of_last;
            end_of_last = end_of_last.max(end);
            !inside
        });
        found.into_iter().map(|(_, _, option)| option).collect()
    }

    /// Where options that are only found letter by letter stand between spaces or quotes, with places in the normalised
    /// text.
    fn literal(&self, text: &str) -> Vec<(usize, usize, usize)> {
        let is_between =
            |it: Option<char>| it.is_none_or(|it| it.is_whitespace() || "\"'`,;:()*".contains(it));
        let options = self.texts.iter().enumerate();
        let others = options.filter(|(at, _)| !self.by_normal_text.values().any(|known| known == at));
        let places = others.filter_map(|(option, wanted)| {
            let mut places = text.match_indices(wanted.as_str()).map(|(at, _)| at);
            let at = places.find(|at| {
                let behind = text[at + wanted.len()..].trim_start_matches('.');
                is_between(text[..*at].chars().next_back()) && is_between(behind.chars().next())
            })?;
            let start = normalize(&text[..at]).len();
            Some((start, start + wanted.len(), option))
        });
        places.collect()
    }

    /// The option that a short text means: it is one, or mentions one.
    fn meant(&self, text: &str) -> Option<usize> {
        self.exactly(text)
            .or_else(|| (text.len() <= 400).then(|| self.mentioned(text).last().copied()).flatten())
    }
}

/// The normalised text of each option, where no other one has the same.
pub(crate) fn distinct(options: &[String]) -> Vec<Option<String>> {
    let mut count: HashMap<String, usize> = HashMap::new();
    options.iter().for_each(|option| *count.entry(normalize(option)).or_default() += 1);
    let keys = options.iter().map(|option| normalize(option));
    keys.map(|key| (!key.is_empty() && count.get(&key) == Some(&1)).then_some(key)).collect()
}

/// Reads a request.
pub(crate) fn read(request: &ChatRequest) -> Reading {
    let messages = texts(request);
    let bytes = messages.iter().map(|(_, text)| text.len()).sum();
    let parted: Vec<(bool, Vec<Part>)> =
        messages.iter().map(|(user, text)| (*user, layout::parts(text))).collect();
    let all: Vec<&Part> = parted.iter().filter(|(user, _)| *user).flat_map(|(_, parts)| parts).collect();
    let last = parted.iter().rev().find(|(user, _)| *user).map_or(&[][..], |(_, parts)| parts);
    let raw_examples = raw_examples(&parted);
    let (options, is_listed) = offered(&all, &raw_examples);
    let examples =
        raw_examples.iter().filter_map(|(text, label)| Some((text.clone(), options.meant(label)?)));
    let query = query(last).unwrap_or_default();
    Reading {
        examples: examples.collect(),
        rules: all.iter().filter_map(|part| read_rule(part, &options)).collect(),
        form: read_form(&instructions(&all, &query), last),
        query,
        options: options.texts,
        is_listed,
        bytes,
    }
}

/// Everything that tells the model what to do: neither the texts that it shows nor the one it asks about.
fn instructions(parts: &[&Part], query: &str) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Prose(line) if query.contains(line.as_str()) => {}
            Part::Prose(line) | Part::Item(line) => out.push_str(line),
            Part::Label { key, value } => out.extend([key.as_str(), ": ", value.as_str()]),
            Part::Json(object) if text_in(object).is_none() => {
                out.push_str(&serde_json::to_string(object).unwrap_or_default())
            }
            _ => {}
        }
        out.push('\n');
    }
    out
}

/// System prompt and messages as text; `false` marks what the assistant said.
fn texts(request: &ChatRequest) -> Vec<(bool, String)> {
    let text_of = |message: &ChatMessage| {
        let texts = message.content.iter().filter_map(|block| match block {
            Block::Text { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    };
    let system = request.system.iter().map(|system| (true, system.clone()));
    system
        .chain(request.messages.iter().map(|message| (message.role == ChatRole::User, text_of(message))))
        .collect()
}

/// Every text with a label that the prompt shows, before it is known which labels are offered.
fn raw_examples(parted: &[(bool, Vec<Part>)]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (_, parts) in parted.iter().filter(|(user, _)| *user) {
        let mut open: Option<&str> = None;
        for part in parts {
            match part {
                Part::Input(text) => open = Some(text),
                Part::Label { value, .. } => {
                    if let (Some(text), false) = (open.take(), value.is_empty()) {
                        found.push((text.to_owned(), value.clone()));
                    }
                }
                Part::Json(object) => found.extend(labelled(object)),
                Part::Pair(text, label) => found.push((text.clone(), label.clone())),
                _ => {}
            }
        }
    }
    // An earlier turn of the conversation is an example too: the user's text, the assistant's answer.
    for pair in parted.windows(2) {
        if let [(true, asked), (false, said)] = pair
            && let (Some(text), Some(label)) = (query(asked), answer_of(said))
        {
            found.push((text, label));
        }
    }
    found
}

/// The label that an earlier reply gave: its last field or its only line.
fn answer_of(parts: &[Part]) -> Option<String> {
    let last = parts.iter().rev().find(|part| !matches!(part, Part::Blank))?;
    match last {
        Part::Label { value: label, .. } | Part::Item(label) | Part::Prose(label) => Some(label.clone()),
        Part::Json(object) => label_in(object),
        _ => None,
    }
}

fn labelled(object: &serde_json::Map<String, serde_json::Value>) -> Option<(String, String)> {
    Some((text_in(object)?, label_in(object)?))
}

fn text_in(object: &serde_json::Map<String, serde_json::Value>) -> Option<String> {
    object.iter().find(|(key, _)| is_input_key(key))?.1.as_str().map(str::to_owned)
}

fn label_in(object: &serde_json::Map<String, serde_json::Value>) -> Option<String> {
    let label = object.iter().find(|(key, _)| is_label_key(key))?.1.as_str()?;
    (!label.trim().is_empty()).then(|| label.to_owned())
}

/// The answers that a prompt offers: the best list of them, or the labels of its examples; and whether it is a list.
fn offered(parts: &[&Part], examples: &[(String, String)]) -> (Options, bool) {
    let best = lists(parts).into_iter().max_by_key(|list| list.rank).map(|list| Options::new(list.items));
    let by_examples = || Options::new(examples.iter().map(|(_, label)| label.clone()).collect());
    match best {
        Some(options)
            if examples.is_empty() || examples.iter().any(|(_, label)| options.meant(label).is_some()) =>
        {
            (options, true)
        }
        // A list that no example's label is on is a list of something else.
        _ => (by_examples(), false),
    }
}

struct List {
    items: Vec<String>,
    /// How much it looks like the list of answers; of two alike, the later counts.
    rank: (u8, usize),
}

fn lists(parts: &[&Part]) -> Vec<List> {
    let (mut lists, mut header) = (Vec::new(), "");
    let mut at = 0;
    while at < parts.len() {
        match parts[at] {
            Part::Item(_) => {
                let run: Vec<&str> = parts[at..]
                    .iter()
                    .map_while(|part| match part {
                        Part::Item(item) => Some(item.as_str()),
                        _ => None,
                    })
                    .collect();
                at += run.len();
                lists.extend(list_of_items(&run, header, at));
                continue;
            }
            Part::Texts(texts) => lists.push(List { items: texts.clone(), rank: (4, at) }),
            Part::Prose(line) => {
                lists.extend(list_in_line(line).map(|items| List { items, rank: (3, at) }));
                header = line;
            }
            _ => {}
        }
        at += 1;
    }
    lists
}

fn list_of_items(run: &[&str], header: &str, at: usize) -> Option<List> {
    let glossary = run.iter().filter(|item| item.contains(": ")).count() * 2 > run.len();
    let names: Vec<String> =
        run.iter().map(|item| item.split(": ").next().unwrap_or(item).trim().to_owned()).collect();
    let short = |name: &&String| name.len() <= 80 && name.split_whitespace().count() <= 8;
    let items: Vec<String> = names.iter().filter(short).cloned().collect();
    if items.len() < 2 || items.len() * 2 < run.len() {
        return None;
    }
    let rank = 2 * u8::from(names_answers(header))
        + u8::from(!glossary)
        + u8::from(names_answers(header) && !glossary);
    Some(List { items, rank: (rank, at) })
}

/// Whether a line that stands above a list says that the list holds the answers.
fn names_answers(line: &str) -> bool {
    const STEMS: &[&str] = &[
        "label",
        "answer",
        "categor",
        "class",
        "option",
        "choice",
        "choose",
        "candidate",
        "diagnos",
        "intent",
        "one of",
        "condition",
        "following",
        "between",
    ];
    let line = line.to_lowercase();
    STEMS.iter().any(|stem| line.contains(stem))
}

/// `Labels: a, b, c` or `one of: a, b or c`.
fn list_in_line(line: &str) -> Option<Vec<String>> {
    let (head, tail) = line.rsplit_once(": ")?;
    if !names_answers(head) || head.len() > 200 || tail.len() > 8_000 {
        return None;
    }
    let items = tail.trim_end_matches('.').split([',', '|', ';']);
    let items: Vec<String> = items.flat_map(|item| item.split(" or ")).map(layout::unquoted).collect();
    let items: Vec<String> =
        items.into_iter().map(|item| item.trim_start_matches("or ").to_owned()).collect();
    let short = items.iter().all(|item| !item.is_empty() && item.split_whitespace().count() <= 6);
    (items.len() >= 2 && short).then_some(items)
}

/// What the last message asks about: the last input without a label, or else its last paragraph.
fn query(parts: &[Part]) -> Option<String> {
    let mut open = None;
    for part in parts {
        match part {
            Part::Input(text) => open = Some(text.clone()),
            Part::Label { value, .. } if !value.is_empty() => open = None,
            Part::Json(object) if label_in(object).is_none() => open = text_in(object).or(open),
            _ => {}
        }
    }
    open.filter(|text| !text.is_empty()).or_else(|| last_paragraph(parts))
}

fn last_paragraph(parts: &[Part]) -> Option<String> {
    let mut paragraphs = vec![String::new()];
    for part in parts {
        match (part, paragraphs.last_mut()) {
            (Part::Prose(line), Some(paragraph)) => {
                paragraph.push_str(if paragraph.is_empty() { "" } else { "\n" });
                paragraph.push_str(line);
            }
            _ => paragraphs.push(String::new()),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    let told = paragraphs.iter().rev().find(|paragraph| !layout::is_instruction(paragraph));
    told.or(paragraphs.last()).map(|paragraph| layout::unquoted(paragraph))
}
