//! A hostile case: one small file that says in its head what it tries and how it must end.
//!
//! The head is the file's first comment (`//!` in Rust, `;;` in WebAssembly text, `#` in a shell script):
//! what is tried, in words, and then lines of these forms.
//!
//! ```text
//! expect: KIND | TEXT        the outcome's kind, and what its message, diagnostics or label contain
//! limit: NAME VALUE          a limit that is other than the suite's, under its name in `Limits`
//! call: learn                what is called, where it is not predict
//! examples: N                how many examples are run, one after another, where it is not one
//! fill: NAME COUNT TEXT      NAME in the file stands for so many times TEXT, where `\n` is a line end
//! bytes: cut N | flip AT | append N    what is done to the compiled component
//! ```

use std::path::Path;

use mmh_record::limits::Limits;
use serde_json::Value;

/// What is compiled or run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A harness's source.
    Rust,
    /// A component, or a core module that is made into one.
    Wat,
    /// What a compiler that was taken over might do, in the compiler's jail.
    Shell,
}

/// What is done to a component's bytes before it is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// So many bytes of the end are missing.
    Cut(usize),
    /// This byte is another one.
    Flip(usize),
    /// So many zero bytes follow.
    Append(usize),
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Folder and file, without the ending, such as `compile/read_environ`.
    pub name: String,
    pub form: Form,
    /// What it tries, in words.
    pub tries: String,
    /// How it must end: the kind, and what is said.
    pub kind: String,
    pub says: String,
    pub limits: Limits,
    pub learns: bool,
    pub examples: usize,
    pub damage: Option<Damage>,
    /// The file with everything filled in.
    pub text: String,
}

impl Case {
    /// Reads a case. A head that is not understood is an error of the suite.
    pub fn read(folder: &str, path: &Path, default: &Limits) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("{folder}/{stem}");
        let (form, mark) = match path.extension().and_then(|it| it.to_str()) {
            Some("rs") => (Form::Rust, "//!"),
            Some("wat") => (Form::Wat, ";;"),
            Some("sh") => (Form::Shell, "#"),
            other => panic!("{name}: no case ends in {other:?}"),
        };
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut case = Self {
            name,
            form,
            tries: String::new(),
            kind: String::new(),
            says: String::new(),
            limits: default.clone(),
            learns: false,
            examples: 1,
            damage: None,
            text: text.clone(),
        };
        let head = text.lines().map_while(|line| line.strip_prefix(mark)).map(str::trim);
        head.for_each(|line| case.take(line));
        assert!(!case.tries.is_empty() && !case.kind.is_empty(), "{}: it needs words and expect:", case.name);
        case
    }

    /// Takes one line of the head in.
    fn take(&mut self, line: &str) {
        let Some((key, value)) = line.split_once(": ") else {
            self.tries = format!("{} {line}", self.tries).trim().to_owned();
            return;
        };
        let value = value.trim();
        match key {
            "expect" => {
                let (kind, says) = value.split_once('|').unwrap_or((value, ""));
                (self.kind, self.says) = (kind.trim().to_owned(), says.trim().to_owned());
            }
            "limit" => self.limits = with_limit(&self.limits, value),
            "call" => self.learns = value == "learn",
            "examples" => self.examples = number(value),
            "fill" => self.fill(value),
            "bytes" => self.damage = Some(damage(value)),
            _ => panic!("{}: {key}: is no line of a head", self.name),
        }
    }

    fn fill(&mut self, value: &str) {
        let (name, rest) = value.split_once(' ').expect("fill: NAME COUNT TEXT");
        let (count, text) = rest.split_once(' ').expect("fill: NAME COUNT TEXT");
        let filled: String = (0..number(count))
            .map(|at| text.replace("\\n", "\n").replace("NUMBER", &at.to_string()))
            .collect();
        // The head itself is not filled in.
        let body = self.text.find("\n\n").unwrap_or(0);
        let (head, body) = self.text.split_at(body);
        self.text = format!("{head}{}", body.replace(name, &filled));
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

fn damage(value: &str) -> Damage {
    match value.split_once(' ') {
        Some(("cut", count)) => Damage::Cut(number(count)),
        Some(("flip", at)) => Damage::Flip(number(at)),
        Some(("append", count)) => Damage::Append(number(count)),
        _ => panic!("bytes: {value} is not understood"),
    }
}

/// These limits, one of them changed.
fn with_limit(limits: &Limits, value: &str) -> Limits {
    let (name, value) = value.split_once(' ').expect("limit: NAME VALUE");
    let mut json = serde_json::to_value(limits).expect("limits are JSON");
    assert!(json.get(name).is_some(), "there is no limit {name}");
    json[name] = Value::from(number(value));
    serde_json::from_value(json).expect("limits of JSON")
}
