//! What the lint finds, and what it leaves alone.

use std::collections::BTreeSet;

use mmh_record::input::{Field, Input};

use super::{literals::Literal, *};
use crate::{
    dataset::task::BASELINE,
    dataset::{self, BUILTIN, Dataset},
};

pub fn rows(split: &str, texts: &[(&str, &str)]) -> Vec<Example> {
    let rows = texts.iter().enumerate();
    rows.map(|(at, (input, label))| Example::new(format!("{split}-{at:04}"), *input, *label)).collect()
}

const SHARED: &str = "Good morning, I would like to know what is wrong with me. ";

/// Six held-back rows with a beginning that they share with train, one that stands in train as well, and two
/// short ones.
fn lint() -> Lint {
    let shared = |rest: &str| format!("{SHARED}{rest}");
    let train = [
        shared("My left ear has been ringing since the fireworks on Sunday."),
        "The skin between my toes itches and peels off in white flakes.".into(),
    ];
    let val = [
        shared("Every step sends a hot wire from my hip down to the ankle."),
        "Since Tuesday there is a grey shadow in the corner of my right eye.".into(),
        "Blue lips after ten minutes in the cold pool, and white fingers too!".into(),
        "Two nights ago my jaw locked while I was eating an apple.".into(),
        "When I stand up quickly the whole room turns upside down for a while.".into(),
        "Zwölf Stunden später wurden die Füße schwer und die Knöchel dick.".into(),
        "The skin between my toes itches and peels off in white flakes.".into(),
        "sore throat and cough".into(),
        "fever".into(),
    ];
    let test = ["Nobody believes me that the humming comes from my own shoulder."];
    let labelled = |texts: &[String], labels: &[&str]| -> Vec<(String, String)> {
        texts.iter().zip(labels.iter().cycle()).map(|(text, label)| (text.clone(), (*label).into())).collect()
    };
    let of = |split: &str, texts: Vec<(String, String)>| {
        rows(split, &texts.iter().map(|(text, label)| (text.as_str(), label.as_str())).collect::<Vec<_>>())
    };
    let train = of("train", labelled(&train, &["ear", "foot"]));
    let val = of("val", labelled(&val, &["back", "eye", "cold", "jaw", "head", "heart"]));
    Lint::new(&train, &val, &rows("test", &[(test[0], "back")]))
}

#[test]
fn finds_texts_and_tables_in_a_source() {
    let table: [(&str, &str, &[&str]); 23] = [
        ("nothing", "fn main() {}", &[]),
        (
            "a whole text",
            "const A: &str = \"Two nights ago my jaw locked while I was eating an apple.\";",
            &["val-0003"],
        ),
        ("in a comment", "// two nights ago my jaw locked while I was eating an apple", &["val-0003"]),
        (
            "of the held-out split",
            "\"Nobody believes me that the humming comes from my own shoulder.\"",
            &["test-0000"],
        ),
        (
            "other case and space",
            "\"BLUE LIPS   after\\nten minutes in the\\tcold pool, and\"",
            &["val-0002"],
        ),
        (
            "without punctuation",
            "\"blue lips after ten minutes in the cold pool and white fingers too\"",
            &["val-0002"],
        ),
        ("a long part", "\"there is a grey shadow in the corner of my right\"", &["val-0001"]),
        ("too short a part", "\"a grey shadow in the corner\"", &[]),
        ("a short text as a whole", "\"sore throat and cough\"", &["val-0007"]),
        ("a word that is a text", "\"fever\"", &[]),
        (
            "a text that is in train too",
            "\"The skin between my toes itches and peels off in white flakes.\"",
            &[],
        ),
        (
            "a beginning that train has too",
            "\"Good morning, I would like to know what is wrong with me. \"",
            &[],
        ),
        (
            "more than the shared beginning",
            "\"what is wrong with me. Every step sends a hot wire from my hip\"",
            &["val-0000"],
        ),
        (
            "cut into literals",
            "concat!(\"Two nights ago\", \" my jaw \", \"locked while I was\", \" eating\")",
            &["val-0003"],
        ),
        (
            "word by word",
            "[\"when\", \"i\", \"stand\", \"up\", \"quickly\", \"the\", \"whole\", \"room\", \"turns\"]",
            &["val-0004"],
        ),
        (
            "over a line's end",
            "\"Two nights ago my jaw \\\n        locked while I was eating\"",
            &["val-0003"],
        ),
        (
            "with escapes",
            "\"Zw\\u{f6}lf Stunden sp\\u{e4}ter wurden die F\\u{fc}\\u{df}e schwer\"",
            &["val-0005"],
        ),
        ("raw", "r##\"when I stand up \"quickly\"# the whole room turns upside down\"##", &["val-0004"]),
        (
            "beginnings beside labels",
            "[(\"Since Tues\", \"eye\"), (\"Blue lips\", \"cold\"), (\"Two nights\", \"jaw\"), (\"When I stand\", \"head\"), (\"Zwölf Stund\", \"heart\")]",
            &["val-0001", "val-0002", "val-0003", "val-0004", "val-0005"],
        ),
        ("too few of them", "[(\"Since Tues\", \"eye\"), (\"Blue lips\", \"cold\")]", &[]),
        (
            "beside other labels",
            "[(\"Since Tues\", \"jaw\"), (\"Blue lips\", \"eye\"), (\"Two nights\", \"back\"), (\"When I stand\", \"cold\"), (\"Zwölf Stund\", \"x\")]",
            &[],
        ),
        ("a few ids in a note", "// val-0001, val-0002, val-0003, val-0004 and val-0005 are about pain", &[]),
        (
            "ids as keys",
            "[\"val-0001\", \"val-0002\", \"val-0003\", \"val-0004\", \"val-0005\"]",
            &["val-0001", "val-0002", "val-0003", "val-0004", "val-0005"],
        ),
    ];
    let lint = lint();
    for (name, source, expected) in table {
        let found = lint.check(source, &[]);
        let ids: Vec<&str> = found.iter().map(|leak| leak.example_id.as_str()).collect();
        assert_eq!(ids, expected, "{name}: {found:?}");
        assert!(found.iter().all(|it| it.place == Place::Source && !it.excerpt.is_empty()), "{name}");
    }
}

#[test]
fn finds_hashes_of_texts() {
    let lint = lint();
    let inputs: Vec<&str> = lint.held.iter().map(Held::text).collect();
    let of =
        |at: usize| hashes::of(inputs[at]).into_iter().find(|hash| *hash > 1 << 32).expect("a long hash");
    let source = |count: usize| {
        let rows: Vec<String> = (0..count).map(|at| format!("({:#x}u64, \"a\")", of(at))).collect();
        format!("const TABLE: &[(u64, &str)] = &[{}];", rows.join(", "))
    };
    assert_eq!(lint.check(&source(2), &[]), [], "two may be an accident");
    let found = lint.check(&source(4), &[]);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[0].excerpt.ends_with("a hash of the text"), "{found:?}");
}

#[test]
fn an_excerpt_is_the_examples_own_text() {
    let found = lint().check("\"BLUE LIPS after ten minutes in the cold\"", &[]);
    assert_eq!(found[0].excerpt, "Blue lips after ten minutes in the cold");
    assert_eq!((found[0].split.as_str(), found[0].example_id.as_str()), ("val", "val-0002"));
}

/// Long fields are looked for as texts are, and an example with several texts is one example.
#[test]
fn finds_long_fields() {
    let example = |id: &str, text: &str, fields: &[(&str, &str)]| {
        let fields =
            fields.iter().map(|(name, value)| Field { name: (*name).into(), value: (*value).into() });
        Example::new(id, Input { text: text.into(), fields: fields.collect() }, "a")
    };
    let letter = "Dear doctor, my left knee creaks whenever I climb the stairs to the attic.";
    let known = "The patient has signed the form and may be asked again at any later time.";
    let train = example("train-0000", "a first text of no great length", &[("form", known)]);
    let val = |at: usize, letter: &str| {
        let fields = [("letter", letter), ("form", known), ("age", "47")];
        example(&format!("val-{at:04}"), &format!("What does letter {at} complain about?"), &fields)
    };
    let val: Vec<Example> =
        (0..6).map(|at| val(at, &format!("{at}. {letter} Yours, patient {at}"))).collect();
    let lint = Lint::new(&[train], &val[..], &[]);
    let ids: Vec<String> = val.iter().map(|it| format!("{:?}", it.id)).collect();
    // name, source, how many leaks it has
    let table = [
        ("a field of all", format!("{letter:?}"), 6),
        ("a field that train has too", format!("{known:?}"), 0),
        ("a short field", "\"47\"".into(), 0),
        ("ids", ids.join(", "), 6),
    ];
    for (name, source, count) in table {
        let found = lint.check(&source, &[]);
        let examples: BTreeSet<&str> = found.iter().map(|leak| leak.example_id.as_str()).collect();
        assert_eq!((found.len(), examples.len()), (count, count), "{name}: {found:?}");
    }
    let found = lint.check(&format!("{letter:?}"), &[]);
    assert_eq!(found[0].excerpt, letter.trim_end_matches('.'));
}

#[test]
fn reads_literals() {
    let text = |text: &str| Literal::Text(text.into());
    let table: [(&str, &str, Vec<Literal>); 12] = [
        ("none", "fn main() { let x = y; }", vec![]),
        ("a text", "\"a\"", vec![text("a")]),
        ("a quote inside", "\"a\\\"b\" \"c\"", vec![text("a\"b"), text("c")]),
        (
            "a quote as a character",
            "'\"' \"a\" '\\'' \"b\" '\\\\' \"c\"",
            vec![text("a"), text("b"), text("c")],
        ),
        ("lifetimes", "fn f<'a>(x: &'a str) { \"b\" }", vec![text("b")]),
        ("comments", "// \"a\"\n/* \"b\" /* \"c\" */ \"d\" */ \"e\"", vec![text("e")]),
        ("raw", "r\"a\\\" r#\"b\"c\"# br\"d\"", vec![text("a\\"), text("b\"c"), text("d")]),
        ("bytes", "b\"a\" c\"b\"", vec![text("a"), text("b")]),
        ("escapes", "\"\\x41\\u{1F600}\\n\"", vec![text("A\u{1F600}\n")]),
        ("numbers", "1_000u64 0xff_u8 0b11 1.5", [1000, 255, 3, 1, 5].map(Literal::Number).into()),
        ("without an end", "\"abc", vec![text("abc")]),
        ("odd ends", "\"\\u{", vec![text("")]),
    ];
    for (name, source, expected) in table {
        assert_eq!(literals::of(source), expected, "{name}");
    }
}

/// Whatever is cut off and wherever: nothing panics.
#[test]
fn takes_any_text() {
    let lint = lint();
    let source = "r##\"ä\"## /* ö */ 'ü' '\\u{41}' \"\\u{zz} \\x9 \\\n \" 0x 1_ b'a' r#type \u{1F600}";
    for (at, _) in source.char_indices() {
        lint.check(&source[at..], &source.as_bytes()[..at]);
        lint.check(&source[..at], &source.as_bytes()[at..]);
    }
}

/// Nothing of the built-in data set is found in what does not have it, and everything in what does.
#[test]
fn tells_train_from_the_rest() {
    let Dataset { train, val, test, .. } = &dataset::load(BUILTIN, 0).expect("it loads");
    let lint = Lint::new(train, val, test);
    let embedding = |rows: &[Example]| {
        let rows: Vec<String> =
            rows.iter().map(|row| format!("({:?}, {:?}),", row.input.text, row.gold)).collect();
        format!("{BASELINE}\nconst SHOTS: &[(&str, &str)] = &[{}];", rows.join("\n"))
    };
    let table = [
        ("the baseline", BASELINE.to_owned(), 0),
        ("all of train", embedding(train), 0),
        ("ten of val", embedding(&val[..10]), 10),
        ("ten of test", embedding(&test[..10]), 10),
        ("everything", embedding(&[val.as_slice(), test].concat()), MAX_LEAKS),
    ];
    for (name, source, expected) in table {
        let found = lint.check(&source, &[]);
        assert_eq!(found.len(), expected, "{name}: {:?}", found.first());
    }
}
