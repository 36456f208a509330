//! The grades of a metric are those of an independent script, over made-up answers of every kind.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use mmh_record::{grade::Grade, metric::MetricSpec};
use mmh_search::metric::Metric;
use mmh_tests::root;
use serde::Deserialize;
use serde_json::{Value, json};

/// Answers for each metric.
const ANSWERS: usize = 200;

/// What the script prints of an answer.
#[derive(Debug, Deserialize)]
struct Graded {
    score: f64,
    correct: bool,
    parts: std::collections::BTreeMap<String, f64>,
}

/// Chance that is the same on every machine.
struct Chance(fastrand::Rng);

impl Chance {
    fn of(&mut self, below: usize) -> usize {
        self.0.usize(..below)
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.of(of.len())]
    }

    /// Up to so many of these, joined by one of the separators each.
    fn some(&mut self, of: &[&str], most: usize, separators: &[&str]) -> String {
        let count = self.of(most + 1);
        let mut text = String::new();
        for at in 0..count {
            if at > 0 {
                text += self.one(separators);
            }
            text += self.one(of);
        }
        text
    }
}

/// A right answer and an answer.
type Pair = fn(&mut Chance) -> (String, String);

const WORDS: [&str; 14] = [
    "cat",
    "Cat",
    "the",
    "dog",
    "a",
    "An",
    "ＣＡＴ",
    "caf\u{e9}",
    "cafe\u{301}",
    "it's",
    "C++",
    "\u{fb01}n",
    "罪名",
    "5",
];
const SPACES: [&str; 6] = [" ", "  ", "\n", ", ", ". ", "\u{3000}"];
const PARTS: [&str; 8] = ["CCO", "cco", " N ", "O=C(O)c1", "", "B", "b", "[Na+]"];
const CHARGES: [&str; 6] = ["盗窃", "诈骗", "放火", " 放火", "失火", "故意伤害"];
const NUMBERS: [&str; 20] = [
    "5", "-5", "+5", "5.0", "5.04", "5.2", "1,234", "1234", "1,23", "12,345.5", "5 km", "$5", "5%", "0.05",
    ".5", "5.", "1e3", "1e400", "five", "",
];
const VALUES: [&str; 12] = [
    "1",
    "1.0",
    "\"1\"",
    "1.05",
    "\"Ann\"",
    "\" ann\"",
    "null",
    "true",
    "\"true\"",
    "[1, \"a\"]",
    "[1.0, \"A\"]",
    "{\"x\": 1}",
];

fn texts(chance: &mut Chance) -> (String, String) {
    (chance.some(&WORDS, 3, &SPACES), chance.some(&WORDS, 4, &SPACES))
}

fn sets(chance: &mut Chance) -> (String, String) {
    (chance.some(&PARTS, 3, &["."]), chance.some(&PARTS, 4, &["."]))
}

fn lists(chance: &mut Chance) -> (String, String) {
    let answer = chance.some(&["a", "B", "c"], 3, &[",", ";", "\n"]);
    let as_list = json!(answer.split(',').collect::<Vec<_>>()).to_string();
    (chance.some(&["a", "b", "c"], 3, &[", "]), if chance.of(2) == 0 { answer } else { as_list })
}

fn charges(chance: &mut Chance) -> (String, String) {
    let gold = format!("罪名:{}", chance.some(&CHARGES, 2, &[";"]));
    let answer = chance.some(&CHARGES, 3, &[";", "；", "、", "，", ","]);
    let around = [
        ("[罪名]", "<eoa>"),
        ("", ""),
        ("我认为罪名：", "\n以上"),
        ("罪名:放火 [罪名]", "<eoa>[罪名]诈骗<eoa>"),
    ];
    let (before, behind) = around[chance.of(around.len())];
    (gold, format!("{before}{answer}{behind}"))
}

fn numbers(chance: &mut Chance) -> (String, String) {
    (chance.one(&["5", "1234", "0.05", "-5", "5 km"]).into(), chance.one(&NUMBERS).into())
}

fn sums(chance: &mut Chance) -> (String, String) {
    let (gold, answer) = (
        chance.one(&["7", "1,234"]),
        chance.some(&["7", "2 + 5", "so 1,234", "none", "1234."], 3, &[" = ", " "]),
    );
    (format!("because it is so\n#### {gold}"), answer)
}

fn objects(chance: &mut Chance) -> (String, String) {
    let object = |chance: &mut Chance, keys: &[&str]| {
        let pairs: Vec<String> = keys.iter().map(|key| format!("{key:?}: {}", chance.one(&VALUES))).collect();
        format!("{{{}}}", pairs.join(", "))
    };
    let gold = object(chance, &["name", "age"]);
    let keys = [&["name", "age"][..], &["age", "name", "more"], &["name"], &[]];
    let keys = keys[chance.of(keys.len())];
    let answer = if chance.of(4) == 0 { gold.clone() } else { object(chance, keys) };
    let spoilt = [
        answer.clone(),
        answer.clone(),
        answer.clone(),
        format!("Here: {answer}"),
        format!("[{answer}]"),
        String::new(),
    ];
    (gold, spoilt[chance.of(spoilt.len())].clone())
}

fn several(chance: &mut Chance) -> (String, String) {
    let golds: Vec<String> = (0..1 + chance.of(3)).map(|_| chance.some(&WORDS, 3, &[" "])).collect();
    (json!(golds).to_string(), chance.some(&WORDS, 3, &SPACES))
}

/// Metrics, and what they are tried with.
fn metrics() -> Vec<(Value, Pair)> {
    let all = ["nfkc", "lowercase", "strip-punctuation", "strip-articles", "collapse-spaces"];
    vec![
        (json!({ "kind": "exact" }), texts),
        (json!({ "kind": "normalised" }), texts),
        (json!({ "kind": "normalised", "normalise": all }), texts),
        (json!({ "kind": "normalised", "normalise": ["strip-punctuation", "trim"] }), texts),
        (json!({ "kind": "normalised", "normalise": [] }), texts),
        (json!({ "kind": "set", "separators": ["."], "normalise": ["trim", "lowercase"] }), sets),
        (json!({ "kind": "set", "separators": ["."], "score": "f1" }), sets),
        (json!({ "kind": "set", "separators": ["."], "score": "jaccard", "threshold": 0.5 }), sets),
        (json!({ "kind": "set", "score": "recall", "normalise": ["lowercase", "trim"] }), lists),
        (
            json!({ "kind": "set", "extract": ["\\[罪名\\]([\\s\\S]*?)<eoa>", "罪名[:：](.*)"], "separators": [";", "；", ",", "，", "、"], "score": "f1" }),
            charges,
        ),
        (json!({ "kind": "number" }), numbers),
        (
            json!({ "kind": "number", "tolerance": 0.05, "relative": 0.01, "units": ["k", "km", "$"], "percent": true }),
            numbers,
        ),
        (
            json!({ "kind": "number", "extract": ["#### (.*)", "-?[0-9][0-9,]*(?:\\.[0-9]+)?"], "take": "last" }),
            sums,
        ),
        (json!({ "kind": "number", "extract": ["[0-9,]+"], "strict": true }), sums),
        (json!({ "kind": "token-f1" }), texts),
        (json!({ "kind": "token-f1", "tokens": "characters", "score": "recall", "threshold": 0.5 }), texts),
        (json!({ "kind": "contains" }), texts),
        (json!({ "kind": "contains", "words": true }), texts),
        (
            json!({ "kind": "json", "fields": ["name", "age"], "relative": 0.1, "normalise": ["trim", "lowercase"] }),
            objects,
        ),
        (json!({ "kind": "json", "fields": ["age"], "score": "correct" }), objects),
        (json!({ "kind": "normalised", "several": true }), several),
        (json!({ "kind": "token-f1", "several": true }), several),
    ]
}

/// The grades that the script gives to these cases.
fn graded(cases: &str) -> Vec<Graded> {
    let mut script = Command::new("python3")
        .arg(root().join("tests/metrics/grade.py"))
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let mut input = script.stdin.take().expect("a pipe");
    let cases = cases.to_owned();
    let writer = std::thread::spawn(move || input.write_all(cases.as_bytes()).expect("written"));
    let output = script.wait_with_output().expect("it ends");
    writer.join().expect("all is written");
    assert!(output.status.success(), "the script fails");
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn grades_are_those_of_an_independent_script() {
    let (mut cases, mut found) = (String::new(), Vec::new());
    for (at, (metric, pair)) in metrics().into_iter().enumerate() {
        let spec: MetricSpec = serde_json::from_value(metric.clone()).expect("a metric");
        let ready = Metric::new(&spec).unwrap_or_else(|error| panic!("{metric}: {error}"));
        let mut chance = Chance(fastrand::Rng::with_seed(at as u64));
        for _ in 0..ANSWERS {
            let (gold, answer) = pair(&mut chance);
            cases += &format!("{}\n", json!({ "metric": metric, "gold": gold, "answer": answer }));
            found.push((format!("{answer:?} for {gold:?} by {metric}"), ready.grade(&gold, &answer)));
        }
    }
    let expected = graded(&cases);
    assert_eq!(expected.len(), found.len());
    for ((what, found), expected) in found.iter().zip(&expected) {
        let Grade { score, correct, parts } = found;
        let same_parts = parts.len() == expected.parts.len()
            && parts.iter().all(|(name, part)| (part - expected.parts[name]).abs() < 1e-12);
        assert!(
            (score - expected.score).abs() < 1e-12 && *correct == expected.correct && same_parts,
            "{what}: {found:?}, and the script says {expected:?}"
        );
    }
    // Every metric was tried with answers of both sorts.
    for (at, chunk) in expected.chunks(ANSWERS).enumerate() {
        let right = chunk.iter().filter(|it| it.correct).count();
        assert!((5..=ANSWERS - 5).contains(&right), "metric {at}: {right} right answers");
    }
}
