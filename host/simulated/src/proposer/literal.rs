//! Text as Rust string literals, whatever is in it.

use std::fmt::Write;

/// A line of generated source is at most this wide where that can be helped.
const WIDTH: usize = 110;

/// A Rust string literal for any text.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if hidden(character) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// Characters that rustc or a reader would stumble over: controls, and marks that reorder or hide text.
fn hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{61c}')
}

/// A constant table of tuples of texts, laid out as rustfmt would.
pub(crate) fn table(name: &str, kind: &str, rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|field| literal(field)).collect()).collect();
    let tuple = |fields: &Vec<String>| match fields.as_slice() {
        [one] => one.clone(),
        _ => format!("({})", fields.join(", ")),
    };
    let whole = rows.iter().map(tuple).collect::<Vec<_>>().join(", ");
    let mut out = format!("const {name}: &[{kind}] = &[{whole}];\n");
    if out.trim_end().chars().count() <= WIDTH {
        return out;
    }
    out = format!("const {name}: &[{kind}] = &[\n");
    for fields in &rows {
        let line = format!("    {},\n", tuple(fields));
        if line.trim_end().chars().count() <= WIDTH || fields.len() == 1 {
            out.push_str(&line);
        } else {
            let fields: String = fields.iter().map(|field| format!("        {field},\n")).collect();
            out.push_str(&format!("    (\n{fields}    ),\n"));
        }
    }
    out.push_str("];\n");
    out
}

/// The text of a table in a source that this module wrote.
pub(crate) fn table_in<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let start = source.find(&format!("\nconst {name}: "))? + 1;
    let first_line = source[start..].find('\n')? + 1;
    let length = match source[start..start + first_line].ends_with("&[\n") {
        true => source[start..].find("\n];\n")? + "\n];\n".len(),
        false => first_line,
    };
    Some(&source[start..start + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_literal() {
        let table = [
            ("plain", "a b", r#""a b""#),
            ("quotes and backslashes", r#"say "hi" \n"#, r#""say \"hi\" \\n""#),
            ("braces stay", "{x}", r#""{x}""#),
            ("lines", "a\r\n\tb", r#""a\r\n\tb""#),
            ("unicode stays", "größer \u{1f600}", "\"größer \u{1f600}\""),
            ("hidden marks", "a\u{202e}b\u{0}c\u{feff}", r#""a\u{202e}b\u{0}c\u{feff}""#),
        ];
        for (name, text, expected) in table {
            assert_eq!(literal(text), expected, "{name}");
        }
    }

    #[test]
    fn a_table_is_found_again() {
        let rows = vec![vec!["a\n];\n\"".to_owned(), "b".repeat(120)], vec!["c".to_owned(), "d".to_owned()]];
        let written = table("EXAMPLES", "(&str, &str)", &rows);
        let short = super::table("OTHER", "&str", &[vec!["a];".to_owned()], vec!["b".to_owned()]]);
        assert_eq!(short, "const OTHER: &[&str] = &[\"a];\", \"b\"];\n");
        let source = format!("use x;\n\n{written}\n{short}\nfn x() {{}}\n");
        assert_eq!(table_in(&source, "EXAMPLES"), Some(written.as_str()));
        assert_eq!(table_in(&source, "OTHER"), Some(short.as_str()));
        assert_eq!(table_in(&source, "HINTS"), None);
    }
}
