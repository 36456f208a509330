//! How answers are graded, as a plain value: what a task's file says, and what a run records.
//!
//! Not in here: the grading itself, which is `mmh_search::metric`.

use serde::{Deserialize, Deserializer, Serialize};

use crate::scorer::ScorerSpec;

/// How an answer is compared with the right one. The default is [`MetricKind::Exact`] with nothing before it.
///
/// The fields that do not belong to the kind have their defaults. The guide `docs/tasks.md` describes each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricSpec {
    /// What is compared.
    pub kind: MetricKind,
    /// Whether the right answer is a JSON array of several, of which the one with the best grade counts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub several: bool,
    /// Regular expressions that cut the answer out of the text, in order of preference: the first one that matches
    /// counts. Of a match, its first group is taken, or all of it if it has no group.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub extract: Vec<String>,
    /// Which match is taken.
    #[serde(default, skip_serializing_if = "is_default")]
    pub take: Take,
    /// Whether an answer that no expression of `extract` matches is wrong. Otherwise all of it is the answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strict: bool,
    /// What is done to both texts before they are compared, in this order. None for the kind's usual steps; a run
    /// records those too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalise: Option<Vec<Step>>,
    /// Where a text is cut into the members of a set.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub separators: Vec<String>,
    /// How far a number may be from the right one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tolerance: f64,
    /// The same as a part of the right number: `0.01` is one per cent of it. The larger of both counts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub relative: f64,
    /// Units that may stand before or behind a number.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub units: Vec<String>,
    /// Whether `12 %` is the number 0.12.
    #[serde(default, skip_serializing_if = "is_default")]
    pub percent: bool,
    /// What a token is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tokens: Tokens,
    /// Whether the right answer has to stand between word boundaries to be contained.
    #[serde(default, skip_serializing_if = "is_default")]
    pub words: bool,
    /// The keys of the JSON objects that are compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub fields: Vec<String>,
    /// The name of the part that is the score, or [`CORRECT`] for 1 or 0. None for the kind's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// The score from which on an answer is correct. None where the kind decides, which mostly wants all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The program that grades. Only with [`MetricKind::Scorer`], which has no other settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scorer: Option<ScorerSpec>,
}

/// The score that is 1 for a correct answer and 0 for any other.
pub const CORRECT: &str = "correct";

/// The mean of all fields of a JSON object.
pub const MEAN: &str = "mean";

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricKind {
    /// The texts, character by character, but for white space around them.
    #[default]
    Exact,
    /// The texts, after `normalise`.
    Normalised,
    /// The members of two sets, whatever their order.
    Set,
    /// Two numbers.
    Number,
    /// The tokens that both texts have.
    TokenF1,
    /// Whether the answer contains the right one.
    Contains,
    /// Some fields of two JSON objects.
    Json,
    /// Whatever the task's own program compares.
    Scorer,
}

/// One step of a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// White space around the text is removed.
    Trim,
    /// Letters become lower case, by Unicode's rules.
    Lowercase,
    /// Unicode's form NFKC: characters of the same meaning become the same, such as full-width letters.
    Nfkc,
    /// Runs of white space become one space, and white space around the text is removed.
    CollapseSpaces,
    /// Punctuation is removed: Unicode's category P and the signs of ASCII that are no letters or digits.
    StripPunctuation,
    /// The English words `a`, `an` and `the` become a space.
    StripArticles,
}

/// Which match of an expression is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Take {
    /// The first one.
    #[default]
    First,
    /// The last one.
    Last,
}

/// What a token is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tokens {
    /// What stands between white space.
    #[default]
    Words,
    /// Each character that is no white space: for languages without spaces.
    Characters,
}

impl MetricKind {
    /// All kinds that a task's file names, in the order in which they are described. It names a scorer by its code.
    pub const ALL: [Self; 7] =
        [Self::Exact, Self::Normalised, Self::Set, Self::Number, Self::TokenF1, Self::Contains, Self::Json];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Normalised => "normalised",
            Self::Set => "set",
            Self::Number => "number",
            Self::TokenF1 => "token-f1",
            Self::Contains => "contains",
            Self::Json => "json",
            Self::Scorer => "scorer",
        }
    }

    /// The steps before a comparison of this kind, where a task names none.
    pub fn usual_steps(self) -> &'static [Step] {
        match self {
            Self::Exact | Self::Set | Self::Json => &[Step::Trim],
            Self::Normalised | Self::Contains => &[Step::Nfkc, Step::Lowercase, Step::CollapseSpaces],
            // As the usual script of SQuAD does it, so that its figures can be compared.
            Self::TokenF1 => {
                &[Step::Lowercase, Step::StripPunctuation, Step::StripArticles, Step::CollapseSpaces]
            }
            Self::Number | Self::Scorer => &[],
        }
    }

    /// The names of the parts that a grade of this kind has, but for the fields of a JSON object.
    pub fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Set => &["f1", "jaccard", "precision", "recall"],
            Self::TokenF1 => &["f1", "precision", "recall"],
            _ => &[],
        }
    }

    fn usual_score(self) -> &'static str {
        match self {
            Self::TokenF1 => "f1",
            Self::Json => MEAN,
            Self::Scorer => "score",
            _ => CORRECT,
        }
    }
}

impl Step {
    /// All steps, in the order in which they are described.
    pub const ALL: [Self; 6] = [
        Self::Trim,
        Self::Lowercase,
        Self::Nfkc,
        Self::CollapseSpaces,
        Self::StripPunctuation,
        Self::StripArticles,
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trim => "trim",
            Self::Lowercase => "lowercase",
            Self::Nfkc => "nfkc",
            Self::CollapseSpaces => "collapse-spaces",
            Self::StripPunctuation => "strip-punctuation",
            Self::StripArticles => "strip-articles",
        }
    }
}

impl MetricSpec {
    /// Compares in this way, with the usual steps.
    pub fn new(kind: MetricKind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// Grades with this program.
    pub fn scored_by(scorer: ScorerSpec) -> Self {
        Self { scorer: Some(scorer), ..Self::new(MetricKind::Scorer) }
    }

    /// The same with everything written down that is usual for the kind: what a run records, so that a later version
    /// with other defaults grades as this one.
    pub fn resolved(self) -> Self {
        let (steps, score) = (self.steps().to_vec(), self.score_name().to_owned());
        match self.kind {
            MetricKind::Exact | MetricKind::Number | MetricKind::Scorer => self,
            kind => {
                let score = (kind.usual_score() != CORRECT || score != CORRECT).then_some(score);
                Self { normalise: Some(steps), score, ..self }
            }
        }
    }

    /// What is done to both texts before they are compared.
    pub fn steps(&self) -> &[Step] {
        self.normalise.as_deref().unwrap_or(self.kind.usual_steps())
    }

    /// The name of the part that is the score, or [`CORRECT`].
    pub fn score_name(&self) -> &str {
        self.score.as_deref().unwrap_or(self.kind.usual_score())
    }

    /// Whether a score can lie between 0 and 1.
    pub fn has_partial_credit(&self) -> bool {
        self.score_name() != CORRECT
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A text, or a list of texts.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a list of texts")]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(text) => vec![text],
        OneOrMore::More(texts) => texts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use serde_json::json;

    #[test]
    fn a_metric_is_recorded_with_what_is_usual() {
        let set = MetricSpec { separators: vec![".".into()], ..MetricSpec::new(MetricKind::Set) };
        // name, metric, what is recorded
        let table = [
            ("exact", MetricSpec::default(), json!({ "kind": "exact" })),
            (
                "normalised",
                MetricSpec::new(MetricKind::Normalised),
                json!({ "kind": "normalised", "normalise": ["nfkc", "lowercase", "collapse-spaces"] }),
            ),
            ("a set", set.clone(), json!({ "kind": "set", "normalise": ["trim"], "separators": ["."] })),
            (
                "a set by its F1",
                MetricSpec { score: Some("f1".into()), ..set.clone() },
                json!({ "kind": "set", "normalise": ["trim"], "separators": ["."], "score": "f1" }),
            ),
            (
                "nothing is normalised",
                MetricSpec { normalise: Some(Vec::new()), ..set },
                json!({ "kind": "set", "normalise": [], "separators": ["."] }),
            ),
            (
                "tokens",
                MetricSpec::new(MetricKind::TokenF1),
                json!({
                    "kind": "token-f1",
                    "normalise": ["lowercase", "strip-punctuation", "strip-articles", "collapse-spaces"],
                    "score": "f1",
                }),
            ),
            (
                "right or wrong by its tokens",
                MetricSpec { score: Some("correct".into()), ..MetricSpec::new(MetricKind::TokenF1) },
                json!({
                    "kind": "token-f1",
                    "normalise": ["lowercase", "strip-punctuation", "strip-articles", "collapse-spaces"],
                    "score": "correct",
                }),
            ),
            (
                "a scorer",
                MetricSpec::scored_by(ScorerSpec::Source(Digest::of("fn"))),
                json!({ "kind": "scorer", "scorer": { "source": Digest::of("fn") } }),
            ),
        ];
        for (name, metric, expected) in table {
            let resolved = metric.clone().resolved();
            assert_eq!(serde_json::to_value(&resolved).expect("JSON"), expected, "{name}");
            assert_eq!(resolved.clone().resolved(), resolved, "{name}: once is enough");
            assert_eq!(resolved.has_partial_credit(), metric.has_partial_credit(), "{name}");
            let read: MetricSpec = serde_json::from_value(expected).expect("a metric");
            assert_eq!(read, resolved, "{name}: read back");
        }
    }

    #[test]
    fn names_are_those_in_files() {
        let name = |value: serde_json::Value| value.as_str().map(str::to_owned);
        for kind in MetricKind::ALL.into_iter().chain([MetricKind::Scorer]) {
            assert_eq!(name(json!(kind)).as_deref(), Some(kind.name()));
        }
        for step in Step::ALL {
            assert_eq!(name(json!(step)).as_deref(), Some(step.name()));
        }
    }
}
