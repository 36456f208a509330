//! Text from models, data and compilers, made safe and short enough to show.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Without control sequences: a terminal, a log and a model get letters, line ends and tabs only.
///
/// Removes ANSI escape sequences, other control characters and bidirectional controls.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => skip_escape(&mut rest),
            '\n' | '\t' => out.push(character),
            _ if acts_on_terminals(character) => {}
            _ => out.push(character),
        }
    }
    out
}

/// Whether a terminal does something at this character besides showing it: control characters, direction
/// marks, and the line ends that are no `\n`. Line ends and tabs, which all output has, are not among them.
pub fn acts_on_terminals(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => true,
        _ => character.is_control(),
    }
}

/// A name of a file, a run or a label, as it is shown: plain, on its line, with its spaces as they are.
pub fn name(name: &str) -> String {
    let on_its_line =
        |character: char| if "\n\t\u{2028}\u{2029}".contains(character) { ' ' } else { character };
    plain(&name.chars().map(on_its_line).collect::<String>())
}

/// A path, as it is shown: like a name.
pub fn path(path: &std::path::Path) -> String {
    name(&path.to_string_lossy())
}

/// What follows an escape character: `[` parameters final byte, or `]` text terminator, or one byte.
fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.next() {
        Some('[') => while rest.next().is_some_and(|next| !('@'..='~').contains(&next)) {},
        Some(']') => {
            while let Some(next) = rest.next() {
                if next == '\u{7}' || (next == '\u{1b}' && rest.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// `plain`, on one line.
pub fn one_line(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `max_bytes` of a text, cut at a character, with a note of what was cut.
pub fn capped(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let kept = &text[..floor_boundary(text, max_bytes)];
    format!("{kept}\n[cut: {} of {} bytes shown]", kept.len(), text.len())
}

/// At most `max_chars` characters, with an ellipsis where something was cut.
pub fn ellipsis(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// How many columns of a terminal a text takes.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// At most so many columns of a terminal, with an ellipsis where something was cut.
pub fn fitted(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (mut kept, mut taken) = (String::new(), 1);
    for character in text.chars() {
        taken += UnicodeWidthChar::width(character).unwrap_or(0);
        if taken > columns {
            break;
        }
        kept.push(character);
    }
    kept + "…"
}

/// Lines of at most so many columns, broken between words; all but the first begin with `indent`.
pub fn wrapped(text: &str, columns: usize, indent: &str) -> String {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for (at, word) in text.split(' ').enumerate() {
        if !line.trim().is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
        } else if at > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.iter().map(|line| fitted(line, columns)).collect::<Vec<_>>().join("\n")
}

/// At most about `max_bytes` of a text: its start and its end, because what matters stands there.
pub fn middle_cut(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let head = floor_boundary(text, max_bytes / 2);
    let tail =
        (text.len() - max_bytes / 2..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    format!("{}\n[cut: {} bytes left out]\n{}", &text[..head], tail - head, &text[tail..])
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// A number with thin groups of three: 1,234,567.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number in at most five characters: 699, 11.6k, 147k, 30.3M.
pub fn compact(number: u64) -> String {
    let units = ["", "k", "M", "G", "T", "P", "E"];
    let (mut scaled, mut unit) = (number as f64, 0);
    // What would be shown as 1000 is 1.0 of the next unit.
    while scaled >= 999.5 && unit + 1 < units.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && scaled < 99.95);
    format!("{scaled:.decimals$}{}", units[unit])
}

/// Bytes in the largest binary unit that divides them, or with one decimal.
pub fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        _ if count >= 1 << 30 => scaled(count, 30, "GiB"),
        _ if count >= 1 << 20 => scaled(count, 20, "MiB"),
        _ => scaled(count, 10, "KiB"),
    }
}

fn scaled(count: u64, bits: u32, unit: &str) -> String {
    if count.is_multiple_of(1 << bits) {
        format!("{} {unit}", count >> bits)
    } else {
        format!("{:.1} {unit}", count as f64 / f64::from(1u32 << bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_leaves_letters_only() {
        let table = [
            ("colour", "\u{1b}[31mred\u{1b}[0m", "red"),
            ("title", "\u{1b}]0;owned\u{7}x", "x"),
            ("title with a long terminator", "\u{1b}]0;owned\u{1b}\\x", "x"),
            ("bell and backspace", "a\u{7}b\u{8}c", "abc"),
            ("bidirectional override", "a\u{202e}b", "ab"),
            ("line ends and tabs stay", "a\n\tb", "a\n\tb"),
            ("carriage return", "a\rb", "ab"),
            ("unfinished escape", "a\u{1b}[", "a"),
            ("the escape of eight bits", "a\u{9b}31mb", "a31mb"),
            ("line and paragraph separators", "a\u{2028}b\u{2029}c", "abc"),
            ("invisible format characters", "a\u{206a}b\u{2069}c", "abc"),
        ];
        for (name, input, expected) in table {
            assert_eq!(plain(input), expected, "{name}");
        }
    }

    #[test]
    fn names_stay_on_their_line() {
        let table = [
            ("plain", "iterations/000", "iterations/000"),
            ("two spaces", "a  (copy)", "a  (copy)"),
            ("a line of its own", "x\nall of it holds", "x all of it holds"),
            ("cleared line", "x\n\u{1b}[2Ksaid", "x said"),
            ("separators", "a\u{2028}b\tc", "a b c"),
        ];
        for (what, input, expected) in table {
            assert_eq!(name(input), expected, "{what}");
        }
        let bytes = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"gru\xdf\x1b[2J");
        assert_eq!(path(std::path::Path::new(bytes)), "gru\u{fffd}");
    }

    #[test]
    fn lines_fit() {
        // name, text, columns, lines
        let table = [
            ("short", "one two", 10, "one two"),
            ("broken between words", "one two three four", 9, "one two\n  three\n  four"),
            ("exactly", "one two three", 7, "one two\n  three"),
            ("a word too long", "a abcdefgh", 6, "a\n  abc…"),
            ("wide letters", "漢字 漢字", 6, "漢字\n  漢字"),
        ];
        for (name, text, columns, expected) in table {
            assert_eq!(wrapped(text, columns, "  "), expected, "{name}");
        }
        assert_eq!((fitted("漢字漢字", 6), fitted("abc", 3)), ("漢字…".to_owned(), "abc".to_owned()));
    }

    #[test]
    fn compact_numbers_keep_three_digits() {
        let table = [
            (0, "0"),
            (999, "999"),
            (1_000, "1.0k"),
            (11_567, "11.6k"),
            (99_949, "99.9k"),
            (99_951, "100k"),
            (999_499, "999k"),
            (999_500, "1.0M"),
            (30_281_829, "30.3M"),
            (u64::MAX, "18.4E"),
        ];
        for (number, expected) in table {
            assert_eq!(compact(number), expected, "{number}");
        }
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
        assert_eq!(bytes(256 << 20), "256 MiB");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(capped("aé", 2), "a\n[cut: 1 of 3 bytes shown]");
        assert_eq!(ellipsis("abcdef", 4), "abc…");
        assert_eq!(middle_cut("abcdef", 4), "ab\n[cut: 2 bytes left out]\nef");
        assert_eq!(middle_cut("ééé", 4), "é\n[cut: 2 bytes left out]\né");
    }
}
