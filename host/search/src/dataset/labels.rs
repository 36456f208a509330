//! Which labels a task offers. They come from train, because those of other splits would give right answers away.

use std::collections::BTreeSet;

use super::rows::{Row, check_label};
use crate::metric::Metric;
use mmh_record::metric::MetricKind;

/// What a task's file says about labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LabelPolicy {
    /// The data decides: see [`LabelPolicy::labels`].
    #[default]
    Usual,
    /// The right answers of train are the labels.
    Train,
    /// These are the labels.
    Listed(Vec<String>),
    /// There are none: an answer is any text.
    Open,
}

impl LabelPolicy {
    /// The policy of a list, which holds each label once.
    pub fn listed(labels: Vec<String>) -> Result<Self, String> {
        let mut seen = BTreeSet::new();
        for label in labels.iter().map(|label| label.trim()) {
            if label.is_empty() {
                return Err("`labels` lists an empty label".into());
            }
            check_label(label)?;
            if !seen.insert(label.to_owned()) {
                return Err(format!("`labels` lists {label:?} twice"));
            }
        }
        match seen.len() {
            0 | 1 => Err(format!("`labels` lists {} label, and a task needs at least two", seen.len())),
            _ => Ok(Self::Listed(seen.into_iter().collect())),
        }
    }

    /// The labels of a task, in the order of their bytes. None if it is open.
    ///
    /// Where nothing is said, a task has labels if its metric is the exact one and the right answers repeat: train has at
    /// least two rows for each on average, or has all that val has.
    pub fn labels(&self, metric: &Metric, train: &[Row], val: &[Row]) -> Option<Vec<String>> {
        let of_train = || train.iter().map(|row| row.gold.as_str()).collect::<BTreeSet<_>>();
        let owned = |labels: BTreeSet<&str>| labels.into_iter().map(str::to_owned).collect();
        match self {
            Self::Open => None,
            Self::Listed(labels) => Some(labels.clone()),
            Self::Train => Some(owned(of_train())),
            Self::Usual => {
                let known = of_train();
                let repeats =
                    2 * known.len() <= train.len() || val.iter().all(|row| known.contains(row.gold.as_str()));
                let are_labels = known.iter().all(|label| check_label(label).is_ok());
                (is_plain(metric) && repeats && are_labels).then(|| owned(known))
            }
        }
    }

    /// How the policy counts in the digest of a data set. Nothing where it is the usual one.
    pub fn parts(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Usual => Vec::new(),
            Self::Train => vec![("labels", "train")],
            Self::Open => vec![("labels", "open")],
            Self::Listed(labels) => labels.iter().map(|label| ("listed", label.as_str())).collect(),
        }
    }
}

/// Whether an answer is right only if it is a right one letter by letter.
pub fn is_plain(metric: &Metric) -> bool {
    metric.spec().kind == MetricKind::Exact && !metric.spec().several
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmh_record::metric::MetricSpec;

    #[test]
    fn the_data_decides_where_nothing_is_said() {
        let rows = |golds: &str| -> Vec<Row> {
            let golds = golds.split_whitespace().map(|gold| gold.replace('_', "\n"));
            golds.map(|gold| Row { text: "t".into(), gold, fields: Vec::new() }).collect()
        };
        let (exact, set) =
            (Metric::default(), Metric::new(&MetricSpec::new(MetricKind::Set)).expect("valid"));
        let several = MetricSpec { several: true, ..MetricSpec::default() };
        let several = Metric::new(&several).expect("valid");
        // name, metric, train, val, labels
        let table: [(&str, &Metric, &str, &str, Option<&str>); 8] = [
            ("repeated in train", &exact, "b a b a", "c", Some("a b")),
            ("repeated in val", &exact, "a b", "a a", Some("a b")),
            ("not repeated", &exact, "a b c", "d", None),
            ("some in val", &exact, "a b c", "a d", None),
            ("not those of val", &exact, "a a b b", "c", Some("a b")),
            ("no labels", &exact, "a_b a_b", "a_b", None),
            ("another metric", &set, "a a b b", "a", None),
            ("several right answers", &several, "[1] [1]", "[1]", None),
        ];
        for (name, metric, train, val, expected) in table {
            let found = LabelPolicy::Usual.labels(metric, &rows(train), &rows(val));
            assert_eq!(found.map(|labels| labels.join(" ")).as_deref(), expected, "{name}");
        }
        let (train, val) = (rows("a b"), rows("c"));
        let found = |policy: LabelPolicy| policy.labels(&set, &train, &val);
        assert_eq!(found(LabelPolicy::Train), Some(vec!["a".into(), "b".into()]));
        assert_eq!(found(LabelPolicy::Open), None);
        let listed = LabelPolicy::listed(vec![" z ".into(), "y".into()]).expect("valid");
        assert_eq!(found(listed), Some(vec!["y".into(), "z".into()]));
    }
}
