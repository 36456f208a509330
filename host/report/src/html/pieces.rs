//! Texts that share most of what they say, such as prompts, kept as references into tables of pieces: their
//! lines. What stands in the traces of several evaluations is in one table that all of them share.

use std::{collections::HashMap, sync::Arc};

use serde::{Serialize, Serializer};

use mmh_record::text;

/// Longest text that is kept whole. Of a longer one, start and end are kept, and a note of what is left out.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// A text: its pieces while texts are entered, and pairs of a first number and a count once they are numbered.
pub type Text = Vec<u32>;

/// Every piece once, over all evaluations.
#[derive(Default)]
pub struct Pieces {
    known: HashMap<Arc<str>, u32>,
    table: Vec<Piece>,
    block: usize,
    /// The bytes of all texts that were entered.
    bytes: u64,
}

struct Piece {
    text: Arc<str>,
    /// The first evaluation that it stands in, and whether it is in others too.
    block: usize,
    shared: bool,
}

/// Pieces in the order of their numbers. Written as a list of texts.
#[derive(Debug, Default)]
pub struct Table(Vec<Arc<str>>);

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|piece| &**piece))
    }
}

/// The pieces of all texts, numbered: those that are shared first, then each evaluation's own.
pub struct Numbered {
    pub shared: Table,
    /// By evaluation.
    pub own: Vec<Table>,
    numbers: Vec<u32>,
}

impl Pieces {
    /// What is entered from now on belongs to the next evaluation.
    pub fn next_block(&mut self) {
        self.block += 1;
    }

    /// Enters a text.
    pub fn add(&mut self, text: &str) -> Text {
        let text = text::middle_cut(text, MAX_TEXT_BYTES);
        self.bytes += text.len() as u64;
        split(&text).map(|piece| self.piece(piece)).collect()
    }

    /// The bytes of all texts that were entered, each as long as it is kept.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn piece(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.known.get(text) {
            let piece = &mut self.table[number as usize];
            piece.shared |= piece.block != self.block;
            return number;
        }
        let (number, text) = (self.table.len() as u32, Arc::<str>::from(text));
        self.known.insert(text.clone(), number);
        self.table.push(Piece { text, block: self.block, shared: false });
        number
    }

    /// Gives every piece its number.
    pub fn numbered(self) -> Numbered {
        let mut shared = Table::default();
        let mut own: Vec<Table> = (0..=self.block).map(|_| Table::default()).collect();
        let shared_count = self.table.iter().filter(|piece| piece.shared).count();
        let mut numbers = Vec::with_capacity(self.table.len());
        for piece in self.table {
            let (table, first) =
                if piece.shared { (&mut shared, 0) } else { (&mut own[piece.block], shared_count) };
            numbers.push((first + table.0.len()) as u32);
            table.0.push(piece.text);
        }
        Numbered { shared, own, numbers }
    }
}

impl Numbered {
    /// A text's pieces as pairs of a first number and a count.
    pub fn runs(&self, text: &Text) -> Text {
        let mut runs = Text::new();
        for number in text.iter().map(|&piece| self.numbers[piece as usize]) {
            match runs.as_mut_slice() {
                [.., first, count] if *first + *count == number => *count += 1,
                _ => runs.extend([number, 1]),
            }
        }
        runs
    }
}

/// A text's lines, each with its end. JSON has texts of many lines and lists of many objects in one line: it is
/// split behind these too.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let json = text.starts_with(['{', '[']);
    let mut rest = text;
    std::iter::from_fn(move || {
        let length = if json { json_piece(rest) } else { rest.find('\n').map(|at| at + 1) };
        let (piece, after) = rest.split_at(length.unwrap_or(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// How long the first piece is, if there is another one behind it.
fn json_piece(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let ends = (0..bytes.len()).filter(|&at| matches!(bytes[at], b'\n' | b'\\' | b'}'));
    ends.filter_map(|at| match (bytes[at], bytes.get(at + 1)) {
        (b'\n', _) => Some(at + 1),
        (b'\\', Some(b'n')) | (b'}', Some(b',')) => Some(at + 2),
        _ => None,
    })
    .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(numbered: &Numbered, block: usize, text: &Text) -> String {
        let table: Vec<&str> =
            numbered.shared.0.iter().chain(&numbered.own[block].0).map(|piece| &**piece).collect();
        let runs = numbered.runs(text);
        runs.chunks(2).map(|run| table[run[0] as usize..(run[0] + run[1]) as usize].concat()).collect()
    }

    #[test]
    fn texts_come_back_as_they_were() {
        let texts = [
            "",
            "one",
            "one\ntwo\n",
            "\n",
            "\r\n\r\n",
            "two\none\ntwo\none",
            "one\n\ntwo",
            "{\"a\":\"x\\ny\"},{\"b\":1},",
        ];
        let mut pieces = Pieces::default();
        let first: Vec<Text> = texts.iter().map(|text| pieces.add(text)).collect();
        pieces.next_block();
        let second: Vec<Text> = texts.iter().map(|text| pieces.add(&format!("{text}\nonly here"))).collect();
        let numbered = pieces.numbered();
        for (at, text) in texts.iter().enumerate() {
            assert_eq!(read(&numbered, 0, &first[at]), *text, "{text:?}");
            assert_eq!(read(&numbered, 1, &second[at]), format!("{text}\nonly here"), "{text:?}");
        }
    }

    #[test]
    fn pieces_in_a_row_are_one_reference_and_what_is_in_two_blocks_is_shared() {
        let mut pieces = Pieces::default();
        let (one, two) = (pieces.add("a\nb\nc\n"), pieces.add("a\nb\nx\nc\n"));
        pieces.next_block();
        let three = pieces.add("b\nz\n");
        let numbered = pieces.numbered();
        assert_eq!(numbered.shared.0, [Arc::from("b\n")]);
        let own = |block: usize| numbered.own[block].0.iter().map(|piece| piece.trim()).collect::<String>();
        assert_eq!((own(0), own(1)), ("acx".to_owned(), "z".to_owned()));
        assert_eq!(numbered.runs(&one), [1, 1, 0, 1, 2, 1]);
        assert_eq!(numbered.runs(&two), [1, 1, 0, 1, 3, 1, 2, 1]);
        assert_eq!(numbered.runs(&three), [0, 2]);
    }

    #[test]
    fn a_long_line_is_cut_in_the_middle() {
        let mut pieces = Pieces::default();
        let text = pieces.add(&"x".repeat(10 << 20));
        let kept = read(&pieces.numbered(), 0, &text);
        assert!(kept.len() < MAX_TEXT_BYTES + 100 && kept.contains("[cut: 9437184 bytes left out]"));
    }
}
