//! Makes strict JSON of what servers send as JSON. It mends half characters, bare control characters, `NaN`, and the
//! frame of an event stream with a single event. Strict JSON stays the same, byte for byte.

use std::borrow::Cow;

/// What replaces half a character.
const REPLACEMENT: &str = "\\ufffd";

/// Numbers that some servers write and JSON does not have.
const NO_NUMBERS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];

/// The text with these mistakes mended. It is strict JSON unless there are others.
pub fn tidy(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut pass = Pass { text, out: String::new(), done: 0 };
    let (mut at, mut inside) = (0, false);
    while let Some(&byte) = text.as_bytes().get(at) {
        at += match (byte, inside) {
            (b'"', _) => {
                inside = !inside;
                1
            }
            (b'\\', true) => pass.escape(at),
            (0..0x20, true) => pass.replace(at, 1, &format!("\\u{byte:04x}")),
            (b'N' | b'I' | b'-', false) => {
                let found = NO_NUMBERS.iter().find(|number| text[at..].starts_with(**number));
                found.map_or(1, |number| pass.replace(at, number.len(), "null"))
            }
            _ => 1,
        };
    }
    pass.finish()
}

/// The only event of a stream, without its frame; nothing if there are several or none.
pub fn unframed(body: &str) -> Option<&str> {
    let mut events = body.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
    let only = events.next()?;
    events.all(|event| event.is_empty() || event == "[DONE]").then_some(only)
}

struct Pass<'a> {
    text: &'a str,
    out: String,
    /// How many bytes of the text are in `out` already.
    done: usize,
}

impl<'a> Pass<'a> {
    /// Mends the escape at this place if need be, and says how many bytes it has.
    fn escape(&mut self, at: usize) -> usize {
        match self.text.as_bytes().get(at + 1) {
            Some(b'u') => match self.unit(at) {
                Some(0xd800..0xdc00) => match self.unit(at + 6) {
                    Some(0xdc00..0xe000) => 12,
                    _ => self.replace(at, 6, REPLACEMENT),
                },
                Some(0xdc00..0xe000) => self.replace(at, 6, REPLACEMENT),
                Some(_) => 6,
                None => self.replace(at, 1, "\\\\"),
            },
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            // No escape: the backslash means itself.
            Some(_) => self.replace(at, 1, "\\\\"),
            None => 1,
        }
    }

    /// The UTF-16 unit of an escape `\uXXXX` at this place.
    fn unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
        u16::from_str_radix(digits, 16).ok()
    }

    /// Replaces this many bytes, and returns their number.
    fn replace(&mut self, at: usize, bytes: usize, with: &str) -> usize {
        self.out.push_str(&self.text[self.done..at]);
        self.out.push_str(with);
        self.done = at + bytes;
        bytes
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.done == 0 {
            return Cow::Borrowed(self.text);
        }
        self.out.push_str(&self.text[self.done..]);
        Cow::Owned(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_send_becomes_json() {
        // name, text, what it becomes
        let table = [
            (
                "strict",
                r#"{"a":"h\u00e4 \ud83d\ude00 \\ud83d","n":-1.5e3}"#,
                r#"{"a":"h\u00e4 \ud83d\ude00 \\ud83d","n":-1.5e3}"#,
            ),
            ("a first half", r#"["\ud83d"]"#, r#"["\ufffd"]"#),
            ("a first half before another escape", r#"["\ud83d\u0041"]"#, r#"["\ufffd\u0041"]"#),
            ("two first halves", r#"["\ud83d\ud83d\ude00"]"#, r#"["\ufffd\ud83d\ude00"]"#),
            ("a second half", r#"["x\ude00"]"#, r#"["x\ufffd"]"#),
            ("a cut escape", r#"["\u12"]"#, r#"["\\u12"]"#),
            ("no escape", r#"["\d \'"]"#, r#"["\\d \\'"]"#),
            ("bare line ends", "[\"a\nb\t\"]", r#"["a\u000ab\u0009"]"#),
            ("line ends between", "[\n1]", "[\n1]"),
            ("no numbers", r#"[NaN,-Infinity,Infinity,"NaN",-1]"#, r#"[null,null,null,"NaN",-1]"#),
            ("a byte order mark", "\u{feff}[1]", "[1]"),
            ("a backslash at the end", "[\"\\", "[\"\\"),
            ("half an escape at the end", "[\"\\u00", "[\"\\\\u00"),
            ("many bytes a character", "[\"\\u00ä\"]", "[\"\\\\u00ä\"]"),
        ];
        for (name, text, expected) in table {
            assert_eq!(tidy(text), expected, "{name}");
        }
    }

    #[test]
    fn a_stream_of_one_event_is_a_body() {
        // name, body, the event
        let table = [
            ("one", "data: {\"a\":1}\n\ndata: [DONE]\n\n", Some("{\"a\":1}")),
            ("with its kind", "event: message\ndata:{\"a\":1}\n\n", Some("{\"a\":1}")),
            ("two", "data: {\"a\":1}\n\ndata: {\"a\":2}\n\n", None),
            ("none", "{\"a\":1}", None),
        ];
        for (name, body, expected) in table {
            assert_eq!(unframed(body), expected, "{name}");
        }
    }
}
