//! Removes the key from all that a server sends back, before anything else reads it.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};

/// What replaces a key.
const SCRUBBED: &[u8] = b"[key]";

/// Shorter texts are placeholders such as `EMPTY`. Removing those would damage answers.
const SHORTEST_KEY: usize = 8;

/// Most backslashes before one letter of a key: JSON in JSON in JSON.
const MAX_BACKSLASHES: usize = 8;

/// Removes one key from texts, also where it is written with escapes of JSON, up to three levels of JSON in JSON. It does
/// not find a key in another encoding, such as base64.
pub struct Scrubber(Option<SecretString>);

impl Scrubber {
    /// A scrubber for this key. A placeholder is not removed: a key that is shorter than 8 characters, or shorter than
    /// 20 and without a digit.
    pub fn new(key: Option<&SecretString>) -> Self {
        let is_secret = |key: &&SecretString| {
            let key = key.expose_secret();
            key.len() >= SHORTEST_KEY && (key.len() >= 20 || key.bytes().any(|byte| byte.is_ascii_digit()))
        };
        Self(key.filter(is_secret).cloned())
    }

    /// The bytes without the key.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(key) = &self.0 else { return Cow::Borrowed(bytes) };
        let key = key.expose_secret().as_bytes();
        let (mut out, mut done, mut at) = (Vec::new(), 0, 0);
        while at < bytes.len() {
            let begins = bytes[at] == key[0] || bytes[at] == b'\\';
            match begins.then(|| length_of(key, &bytes[at..])).flatten() {
                Some(length) => {
                    out.extend_from_slice(&bytes[done..at]);
                    out.extend_from_slice(SCRUBBED);
                    at += length;
                    done = at;
                }
                None => at += 1,
            }
        }
        if done == 0 {
            return Cow::Borrowed(bytes);
        }
        out.extend_from_slice(&bytes[done..]);
        Cow::Owned(out)
    }

    /// The text without the key.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }
}

/// How many of these bytes spell the key, if they begin with it.
fn length_of(key: &[u8], bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for &letter in key {
        at += letter_length(letter, &bytes[at..])?;
    }
    Some(at)
}

/// How many of these bytes are this letter: itself, itself after backslashes, or its number after them.
fn letter_length(letter: u8, bytes: &[u8]) -> Option<usize> {
    if bytes.first() == Some(&letter) {
        return Some(1);
    }
    let escapes = bytes.iter().take(MAX_BACKSLASHES).take_while(|byte| **byte == b'\\').count();
    let escaped = &bytes[escapes..];
    let number = |digits: &[u8]| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    match escaped {
        _ if escapes == 0 => None,
        [byte, ..] if *byte == letter => Some(escapes + 1),
        [b'u', digits @ ..] if number(digits.get(..4)?) == Some(letter.into()) => Some(escapes + 5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_however_json_writes_them() {
        let scrubber = Scrubber::new(Some(&SecretString::from("sk-a/b_0123")));
        // name, text, what is left
        let table = [
            ("plain", "you sent sk-a/b_0123, twice: sk-a/b_0123", "you sent [key], twice: [key]"),
            ("a slash escaped", r#""sk-a\/b_0123""#, r#""[key]""#),
            ("by number", r#""\u0073k-a/b_\u0030123""#, r#""[key]""#),
            ("capital digits", r#"sk\u002Da/b_0123"#, "[key]"),
            ("JSON in JSON", r#"{"a":"{\"k\":\"\\u0073k-a\\\/b_0123\"}"}"#, r#"{"a":"{\"k\":\"[key]\"}"}"#),
            ("half of it", "sk-a/b_012", "sk-a/b_012"),
            ("another case", "SK-A/B_0123", "SK-A/B_0123"),
            ("at the end", "x\\", "x\\"),
            ("cut in an escape", r#"sk-a/b_\u00"#, r#"sk-a/b_\u00"#),
            ("among many bytes a character", "ä sk-a/b_0123 ö", "ä [key] ö"),
        ];
        for (name, text, expected) in table {
            assert_eq!(scrubber.text(text), expected, "{name}");
        }
        let long = "\\".repeat(1 << 20);
        assert_eq!(scrubber.text(&long), long, "and it is over soon");
    }

    #[test]
    fn placeholders_are_no_secrets() {
        for (key, secret) in [
            ("EMPTY", false),
            ("x", false),
            ("not-needed", false),
            ("lm-studio", false),
            ("sk-1234", false),
            ("sk-12345", true),
            ("correct-horse-battery", true),
        ] {
            let scrubbed = Scrubber::new(Some(&SecretString::from(key))).text(&format!("it is {key}"));
            assert_eq!(!scrubbed.contains(key), secret, "{key}");
        }
        assert_eq!(Scrubber::new(None).text("all of it"), "all of it");
    }
}
