//! `task.toml`: what a task is, beside its data. A key that is not known is an error, because a misspelt one would change
//! the task without a word.

use std::{path::Path, path::PathBuf, sync::Arc};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{DatasetError, ScorerFile, columns::Keys, file, labels::LabelPolicy, scorer, split::Shares};
use crate::metric::Metric;
use mmh_record::{
    data::Split,
    metric::{MetricKind, MetricSpec},
};

/// The name of the file in a task's folder.
pub const TASK_FILE: &str = "task.toml";

/// Most bytes of the file, fields of a task, and bytes of a name.
const MAX_BYTES: usize = 256 << 10;
const MAX_FIELDS: usize = 32;
const MAX_NAME_BYTES: usize = 256;

/// The keys of the file, and of its tables.
pub const KEYS: [&str; 10] = [
    "name",
    "instructions",
    "instructions-field",
    "text",
    "answer",
    "fields",
    "labels",
    "data",
    "splits",
    "metric",
];
const SPLIT_KEYS: [&str; 3] = ["train", "val", "test"];
const METRIC_KEYS: [&str; 17] = [
    scorer::KEY,
    "kind",
    "several",
    "extract",
    "take",
    "strict",
    "normalise",
    "separators",
    "tolerance",
    "relative",
    "units",
    "percent",
    "tokens",
    "words",
    "fields",
    "score",
    "threshold",
];

/// What the file says.
#[derive(Clone, Debug, Default)]
pub struct TaskFile {
    pub name: Option<String>,
    pub instructions: Option<String>,
    pub keys: Keys,
    pub labels: LabelPolicy,
    /// The folder or file of the rows, as it is written: relative to the task's folder.
    pub data: Option<PathBuf>,
    pub splits: Splits,
    pub metric: Metric,
    /// The name of the task's own metric, and the file once it is read. Then it is `metric`.
    pub scorer_name: Option<String>,
    pub scorer: Option<Arc<ScorerFile>>,
}

/// Where the splits come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Splits {
    /// Files of usual names in a folder, or usual shares of one file.
    #[default]
    Usual,
    /// Files by split. `test` may be missing.
    Files([Option<String>; 3]),
    /// Shares of one file.
    Shares(Shares),
}

impl TaskFile {
    /// Reads the file of a folder.
    pub fn read(folder: &Path) -> Result<Self, DatasetError> {
        let path = folder.join(TASK_FILE);
        let text = file::text(&path)?;
        Self::parse(&text)
            .and_then(|file| file.with_scorer(folder))
            .map_err(|problem| DatasetError::Shape { file: path.display().to_string(), problem })
    }

    fn with_scorer(self, folder: &Path) -> Result<Self, String> {
        let Some(name) = &self.scorer_name else { return Ok(self) };
        let scorer = ScorerFile::read(folder, name)?;
        Ok(Self { metric: scorer.metric()?, scorer: Some(Arc::new(scorer)), ..self })
    }

    /// What a text says.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("it has {} bytes, more than the limit of {MAX_BYTES}", text.len()));
        }
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| error.to_string().trim().to_owned())?;
        check_keys(&table, &KEYS, "")?;
        let keys = keys(&table)?;
        let instructions: Option<String> = get(&table, "instructions")?;
        if instructions.is_some() && keys.instructions.is_some() {
            return Err("`instructions` and `instructions-field` exclude each other".into());
        }
        let name: Option<String> = get(&table, "name")?;
        if name.as_ref().is_some_and(|name| name.trim().is_empty() || name.len() > MAX_NAME_BYTES) {
            return Err(format!("`name` is empty or has more than {MAX_NAME_BYTES} bytes"));
        }
        let scorer_name = scorer::named(&table)?;
        let metric_of = table.get("metric").filter(|_| scorer_name.is_none());
        Ok(Self {
            name,
            instructions,
            keys,
            scorer_name,
            scorer: None,
            labels: table.get("labels").map_or(Ok(LabelPolicy::Usual), labels)?,
            data: get(&table, "data")?,
            splits: table.get("splits").map_or(Ok(Splits::Usual), splits)?,
            metric: metric_of.map_or_else(|| Ok(Metric::default()), metric)?,
        })
    }

    /// Whether all right answers have to be labels. Where a task's file leaves it to the data, they need not.
    pub fn wants_labels(&self) -> bool {
        !self.keys.by_file || matches!(self.labels, LabelPolicy::Train | LabelPolicy::Listed(_))
    }
}

fn keys(table: &Table) -> Result<Keys, String> {
    let mut keys = Keys { by_file: true, ..Keys::default() };
    keys.columns.text = get(table, "text")?;
    keys.columns.label = get(table, "answer")?;
    keys.instructions = get(table, "instructions-field")?;
    keys.fields = get(table, "fields")?.unwrap_or_default();
    if keys.fields.len() > MAX_FIELDS {
        return Err(format!("`fields` has {} names, more than the limit of {MAX_FIELDS}", keys.fields.len()));
    }
    let others = [&keys.columns.text, &keys.columns.label, &keys.instructions];
    let mut names: Vec<&String> = others.into_iter().flatten().chain(&keys.fields).collect();
    names.sort();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!(
            "{:?} is named twice among `text`, `answer`, `fields` and `instructions-field`",
            pair[0]
        )),
        None => Ok(keys),
    }
}

fn labels(value: &Value) -> Result<LabelPolicy, String> {
    match value {
        Value::String(policy) if policy == "train" => Ok(LabelPolicy::Train),
        Value::String(policy) if policy == "open" => Ok(LabelPolicy::Open),
        Value::Array(_) => LabelPolicy::listed(convert(value, "labels")?),
        _ => Err("`labels` is \"train\", \"open\", or a list of labels".into()),
    }
}

fn splits(value: &Value) -> Result<Splits, String> {
    let Value::Table(table) = value else {
        return Err(
            "`splits` is a table with train, val and test: names of files, or shares such as 0.6".into()
        );
    };
    check_keys(table, &SPLIT_KEYS, "splits.")?;
    if table.values().all(Value::is_str) {
        let files =
            Split::ALL.map(|split| table.get(split.name()).and_then(Value::as_str).map(str::to_owned));
        return match &files[..2] {
            [Some(_), Some(_)] => Ok(Splits::Files(files)),
            _ => Err("`splits` needs files for train and val".into()),
        };
    }
    let share = |name: &str| match table.get(name) {
        None => Ok(0.0),
        Some(Value::Float(share)) => Ok(*share),
        Some(Value::Integer(share)) => Ok(*share as f64),
        Some(_) => Err(format!("`splits.{name}` is no number, and others are: name files or shares")),
    };
    let shares = [share("train")?, share("val")?, share("test")?];
    let is_sound =
        shares.iter().all(|share| (0.0..=1.0).contains(share)) && shares[0] > 0.0 && shares[1] > 0.0;
    if !is_sound || (shares.iter().sum::<f64>() - 1.0).abs() > 1e-6 {
        return Err("the shares of `splits` have to be 1 together, with some for train and val".into());
    }
    let [train, val, _] = shares.map(|share| (share * 10_000.0).round() as usize);
    Ok(Splits::Shares(Shares { train, val }))
}

fn metric(value: &Value) -> Result<Metric, String> {
    let spec = match value {
        Value::String(_) => MetricSpec::new(convert::<MetricKind>(value, "metric")?),
        Value::Table(table) => {
            check_keys(table, &METRIC_KEYS, "metric.")?;
            convert(value, "metric")?
        }
        _ => return Err("`metric` is a kind, such as \"exact\", or a table with one".into()),
    };
    Metric::new(&spec).map_err(|error| error.to_string())
}

fn get<T: DeserializeOwned>(table: &Table, key: &str) -> Result<Option<T>, String> {
    table.get(key).map(|value| convert(value, key)).transpose()
}

fn convert<T: DeserializeOwned>(value: &Value, key: &str) -> Result<T, String> {
    value.clone().try_into().map_err(|error: toml::de::Error| format!("`{key}`: {}", error.message()))
}

/// Refuses a key that is not known, and names the known one that is most like it.
fn check_keys(table: &Table, known: &[&str], prefix: &str) -> Result<(), String> {
    let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let shown = mmh_record::text::ellipsis(&mmh_record::text::one_line(key), 40);
    let likeness = |other: &&&str| (strsim::jaro_winkler(key, other) * 1e6) as u64;
    match known.iter().max_by_key(likeness) {
        Some(nearest) => Err(format!(
            "`{prefix}{shown}` is not known; the nearest key is `{prefix}{nearest}`, and all are {}",
            known.join(", ")
        )),
        None => Err(format!("`{prefix}{shown}` is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let long = format!("name = {:?}", "x".repeat(257));
        // file, what is said
        let table: Vec<(&str, &str)> = vec![
            ("", ""),
            ("name = \"x\"\nfields = [\"a\"]\ntext = \"b\"\nlabels = [\"x\", \"y\"]", ""),
            ("metric = \"exact\"", ""),
            ("splits = { train = 0.7, val = 0.3 }", ""),
            ("splits = { train = \"a.csv\", val = \"b.csv\" }", ""),
            (
                "nmae = \"x\"",
                "`nmae` is not known; the nearest key is `name`, and all are name, instructions",
            ),
            ("instruction-field = \"x\"", "the nearest key is `instructions-field`"),
            (
                "[metric]\nkind = \"set\"\nseperators = [\".\"]",
                "`metric.seperators` is not known; the nearest key is `metric.separators`",
            ),
            ("[metric]\nkind = \"set\"\ntreshold = 1", "the nearest key is `metric.threshold`"),
            (
                "splits = { train = \"a\", valid = \"b\" }",
                "`splits.valid` is not known; the nearest key is `splits.val`",
            ),
            ("name = ", "TOML parse error at line 1"),
            ("name = 1", "`name`: invalid type: integer `1`, expected a string"),
            ("name = \"\"", "`name` is empty"),
            (&long, "`name` is empty or has more than 256 bytes"),
            ("instructions = \"x\"\ninstructions-field = \"y\"", "exclude each other"),
            ("text = \"a\"\nanswer = \"a\"", "\"a\" is named twice"),
            ("text = \"a\"\nfields = [\"b\", \"a\"]", "\"a\" is named twice"),
            ("fields = \"a\"", "`fields`: invalid type: string \"a\", expected a sequence"),
            ("labels = \"val\"", "`labels` is \"train\", \"open\", or a list of labels"),
            ("labels = [\"x\"]", "`labels` lists 1 label, and a task needs at least two"),
            ("labels = [\"x\", \" x \"]", "`labels` lists \"x\" twice"),
            ("labels = [\"x\", \"a\\nb\"]", "the label has line ends"),
            ("splits = \"x\"", "`splits` is a table"),
            ("splits = { train = \"a\" }", "`splits` needs files for train and val"),
            ("splits = { train = 0.5, val = \"b\" }", "`splits.val` is no number"),
            ("splits = { train = 0.5, val = 0.4 }", "have to be 1 together"),
            ("splits = { train = 1.5, val = -0.5 }", "have to be 1 together"),
            ("splits = { train = nan, val = 0.5 }", "have to be 1 together"),
            ("splits = { train = 1.0 }", "have to be 1 together"),
            ("metric = { scorer = \"grade.rs\" }", ""),
            ("metric = \"scorer\"", "`metric.scorer` is missing"),
            ("metric = { kind = \"set\", scorer = \"grade.rs\" }", "`metric.kind` says something else"),
            ("metric = { kind = \"scorer\" }", "`metric.scorer` is missing"),
            ("metric = { scorer = 1 }", "`metric.scorer` is the name of a Rust source"),
            ("[metric]\nscorer = \"grade.rs\"\nseveral = true", "no other setting belongs there"),
            ("metric = \"bleu\"", "`metric`: unknown variant `bleu`, expected one of `exact`"),
            ("metric = 1", "`metric` is a kind"),
            ("[metric]\nseveral = true", "`metric`: missing field `kind`"),
            ("[metric]\nkind = \"set\"\nnormalise = [\"stem\"]", "unknown variant `stem`"),
            ("[metric]\nkind = \"exact\"\nextract = '('", "the metric cannot be used: the expression"),
            ("[metric]\nkind = \"set\"\nseparators = 1", "a text or a list of texts"),
        ];
        for (text, expected) in table {
            let found = TaskFile::parse(text).err().unwrap_or_default();
            assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{text}: {found}");
        }
    }
}
