//! Finds what a careful user should know about a data set: texts that occur twice, labels that look alike, files that were
//! not read. Real data has all of these, so they are no errors; they are recorded and shown.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
};

use unicode_normalization::UnicodeNormalization;

use super::{
    Example,
    labels::{LabelPolicy, is_plain},
    task_file::TaskFile,
};
use mmh_record::{
    data::{DataFinding, FindingKind, Split},
    input::Input,
};

/// The form in which texts are compared: runs of white space are one space, and the ends have none.
pub fn same_text(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    match text.split(' ').any(|word| word.is_empty() || word.contains(char::is_whitespace)) {
        true => Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        false => Cow::Borrowed(text),
    }
}

/// `1 text`, `2 texts`.
fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// The verb's ending in `1 text stands`, `2 texts stand`.
fn s(count: usize) -> &'static str {
    if count == 1 { "s" } else { "" }
}

/// The same for all that an example asks: its text, and its fields if it has any.
pub fn same_input(input: &Input) -> Cow<'_, str> {
    let text = same_text(&input.text);
    match input.fields.as_slice() {
        [] => text,
        fields => {
            let values = fields.iter().map(|field| same_text(&field.value));
            Cow::Owned(values.fold(text.into_owned(), |all, value| all + "\n" + &value))
        }
    }
}

/// All findings about these splits of a task with these labels, or an open one.
pub(super) fn find(splits: [&[Example]; 3], labels: Option<&[String]>, file: &TaskFile) -> Vec<DataFinding> {
    let places = places(splits);
    let mut findings = overlaps(&places);
    findings.extend(duplicates(&places));
    findings.extend(contradictions(&places));
    match labels {
        Some(labels) => {
            let is_listed = matches!(file.labels, LabelPolicy::Listed(_));
            findings.extend(unlisted(splits, labels, is_listed));
            findings.extend(similar_labels(splits));
        }
        // Where a task or its metric says so, it is no surprise.
        None if file.labels == LabelPolicy::Usual && is_plain(&file.metric) => findings.push(open(splits[0])),
        None => {}
    }
    findings
}

/// The places of texts, in order.
type Places<'a> = Vec<Vec<(Split, &'a Example)>>;

/// The examples of each text that occurs more than once, in the order of their first place.
fn places<'a>(splits: [&'a [Example]; 3]) -> Places<'a> {
    let mut at: HashMap<Cow<'a, str>, usize> = HashMap::new();
    let mut places: Places<'a> = Vec::new();
    for (split, example) in each(splits) {
        let next = places.len();
        let at = *at.entry(same_input(&example.input)).or_insert(next);
        match places.get_mut(at) {
            Some(places) => places.push((split, example)),
            None => places.push(vec![(split, example)]),
        }
    }
    places.retain(|places| places.len() > 1);
    places
}

fn each(splits: [&[Example]; 3]) -> impl Iterator<Item = (Split, &Example)> {
    let splits = Split::ALL.into_iter().zip(splits);
    splits.flat_map(|(split, examples)| examples.iter().map(move |example| (split, example)))
}

/// The ids of examples, in the order of the splits and of their rows.
fn ordered<'a>(examples: impl Iterator<Item = &'a Example>) -> Vec<&'a str> {
    let mut ids: Vec<&str> = examples.map(|example| example.id.as_str()).collect();
    let place = |id: &str| Split::ALL.into_iter().position(|split| id.starts_with(split.name()));
    // Ids of later rows may be longer.
    ids.sort_by_key(|id| (place(id), id.len(), *id));
    ids
}

fn overlaps(places: &Places<'_>) -> Vec<DataFinding> {
    let pairs = [(Split::Train, Split::Val), (Split::Train, Split::Test), (Split::Val, Split::Test)];
    let findings = pairs.into_iter().filter_map(|(first, second)| {
        let here = places.iter().filter(|places| places.iter().any(|(split, _)| *split == first));
        let again = here.flatten().filter(|(split, _)| *split == second);
        let ids = ordered(again.map(|(_, example)| *example));
        let text = format!(
            "{} of {} also stand{} in {}",
            counted(ids.len(), "text"),
            second.name(),
            s(ids.len()),
            first.name()
        );
        let found = DataFinding::new(FindingKind::Overlap, &[first, second], ids.iter().copied(), text);
        (!ids.is_empty()).then_some(found)
    });
    findings.collect()
}

fn duplicates(places: &Places<'_>) -> Vec<DataFinding> {
    let mut again: BTreeMap<Split, Vec<&Example>> = BTreeMap::new();
    for places in places {
        let mut seen = HashSet::new();
        for (split, example) in places {
            if !seen.insert((*split, &example.gold)) {
                again.entry(*split).or_default().push(example);
            }
        }
    }
    let finding = |(split, examples): (Split, Vec<&Example>)| {
        let ids = ordered(examples.into_iter());
        let text = format!(
            "{} of {} repeat{} text and label of another one",
            counted(ids.len(), "example"),
            split.name(),
            s(ids.len())
        );
        DataFinding::new(FindingKind::Duplicates, &[split], ids.into_iter(), text)
    };
    again.into_iter().map(finding).collect()
}

fn contradictions(places: &Places<'_>) -> Option<DataFinding> {
    let differ = |places: &&Vec<(Split, &Example)>| places.iter().any(|it| it.1.gold != places[0].1.gold);
    let found: Vec<&(Split, &Example)> = places.iter().filter(differ).flatten().collect();
    let texts = places.iter().filter(differ).count();
    let splits: BTreeSet<Split> = found.iter().map(|(split, _)| *split).collect();
    let splits: Vec<Split> = splits.into_iter().collect();
    let text = match texts {
        1 => "1 text stands there with different labels".to_owned(),
        _ => format!("{texts} texts stand there with different labels each"),
    };
    let ids = ordered(found.iter().map(|(_, example)| *example));
    (texts > 0).then(|| DataFinding::new(FindingKind::Contradictions, &splits, ids.into_iter(), text))
}

/// Examples whose right answer is none of the task's labels: no harness that answers with one is right there.
fn unlisted(splits: [&[Example]; 3], labels: &[String], is_listed: bool) -> Vec<DataFinding> {
    let known: HashSet<&str> = labels.iter().map(String::as_str).collect();
    let (kind, whose) = match is_listed {
        true => (FindingKind::UnlistedLabels, "that the task does not list"),
        false => (FindingKind::UntrainedLabels, "that no example of train has"),
    };
    let findings = Split::ALL.into_iter().zip(splits).filter_map(|(split, examples)| {
        let found: Vec<&Example> = examples.iter().filter(|it| !known.contains(it.gold.as_str())).collect();
        let labels = found.iter().map(|example| example.gold.as_str()).collect::<HashSet<_>>().len();
        let text = format!(
            "{} of {} {} {} {whose}",
            counted(found.len(), "example"),
            split.name(),
            if found.len() == 1 { "has" } else { "have" },
            if labels == 1 { "a label".to_owned() } else { counted(labels, "label") },
        );
        let ids: Vec<&str> = found.iter().map(|example| example.id.as_str()).collect();
        (!found.is_empty()).then(|| DataFinding::new(kind, &[split], ids.into_iter(), text))
    });
    findings.collect()
}

fn similar_labels(splits: [&[Example]; 3]) -> Option<DataFinding> {
    let mut forms: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for label in labels(splits) {
        let letters: String =
            label.nfc().filter(|it| !is_invisible(*it)).flat_map(char::to_lowercase).collect();
        forms.entry(same_text(&letters).into_owned()).or_default().push(label);
    }
    let similar: Vec<&str> = forms.into_values().filter(|labels| labels.len() > 1).flatten().collect();
    let text = format!(
        "{} differ from another one in case, spaces or encoding only",
        counted(similar.len(), "label")
    );
    (!similar.is_empty())
        .then(|| DataFinding::new(FindingKind::SimilarLabels, &[], similar.into_iter(), text))
}

/// Whether a character takes no room on a screen.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// The right answers do not repeat, and nothing says that they are labels.
fn open(train: &[Example]) -> DataFinding {
    let answers: BTreeSet<&str> = train.iter().map(|example| example.gold.as_str()).collect();
    let answers: Vec<&str> = answers.into_iter().collect();
    let text = format!(
        "{} for {} of train do not repeat, so the task is open: no labels are offered, and an answer has to be right \
         letter by letter; `labels` and `metric` in task.toml say otherwise",
        counted(answers.len(), "answer"),
        counted(train.len(), "example")
    );
    DataFinding::new(FindingKind::ManyLabels, &[], answers.into_iter(), text)
}

fn labels(splits: [&[Example]; 3]) -> BTreeSet<&str> {
    each(splits).map(|(_, example)| example.gold.as_str()).collect()
}
