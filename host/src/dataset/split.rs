//! Deterministic choices by content and seed, so that the order of a file's rows does not matter.

use super::{Example, rows::Row};
use crate::digest::{Digest, KeyBuilder};

/// Shares of a single file: 60 % train, 20 % val, the rest test.
const TRAIN_PERCENT: usize = 60;
const VAL_PERCENT: usize = 20;

/// Splits the rows of a single file. Rows of the same text go together; the first one stays.
pub fn split(rows: Vec<Row>, seed: u64) -> [Vec<Row>; 3] {
    let mut keyed: Vec<(Digest, Row)> = rows
        .into_iter()
        .map(|row| {
            (
                KeyBuilder::new("split")
                    .part("seed", seed.to_le_bytes())
                    .part("text", row.text.trim())
                    .finish(),
                row,
            )
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.dedup_by_key(|(key, _)| *key);
    let mut rows: Vec<Row> = keyed.into_iter().map(|(_, row)| row).collect();
    let (train, val) = (rows.len() * TRAIN_PERCENT / 100, rows.len() * VAL_PERCENT / 100);
    let test = rows.split_off(train + val);
    let val = rows.split_off(train);
    [rows, val, test]
}

/// At most `size` examples, chosen by seed, in their old order.
pub fn sample(examples: &[Example], size: usize, seed: u64) -> Vec<Example> {
    let key = |example: &Example| {
        KeyBuilder::new("sample").part("seed", seed.to_le_bytes()).part("id", &example.id).finish()
    };
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by_key(|&at| key(&examples[at]));
    order.truncate(size);
    order.sort_unstable();
    order.into_iter().map(|at| examples[at].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_by_content() {
        let rows: Vec<Row> = (0..100).map(|n| Row { text: format!("text {n}"), label: "x".into() }).collect();
        let mut reversed = rows.clone();
        reversed.reverse();
        reversed.push(rows[3].clone());
        let found = split(rows.clone(), 7);
        assert_eq!(found.each_ref().map(Vec::len), [60, 20, 20]);
        assert_eq!(found, split(reversed, 7), "order and repetition do not matter");
        assert_ne!(found, split(rows, 8), "the seed does");
    }

    #[test]
    fn samples_in_order() {
        let examples: Vec<Example> = (0..50)
            .map(|n| Example { id: format!("val-{n:04}"), input: String::new(), label: String::new() })
            .collect();
        let few = sample(&examples, 10, 1);
        assert_eq!(few.len(), 10);
        assert!(few.is_sorted_by_key(|example| example.id.clone()));
        assert_eq!(sample(&examples, 99, 1), examples);
    }
}
