//! What a command prints: its beginning and its end, because the first lines say how it was started and the last ones what
//! it came to.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

/// Most bytes that are kept of the beginning, and of the end.
const HALF: usize = 1 << 20;

/// The kept part of what was printed.
#[derive(Default)]
pub struct Printed {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Printed {
    /// Reads to the end, however much there is.
    pub fn read(mut from: impl Read) -> Self {
        let (mut printed, mut piece) = (Self::default(), vec![0; 1 << 16]);
        loop {
            match from.read(&mut piece) {
                Ok(0) => return printed,
                Ok(count) => printed.add(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return printed,
            }
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(HALF - self.head.len()));
        self.head.extend(first);
        self.tail.extend(rest);
        let beyond = self.tail.len().saturating_sub(HALF);
        self.tail.drain(..beyond);
        self.left_out += beyond as u64;
    }

    /// The text. What is no UTF-8 is replaced.
    pub fn text(self) -> String {
        let Self { head, tail, left_out } = self;
        let mut text = String::from_utf8_lossy(&head).into_owned();
        if left_out > 0 {
            text += &format!("\n[... {left_out} bytes are left out ...]\n");
        }
        text + &String::from_utf8_lossy(&Vec::from(tail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_in_its_middle() {
        // name, what is printed, how it begins and ends, bytes that are left out
        let long = "a".repeat(HALF) + &"b".repeat(HALF) + &"c".repeat(HALF);
        let table = [
            ("nothing", "", "", "", 0),
            ("a line", "a line\n", "a line\n", "a line\n", 0),
            ("a flood", &long, "aaa", "ccc", HALF),
        ];
        for (name, all, begins, ends, left_out) in table {
            let text = Printed::read(all.as_bytes()).text();
            assert!(text.starts_with(begins) && text.ends_with(ends), "{name}");
            assert_eq!(
                text.contains(&format!("[... {left_out} bytes are left out ...]")),
                left_out > 0,
                "{name}"
            );
            assert!(text.len() <= 2 * HALF + 100, "{name}");
        }
        // A character across the middle of a text that is whole.
        let text = "é".repeat(HALF / 2 - 1) + "xé" + &"é".repeat(10);
        assert!(Printed::read(text.as_bytes()).text().ends_with("ééé"));
    }
}
