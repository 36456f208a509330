//! Compares two iterations of a run: source, imports, examples, score, cost.

use std::time::Duration;

use serde::Serialize;
use similar::TextDiff;

pub use super::outcomes::{Changed, Examples, SideScore, answer};
use super::{
    AuditError, Place,
    component::ImportChange,
    outcomes::{Outcome, examples, side_score},
    unscored_reason,
};
use mmh_engine::compile::imports;
use mmh_record::{
    data::Split,
    digest::Digest,
    format::{Cost, Summary},
    layout,
    objective::Objective,
    reader::RunReader,
};

/// After this time the search for the shortest diff ends, and a longer one is taken.
const DIFF_PATIENCE: Duration = Duration::from_secs(2);

/// How many lines around a change are shown.
const CONTEXT_LINES: usize = 3;

/// What differs between two iterations.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// The name of the split that scores and examples belong to.
    pub split: &'static str,
    /// The first iteration.
    pub before: Side,
    /// The second iteration.
    pub after: Side,
    /// The unified diff of the sources; empty if they are the same, or one of them is not recorded.
    pub source: String,
    /// The iterations of the two whose source is not recorded, because they are components that were made elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_source: Vec<u32>,
    /// `None` if one of them has no component.
    pub imports: Option<ImportChange>,
    /// `None` if one of them has no such evaluation.
    pub examples: Option<Examples>,
}

/// One of the two iterations.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Its index.
    pub index: u32,
    /// Digest of its source.
    pub source_sha256: Digest,
    /// Digest of its component. `None` if the source did not become one.
    pub component_sha256: Option<Digest>,
    /// Size of its component; 0 if there is none.
    pub component_bytes: u64,
    /// Why it was not scored, as `status: reason`, if it was not.
    pub unscored: Option<String>,
    /// Its score on the split; nothing if it was not evaluated there.
    pub score: Option<SideScore>,
    /// Cost of the whole iteration: proposing, trials and validation. `None` if the run does not say.
    pub cost: Option<Cost>,
}

/// Compares iteration `before` with iteration `after` on a split.
pub fn diff(reader: &RunReader, before: u32, after: u32, split: Split) -> Result<Compared, AuditError> {
    let summary = reader.summary().ok();
    let objective = summary.as_ref().map(|summary| Objective::of(&summary.config)).unwrap_or_default();
    let [left, right] =
        [before, after].map(|index| Loaded::read(reader, &Place::find(reader, index, split)?));
    let (left, right) = (left?, right?);
    let header = |index: u32| layout::file(&layout::folder_name(index), reader.source_name());
    let config = summary.as_ref().map(|summary| &summary.config);
    let is_given = |index: &u32| config.is_some_and(|config| config.given(*index).is_some());
    let without_source: Vec<u32> = [before, after].into_iter().filter(is_given).collect();
    let source = TextDiff::configure()
        .timeout(DIFF_PATIENCE)
        .diff_lines(left.source.as_str(), right.source.as_str())
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&header(before), &header(after))
        .to_string();
    let source = if without_source.is_empty() { source } else { String::new() };
    let imports = match (&left.imports, &right.imports) {
        (Some(left), Some(right)) => Some(ImportChange::between(left, right)),
        _ => None,
    };
    let examples = match (&left.outcomes, &right.outcomes) {
        (Some(left), Some(right)) => Some(examples(objective, left, right)),
        _ => None,
    };
    let (before, after) =
        (left.side(before, summary.as_ref(), objective), right.side(after, summary.as_ref(), objective));
    Ok(Compared { split: split.name(), before, after, source, without_source, imports, examples })
}

/// What is read about one iteration.
struct Loaded {
    source: String,
    component: Option<Vec<u8>>,
    imports: Option<Vec<String>>,
    outcomes: Option<Vec<Outcome>>,
}

impl Loaded {
    fn read(reader: &RunReader, place: &Place) -> Result<Self, AuditError> {
        let source = layout::file(&place.home, reader.source_name());
        // If the proposer submitted nothing, there is no source.
        let source = if reader.has(&source) { reader.text(&source)? } else { String::new() };
        let component = match place.component(reader) {
            Ok(component) => Some(component),
            Err(AuditError::NoComponent { .. }) => None,
            Err(error) => return Err(error),
        };
        let imports = match &component {
            Some(bytes) => Some(imports::list(bytes).map_err(|problem| AuditError::NotAComponent {
                name: format!("{}/{}", place.home, layout::COMPONENT),
                problem,
            })?),
            None => None,
        };
        let outcomes = match place.rows(reader) {
            Ok(outcomes) => Some(outcomes),
            // On the held-out split the examples are all there is to compare.
            Err(AuditError::NotEvaluated { .. }) if place.split != Split::Test => None,
            Err(error) => return Err(error),
        };
        Ok(Self { source, component, imports, outcomes })
    }

    fn side(&self, index: u32, summary: Option<&Summary>, objective: Objective) -> Side {
        let cost = summary.and_then(|summary| {
            let scored = summary.iterations.iter().find(|it| it.index == index).map(|it| it.cost);
            scored.or_else(|| summary.unscored.iter().find(|it| it.index == index).map(|it| it.cost))
        });
        Side {
            index,
            source_sha256: Digest::of(&self.source),
            component_sha256: self.component.as_ref().map(Digest::of),
            component_bytes: self.component.as_ref().map_or(0, |bytes| bytes.len() as u64),
            unscored: summary.and_then(|summary| unscored_reason(summary, index)),
            score: self.outcomes.as_deref().map(|outcomes| side_score(objective, outcomes)),
            cost,
        }
    }
}
