//! Which settings of a metric belong to which kind.

use mmh_record::metric::{CORRECT, MEAN, MetricKind, MetricSpec};

/// A metric says something that cannot be. The message begins with the setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the metric cannot be used: {0}")]
pub struct InvalidMetric(pub(super) String);

/// A setting, whether a metric has it, and the kinds that it belongs to.
type Setting = (&'static str, fn(&MetricSpec) -> bool, &'static [MetricKind]);

use MetricKind::{Contains, Json, Normalised, Number, Set, TokenF1};

const SETTINGS: [Setting; 9] = [
    ("normalise", |it| it.normalise.is_some(), &[Normalised, Set, TokenF1, Contains, Json]),
    ("separators", |it| !it.separators.is_empty(), &[Set]),
    ("tolerance", |it| it.tolerance != 0.0, &[Number, Json]),
    ("relative", |it| it.relative != 0.0, &[Number, Json]),
    ("units", |it| !it.units.is_empty(), &[Number]),
    ("percent", |it| it.percent, &[Number]),
    ("tokens", |it| it.tokens != Default::default(), &[TokenF1]),
    ("words", |it| it.words, &[Contains]),
    ("fields", |it| !it.fields.is_empty(), &[Json]),
];

/// Most entries of a list, and bytes of each.
const MAX_ENTRIES: usize = 64;
const MAX_ENTRY_BYTES: usize = 256;

pub(super) fn check(spec: &MetricSpec) -> Result<(), InvalidMetric> {
    let kind = spec.kind;
    if let Some(scorer) = spec.scorer
        && *spec != MetricSpec::scored_by(scorer)
    {
        return invalid(
            "`scorer` is a program that decides everything: no other setting belongs there".into(),
        );
    }
    if kind == MetricKind::Scorer && spec.scorer.is_none() {
        return invalid("the kind scorer needs `scorer`, the program".into());
    }
    if let Some((name, _, kinds)) =
        SETTINGS.iter().find(|(_, is_set, kinds)| is_set(spec) && !kinds.contains(&kind))
    {
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        return invalid(format!(
            "`{name}` does not belong to the kind {}, but to {}",
            kind.name(),
            kinds.join(", ")
        ));
    }
    for (name, list) in [("separators", &spec.separators), ("units", &spec.units), ("fields", &spec.fields)] {
        check_list(name, list)?;
    }
    for (name, number) in [("tolerance", spec.tolerance), ("relative", spec.relative)] {
        if !(number.is_finite() && number >= 0.0) {
            return invalid(format!("`{name}` is {number}, and has to be a number from 0 on"));
        }
    }
    if kind == Json && spec.fields.is_empty() {
        return invalid("the kind json needs `fields`, the keys that are compared".into());
    }
    if spec.extract.is_empty() && (spec.strict || spec.take != Default::default()) {
        return invalid("`take` and `strict` say how `extract` works, which is not there".into());
    }
    check_score(spec)
}

fn check_list(name: &str, list: &[String]) -> Result<(), InvalidMetric> {
    if list.len() > MAX_ENTRIES {
        return invalid(format!("`{name}` has {} entries, more than the limit of {MAX_ENTRIES}", list.len()));
    }
    match list.iter().find(|entry| entry.is_empty() || entry.len() > MAX_ENTRY_BYTES) {
        Some(_) => invalid(format!("an entry of `{name}` is empty or has more than {MAX_ENTRY_BYTES} bytes")),
        None => Ok(()),
    }
}

fn check_score(spec: &MetricSpec) -> Result<(), InvalidMetric> {
    let own = if spec.kind == Json { &[MEAN][..] } else { spec.kind.parts() };
    let fields = spec.fields.iter().map(String::as_str);
    if let Some(name) = fields.clone().find(|name| [CORRECT, MEAN].contains(name)) {
        return invalid(format!("a field cannot be called {name:?}, which means something else as a score"));
    }
    if spec.kind == MetricKind::Scorer {
        return Ok(());
    }
    let names: Vec<&str> = [CORRECT].into_iter().chain(own.iter().copied()).chain(fields).collect();
    let score = spec.score_name();
    if !names.contains(&score) {
        return invalid(format!(
            "`score` is {score:?}; with the kind {} it is one of {}",
            spec.kind.name(),
            names.join(", ")
        ));
    }
    match spec.threshold {
        Some(threshold) if !(threshold > 0.0 && threshold <= 1.0) => {
            invalid(format!("`threshold` is {threshold}, and has to be a number above 0 and up to 1"))
        }
        Some(_) if score == CORRECT => {
            invalid("`threshold` needs a `score` that can lie between 0 and 1".into())
        }
        _ => Ok(()),
    }
}

fn invalid(problem: String) -> Result<(), InvalidMetric> {
    Err(InvalidMetric(problem))
}
