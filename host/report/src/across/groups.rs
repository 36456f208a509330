//! Which runs stand side by side, and the rows of their table.

use std::collections::BTreeSet;

use super::{Across, BEST, CHANGE, Column, Group, MEAN, Row, RunScores, warnings};

impl Across {
    /// Of these runs.
    pub fn of(runs: Vec<RunScores>) -> Self {
        let columns = columns(&runs);
        let groups: Vec<Group> = groups(&columns, &runs).into_iter().map(|it| group(it, &runs)).collect();
        let warnings = warnings::of_all(&columns, &groups, &runs);
        Self { columns, groups, runs, mean: MEAN, warnings }
    }
}

fn columns(runs: &[RunScores]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for run in runs {
        if columns.iter().all(|column| column.digest != run.dataset_digest) {
            columns.push(Column { name: run.dataset.clone(), digest: run.dataset_digest });
        }
    }
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    for column in &mut columns {
        if names.iter().filter(|name| **name == column.name).count() > 1 {
            column.name += &format!(" {}", &column.digest.short()[..8]);
        }
    }
    columns
}

/// For each group, the place of its run of each data set. Runs with the same target stand side by side; groups with different
/// ones are put together only if no data set is in both.
fn groups(columns: &[Column], runs: &[RunScores]) -> Vec<Vec<Option<usize>>> {
    let mut groups: Vec<Vec<Option<usize>>> = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let Some(column) = columns.iter().position(|it| it.digest == run.dataset_digest) else { continue };
        let same = |group: &Vec<Option<usize>>| {
            let mut members = group.iter().flatten();
            members.all(|member| warnings::models(&runs[*member]) == warnings::models(run))
        };
        match groups.iter_mut().find(|group| group[column].is_none() && same(group)) {
            Some(group) => group[column] = Some(at),
            None => {
                let mut group = vec![None; columns.len()];
                group[column] = Some(at);
                groups.push(group);
            }
        }
    }
    let mut merged: Vec<Vec<Option<usize>>> = Vec::new();
    for group in groups {
        let fits = |other: &&mut Vec<Option<usize>>| {
            other.iter().zip(&group).all(|(left, right)| left.is_none() || right.is_none())
        };
        match merged.iter_mut().find(fits) {
            Some(other) => other.iter_mut().zip(group).for_each(|(left, right)| *left = left.or(right)),
            None => merged.push(group),
        }
    }
    merged
}

fn group(members: Vec<Option<usize>>, runs: &[RunScores]) -> Group {
    let mut seen = BTreeSet::new();
    let entries = members.iter().flatten().flat_map(|at| &runs[*at].entries);
    let mut names: Vec<&str> = entries.map(|it| it.row.as_str()).filter(|name| seen.insert(*name)).collect();
    names.retain(|name| *name != BEST);
    names.push(BEST);
    let of = |at: &Option<usize>, cell: &dyn Fn(&RunScores) -> Option<f64>| at.and_then(|at| cell(&runs[at]));
    let row = |name: &str, cell: &dyn Fn(&RunScores) -> Option<f64>| {
        let cells: Vec<Option<f64>> = members.iter().map(|at| of(at, cell)).collect();
        let all: Option<Vec<f64>> = cells.iter().copied().collect();
        let mean = all.map(|all| all.iter().sum::<f64>() / all.len().max(1) as f64);
        Row { name: name.to_owned(), cells, mean }
    };
    let mut rows: Vec<Row> =
        names.iter().map(|name| row(name, &|run| run.entry(name).map(|it| it.value))).collect();
    // A search that found nothing better changed nothing.
    rows.push(row(CHANGE, &|run| Some(run.change.map_or(0.0, |it| it.points))));
    Group { runs: members, rows }
}
