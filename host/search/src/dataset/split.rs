//! Deterministic choices of examples by content and seed. The order of a file's rows does not matter.

use super::{Example, findings::same_text, rows::Row};
use mmh_record::digest::{Digest, KeyBuilder};

/// The shares of train and val of a single file, in ten-thousandths. The rest is test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    pub train: usize,
    pub val: usize,
}

impl Default for Shares {
    fn default() -> Self {
        Self { train: 6_000, val: 2_000 }
    }
}

/// Splits the rows of a single file by their content. Neither their order nor the file's name matters. Rows with the same
/// text stay together, because a text that is in two splits measures nothing.
pub fn split(rows: Vec<Row>, shares: Shares, seed: u64) -> [Vec<Row>; 3] {
    let key = |row: &Row| {
        let text = same_text(&row.text);
        KeyBuilder::new("split").part("seed", seed.to_le_bytes()).part("text", text.as_bytes()).finish()
    };
    let mut keyed: Vec<(Digest, Row)> = rows.into_iter().map(|row| (key(&row), row)).collect();
    keyed.sort();
    // If a share would end among rows with one text, it takes all of them.
    let end = |share: usize| {
        let end = keyed.len() * share / 10_000;
        let same = keyed[end..].iter().take_while(|(key, _)| end > 0 && keyed[end - 1].0 == *key);
        end + same.count()
    };
    let (train, val) = (end(shares.train), end(shares.train + shares.val));
    let mut rows: Vec<Row> = keyed.into_iter().map(|(_, row)| row).collect();
    let test = rows.split_off(val);
    let val = rows.split_off(train);
    [rows, val, test]
}

/// At most `size` examples, chosen by seed, in their old order.
pub fn sample(examples: &[Example], size: usize, seed: u64) -> Vec<Example> {
    let key = |example: &Example| {
        KeyBuilder::new("sample").part("seed", seed.to_le_bytes()).part("id", &example.id).finish()
    };
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by_cached_key(|&at| key(&examples[at]));
    order.truncate(size);
    order.sort_unstable();
    order.into_iter().map(|at| examples[at].clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn splits_by_content() {
        let rows: Vec<Row> = (0..100)
            .map(|n| Row { text: format!("text {n}"), gold: "x".into(), fields: Vec::new() })
            .collect();
        let mut reversed = rows.clone();
        reversed.reverse();
        let found = split(rows.clone(), Shares::default(), 7);
        assert_eq!(found.each_ref().map(Vec::len), [60, 20, 20]);
        assert_eq!(found, split(reversed, Shares::default(), 7), "the order does not matter");
        assert_ne!(found, split(rows, Shares::default(), 8), "the seed does");
    }

    #[test]
    fn rows_of_one_text_stay_together_and_none_is_lost() {
        let row = |n: usize, text: String| Row { text, gold: format!("l{}", n % 3), fields: Vec::new() };
        let rows: Vec<Row> = (0..90)
            .map(|n| row(n, format!("text{}{}", if n % 2 == 0 { " " } else { "\n " }, n % 7)))
            .collect();
        for seed in 0..20 {
            let mut found = split(rows.clone(), Shares::default(), seed);
            let texts = |rows: &[Row]| -> BTreeSet<String> {
                rows.iter().map(|row| same_text(&row.text).into_owned()).collect()
            };
            let apart: Vec<BTreeSet<String>> = found.iter().map(|rows| texts(rows)).collect();
            assert_eq!(apart.iter().map(BTreeSet::len).sum::<usize>(), 7, "seed {seed}: {apart:?}");
            let mut all = found.iter_mut().flat_map(std::mem::take).collect::<Vec<_>>();
            let mut expected = rows.clone();
            all.sort();
            expected.sort();
            assert_eq!(all, expected, "seed {seed}");
        }
    }

    #[test]
    fn samples_in_order() {
        let examples: Vec<Example> = (0..50).map(|n| Example::new(format!("val-{n:04}"), "", "")).collect();
        let few = sample(&examples, 10, 1);
        assert_eq!(few.len(), 10);
        assert!(few.is_sorted_by_key(|example| example.id.clone()));
        assert_eq!(sample(&examples, 99, 1), examples);
    }
}
