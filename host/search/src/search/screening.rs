//! The first look at a proposed candidate: on the first validation examples it is compared with the best harness so far, and
//! dropped if it is clearly worse. That is an outcome of its own, and no score.
//!
//! The best harness was chosen by its score, so it has had luck on the very examples that it is compared on. So the error of
//! the test is shared among all harnesses that the best one could as well have been: those whose interval meets its own.

use std::collections::HashMap;

use super::{Search, SearchError};
use crate::evaluate::Outcome;
use mmh_record::{
    candidate::CandidateId,
    format::{IterationSummary, Summary},
    grade::{Grade, GradeRow},
    layout,
    objective::Objective,
    reader::RunReader,
    trial::TrialId,
};
use mmh_report::statistics::{SCREENING_ERROR, contenders, screening_level, screening_test, worse};

/// What a candidate is compared with.
pub(super) struct Screening {
    /// How many examples it is tried on first.
    pub examples: usize,
    /// How many are left then.
    left: usize,
    /// The best harness so far.
    rival: u32,
    /// How many harnesses the best one could have been.
    contenders: usize,
    objective: Objective,
    /// What the rival's answers are worth, by example.
    grades: HashMap<String, Mean>,
}

/// What an example's answers are worth, in all of its rows.
#[derive(Clone, Copy, Default)]
struct Mean {
    sum: f64,
    n: u32,
}

impl Mean {
    fn add(&mut self, grade: &Grade, objective: Objective) {
        self.sum += match objective {
            Objective::Accuracy => Grade::right_or_wrong(grade.correct).score,
            Objective::Score => grade.score,
        };
        self.n += 1;
    }

    fn value(self) -> f64 {
        self.sum / f64::from(self.n.max(1))
    }
}

impl Search {
    /// How this candidate is screened. None of a baseline, where nothing has a score yet, and where no example would be
    /// saved. Candidates of the same generation play no part, because they may be evaluated at the same time.
    pub(super) fn screening(
        &self,
        id: CandidateId,
        summary: &Summary,
    ) -> Result<Option<Screening>, SearchError> {
        let Some(examples) = self.config.protocol.screen.map(|screen| screen as usize) else {
            return Ok(None);
        };
        let objective = Objective::of(&self.config);
        let generation = |it: &IterationSummary| self.config.protocol.candidate(it.index).generation;
        let mut earlier: Vec<&IterationSummary> =
            summary.iterations.iter().filter(|it| generation(it) < id.generation).collect();
        earlier.sort_by_key(|it| it.index);
        let best = objective.best(earlier.iter().map(|it| (*it, objective.value(&it.score))));
        let Some((rival, _)) = best.filter(|_| examples < self.val.len()) else { return Ok(None) };
        let interval = |it: &IterationSummary| objective.interval(&it.score);
        Ok(Some(Screening {
            examples,
            left: self.val.len() - examples,
            rival: rival.index,
            contenders: contenders(interval(rival), earlier.iter().map(|it| interval(it))),
            objective,
            grades: self.first_grades(rival.index, examples, objective)?,
        }))
    }

    /// What a harness's answers to the first examples are worth.
    fn first_grades(
        &self,
        index: u32,
        examples: usize,
        objective: Objective,
    ) -> Result<HashMap<String, Mean>, SearchError> {
        let mut grades: HashMap<String, Mean> =
            self.val.iter().take(examples).map(|example| (example.id.clone(), Mean::default())).collect();
        let reader = RunReader::new(self.writer.dir()?);
        for row in reader.rows::<GradeRow>(&RunReader::iteration_file(index, layout::TRACES))? {
            let (id, grade) = row?.into_parts();
            if let Some(mean) = grades.get_mut(TrialId::of(&id).example) {
                mean.add(&grade, objective);
            }
        }
        Ok(grades)
    }
}

impl Screening {
    /// Why the candidate is dropped after these outcomes, the figures included. None if it goes on.
    pub fn drops(&self, outcomes: &[Outcome]) -> Option<String> {
        let (mut order, mut own) = (Vec::new(), HashMap::<&str, Mean>::new());
        for outcome in outcomes {
            let id = TrialId::of(&outcome.example_id).example;
            let mean = own.entry(id).or_insert_with(|| {
                order.push(id);
                Mean::default()
            });
            mean.add(&outcome.grade, self.objective);
        }
        let value = |id: &&str| Some((own.get(*id)?.value(), self.grades.get(*id)?.value()));
        let pairs: Vec<(f64, f64)> = order.iter().filter_map(value).collect();
        let p = worse(pairs.iter().map(|(new, old)| new - old));
        let level = screening_level(self.contenders);
        (p < level).then(|| self.reason(&pairs, p, level))
    }

    fn reason(&self, pairs: &[(f64, f64)], p: f64, level: f64) -> String {
        let unit = self.objective.unit();
        let n = pairs.len();
        let mean = |of: fn(&(f64, f64)) -> f64| {
            format!("{} {}", unit.number(pairs.iter().map(of).sum::<f64>() / n.max(1) as f64), unit.sign())
        };
        let count = |of: fn(&(f64, f64)) -> bool| pairs.iter().filter(|pair| of(pair)).count();
        let shared = match self.contenders {
            0 | 1 => String::new(),
            several => format!(" shared among the {several} harnesses that the best could have been"),
        };
        let (p, level) = (small(p), small(level));
        format!(
            "clearly worse than the best so far, {:03}, on the first {n} validation examples: {} {} against {}, \
             {} better and {} worse, p {p} ({}), which is below {level}: {} %{shared}; the other {} examples were not run \
             (--screen)",
            self.rival,
            self.objective.name(),
            mean(|pair| pair.0),
            mean(|pair| pair.1),
            count(|pair| pair.0 > pair.1),
            count(|pair| pair.0 < pair.1),
            screening_test(self.objective),
            100.0 * SCREENING_ERROR,
            self.left,
        )
    }
}

/// A small number with few digits.
fn small(number: f64) -> String {
    if number < 0.0001 { format!("{number:.1e}") } else { format!("{number:.4}") }
}
