//! Grades answers: what a [`MetricSpec`] means.
//!
//! A metric is a pure function of the right answer and the given one. It takes any text for either, needs time that grows
//! with the text's length, and gives numbers from 0 to 1. `docs/tasks.md` describes every kind for users.

mod describe;
mod extract;
mod fit;
mod json;
mod normalise;
mod number;
mod overlap;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use mmh_record::{
    grade::Grade,
    metric::{CORRECT, MetricKind, MetricSpec},
};
use serde_json::value::RawValue;

use extract::Extractor;
pub use fit::InvalidMetric;
use normalise::Normaliser;
use number::Numbers;

/// A metric that is ready to grade.
#[derive(Clone, Debug)]
pub struct Metric {
    spec: MetricSpec,
    extractor: Extractor,
    normaliser: Normaliser,
    numbers: Numbers,
}

/// What a comparison finds: the parts of the grade, and whether the answer is right by the kind's own rule.
#[derive(Clone, Debug, Default, PartialEq)]
struct Compared {
    correct: bool,
    parts: BTreeMap<String, f64>,
}

impl Default for Metric {
    /// The exact one.
    fn default() -> Self {
        let spec = MetricSpec::default();
        Self {
            extractor: Extractor::default(),
            normaliser: Normaliser::new(spec.steps()),
            numbers: Numbers::new(&spec),
            spec,
        }
    }
}

impl Metric {
    /// The metric of this description, which may be a stranger's.
    pub fn new(spec: &MetricSpec) -> Result<Self, InvalidMetric> {
        fit::check(spec)?;
        Ok(Self {
            extractor: Extractor::new(&spec.extract, spec.take, spec.strict)?,
            normaliser: Normaliser::new(spec.steps()),
            numbers: Numbers::new(spec),
            spec: spec.clone().resolved(),
        })
    }

    /// Its description, with all that is usual written down.
    pub fn spec(&self) -> &MetricSpec {
        &self.spec
    }

    /// Whether a right answer may be a JSON array or object.
    pub fn reads_json(&self) -> bool {
        self.spec.several || matches!(self.spec.kind, MetricKind::Set | MetricKind::Json | MetricKind::Scorer)
    }

    /// An answer that should be right for an example with this right answer: the first one of several.
    pub fn answer_of(&self, gold: &str) -> String {
        let first = self.spec.several.then(|| golds(gold)?.into_iter().next()).flatten();
        first.unwrap_or_else(|| gold.to_owned())
    }

    /// In words, for people and for proposers.
    pub fn describe(&self) -> String {
        describe::metric(&self.spec)
    }

    /// What an answer is worth.
    pub fn grade(&self, gold: &str, answer: &str) -> Grade {
        if !self.spec.several {
            return self.against(gold, answer);
        }
        let grades = golds(gold).into_iter().flatten().map(|gold| self.against(&gold, answer));
        let better = |best: Grade, next: Grade| {
            let is_better = (next.score, next.correct) > (best.score, best.correct);
            if is_better { next } else { best }
        };
        grades.reduce(better).unwrap_or_else(|| self.wrong())
    }

    /// Whether the metric can read a right answer of the data, and if not, why.
    pub fn check_gold(&self, gold: &str) -> Result<(), String> {
        if !self.spec.several {
            return self.readable(gold);
        }
        match golds(gold) {
            Some(golds) if !golds.is_empty() => golds.iter().try_for_each(|gold| self.readable(gold)),
            Some(_) => Err("the list of right answers is empty".into()),
            None => Err("with `several`, it has to be a JSON array of right answers".into()),
        }
    }

    fn against(&self, gold: &str, answer: &str) -> Grade {
        let (Some(gold), Some(answer)) = (self.extractor.of(gold), self.extractor.of(answer)) else {
            return self.wrong();
        };
        self.worth(self.compare(gold, answer))
    }

    fn compare(&self, gold: &str, answer: &str) -> Compared {
        let (normal_gold, normal_answer) = (|| self.normaliser.of(gold), || self.normaliser.of(answer));
        let right = |correct| Compared { correct, ..Compared::default() };
        match self.spec.kind {
            MetricKind::Exact | MetricKind::Normalised => right(normal_gold() == normal_answer()),
            MetricKind::Contains => {
                right(overlap::contains(&normal_answer(), &normal_gold(), self.spec.words))
            }
            MetricKind::Number => right(self.numbers.same(gold, answer)),
            MetricKind::Set => overlap::sets(&self.members(gold), &self.members(answer)),
            MetricKind::TokenF1 => overlap::tokens(&normal_gold(), &normal_answer(), self.spec.tokens),
            MetricKind::Json => json::compare(gold, answer, &self.spec.fields, &|gold, found| {
                json::same(gold, found, &self.numbers, &self.normaliser)
            }),
            // A program decides, which is not here: `evaluate` asks it.
            MetricKind::Scorer => Compared::default(),
        }
    }

    /// The members of a set: of a JSON array its items, of any other text what stands between separators.
    fn members(&self, text: &str) -> Vec<String> {
        let items = golds(text.trim()).unwrap_or_else(|| overlap::cut(text, &self.spec.separators));
        let members = items.iter().map(|item| self.normaliser.of(item).into_owned());
        members.filter(|member| !member.is_empty()).collect()
    }

    /// The grade for these parts.
    fn worth(&self, compared: Compared) -> Grade {
        let Compared { correct, parts } = compared;
        let score = match self.spec.score_name() {
            CORRECT => Grade::right_or_wrong(correct).score,
            name => parts.get(name).copied().unwrap_or_else(|| json::mean(&parts)),
        };
        let correct = self.spec.threshold.map_or(correct, |threshold| score >= threshold);
        Grade { score, correct, parts }
    }

    /// The grade of what cannot be compared: every part is 0.
    fn wrong(&self) -> Grade {
        let fields = self.spec.fields.iter().map(String::as_str);
        let names = self.spec.kind.parts().iter().copied().chain(fields);
        self.worth(Compared { correct: false, parts: names.map(|name| (name.to_owned(), 0.0)).collect() })
    }

    fn readable(&self, gold: &str) -> Result<(), String> {
        let Some(gold) = self.extractor.of(gold) else {
            return Err("no expression of `extract` matches it, and `strict` is set".into());
        };
        match self.spec.kind {
            MetricKind::Exact | MetricKind::Normalised | MetricKind::TokenF1 | MetricKind::Scorer => Ok(()),
            MetricKind::Contains if self.normaliser.of(gold).is_empty() => {
                Err("nothing is left of it after `normalise`".into())
            }
            MetricKind::Contains => Ok(()),
            MetricKind::Set if self.members(gold).is_empty() => Err("it has no members".into()),
            MetricKind::Set => Ok(()),
            MetricKind::Number if self.numbers.read(gold).is_none() => Err("it is no number".into()),
            MetricKind::Number => Ok(()),
            MetricKind::Json => json::check(gold, &self.spec.fields),
        }
    }
}

/// The items of a JSON array as texts: strings as they are, other values as they are written. None for what is no array.
fn golds(text: &str) -> Option<Vec<String>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let text = |item: &&RawValue| {
        let as_string = serde_json::from_str::<String>(item.get());
        as_string.unwrap_or_else(|_| item.get().to_owned())
    };
    Some(items.iter().map(text).collect())
}
