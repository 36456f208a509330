//! What changed from one source to another, line by line.

use std::time::Duration;

use serde::Serialize;
use similar::{DiffOp, TextDiff};

/// After this time the differences of two hostile texts are found less exactly.
const PATIENCE: Duration = Duration::from_millis(500);

/// Lines that stay, go or come: how many of the old text, and how many of the new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Whether these lines are the same in both.
    pub same: bool,
    pub old: usize,
    pub new: usize,
}

/// All changes from `old` to `new`, in order. Together they cover both texts.
pub fn changes(old: &str, new: &str) -> Vec<Change> {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let change = |op: &DiffOp| {
        let same = matches!(op, DiffOp::Equal { .. });
        Change { same, old: op.old_range().len(), new: op.new_range().len() }
    };
    diff.ops().iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_cover_both_texts() {
        // name, old, new, changes
        type Row = (&'static str, &'static str, &'static str, &'static [(bool, usize, usize)]);
        let table: [Row; 4] = [
            ("nothing", "a\nb\n", "a\nb\n", &[(true, 2, 2)]),
            ("one line", "a\nb\nc\n", "a\nx\nc\n", &[(true, 1, 1), (false, 1, 1), (true, 1, 1)]),
            ("new lines", "a\n", "a\nb\nc\n", &[(true, 1, 1), (false, 0, 2)]),
            ("from nothing", "", "a\n", &[(false, 0, 1)]),
        ];
        for (name, old, new, expected) in table {
            let found: Vec<_> = changes(old, new).iter().map(|it| (it.same, it.old, it.new)).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
