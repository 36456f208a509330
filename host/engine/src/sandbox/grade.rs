//! From what a scorer returned to a grade that a run may record.

use std::collections::BTreeMap;

use mmh_record::{grade::Grade, outcome::OutcomeKind, text};

use super::Failure;

/// Most parts of a grade.
const MAX_PARTS: usize = 32;

/// Most bytes of a part's name.
const MAX_NAME_BYTES: usize = 64;

/// A grade as a scorer gave it. It may hold any numbers and any names.
#[derive(Clone, Debug, Default)]
pub struct GivenGrade {
    pub score: f64,
    pub correct: bool,
    pub parts: Vec<(String, f64)>,
}

impl GivenGrade {
    /// The grade, if it holds what a grade may hold. The failure names what it may not.
    pub fn checked(self) -> Result<Grade, Failure> {
        let bad = |problem: String| Failure::new(OutcomeKind::BadGrade, problem);
        if self.parts.len() > MAX_PARTS {
            let found = self.parts.len();
            return Err(bad(format!("the grade has {found} parts, more than the limit of {MAX_PARTS}")));
        }
        let mut parts = BTreeMap::new();
        for (name, value) in self.parts {
            if let Some(problem) = problem_of_name(&name) {
                let name = text::capped(&text::one_line(&name), MAX_NAME_BYTES);
                return Err(bad(format!("a part of the grade has the name {name:?}, which {problem}")));
            }
            if parts.insert(name.clone(), without_sign_of_zero(value)).is_some() {
                return Err(bad(format!("the grade has two parts with the name {name:?}")));
            }
        }
        let grade = Grade { score: without_sign_of_zero(self.score), correct: self.correct, parts };
        match grade.check() {
            Ok(()) => Ok(grade),
            Err(problem) => Err(bad(problem.to_string())),
        }
    }
}

/// Why a text cannot be a part's name, if it cannot.
fn problem_of_name(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("is empty".into());
    }
    if name.len() > MAX_NAME_BYTES {
        let (found, limit) = (text::bytes(name.len() as u64), text::bytes(MAX_NAME_BYTES as u64));
        return Some(format!("has {found}, more than the limit of {limit}"));
    }
    name.contains(char::is_control).then(|| "has control characters".into())
}

/// 0 has one form in a record.
fn without_sign_of_zero(number: f64) -> f64 {
    if number == 0.0 { 0.0 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proper_grades_are_taken() {
        let given = |score, parts: &[(&str, f64)]| GivenGrade {
            score,
            correct: false,
            parts: parts.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        };
        let names: Vec<String> = (0..=MAX_PARTS).map(|at| format!("part {at}")).collect();
        let many: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        // name, what was given, what the failure says
        let table = [
            ("no parts", given(0.5, &[]), ""),
            ("two parts", given(1.0, &[("precision", 1.0), ("recall", 0.0)]), ""),
            ("as many parts as there may be", given(1.0, &many[1..]), ""),
            ("below 0", given(-0.5, &[]), "score of a grade is -0.5: it has to be a number from 0 to 1"),
            ("above 1", given(7.0, &[]), "score of a grade is 7"),
            ("no number", given(f64::NAN, &[]), "score of a grade is NaN"),
            ("without end", given(f64::INFINITY, &[]), "score of a grade is inf"),
            ("a part above 1", given(1.0, &[("recall", 1.5)]), "recall of a grade is 1.5"),
            ("a part that is no number", given(1.0, &[("recall", f64::NAN)]), "recall of a grade is NaN"),
            ("a part twice", given(1.0, &[("a", 1.0), ("a", 1.0)]), "two parts with the name \"a\""),
            ("a part without a name", given(1.0, &[("", 1.0)]), "the name \"\", which is empty"),
            ("a part with escapes", given(1.0, &[("\u{1b}[31m", 1.0)]), "which has control characters"),
            ("a long name", given(1.0, &[(&long, 1.0)]), "which has 65 B, more than the limit of 64 B"),
            ("many parts", given(1.0, &many), "the grade has 33 parts, more than the limit of 32"),
        ];
        for (name, given, says) in table {
            match given.checked() {
                Ok(grade) => assert!(says.is_empty() && grade.check().is_ok(), "{name}"),
                Err(failure) => {
                    assert_eq!(failure.kind, OutcomeKind::BadGrade, "{name}");
                    assert!(!says.is_empty() && failure.message.contains(says), "{name}: {failure:?}");
                    assert!(!failure.message.contains(char::is_control), "{name}");
                }
            }
        }
        let zero = given(-0.0, &[("recall", -0.0)]).checked().expect("it is a grade");
        assert!(zero.score.is_sign_positive() && zero.parts["recall"].is_sign_positive());
    }
}
