//! A file of `NAME=VALUE` lines, such as `.env`, which holds keys that one does not want in the environment.
//!
//! A value stands for itself: no variable is put in, no escape is read, and a `#` is part of it unless there
//! is a space before it. What cannot be understood is named by its line and passed over, and what stands
//! there is never repeated: it may be a key.

use std::collections::BTreeMap;

/// What a file says.
#[derive(Default)]
pub struct DotEnv {
    values: BTreeMap<String, String>,
    /// What was passed over: the line, counted from 1, and why.
    pub odd: Vec<(usize, &'static str)>,
}

impl DotEnv {
    pub fn parse(bytes: &[u8]) -> Self {
        let mut parsed = Self::default();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            if let Err(why) = parsed.line(line) {
                parsed.odd.push((at + 1, why));
            }
        }
        parsed
    }

    /// The value under a name, if it is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(());
        }
        let line = std::str::from_utf8(line).map_err(|_| "it is no UTF-8 text")?;
        let (name, value) = line.split_once('=').ok_or("there is no =")?;
        let name = name.trim();
        let name =
            name.strip_prefix("export").filter(|it| it.starts_with(char::is_whitespace)).unwrap_or(name);
        let name = name.trim();
        let is_name = |it: char| it.is_ascii_alphanumeric() || it == '_';
        if name.is_empty() || !name.chars().all(is_name) || name.starts_with(|it: char| it.is_ascii_digit()) {
            return Err("what stands before = is no name of a variable");
        }
        let value = unquoted(value.trim())?;
        if value.is_empty() {
            return Ok(());
        }
        let first = self.values.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        if first == value { Ok(()) } else { Err("the name stands above with another value, which counts") }
    }
}

/// A value without its quotes, and without what is said about it.
fn unquoted(value: &str) -> Result<&str, &'static str> {
    let Some(quote) = value.chars().next().filter(|first| ['\'', '"'].contains(first)) else {
        // A comment begins at a # after a space, or takes the value's place.
        let comment = value
            .char_indices()
            .find(|(at, it)| *it == '#' && value[..*at].chars().next_back().is_none_or(char::is_whitespace));
        return Ok(comment.map_or(value, |(at, _)| value[..at].trim_end()));
    };
    let (inside, after) = value[1..].split_once(quote).ok_or("its quote is not closed")?;
    let after_space = after.trim_start();
    match after_space.is_empty() || (after_space.starts_with('#') && after_space.len() < after.len()) {
        true => Ok(inside),
        false => Err("something stands behind its closing quote"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_for_themselves() {
        // name, file, value of KEY, odd lines
        type Row = (&'static str, &'static [u8], Option<&'static str>, &'static [usize]);
        let table: [Row; 34] = [
            ("plain", b"KEY=sk-1", Some("sk-1"), &[]),
            ("dollars and a number sign", b"KEY=sk-a$bc#d-x$y", Some("sk-a$bc#d-x$y"), &[]),
            ("a variable of its own", b"A=1\nKEY=$A-${A}", Some("$A-${A}"), &[]),
            ("a backslash", b"KEY=a\\nb\\", Some("a\\nb\\"), &[]),
            ("a backtick and a percent sign", b"KEY=`id`%", Some("`id`%"), &[]),
            ("an equals sign", b"KEY=a=b==", Some("a=b=="), &[]),
            ("double quotes", b"KEY=\"sk $1 # 2\"", Some("sk $1 # 2"), &[]),
            ("single quotes", b"KEY='sk \"1\"'", Some("sk \"1\""), &[]),
            ("a quote inside", b"KEY=sk\"1", Some("sk\"1"), &[]),
            ("a comment behind", b"KEY=sk-1 # mine", Some("sk-1"), &[]),
            ("a comment behind quotes", b"KEY='sk-1' # mine", Some("sk-1"), &[]),
            ("a comment and no value", b"KEY= # none yet", None, &[]),
            ("spaces around", b"  KEY \t=  sk-1  ", Some("sk-1"), &[]),
            ("a space inside", b"KEY=two words", Some("two words"), &[]),
            ("export", b"export KEY=sk-1", Some("sk-1"), &[]),
            ("export with a tab", b"export\tKEY=sk-1", Some("sk-1"), &[]),
            ("a name that begins so", b"exportKEY=x\nKEY=sk-1", Some("sk-1"), &[]),
            ("line ends of Windows", b"A=1\r\nKEY=sk-1\r\n", Some("sk-1"), &[]),
            ("a byte order mark", b"\xef\xbb\xbfKEY=sk-1\n", Some("sk-1"), &[]),
            ("no value", b"KEY=\n", None, &[]),
            ("empty quotes", b"KEY=''", None, &[]),
            ("empty first", b"KEY=\nKEY=sk-1", Some("sk-1"), &[]),
            ("twice the same", b"KEY=sk-1\nKEY=sk-1", Some("sk-1"), &[]),
            ("twice", b"KEY=sk-1\nKEY=sk-2", Some("sk-1"), &[2]),
            ("another case", b"key=sk-2", None, &[]),
            ("comments and empty lines", b"# KEY=no\n\n   \n#\nKEY=sk-1", Some("sk-1"), &[]),
            ("no equals sign", b"sk-secret\nKEY=sk-1", Some("sk-1"), &[1]),
            ("no name", b"=sk-2\nKEY=sk-1", Some("sk-1"), &[1]),
            ("a name of two words", b"MY KEY=sk-2\nKEY=sk-1", Some("sk-1"), &[1]),
            ("a name that is a number", b"1KEY=sk-2\nKEY=sk-1", Some("sk-1"), &[1]),
            ("a quote that stays open", b"A='sk-2\nKEY=sk-1", Some("sk-1"), &[1]),
            ("something behind a quote", b"A='x'y\nKEY=sk-1", Some("sk-1"), &[1]),
            ("no text", b"A=\xff\nKEY=sk-1", Some("sk-1"), &[1]),
            ("nothing", b"", None, &[]),
        ];
        for (name, file, value, odd) in table {
            let parsed = DotEnv::parse(file);
            assert_eq!(parsed.get("KEY"), value, "{name}");
            let lines: Vec<usize> = parsed.odd.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, odd, "{name}");
        }
    }
}
