//! Texts that share most of their lines, such as prompts, kept as references into one table of lines.

use std::collections::HashMap;

use serde::Serialize;

use crate::text;

/// Longest text that is kept whole. Of a longer one, start and end are kept, and a note of what is left out.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// A text: pairs of a first line and a number of lines. Empty for the empty text.
pub type Text = Vec<usize>;

/// Every line once.
#[derive(Default)]
pub struct Lines {
    known: HashMap<String, usize>,
    table: Vec<String>,
}

/// The lines in the order of their numbers.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Table(Vec<String>);

impl Lines {
    /// Enters a text.
    pub fn add(&mut self, text: &str) -> Text {
        let mut runs = Text::new();
        if text.is_empty() {
            return runs;
        }
        let cut = text::middle_cut(text, MAX_TEXT_BYTES);
        for line in cut.split('\n') {
            let number = self.number(line);
            match runs.as_mut_slice() {
                [.., first, count] if *first + *count == number => *count += 1,
                _ => runs.extend([number, 1]),
            }
        }
        runs
    }

    fn number(&mut self, line: &str) -> usize {
        if let Some(number) = self.known.get(line) {
            return *number;
        }
        let number = self.table.len();
        self.known.insert(line.to_owned(), number);
        self.table.push(line.to_owned());
        number
    }

    pub fn into_table(self) -> Table {
        Table(self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(table: &Table, text: &Text) -> String {
        let lines = text.chunks(2).flat_map(|run| &table.0[run[0]..run[0] + run[1]]);
        lines.map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn texts_come_back_as_they_were() {
        let table = ["", "one", "one\ntwo\n", "\n", "\r\n\r\n", "two\none\ntwo\none", "one\n\ntwo\nthree"];
        let mut lines = Lines::default();
        let texts: Vec<Text> = table.iter().map(|text| lines.add(text)).collect();
        let lines = lines.into_table();
        for (expected, text) in table.iter().zip(&texts) {
            assert_eq!(read(&lines, text), *expected, "{expected:?}");
        }
        assert_eq!(lines.0, ["one", "two", "", "\r", "three"]);
    }

    #[test]
    fn lines_in_a_row_are_one_reference() {
        let mut lines = Lines::default();
        assert_eq!(lines.add("a\nb\nc"), [0, 3]);
        assert_eq!(lines.add("a\nb\nx\nc"), [0, 2, 3, 1, 2, 1]);
    }

    #[test]
    fn a_long_line_is_cut_in_the_middle() {
        let mut lines = Lines::default();
        let text = lines.add(&"x".repeat(10 << 20));
        let kept = read(&lines.into_table(), &text);
        assert!(kept.len() < MAX_TEXT_BYTES + 100 && kept.contains("[cut: 9437184 bytes left out]"));
    }
}
