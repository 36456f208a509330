//! Which of several labels a text gives as its answer.
//!
//! Not in here: where labels are mentioned. That is in `mentions`.

use crate::{
    mentions::{Meaning, Mention, Text},
    units::is_word,
};

/// Words that announce an answer, as in `Answer: flu` or `the label is flu`.
const MARKERS: [&str; 6] = ["answer", "label", "category", "class", "diagnosis", "prediction"];

/// What a text that mentions several labels gives as its answer.
pub(crate) fn answered<'a>(text: &Text<'_>, mentions: &[Mention<'a>]) -> Meaning<'a> {
    let (mut announced, mut alone) = (Meaning::Nothing, Meaning::Nothing);
    // Whether an announcement was the last of both, and the label that the line before ends with.
    let (mut is_last, mut before) = (false, Meaning::Nothing);
    let mut start = 0;
    for line in text.units.split(|unit| unit.character == '\n') {
        let end = start + line.len();
        let first = mentions.partition_point(|mention| mention.start < start);
        let behind = mentions.partition_point(|mention| mention.start < end);
        let mentions = &mentions[first..behind.max(first)];
        match announcements(text, start, end, mentions) {
            Meaning::Nothing if is_alone(text, start, end, mentions) => {
                // A label below another one is an item of a list.
                (alone, is_last) = (alone.and(before).and(Meaning::of(mentions)), false);
            }
            Meaning::Nothing => {}
            meaning => (announced, is_last) = (announced.and(meaning), true),
        }
        before = open_end(text, end, mentions);
        start = end + 1;
    }
    match (announced, alone) {
        // The answer comes behind a list of labels.
        (Meaning::One(_), Meaning::Several) if is_last => announced,
        _ => announced.and(alone),
    }
}

/// The label that a line ends with, if its sentence does not end there.
fn open_end<'a>(text: &Text<'_>, end: usize, mentions: &[Mention<'a>]) -> Meaning<'a> {
    let Some(last) = mentions.last().filter(|last| last.end <= end) else { return Meaning::Nothing };
    let is_end = |at: usize| matches!(text.units[at].character, '.' | '!' | '?' | ';' | ':' | '\u{3002}');
    match text.has_kept(last.end, end) || (last.end..end).any(is_end) {
        true => Meaning::Nothing,
        false => Meaning::of(&[*last]),
    }
}

/// Whether a line holds a label and nothing else but white space and punctuation.
fn is_alone(text: &Text<'_>, start: usize, end: usize, mentions: &[Mention<'_>]) -> bool {
    let [mention] = mentions else { return false };
    !text.has_kept(start, mention.start) && !text.has_kept(mention.end, end)
}

/// What a line gives as the answer, directly behind words that announce one.
fn announcements<'a>(text: &Text<'_>, start: usize, end: usize, mentions: &[Mention<'a>]) -> Meaning<'a> {
    let mut markers = (start..end).filter_map(|at| Some((at, behind_marker(text, at, end)?))).peekable();
    let mut meaning = Meaning::Nothing;
    while let Some((_, from)) = markers.next() {
        let to = markers.peek().map_or(end, |(next, _)| *next);
        let mut last = from;
        for mention in mentions.iter().filter(|mention| (from..to).contains(&mention.start)) {
            let is_behind = match last == from {
                true => !text.has_kept(from, mention.start),
                // What follows the answer may hold another label, but not in the same breath.
                false => !ends_answer(text, from, last, mention.start),
            };
            if !is_behind {
                break;
            }
            (meaning, last) = (meaning.and(Meaning::of(&[*mention])), mention.end);
        }
    }
    meaning
}

/// Where the answer starts that a word at this place announces: `"label": "flu"`, `**Answer:** flu`, or
/// `the answer is flu`.
fn behind_marker(text: &Text<'_>, at: usize, end: usize) -> Option<usize> {
    if at.checked_sub(1).is_some_and(|before| is_word(text.units[before].character)) {
        return None;
    }
    let behind = |at: usize, word: &str| -> Option<usize> {
        let behind = at + word.len();
        let units = text.units.get(at..behind)?;
        let is_same = units.iter().map(|unit| unit.character).eq(word.chars());
        (is_same && text.units.get(behind).is_none_or(|unit| !is_word(unit.character))).then_some(behind)
    };
    let marker = MARKERS.iter().find_map(|marker| behind(at, marker)).filter(|marker| *marker <= end)?;
    let next = (marker..end).find(|at| text.units[*at].is_kept).unwrap_or(end);
    let colon = (marker..next).find(|at| matches!(text.units[*at].character, ':' | '='));
    colon.map(|colon| colon + 1).or_else(|| behind(next, "is").filter(|is| *is <= end))
}

/// Whether an answer that starts at `from` is over between these two places: with its sentence, or with its quotes.
fn ends_answer(text: &Text<'_>, from: usize, start: usize, end: usize) -> bool {
    let is_space = |at: usize| text.units.get(at).is_none_or(|unit| unit.character.is_whitespace());
    let first = text.units[from..].iter().find(|unit| !unit.character.is_whitespace());
    let is_quoted = first.is_some_and(|unit| unit.character == '"');
    (start..end).any(|at| match text.units[at].character {
        '.' => !text.units[at].is_kept && is_space(at + 1),
        '"' => is_quoted,
        '!' | '?' | ';' | '\u{3002}' => true,
        _ => false,
    })
}
