//! What is done to texts before they are compared, step by step.

use std::{borrow::Cow, sync::LazyLock};

use mmh_record::metric::Step;
use regex::Regex;
use unicode_normalization::UnicodeNormalization;

/// Signs of ASCII that Unicode does not count as punctuation, and its category P.
static PUNCTUATION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{P}$+<=>^`|~]+").ok());
static ARTICLES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)\b(?:a|an|the)\b").ok());

#[derive(Clone, Debug)]
pub(super) struct Normaliser {
    steps: Vec<Step>,
}

impl Normaliser {
    pub(super) fn new(steps: &[Step]) -> Self {
        Self { steps: steps.to_vec() }
    }

    /// A text after all steps.
    pub(super) fn of<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.steps.iter().fold(Cow::Borrowed(text), |text, step| match text {
            Cow::Borrowed(text) => after(text, *step),
            Cow::Owned(text) => Cow::Owned(after(&text, *step).into_owned()),
        })
    }
}

fn after(text: &str, step: Step) -> Cow<'_, str> {
    match step {
        Step::Trim => Cow::Borrowed(text.trim()),
        Step::Lowercase => Cow::Owned(text.to_lowercase()),
        Step::Nfkc if text.is_ascii() => Cow::Borrowed(text),
        Step::Nfkc => Cow::Owned(text.nfkc().collect()),
        Step::CollapseSpaces => Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Step::StripPunctuation => replaced(&PUNCTUATION, text, ""),
        Step::StripArticles => replaced(&ARTICLES, text, " "),
    }
}

fn replaced<'t>(pattern: &'static LazyLock<Option<Regex>>, text: &'t str, by: &str) -> Cow<'t, str> {
    // The expressions are constants, which the tests try.
    pattern.as_ref().map_or(Cow::Borrowed(text), |pattern| pattern.replace_all(text, by))
}
