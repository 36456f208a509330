//! A text as characters that can be compared: decomposed, without case, and sorted by what they mean.
//!
//! Not in here: what a label is. That is in `labels` and `mentions`.

use crate::composed::parts;

/// Makes one emoji of two.
const JOINER: char = '\u{200d}';

/// Accents of one letter that are put in order. No letter has more.
const MAX_ACCENTS: usize = 8;

/// One character of a text, ready to be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Unit {
    /// Decomposed, lower case, of normal width; every dash is `-`.
    pub character: char,
    /// Where it stands in the text, in bytes.
    pub at: usize,
    /// Loose matching compares it. It passes over white space and punctuation.
    pub is_kept: bool,
}

/// The characters of a text. Two texts that differ in composition, case or width only have the same ones.
pub(crate) fn units(text: &str) -> Vec<Unit> {
    let mut units = Vec::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        match character.is_ascii() {
            true => units.push(Unit { character: character.to_ascii_lowercase(), at, is_kept: false }),
            false => decompose(usual(character), at, &mut units),
        }
    }
    for at in 0..units.len() {
        units[at].is_kept = is_kept(&units, at);
    }
    units
}

fn decompose(character: char, at: usize, units: &mut Vec<Unit>) {
    match parts(character) {
        Some((first, second)) => {
            decompose(first, at, units);
            second.into_iter().for_each(|second| decompose(second, at, units));
        }
        None => {
            units.extend(without_case(character).map(|character| Unit { character, at, is_kept: false }));
            order_marks(units);
        }
    }
}

/// The last accent moves to its place: several accents on one letter may be written in any order.
fn order_marks(units: &mut [Unit]) {
    let first = units.len().saturating_sub(MAX_ACCENTS);
    for at in (first + 1..units.len()).rev() {
        let (left, right) = (units[at - 1].character, units[at].character);
        if !is_accent(left) || !is_accent(right) || left <= right {
            break;
        }
        units.swap(at - 1, at);
    }
}

/// Whether a character is a part of a word: a letter, a digit, or what changes one.
pub(crate) fn is_word(character: char) -> bool {
    match character {
        _ if character.is_ascii() => character.is_ascii_alphanumeric(),
        // Two of these are a flag.
        JOINER | '\u{1f1e6}'..='\u{1f1ff}' => true,
        _ => character.is_alphanumeric() || is_mark(character),
    }
}

/// Whether a character changes the letter before it. Everything in the blocks of scripts that is neither a letter nor
/// punctuation does.
fn is_mark(character: char) -> bool {
    match character {
        '\u{300}'..'\u{2000}' => !character.is_alphanumeric() && !is_punctuation(character),
        '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}' => true,
        _ => false,
    }
}

fn is_accent(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

/// Whether the right one of two characters changes the left one.
pub(crate) fn is_joined(left: char, right: char) -> bool {
    left == JOINER || right == JOINER || is_mark(right)
}

/// Whether words of this character's script stand side by side without a space.
pub(crate) fn is_unspaced(character: char) -> bool {
    matches!(character,
        // Thai and Lao, kana, Han.
        '\u{e00}'..='\u{eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The usual form of dashes, and of characters of full width, as they are in East Asian texts.
fn usual(character: char) -> char {
    match character {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(character as u32 - 0xfee0).unwrap_or(character),
        _ => character,
    }
}

/// Lower case, with one form for letters that have two of them, or an upper form of two letters.
fn without_case(character: char) -> impl Iterator<Item = char> {
    let (first, second) = match character {
        '\u{3c2}' => ('\u{3c3}', None),
        '\u{df}' | '\u{1e9e}' => ('s', Some('s')),
        _ => (character, None),
    };
    first.to_lowercase().chain(second)
}

/// Whether loose matching compares this character. Letters and digits always; a sign where it changes what
/// stands beside it, as in `-1`, `1.5`, `A+` and `C#`.
fn is_kept(units: &[Unit], at: usize) -> bool {
    let it = units[at].character;
    if is_word(it) {
        return true;
    }
    let neighbour = |at: Option<usize>| at.and_then(|at| units.get(at)).map(|unit| unit.character);
    let (before, after) = (neighbour(at.checked_sub(1)), neighbour(at.checked_add(1)));
    let word = |it: Option<char>| it.is_some_and(is_word);
    let digit = |it: Option<char>| it.is_some_and(char::is_numeric);
    let sign = |it: Option<char>| it.is_some_and(|it| is_word(it) || matches!(it, '+' | '#'));
    match it {
        // Without it, `1.5` would be `15`, and `1 2` would be `12`.
        _ if digit(before) && digit(after) && (it.is_whitespace() || is_punctuation(it)) => true,
        '+' | '#' | '%' | '&' => sign(before) || sign(after),
        '-' => (sign(before) && !word(after)) || (!word(before) && digit(after)),
        '.' | '<' | '>' | '~' | '^' | '$' => !word(before) && digit(after),
        _ => !it.is_whitespace() && !is_punctuation(it),
    }
}

fn is_punctuation(character: char) -> bool {
    match character {
        _ if character.is_ascii() => character.is_ascii_punctuation(),
        // Latin-1, then the full stops and commas of other scripts.
        '\u{a1}'
        | '\u{a7}'
        | '\u{a8}'
        | '\u{ab}'
        | '\u{ad}'
        | '\u{b4}'
        | '\u{b6}'..='\u{b8}'
        | '\u{bb}'
        | '\u{bf}' => true,
        '\u{37e}' | '\u{387}' | '\u{589}' | '\u{5be}' | '\u{5c3}' | '\u{60c}' | '\u{61b}' | '\u{61f}'
        | '\u{6d4}' => true,
        '\u{964}' | '\u{965}' | '\u{104a}' | '\u{104b}' | '\u{17d4}' | '\u{17d5}' => true,
        '\u{2000}'..='\u{206f}' => character != JOINER,
        '\u{2e00}'..='\u{2e7f}'
        | '\u{3000}'..='\u{303f}'
        | '\u{30fb}'
        | '\u{fe10}'..='\u{fe1f}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{feff}' => true,
        // How an emoji is drawn, and in which colour of skin.
        '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{ff5f}'..='\u{ff65}' => true,
        _ => false,
    }
}
