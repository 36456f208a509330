//! Which labels were taken for which, counted label by label.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use mmh_record::text;

/// Most characters of a label that is shown. A prediction can be any text.
const MAX_LABEL: usize = 80;

/// What stands for an example without an answer.
const NO_ANSWER: &str = "(no answer)";

/// Most other answers that are listed for a label.
const MAX_OTHERS: usize = 8;

/// The answers to the examples of each label.
#[derive(Default)]
pub struct Confusions(BTreeMap<String, Answers>);

#[derive(Default)]
struct Answers {
    n: u64,
    n_correct: u64,
    /// Wrong answers.
    others: BTreeMap<String, u64>,
}

impl Confusions {
    /// Counts one answer.
    pub fn add(&mut self, gold: &str, predicted: Option<&str>, correct: bool) {
        let short = |label: &str| text::ellipsis(&text::one_line(label), MAX_LABEL);
        let answers = self.0.entry(short(gold)).or_default();
        answers.n += 1;
        if correct {
            answers.n_correct += 1;
        } else {
            *answers.others.entry(predicted.map_or_else(|| NO_ANSWER.into(), short)).or_default() += 1;
        }
    }

    /// The labels, those with most wrong answers first.
    fn sorted(&self) -> Vec<(&String, &Answers)> {
        let mut labels: Vec<_> = self.0.iter().collect();
        labels.sort_by_key(|(_, answers)| std::cmp::Reverse(answers.n - answers.n_correct));
        labels
    }

    /// A row for each label, those with most wrong answers first.
    pub fn by_label(&self) -> Vec<Value> {
        let row = |(label, answers): (&String, &Answers)| {
            let mut others: Vec<_> = answers.others.iter().collect();
            others.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let shown = others.iter().take(MAX_OTHERS);
            let taken_for: Value =
                Value::Object(shown.map(|(other, count)| ((*other).clone(), json!(count))).collect());
            json!({ "label": label, "n": answers.n, "n_correct": answers.n_correct, "taken_for": taken_for })
        };
        self.sorted().into_iter().map(row).collect()
    }

    /// The most frequent confusions, at most so many.
    fn pairs(&self, most: usize) -> Vec<(&String, &String, u64)> {
        let pairs = self.0.iter().flat_map(|(gold, answers)| {
            answers.others.iter().map(move |(other, count)| (gold, other, *count))
        });
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_by_key(|(.., count)| std::cmp::Reverse(*count));
        pairs.truncate(most);
        pairs
    }

    /// The same as JSON.
    pub fn most(&self, most: usize) -> Value {
        let row = |(gold, other, count): (&String, &String, u64)| json!({ "gold_label": gold, "predicted_label": other, "count": count });
        self.pairs(most).into_iter().map(row).collect()
    }

    /// The same in words.
    pub fn in_words(&self, most: usize) -> String {
        let pairs = self.pairs(most);
        let words = pairs.iter().map(|(gold, other, count)| format!("{gold} → {other} ({count})"));
        words.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_most_often_comes_first() {
        let mut found = Confusions::default();
        let answers = [
            ("flu", Some("flu"), true),
            ("flu", Some("cold"), false),
            ("cold", None, false),
            ("cold", Some("flu"), false),
            ("cold", Some("flu"), false),
            ("gout", Some("gout"), true),
        ];
        answers.iter().for_each(|(gold, predicted, correct)| found.add(gold, *predicted, *correct));
        let rows = found.by_label();
        let labels: Vec<&str> = rows.iter().filter_map(|row| row["label"].as_str()).collect();
        assert_eq!(labels, ["cold", "flu", "gout"]);
        assert_eq!(rows[0]["taken_for"], json!({ "flu": 2, "(no answer)": 1 }));
        assert_eq!((&rows[1]["n"], &rows[1]["n_correct"]), (&json!(2), &json!(1)));
        assert_eq!(found.in_words(2), "cold → flu (2); cold → (no answer) (1)");
        assert_eq!(found.most(1), json!([{ "gold_label": "cold", "predicted_label": "flu", "count": 2 }]));
    }
}
