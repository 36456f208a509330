//! The literals of a Rust source, in order: texts as the program sees them, and numbers.
//!
//! Nothing here fails. A source that cannot be lexed gives the literals that can be recognized.

/// A literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    Text(String),
    Number(u64),
}

impl Literal {
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) => None,
        }
    }

    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Text(_) => None,
            Self::Number(number) => Some(*number),
        }
    }
}

/// All literals of a source. Comments have none.
pub fn of(source: &str) -> Vec<Literal> {
    let (mut found, mut rest) = (Vec::new(), source);
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '/' if rest.starts_with("//") => rest.find('\n').map_or("", |end| &rest[end..]),
            '/' if rest.starts_with("/*") => after_comment(rest),
            '"' => quoted(&rest[1..], &mut found),
            '\'' => after_character(&rest[1..]),
            '0'..='9' => number(rest, &mut found),
            _ if first.is_alphabetic() || first == '_' => word(rest, &mut found),
            _ => &rest[first.len_utf8()..],
        };
    }
    found
}

/// Comments nest.
fn after_comment(source: &str) -> &str {
    let (mut depth, mut at) = (0usize, 0);
    while at < source.len() {
        let rest = &source.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return &source[at..];
            }
        } else {
            at += 1;
        }
    }
    ""
}

/// A text up to its closing quote, which has been opened.
fn quoted<'a>(source: &'a str, found: &mut Vec<Literal>) -> &'a str {
    let (mut text, mut characters) = (String::new(), source.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                found.push(Literal::Text(text));
                return &source[at + 1..];
            }
            '\\' => escape(&mut characters, &mut text),
            _ => text.push(character),
        }
    }
    found.push(Literal::Text(text));
    ""
}

fn escape(characters: &mut std::str::CharIndices<'_>, text: &mut String) {
    match characters.next().map(|(_, it)| it) {
        Some('n') => text.push('\n'),
        Some('t') => text.push('\t'),
        Some('r') => text.push('\r'),
        Some('x') => {
            let digits: String = characters.by_ref().take(2).map(|(_, it)| it).collect();
            text.extend(code(&digits));
        }
        Some('u') => {
            let digits: String =
                characters.by_ref().map(|(_, it)| it).take_while(|&it| it != '}' && it != '"').collect();
            text.extend(code(digits.trim_start_matches('{')));
        }
        // The text continues with the next character that is no white space.
        Some('\n') => {
            let rest = characters.as_str();
            let blank = rest.len() - rest.trim_start().len();
            if let Some(last) = rest[..blank].chars().count().checked_sub(1) {
                characters.nth(last);
            }
        }
        Some(other) => text.push(other),
        None => {}
    }
}

fn code(digits: &str) -> Option<char> {
    char::from_u32(u32::from_str_radix(&digits.replace('_', ""), 16).ok()?)
}

/// Skips a character literal or a lifetime.
fn after_character(source: &str) -> &str {
    let mut characters = source.char_indices();
    match characters.next() {
        Some((_, '\\')) => {
            characters.next();
            let end = characters.find(|(_, it)| *it == '\'' || *it == '\n');
            end.map_or("", |(at, _)| &source[at + 1..])
        }
        Some((_, first)) if source[first.len_utf8()..].starts_with('\'') => &source[first.len_utf8() + 1..],
        _ => source,
    }
}

/// A whole number in any base, with or without a type suffix. Fractions are ignored.
fn number<'a>(source: &'a str, found: &mut Vec<Literal>) -> &'a str {
    let end = source.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(source.len());
    let plain = source[..end].replace('_', "").to_ascii_lowercase();
    let (digits, base) = match plain.get(..2) {
        Some("0x") => (&plain[2..], 16),
        Some("0o") => (&plain[2..], 8),
        Some("0b") => (&plain[2..], 2),
        _ => (plain.as_str(), 10),
    };
    // A type begins with a letter that is no digit.
    let digits = digits.split(['u', 'i']).next().unwrap_or_default();
    if let Ok(number) = u64::from_str_radix(digits, base) {
        found.push(Literal::Number(number));
    }
    &source[end..]
}

/// A name, a keyword, or the prefix of a raw string.
fn word<'a>(source: &'a str, found: &mut Vec<Literal>) -> &'a str {
    let end = source.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(source.len());
    let (name, rest) = source.split_at(end);
    if !matches!(name, "r" | "br" | "cr") {
        return rest;
    }
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let Some(body) = rest[hashes..].strip_prefix('"') else { return rest };
    let closing = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&closing).unwrap_or(body.len());
    found.push(Literal::Text(body[..length].to_owned()));
    body.get(length + closing.len()..).unwrap_or_default()
}
