//! What answers are worth, as tables.

use std::time::{Duration, Instant};

use mmh_record::metric::MetricSpec;

use super::*;

/// A metric as a task's file has it.
fn metric(text: &str) -> Result<Metric, String> {
    let spec: MetricSpec = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    Metric::new(&spec).map_err(|error| error.to_string())
}

/// The score, whether the answer is correct, and some parts.
type Expected = (f64, bool, &'static [(&'static str, f64)]);

/// The parts of an object.
type Parts = [(&'static str, f64); 3];

const RIGHT: Expected = (1.0, true, &[]);
const WRONG: Expected = (0.0, false, &[]);

fn check(spec: &str, table: &[(&str, &str, Expected)]) {
    let metric = metric(spec).unwrap_or_else(|error| panic!("{spec}: {error}"));
    for (gold, answer, (score, correct, parts)) in table {
        let found = metric.grade(gold, answer);
        let what = format!("{answer:?} for {gold:?} by {spec}: {found:?}");
        found.check().unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!((found.score - score).abs() < 1e-12 && found.correct == *correct, "{what}");
        for (name, part) in *parts {
            assert!((found.parts[*name] - part).abs() < 1e-12, "{what}: {name}");
        }
    }
}

#[test]
fn texts_are_compared_exactly() {
    check(
        "kind = \"exact\"",
        &[
            ("flu", "flu", RIGHT),
            ("flu", " flu\n", RIGHT),
            ("flu", "\u{a0}flu\u{3000}", RIGHT),
            ("flu", "Flu", WRONG),
            ("flu", "flu.", WRONG),
            ("A+", "A", WRONG),
            ("1.0", "1", WRONG),
            ("caf\u{e9}", "cafe\u{301}", WRONG),
            ("flu", "", WRONG),
            ("", "", RIGHT),
            ("", "flu", WRONG),
            ("a b", "a  b", WRONG),
        ],
    );
}

#[test]
fn texts_are_compared_after_each_normalisation() {
    check(
        "kind = \"normalised\"",
        &[
            ("The  Flu", " the flu\n", RIGHT),
            ("caf\u{e9}", "CAFE\u{301}", RIGHT),
            ("ＡＢＣ１２", "abc12", RIGHT),
            ("STRASSE", "stra\u{df}e", WRONG),
            ("ΟΔΟΣ", "οδος", RIGHT),
            ("flu", "flu.", WRONG),
            ("flu", "", WRONG),
            ("\u{fb01}n", "fin", RIGHT),
            ("①", "1", RIGHT),
        ],
    );
    check(
        "kind = \"normalised\"\nnormalise = [\"lowercase\", \"strip-punctuation\", \"strip-articles\", \"collapse-spaces\"]",
        &[
            ("The cat, a dog!", "cat dog", RIGHT),
            ("theatre", "atre", WRONG),
            ("A man", "an man", RIGHT),
            ("C++", "C", RIGHT),
            ("«¿qué?»", "qué", RIGHT),
            ("《罪名》", "罪名", RIGHT),
            ("$5", "5", RIGHT),
            ("5 €", "5", WRONG),
            ("the", "", RIGHT),
            ("!!!", "?", RIGHT),
            ("it's", "its", RIGHT),
            ("1.5", "15", RIGHT),
        ],
    );
    check(
        "kind = \"normalised\"\nnormalise = [\"strip-articles\", \"lowercase\", \"collapse-spaces\"]",
        &[("The cat", "CAT", RIGHT)],
    );
    check("kind = \"normalised\"\nnormalise = []", &[("a", " a", WRONG), ("a", "a", RIGHT)]);
    check("kind = \"normalised\"\nnormalise = [\"trim\"]", &[("a", "\u{2003}a", RIGHT), ("A", "a", WRONG)]);
}

#[test]
fn sets_are_compared_by_their_members() {
    let both = |part: f64| [("precision", part), ("recall", part), ("f1", part), ("jaccard", part)];
    let (all, none) = (both(1.0), both(0.0));
    let metric =
        metric("kind = \"set\"\nseparators = [\".\"]\nnormalise = [\"trim\", \"lowercase\"]").expect("valid");
    // gold, answer, correct, precision, recall, F1, Jaccard
    type Row = (&'static str, &'static str, bool, [(&'static str, f64); 4]);
    let table: [Row; 14] = [
        ("CCO.N", "N.CCO", true, all),
        ("CCO.N", "cco.n", true, all),
        ("CCO.N", " CCO . N ", true, all),
        ("CCO.N", "N.N.CCO.N", true, all),
        ("N.N", "N", true, all),
        ("CCO.N", "CCO..N.", true, all),
        ("CCO.N", "", false, none),
        ("CCO.N", "...", false, none),
        ("", "", true, all),
        ("", "CCO", false, none),
        ("CCO.N", "O", false, none),
        ("A.B", "A.C.D", false, [("precision", 1.0 / 3.0), ("recall", 0.5), ("f1", 0.4), ("jaccard", 0.25)]),
        ("A.B", "[\"b\", \"a\"]", true, all),
        ("[\"A.B\", \"C\"]", "[\"c\",\"a.b\"]", true, all),
    ];
    for (gold, answer, correct, parts) in table {
        let found = metric.grade(gold, answer);
        assert_eq!(found.check(), Ok(()));
        assert_eq!((found.correct, found.score), (correct, f64::from(correct)), "{answer:?} for {gold:?}");
        for (name, part) in parts {
            assert!((found.parts[name] - part).abs() < 1e-12, "{answer:?} for {gold:?}: {name} {found:?}");
        }
    }
}

#[test]
fn a_set_has_the_score_that_is_wanted() {
    let set = |more: &str| format!("kind = \"set\"\nseparators = [\";\", \"；\", \"、\"]\n{more}");
    check(
        &set("score = \"f1\""),
        &[("a;b", "b；c、d", (0.4, false, &[("recall", 0.5)])), ("a;b", "b、a", RIGHT)],
    );
    check(&set("score = \"recall\""), &[("a;b", "a;b;c", (1.0, false, &[("precision", 2.0 / 3.0)]))]);
    check(
        &set("score = \"jaccard\"\nthreshold = 0.5"),
        &[("a;b", "a", (0.5, true, &[])), ("a;b;c", "a", (1.0 / 3.0, false, &[]))],
    );
    // Without separators: a JSON array, or commas, semicolons and line ends.
    check(
        "kind = \"set\"",
        &[("[\"a, b\", 1]", "1;a, b", WRONG), ("[1, \"a\"]", "a, 1", RIGHT), ("a\nb", "b;a", RIGHT)],
    );
}

#[test]
fn numbers_are_read_as_people_write_them() {
    check(
        "kind = \"number\"",
        &[
            ("1234.5", "1,234.50", RIGHT),
            ("1234.5", "+1234.5", RIGHT),
            ("-3", "\u{2212}3", RIGHT),
            ("0.5", ".5", RIGHT),
            ("5", "5.", RIGHT),
            ("1200", "1.2e3", RIGHT),
            ("0", "-0", RIGHT),
            ("1234", "1,2,34", WRONG),
            ("1234", "12,34", WRONG),
            ("1234567", "1234,567", WRONG),
            ("15", "1,5", WRONG),
            ("5", "5 km", WRONG),
            ("5", "five", WRONG),
            ("5", "", WRONG),
            ("", "", WRONG),
            ("5", ".", WRONG),
            ("5", "-", WRONG),
            ("5", "e5", WRONG),
            ("5", "5e", WRONG),
            ("5", "5-6", WRONG),
            ("5", "0x5", WRONG),
            ("5", "5 5", WRONG),
            ("1e400", "1e400", WRONG),
            ("5", "1e400", WRONG),
            ("5", "NaN", WRONG),
            ("nan", "nan", WRONG),
            ("5", "inf", WRONG),
            ("inf", "inf", WRONG),
            ("0", "1e-400", RIGHT),
            ("5", "٥", WRONG),
        ],
    );
    check(
        "kind = \"number\"\ntolerance = 0.5\nrelative = 0.01",
        &[
            ("10", "10.5", RIGHT),
            ("10", "10.51", WRONG),
            ("1000", "1010", RIGHT),
            ("-1000", "-1010", RIGHT),
            ("1000", "1010.1", WRONG),
            ("0", "0.5", RIGHT),
            ("1e308", "-1e308", WRONG),
        ],
    );
    check(
        "kind = \"number\"\nunits = [\"k\", \"km\", \"$\", \"USD\"]\npercent = true",
        &[
            ("5", "5 km", RIGHT),
            ("$5", "5", RIGHT),
            ("5", "$ 5.00 USD", RIGHT),
            ("5", "5 kg", WRONG),
            ("0.12", "12%", RIGHT),
            ("12 %", "0.12", RIGHT),
            ("12", "12 %", WRONG),
            ("5", "km", WRONG),
        ],
    );
    check("kind = \"number\"\nunits = \"%\"", &[("12", "12%", RIGHT), ("12", "12 %", RIGHT)]);
}

#[test]
fn tokens_are_shared_as_often_as_they_stand_there() {
    check(
        "kind = \"token-f1\"",
        &[
            ("The cat sat", "a cat sat.", RIGHT),
            ("cat sat", "sat cat", (1.0, false, &[("precision", 1.0)])),
            ("cat", "cat cat cat", (0.5, false, &[("precision", 1.0 / 3.0), ("recall", 1.0)])),
            ("new york city", "york", (0.5, false, &[("precision", 1.0), ("recall", 1.0 / 3.0)])),
            ("cat", "dog", (0.0, false, &[("f1", 0.0)])),
            ("cat", "", (0.0, false, &[("precision", 0.0), ("recall", 0.0)])),
            ("", "", RIGHT),
            ("", "cat", WRONG),
            ("the", "a", RIGHT),
        ],
    );
    check(
        "kind = \"token-f1\"\ntokens = \"characters\"\nthreshold = 0.8",
        &[("盗窃罪", "盗 窃", (0.8, true, &[("recall", 2.0 / 3.0)])), ("盗窃", "放火", WRONG)],
    );
}

#[test]
fn an_answer_may_contain_the_right_one() {
    check(
        "kind = \"contains\"",
        &[
            ("Paris", "It is in paris, France", RIGHT),
            ("New  York", "new york", RIGHT),
            ("cat", "concatenate", RIGHT),
            ("Paris", "", WRONG),
            ("", "anything", WRONG),
            ("", "", WRONG),
            ("Paris", "Par is", WRONG),
        ],
    );
    check(
        "kind = \"contains\"\nwords = true",
        &[
            ("cat", "concatenate", WRONG),
            ("cat", "concatenate a cat", RIGHT),
            ("cat", "cat", RIGHT),
            ("cat", "(cat)", RIGHT),
            ("C++", "in C++11", RIGHT),
            ("5", "15", WRONG),
            ("é", "caf\u{e9}", WRONG),
        ],
    );
}

#[test]
fn fields_of_objects_are_compared() {
    let gold = r#"{"name": "Ann Lee", "age": 40, "tags": ["a", "b"], "ok": true}"#;
    let parts = |name: f64, age: f64, tags: f64| [("name", name), ("age", age), ("tags", tags)];
    let metric = metric("kind = \"json\"\nfields = [\"name\", \"age\", \"tags\"]\nrelative = 0.1\nnormalise = [\"trim\", \"lowercase\"]")
        .expect("valid");
    let deep = "[".repeat(100_000);
    let table: [(&str, &str, Parts); 12] = [
        ("all", r#"{"age": 40.0, "name": " ann lee", "tags": ["A", "b"], "more": 1}"#, parts(1.0, 1.0, 1.0)),
        ("within the tolerance", r#"{"name": "x", "age": 44, "tags": ["b", "a"]}"#, parts(0.0, 1.0, 0.0)),
        ("beyond it", r#"{"name": "Ann Lee", "age": 44.1}"#, parts(1.0, 0.0, 0.0)),
        ("a number as text", r#"{"age": "40"}"#, parts(0.0, 1.0, 0.0)),
        ("null", r#"{"name": null, "age": null, "tags": null}"#, parts(0.0, 0.0, 0.0)),
        ("twice", r#"{"age": 1, "age": 40}"#, parts(0.0, 1.0, 0.0)),
        ("nothing", "", parts(0.0, 0.0, 0.0)),
        ("no JSON", "{\"age\": 40", parts(0.0, 0.0, 0.0)),
        ("no object", "[40]", parts(0.0, 0.0, 0.0)),
        ("a number beyond all", r#"{"age": 1e400}"#, parts(0.0, 0.0, 0.0)),
        ("words around it", "Here: {\"age\": 40}", parts(0.0, 0.0, 0.0)),
        ("very deep", &deep, parts(0.0, 0.0, 0.0)),
    ];
    for (name, answer, parts) in table {
        let found = metric.grade(gold, answer);
        assert_eq!(found.check(), Ok(()), "{name}");
        let expected: f64 = parts.iter().map(|(_, part)| part).sum();
        assert!((found.score - expected / 3.0).abs() < 1e-12, "{name}: {found:?}");
        assert_eq!(found.correct, expected == 3.0, "{name}");
        parts.iter().for_each(|(field, part)| assert_eq!(found.parts[*field], *part, "{name}: {field}"));
    }
    check(
        "kind = \"json\"\nfields = \"a\"\nscore = \"a\"",
        &[("{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1.0}}", RIGHT)],
    );
    check("kind = \"json\"\nfields = \"a\"\nscore = \"correct\"", &[("no object", "{\"a\":1}", WRONG)]);
}

#[test]
fn one_of_several_right_answers_is_enough() {
    check(
        "kind = \"normalised\"\nseveral = true",
        &[
            ("[\"Paris\", \"city of light\"]", "City of Light", RIGHT),
            ("[\"Paris\"]", "[\"Paris\"]", WRONG),
            ("[1, true]", "1", RIGHT),
            ("[]", "", WRONG),
            ("Paris", "Paris", WRONG),
            ("[12345678901234567890]", "12345678901234567890", RIGHT),
        ],
    );
    check(
        "kind = \"token-f1\"\nseveral = true",
        &[
            ("[\"a big dog\", \"one cat\"]", "cat", (2.0 / 3.0, false, &[("precision", 1.0)])),
            ("[\"x\", \"y\"]", "y", RIGHT),
        ],
    );
    check(
        "kind = \"set\"\nseveral = true\nscore = \"f1\"",
        &[
            ("[[\"a\",\"b\"],\"c;d\"]", "d,c", RIGHT),
            ("[[\"a\",\"b\"],\"c;d\"]", "b", (2.0 / 3.0, false, &[])),
        ],
    );
}

#[test]
fn answers_are_cut_out_of_texts() {
    let charges = "kind = \"set\"\nextract = ['\\[罪名\\]([\\s\\S]*?)<eoa>', '罪名[:：](.*)']\nseparators = [\";\", \"；\"]";
    check(
        charges,
        &[
            ("罪名:盗窃;诈骗", "[罪名]诈骗;盗窃<eoa>", RIGHT),
            ("罪名:盗窃", "我认为罪名：盗窃\n以上", RIGHT),
            ("罪名:盗窃", "盗窃", RIGHT),
            ("罪名:盗窃", "罪名:放火 [罪名]盗窃<eoa>", RIGHT),
            ("罪名:盗窃", "[罪名]<eoa>", WRONG),
        ],
    );
    let last = "kind = \"number\"\nextract = '-?[\\d,]*\\.?\\d+'\ntake = \"last\"";
    check(
        last,
        &[
            ("7", "5 + 2 = 7", RIGHT),
            ("#### 1,200", "so 12 hundred, that is 1200.", RIGHT),
            ("7", "7 of 9", WRONG),
            ("7", "no number", WRONG),
        ],
    );
    check(
        "kind = \"exact\"\nextract = ['(?i)answer: *(?:\\((\\w)\\)|(\\w))', '\\b[A-D]\\b']\nstrict = true",
        &[
            ("answer: B", "The answer: (B)", RIGHT),
            ("answer: B", "ANSWER:  B!", RIGHT),
            ("B", "B", RIGHT),
            ("B", "b", WRONG),
            ("nothing", "nothing", WRONG),
        ],
    );
    check("kind = \"exact\"\nextract = 'x*'\ntake = \"last\"", &[("xx", "axx", RIGHT), ("", "a", RIGHT)]);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let long = format!("kind = \"exact\"\nextract = '{}'", "a".repeat(1001));
    let many = format!("kind = \"exact\"\nextract = {:?}", vec!["a"; 17]);
    let lists = format!("kind = \"set\"\nseparators = {:?}", vec!["a"; 65]);
    // metric, what is said
    let table: Vec<(&str, &str)> = vec![
        ("kind = \"bleu\"", "unknown variant `bleu`"),
        (
            "kind = \"exact\"\nnormalise = [\"trim\"]",
            "`normalise` does not belong to the kind exact, but to normalised",
        ),
        ("kind = \"set\"\ntolerance = 1", "`tolerance` does not belong to the kind set, but to number, json"),
        ("kind = \"number\"\nseparators = [\".\"]", "`separators` does not belong"),
        ("kind = \"json\"", "the kind json needs `fields`"),
        ("kind = \"json\"\nfields = [\"mean\"]", "a field cannot be called \"mean\""),
        ("kind = \"number\"\ntolerance = -1.0", "`tolerance` is -1"),
        ("kind = \"number\"\nrelative = nan", "`relative` is NaN"),
        ("kind = \"number\"\nrelative = inf", "`relative` is inf"),
        (
            "kind = \"set\"\nscore = \"bleu\"",
            "is \"bleu\"; with the kind set it is one of correct, f1, jaccard",
        ),
        ("kind = \"exact\"\nscore = \"f1\"", "with the kind exact it is one of correct"),
        ("kind = \"set\"\nthreshold = 0.5", "`threshold` needs a `score`"),
        ("kind = \"set\"\nscore = \"f1\"\nthreshold = 1.5", "`threshold` is 1.5"),
        ("kind = \"set\"\nscore = \"f1\"\nthreshold = nan", "`threshold` is NaN"),
        ("kind = \"set\"\nseparators = [\"\"]", "an entry of `separators` is empty"),
        (&lists, "`separators` has 65 entries, more than the limit of 64"),
        ("kind = \"exact\"\nstrict = true", "`take` and `strict` say how `extract` works"),
        (
            "kind = \"exact\"\nextract = '('",
            "the expression \"(\" of `extract` is none: error: unclosed group",
        ),
        (
            "kind = \"exact\"\nextract = '(?=a)'",
            "look-around, including look-ahead and look-behind, is not supported",
        ),
        ("kind = \"exact\"\nextract = '\\w{5000}'", "takes more than 1048576 bytes when compiled"),
        ("kind = \"exact\"\nextract = '((a{100}){100}){100}'", "takes more than 1048576 bytes"),
        (&long, "has 1001 bytes, more than the limit of 1000"),
        (&many, "has 17 expressions, more than the limit of 16"),
    ];
    for (spec, expected) in table {
        let found = metric(spec).err().unwrap_or_default();
        assert!(found.contains(expected), "{spec}: {found}");
    }
}

#[test]
fn right_answers_that_cannot_be_read_are_known() {
    // metric, right answer, what is said
    let table = [
        ("kind = \"exact\"", "x", ""),
        ("kind = \"number\"", "12", ""),
        ("kind = \"number\"", "12 km", "it is no number"),
        ("kind = \"number\"\nextract = '\\d+'", "12 km", ""),
        ("kind = \"number\"\nextract = '\\d+'\nstrict = true", "km", "no expression of `extract` matches"),
        ("kind = \"set\"", " ; ", "it has no members"),
        ("kind = \"contains\"", " ", "nothing is left of it"),
        ("kind = \"json\"\nfields = [\"a\"]", "{\"a\":1}", ""),
        ("kind = \"json\"\nfields = [\"a\"]", "{\"b\":1}", "it has no field \"a\""),
        ("kind = \"json\"\nfields = [\"a\"]", "a", "it is no JSON object"),
        ("kind = \"exact\"\nseveral = true", "[\"a\"]", ""),
        ("kind = \"exact\"\nseveral = true", "[]", "the list of right answers is empty"),
        ("kind = \"exact\"\nseveral = true", "a", "it has to be a JSON array"),
        ("kind = \"number\"\nseveral = true", "[1, \"b\"]", "it is no number"),
    ];
    for (spec, gold, expected) in table {
        let found = metric(spec).expect(spec).check_gold(gold).err().unwrap_or_default();
        assert!(
            found.contains(expected) && found.is_empty() == expected.is_empty(),
            "{gold:?} by {spec}: {found}"
        );
    }
}

/// No text takes long, whatever the metric. The limits are many times what it takes unoptimised.
#[test]
fn giant_answers_and_bad_expressions_take_no_time() {
    let texts = [
        "a".repeat(256 << 10),
        "a,".repeat(128 << 10),
        "1 ".repeat(128 << 10),
        "[".repeat(256 << 10),
        format!("[{}1]", "1,".repeat(128 << 10)),
        format!("{}b", "e\u{301}\u{323}".repeat(32 << 10)),
        "a\u{301}".repeat(64 << 10),
        format!("\"{}\"", "\\u0061".repeat(32 << 10)),
        "罪名".repeat(32 << 10),
    ];
    let specs = [
        "kind = \"exact\"",
        "kind = \"normalised\"\nnormalise = [\"nfkc\", \"lowercase\", \"strip-punctuation\", \"strip-articles\", \"collapse-spaces\", \"trim\"]",
        "kind = \"set\"",
        "kind = \"set\"\nseparators = [\"a\", \"名\", \" \"]",
        "kind = \"number\"\nunits = [\"a\"]",
        "kind = \"token-f1\"",
        "kind = \"token-f1\"\ntokens = \"characters\"",
        "kind = \"contains\"\nwords = true",
        "kind = \"json\"\nfields = [\"a\"]",
        "kind = \"exact\"\nseveral = true",
        "kind = \"exact\"\nextract = '(a*)*b'",
        "kind = \"exact\"\nextract = '(a|a)*c|(x+x+)+y'\ntake = \"last\"",
        "kind = \"exact\"\nextract = '.*[^a-z]|[a-z]'\ntake = \"last\"",
        "kind = \"exact\"\nextract = '(?s)(.*?),(.*?),(.*?)b'",
        "kind = \"exact\"\nextract = '[a-q][^u-z]{13}x'\ntake = \"last\"",
        "kind = \"exact\"\nextract = '(?:a?){40}a{40}b'\ntake = \"last\"",
    ];
    for spec in specs {
        let metric = metric(spec).expect(spec);
        for text in &texts {
            let started = Instant::now();
            for (gold, answer) in [("a", text.as_str()), (text, "a"), (text, text)] {
                metric.grade(gold, answer).check().expect("a grade");
            }
            let took = started.elapsed();
            assert!(took < Duration::from_secs(20), "{took:?} for {:?}… by {spec}", &text[..6]);
        }
    }
}

#[test]
fn metrics_are_described_in_words() {
    let table = [
        (
            "kind = \"exact\"",
            "An answer is right if it equals the right one, character by character, but for white space around it.",
        ),
        (
            "kind = \"set\"\nseparators = [\".\"]\nnormalise = [\"trim\", \"lowercase\"]\nscore = \"f1\"",
            "An answer is a set, in any order: a JSON array, or a text with \".\" between its members. It is right if both sets \
             are equal. The score is the \"f1\" of an answer, from 0 to 1. Normalisation of each member, in this order: white \
             space around it is removed, it is lower-cased.",
        ),
        (
            "kind = \"number\"\ntolerance = 0.5\nrelative = 0.01\nunits = [\"km\", \"mi\"]\nextract = '\\d+'\ntake = \"last\"",
            "An answer is a number that may differ from the right one by 0.5 or by 1 % of it, whichever is more; it may stand \
             with \"km\" or \"mi\". The score is 1 for a right answer and 0 for any other. Before that, the last match of `\\d+` \
             is cut out of the text; all of the text if nothing matches.",
        ),
        (
            "kind = \"json\"\nfields = [\"a\", \"b\"]\nseveral = true",
            "An answer is a JSON object, of which the fields \"a\" and \"b\" are compared. It is right if all of them are the \
             same. The score is the share of fields that are the same. An example has several right answers, and the one with \
             the best grade counts. Normalisation of each text, in this order: white space around it is removed.",
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(metric(spec).expect(spec).describe(), expected, "{spec}");
    }
}
