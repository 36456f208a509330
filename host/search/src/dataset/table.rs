//! Reads rows from a table with a header: CSV by RFC 4180, with any of several delimiters.
//!
//! The usual crate is lenient: if a quote is never closed, it reads all following rows as one long text. Here quotes have
//! to match, and an error names the line on which an unmatched quote opens.

use std::{borrow::Cow, collections::HashSet};

use super::{
    columns::Places,
    rows::{Content, Problem, Raw, Rules},
};

/// One row of cells.
struct Record<'t> {
    /// Its first line in the file, and its text there.
    line: usize,
    source: &'t str,
    cells: Vec<Cow<'t, str>>,
}

/// The rows of a text. The delimiter is the first one with which the header has columns for text and label.
pub fn rows(text: &str, delimiters: &[u8], rules: Rules<'_>) -> Result<Content, Problem> {
    let (delimiter, header, places) = header(text, delimiters, rules)?;
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut content = Content::default();
    let mut over_lines = Vec::new();
    let mut reader = Reader::new(text, delimiter);
    reader.next().transpose()?;
    for record in reader {
        let record = record?;
        let problem = |problem: String| Problem::new(record.line, problem);
        if record.cells.len() != header.len() {
            return Err(problem(ragged(record.cells.len(), header.len(), delimiter)));
        }
        let cell = |at: usize| record.cells[at].clone().into_owned();
        let raw = Raw {
            text: cell(places.text),
            gold: &record.cells[places.answer],
            fields: places.fields.iter().map(|at| cell(*at)).collect(),
            instructions: places.instructions.map(cell),
        };
        content.add(&names, &places, raw, rules).map_err(problem)?;
        if record.source.contains(['\n', '\r']) {
            over_lines.push(record);
        }
    }
    let labels: HashSet<&str> = content.rows.iter().map(|row| row.gold.as_str()).collect();
    let swallowing =
        over_lines.iter().find(|it| it.swallows_rows(delimiter, places.answer, header.len(), &labels));
    match swallowing {
        None => Ok(content),
        Some(record) => Err(Problem::new(
            record.line,
            "a quote opens here and closes lines later, and each line between looks like a row: a quote is missing or \
             one too many; if the text is right, JSON Lines can hold it",
        )),
    }
}

/// The cells of the first rows by name, for who wants to know what a file has: by the delimiter that gives the most names.
pub fn samples(text: &str, delimiters: &[u8], most: usize) -> Vec<Vec<(String, String)>> {
    let read = |delimiter: &u8| {
        let mut reader = Reader::new(text, *delimiter);
        let header: Vec<String> =
            reader.next()?.ok()?.cells.iter().map(|cell| cell.trim().to_owned()).collect();
        let rows = reader.take(most).map_while(Result::ok);
        let named = |row: Record<'_>| {
            header.iter().cloned().zip(row.cells.into_iter().map(Cow::into_owned)).collect()
        };
        Some((header.len(), rows.map(named).collect()))
    };
    let tables = delimiters.iter().filter_map(read);
    tables
        .reduce(|most, next| if next.0 > most.0 { next } else { most })
        .map(|(_, rows)| rows)
        .unwrap_or_default()
}

type Header = (u8, Vec<String>, Places);

fn header(text: &str, delimiters: &[u8], rules: Rules<'_>) -> Result<Header, Problem> {
    let mut problem: Option<(usize, Problem)> = None;
    for delimiter in delimiters {
        let record = match Reader::new(text, *delimiter).next() {
            None => return Err(Problem::new(1, "it is empty: the first line names the columns")),
            Some(record) => record?,
        };
        let cells: Vec<String> = record.cells.iter().map(|cell| cell.trim().to_owned()).collect();
        let names: Vec<&str> = cells.iter().map(String::as_str).collect();
        match rules.keys.choose(&names) {
            Ok(places) => return Ok((*delimiter, cells, places)),
            // The right delimiter gives the most columns.
            Err(why) if problem.as_ref().is_none_or(|(most, _)| cells.len() > *most) => {
                problem =
                    Some((cells.len(), Problem::new(record.line, format!("its header does not fit: {why}"))));
            }
            Err(_) => {}
        }
    }
    Err(problem.map_or_else(|| Problem::new(1, "it has no header"), |(_, problem)| problem))
}

fn ragged(found: usize, expected: usize, delimiter: u8) -> String {
    let (delimiter, plural) = (char::from(delimiter), if found == 1 { "" } else { "s" });
    format!(
        "it has {found} cell{plural} where the header has {expected}; a cell that holds {delimiter:?} or a line end needs quotes"
    )
}

impl Record<'_> {
    /// Whether each of its lines, without its quotes, would be a row with a label of other rows. Then a quote was opened
    /// by mistake, and a later one has closed it by chance.
    fn swallows_rows(&self, delimiter: u8, label: usize, width: usize, labels: &HashSet<&str>) -> bool {
        self.source.lines().all(|line| {
            let cells: Vec<&str> = line.split(char::from(delimiter)).collect();
            cells.len() == width && labels.contains(cells[label].replace('"', "").as_str())
        })
    }
}

/// Reads record by record. Ends after the first problem.
struct Reader<'t> {
    text: &'t str,
    delimiter: u8,
    /// Where the next record begins, and on which line.
    at: usize,
    line: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, delimiter: u8) -> Self {
        Self { text, delimiter, at: 0, line: 1 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over a line end, if there is one: `\n`, `\r\n` or `\r`.
    fn line_end(&mut self) -> bool {
        let rest = &self.text.as_bytes()[self.at..];
        let size = match rest {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => return false,
        };
        self.at += size;
        self.line += 1;
        true
    }

    fn record(&mut self) -> Result<Record<'t>, Problem> {
        let (line, start) = (self.line, self.at);
        let mut cells = Vec::new();
        loop {
            cells.push(if self.peek() == Some(b'"') { self.quoted()? } else { self.plain()? });
            let end = self.at;
            match self.peek() {
                Some(byte) if byte == self.delimiter => self.at += 1,
                _ => {
                    self.line_end();
                    return Ok(Record { line, source: &self.text[start..end], cells });
                }
            }
        }
    }

    /// A cell without quotes around it. Quotes inside of it are a part of it.
    fn plain(&mut self) -> Result<Cow<'t, str>, Problem> {
        let rest = &self.text[self.at..];
        let is_end = |byte: u8| byte == self.delimiter || matches!(byte, b'\n' | b'\r');
        let cell = &rest[..rest.bytes().position(is_end).unwrap_or(rest.len())];
        if cell.trim_start_matches(' ').starts_with('"') {
            let problem = "a quote stands behind a space; a quoted cell begins with its quote";
            return Err(Problem::new(self.line, problem));
        }
        self.at += cell.len();
        Ok(Cow::Borrowed(cell))
    }

    /// A cell in quotes. A quote inside of it is written twice.
    fn quoted(&mut self) -> Result<Cow<'t, str>, Problem> {
        let opened = self.line;
        self.at += 1;
        let mut parts: Vec<&'t str> = Vec::new();
        let mut start = self.at;
        loop {
            match self.peek() {
                None => return Err(Problem::new(opened, "the quote that opens here is never closed")),
                Some(b'\n' | b'\r') => {
                    self.line_end();
                }
                Some(b'"') => {
                    parts.push(&self.text[start..self.at]);
                    self.at += 1;
                    if self.peek() != Some(b'"') {
                        break;
                    }
                    start = self.at;
                    self.at += 1;
                }
                Some(_) => self.at += 1,
            }
        }
        match self.peek() {
            Some(byte) if byte != self.delimiter && !matches!(byte, b'\n' | b'\r') => {
                let line = self.line;
                let problem = format!(
                    "the quote that opens here closes on line {line} in the middle of a cell; a quote inside of quotes is written twice"
                );
                Err(Problem::new(opened, problem))
            }
            _ => Ok(if let [part] = *parts { Cow::Borrowed(part) } else { Cow::Owned(parts.concat()) }),
        }
    }
}

impl<'t> Iterator for Reader<'t> {
    type Item = Result<Record<'t>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        // An empty line is no row.
        while self.line_end() {}
        self.peek()?;
        let record = self.record();
        if record.is_err() {
            self.at = self.text.len();
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dataset::columns::Keys, metric::Metric};

    fn read(text: &str) -> Result<Vec<(String, String)>, (usize, String)> {
        let (keys, metric) = (Keys::default(), Metric::default());
        let found = rows(text, b",;\t|", Rules { keys: &keys, metric: &metric, are_labels: true });
        found
            .map(|content| content.rows.into_iter().map(|row| (row.text, row.gold)).collect())
            .map_err(|Problem { line, problem }| (line, problem))
    }

    #[test]
    fn tables_of_every_shape_are_read() {
        let table = [
            ("plain", "text,label\na,x\nb,y\n"),
            ("no line end behind the last row", "text,label\na,x\nb,y"),
            ("lines of other systems", "text,label\r\na,x\r\nb,y\r\n"),
            ("lines of old systems", "text,label\ra,x\rb,y\r"),
            ("semicolons", "text;label\na;x\nb;y\n"),
            ("tabs", "label\ttext\nx\ta\ny\tb\n"),
            ("bars", "text|label\na|x\nb|y\n"),
            ("other columns and case", ",Label,n,TEXT\n0,x,7,a\n1,y,8,b\n"),
            ("quotes", "\"text\",\"label\"\n\"a\",\"x\"\n\"b\",y\n"),
            ("empty lines", "\n\ntext,label\n\na,x\r\n\nb,y\n\n"),
            ("spaces around names and labels", " text , label \na, x\nb,y \n"),
        ];
        let expected = vec![("a".to_owned(), "x".to_owned()), ("b".to_owned(), "y".to_owned())];
        for (name, text) in table {
            assert_eq!(read(text), Ok(expected.clone()), "{name}");
        }
        let long = "text,label\n\"say \"\"a\"\", then\r\nb;\n\n\"\"c\"\"\",x\n5\" of \"snow\",\"y\"\n";
        let expected = [("say \"a\", then\r\nb;\n\n\"c\"", "x"), ("5\" of \"snow\"", "y")];
        let expected = expected.map(|(text, label)| (text.to_owned(), label.to_owned()));
        assert_eq!(read(long), Ok(expected.to_vec()));
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_line() {
        let swallowed = "text,label\na,x\n\"b,y\nc,x\nd\",y\ne,x\n";
        // name, text, line, problem
        let table = [
            ("a quote without an end", "text,label\na,x\n\"b,y\nc,x\n", 3, "is never closed"),
            ("a quote at the very end", "text,label\na,\"", 2, "is never closed"),
            ("in the header", "text,\"label\na,x\n", 1, "is never closed"),
            (
                "a quote that closes inside",
                "text,label\na,x\n\"b,y\nc,x\n\"d,y\n",
                3,
                "closes on line 5 in the middle",
            ),
            (
                "a quote that is not doubled",
                "text,label\n\"say \"b\" now\",x\n",
                2,
                "closes on line 2 in the middle",
            ),
            ("a quote with a backslash", "text,label\n\"say \\\"b\\\" now\",x\n", 2, "is written twice"),
            ("a quote behind a space", "text,label\na,x\nb, \"y\"\n", 3, "behind a space"),
            ("a quote that closes by chance", swallowed, 3, "each line between looks like a row"),
            ("a short row", "text,label\na,x\nb\n", 3, "it has 1 cell where the header has 2"),
            ("a long row", "text,label\n\na, b,x\n", 3, "a cell that holds ',' or a line end needs quotes"),
            ("a header in the middle", "text,label\na,x\ntext,label\nb,y\n", 3, "it repeats the header"),
            ("an empty text", "text,label\n ,x\n", 2, "the text is empty"),
            ("an empty label", "text,label\na, \n", 2, "the label is empty"),
            ("a label of two lines", "text,label\na,\"x\ny\"\n", 2, "the label has line ends"),
            ("behind a text of three lines", "text,label\n\"a\nb\nc\",x\nd\n", 5, "it has 1 cell"),
            (
                "no header",
                "I feel ill; really,flu\n",
                1,
                "its header does not fit: it needs the names question",
            ),
            ("two columns of one name", "text,label,text\na,x,b\n", 1, "\"text\" stands there 2 times"),
            ("nothing", "", 1, "it is empty"),
            ("nothing but line ends", "\r\n\n", 1, "it is empty"),
        ];
        for (name, text, line, problem) in table {
            let (found, why) = read(text).expect_err(name);
            assert!(found == line && why.contains(problem), "{name}: line {found}: {why}");
        }
    }

    #[test]
    fn texts_of_several_lines_are_texts() {
        let table = [
            "text,label\n\"First,\nthen x\",y\na,x\n",
            "label,text\ny,\"First\nthen x\"\nx,a\n",
            "text,label\n\"I have a fever, x\nand more, y\n\",y\na,x\n",
        ];
        for text in table {
            assert_eq!(read(text).map(|rows| rows.len()), Ok(2), "{text:?}");
        }
    }
}
