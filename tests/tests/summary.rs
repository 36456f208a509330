//! What people and programs see of a run: the scoreboard in every form, and the plot. Over made-up runs, so
//! that nothing depends on a compiler; the statistics have their own tests in `score` and `compare`.

use std::{fs, path::Path, process::Command};

use mmh_record::data::{DataFinding, FindingKind};
use mmh_tests::made::MadeRun;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// What a command prints, on a terminal of so many columns.
fn mmh(args: &[&str], columns: usize) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    let output = command.args(args).env("COLUMNS", columns.to_string()).output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("UTF-8"))
}

/// What `mmh summary` prints of a made-up run.
fn summary(run: &MadeRun, more: &[&str], columns: usize) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    run.write(folder.path());
    summary_of(folder.path(), more, columns)
}

fn summary_of(folder: &Path, more: &[&str], columns: usize) -> String {
    let path = folder.display().to_string();
    let (code, said) = mmh(&[&["summary", &path], more].concat(), columns);
    assert_eq!(code, Some(0), "{said}");
    said.replace(&path, "RUN")
}

/// A search that went well: something better, something worse, something that never came to a score.
fn finished() -> MadeRun {
    MadeRun::new(4, 100)
        .scored("48+ 52-")
        .scored("40+ 8- 13+ 39-")
        .unscored("gave-up", "the proposer ended without a harness that compiles")
        .scored("20+ 28- 6+ 40- 4! 2-")
        .scored("46+ 2- 19+ 33-")
        .tested(0, "110+ 110-")
        .tested(4, "100+ 10- 40+ 70-")
        .finished()
}

/// The same search while it goes on.
fn running() -> MadeRun {
    MadeRun::new(4, 100).scored("48+ 52-").scored("40+ 8- 13+ 39-").under_way("iterations/002", "20+ 14-")
}

#[test]
fn a_finished_run() {
    insta::assert_snapshot!(summary(&finished(), &[], 100));
}

#[test]
fn a_narrow_terminal_has_fewer_columns() {
    insta::assert_snapshot!(summary(&finished(), &[], 60));
}

#[test]
fn a_run_that_goes_on() {
    insta::assert_snapshot!(summary(&running(), &[], 100));
}

#[test]
fn a_finished_run_in_markdown() {
    insta::assert_snapshot!(summary(&finished(), &["--markdown"], 100));
}

#[test]
fn a_finished_run_as_csv() {
    insta::assert_snapshot!(summary(&finished(), &["--csv"], 100));
}

/// No line is wider than the terminal, whatever stands in the run.
#[test]
fn everything_fits() {
    let long = "a reason that goes on and on ".repeat(20) + &"漢".repeat(200);
    let runs = [
        ("finished", finished()),
        ("running", running()),
        ("wide", MadeRun::new(2, 100).scored("100+").unscored("did-not-compile", &long)),
        ("nothing", MadeRun::new(2, 100)),
    ];
    for (name, run) in runs {
        for columns in [30, 40, 60, 80, 100, 120, 200] {
            let shown = summary(&run, &[], columns);
            for line in shown.lines() {
                assert!(mmh_record::text::width(line) <= columns, "{name} at {columns}: {line}");
            }
            assert_eq!(columns >= 100, shown.contains("binary"), "{name} at {columns}: {shown}");
        }
    }
}

/// What is said in states that are not the usual one.
#[test]
fn unusual_runs_say_what_they_are() {
    let stop = |mut run: MadeRun| {
        run.summary.stopped = Some(mmh_record::format::Stopped {
            status: "budget-spent".into(),
            reason: "4.9 USD of 5.00 are spent".into(),
        });
        run
    };
    let table = [
        ("a mock run", finished().mock(), "SIMULATED models"),
        ("tokens instead of dollars", finished().mock(), "tokens    binary"),
        ("nothing yet", MadeRun::new(2, 100), "not finished: 0 of 3 iterations are here"),
        (
            "the first evaluation",
            MadeRun::new(2, 100).under_way("iterations/000", "3+ 1-"),
            "000  under way: 4 of 100 examples, 75.0% right",
        ),
        (
            "the held-out evaluation",
            MadeRun::new(0, 100).scored("50+ 50-").under_way("test/000", "3+ 1-"),
            "held-out test, 000: under way: 4 of 100 examples, 75.0% right; the run goes on",
        ),
        ("stopped", stop(MadeRun::new(2, 100).scored("50+ 50-")), "stopped, budget-spent: 4.9 USD"),
        (
            "nothing better",
            MadeRun::new(1, 100).scored("50+ 50-").scored("49+ 51-").finished(),
            "* best on validation: 000, 50.0%",
        ),
        (
            "more than noise",
            MadeRun::new(1, 100).scored("50+ 50-").scored("60+ 40-").finished(),
            "+10.0 points (10 fixed, 0 broken), p 0.002, corrected 0.002 (Holm, 1 comparison): more than noise",
        ),
        (
            "noise once several were looked at",
            MadeRun::new(4, 100)
                .scored("50+ 50-")
                .scored("57+ 43-")
                .scored("50+ 50-")
                .scored("50+ 50-")
                .scored("50+ 50-")
                .finished(),
            "(7 fixed, 0 broken), p 0.016, corrected 0.063 (Holm, 4 comparisons): may be noise",
        ),
        (
            "no held-out result",
            MadeRun::new(1, 100).scored("50+ 50-").scored("60+ 40-").finished(),
            "the best of 2 on validation is an optimistic estimate; held-out examples would tell more",
        ),
    ];
    for (name, run, says) in table {
        let shown = summary(&run, &[], 100).replace("\n  ", " ");
        assert!(shown.contains(says), "{name}: {says:?} is not in\n{shown}");
    }
}

/// What happens to a trace; None takes it away.
type Damage = fn(String) -> Option<String>;

/// A trace that does not belong to its score takes part in no comparison, and is named.
#[test]
fn damaged_traces_are_named() {
    let table: [(&str, Damage, &str); 5] = [
        ("gone", |_| None, "cannot read iterations/001/eval_trace.jsonl: No such file"),
        ("cut", |text| Some(text[..text.len() / 2].into()), "the score says 53 of 100"),
        ("no JSON", |text| Some(text.replacen('{', "[", 3)), "001/eval_trace.jsonl is damaged: line 1: "),
        ("other verdicts", |text| Some(text.replace("true", "false")), "it has 0 right of 100, the score"),
        (
            "an example twice",
            |text| Some(text.replace("val-0007", "val-0008")),
            "the example \"val-0008\" stands in it twice",
        ),
    ];
    for (name, damage, says) in table {
        let folder = tempfile::tempdir().expect("a folder");
        finished().write(folder.path());
        let trace = folder.path().join("iterations/001/eval_trace.jsonl");
        let text = fs::read_to_string(&trace).expect("a trace");
        match damage(text) {
            Some(text) => fs::write(&trace, text).expect("written"),
            None => fs::remove_file(&trace).expect("removed"),
        }
        let shown = summary_of(folder.path(), &[], 100).replace("\n  ", " ");
        assert!(shown.contains("not compared: ") && shown.contains(says), "{name}: {shown}");
        let line = shown.lines().find(|line| line.contains(" 001 ")).expect("a line");
        assert!(line.contains("53.0%") && line.contains(" -  "), "{name}: {line}");
        assert!(shown.contains("against the baseline 000: +17.0 points"), "{name}: {shown}");
    }
}

#[test]
fn json_has_the_summary_and_the_scoreboard() {
    let run = finished();
    let found: Value = serde_json::from_str(&summary(&run, &["--json"], 100)).expect("JSON");
    let recorded = serde_json::to_value(&run.summary).expect("JSON");
    for (key, value) in recorded.as_object().expect("an object").iter().filter(|it| it.0 != "total_cost") {
        assert_eq!(&found[key], value, "{key}");
    }
    let board = &found["scoreboard"];
    let table = [
        ("/significance", 0.05.into()),
        ("/best/index", 4.into()),
        ("/best/against_baseline/fixed", 19.into()),
        ("/best/against_baseline/broken", 2.into()),
        ("/best/against_baseline/comparisons", 3.into()),
        ("/best/against_baseline/more_than_noise", true.into()),
        ("/best/against_runner_up/index", 1.into()),
        ("/best/against_runner_up/comparisons", 6.into()),
        ("/held_out/fixed", 40.into()),
        ("/iterations/2/status", "gave-up".into()),
        ("/iterations/3/against_best_so_far/index", 1.into()),
        ("/iterations/4/best", true.into()),
        ("/under_way", Value::Array(Vec::new())),
        ("/damaged", Value::Array(Vec::new())),
    ];
    for (pointer, expected) in table {
        assert_eq!(board.pointer(pointer), Some(&expected), "{pointer}: {board:#}");
    }
}

/// Text of a stranger's run is text, wherever it is shown.
#[test]
fn hostile_text_is_only_text() {
    let mut run = finished().unscored("=cmd()|x", "\u{1b}]0;owned\u{7}\u{1b}[2J<script>alert(1)</script>");
    run.summary.config.dataset = "</title><script>alert(1)</script>\u{202e}".into();
    run.summary.config.target_model = "a|b`c`\n# owned\u{1b}[31m".into();
    run.summary.iterations[1].score.outcomes.insert("<b>".into(), 1);
    run.summary.iterations[1].score.n_errors = 1;
    let hostile = DataFinding {
        kind: FindingKind::Overlap,
        splits: vec!["val".into(), "test".into()],
        count: 2,
        ids: vec!["\u{1b}[31m<b>".into()],
        text: "<img src=x>\n# owned\u{202e}".into(),
    };
    run.summary.config.task.findings = Some(vec![hostile; 5_000]);
    let folder = tempfile::tempdir().expect("a folder");
    run.write(folder.path());
    for form in [&[][..], &["--csv"], &["--markdown"]] {
        let shown = summary_of(folder.path(), form, 100);
        assert!(!shown.contains(|it: char| it.is_control() && it != '\n'), "{form:?}: {shown:?}");
        assert!(!shown.contains('\u{202e}') && !shown.contains("\n# owned"), "{form:?}: {shown}");
        assert!(form != ["--markdown"] || !shown.contains('<'), "{shown}");
        assert!(form != ["--csv"] || shown.contains(",'=cmd()|x,"), "{shown}");
    }
    for options in [&[][..], &["--frontier"]] {
        let svg = String::from_utf8(plot(&run, "a.svg", options)).expect("UTF-8");
        assert!(!svg.contains("<script") && !svg.contains('\u{1b}'), "{svg}");
        assert_eq!(svg.matches("</title>").count(), 1);
    }
}

/// The file that `mmh plot` writes.
fn plot(run: &MadeRun, name: &str, options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    // Beside the run and not in it, where nothing is written.
    let run_folder = folder.path().join("run");
    run.write(&run_folder);
    let (run, file) = (run_folder.display().to_string(), folder.path().join(name));
    let file_name = file.display().to_string();
    let (code, said) = mmh(&[&["plot", &run, "-o", &file_name], options].concat(), 100);
    assert_eq!(code, Some(0), "{said}");
    fs::read(file).expect("a picture")
}

#[test]
fn a_plot() {
    let svg = plot(&finished().mock(), "a.svg", &[]);
    insta::assert_snapshot!(String::from_utf8(svg).expect("UTF-8"));
}

/// Any run has a picture, the same each time: a document with text, and nothing drawn outside of it.
#[test]
fn every_run_has_a_picture() {
    let mut many = MadeRun::new(60, 20);
    for at in 0..=60 {
        many = many.scored(&format!("{}+ {}-", 5 + at % 13, 15 - at % 13));
    }
    let mut absurd = finished();
    absurd.summary.iterations[0].score.accuracy = 1e300;
    absurd.summary.iterations[1].score.interval.low = -5.0;
    absurd.summary.iterations[3].index = u32::MAX;
    absurd.summary.best_iteration_index = Some(77);
    let runs =
        [("finished", finished()), ("many", many), ("nothing", MadeRun::new(3, 10)), ("absurd", absurd)];
    let kinds = [(&[][..], "accuracy by iteration"), (&["--frontier"], "accuracy over prompt tokens")];
    for ((name, run), (options, kind)) in runs.iter().flat_map(|run| kinds.map(|kind| (run, kind))) {
        let [first, second] = ["a.svg", "b.svg"].map(|file| plot(run, file, options));
        assert_eq!(first, second, "{name}");
        let text = String::from_utf8(first).expect("UTF-8");
        let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let picture = document.root_element();
        assert_eq!(picture.attribute("viewBox"), Some("0 0 860 460"), "{name}");
        let title = picture.children().find(|it| it.has_tag_name("text")).and_then(|it| it.text());
        let expected = format!("{}: {kind}", run.summary.config.dataset);
        assert_eq!(title, Some(expected.as_str()), "{name}");
        for (attribute, largest) in [("x", 860.0), ("x1", 860.0), ("x2", 860.0), ("cx", 860.0)]
            .into_iter()
            .chain(["y", "y1", "y2", "cy"].map(|name| (name, 460.0)))
        {
            let places = document.descendants().filter_map(|it| it.attribute(attribute));
            for place in places {
                let is_inside = place.parse::<f64>().is_ok_and(|it| (0.0..=largest).contains(&it));
                assert!(is_inside, "{name}: {attribute}={place}");
            }
        }
    }
}

#[test]
fn a_plot_needs_a_picture_s_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    finished().write(&run);
    let run = run.display().to_string();
    for (name, code, says) in [
        ("a.gif", 2, "a.gif is no name for a picture: mmh draws SVG, so one that ends in .svg is expected"),
        ("svg", 2, "svg is no name for a picture"),
        ("nowhere/a.svg", 3, "cannot write "),
        ("run/a.svg", 2, "run is the folder of a run, and `mmh verify` would no longer hold"),
        ("run/iterations/000/a.svg", 2, "run is the folder of a run"),
        ("A.SVG", 0, "A.SVG"),
        ("a.PnG", 2, "other programs make a PNG of it, such as `rsvg-convert"),
    ] {
        let file = folder.path().join(name).display().to_string();
        let (found, said) = mmh(&["plot", &run, "-o", &file], 100);
        assert_eq!(found, Some(code), "{name}: {said}");
        assert!(said.contains(says), "{name}: {said}");
    }
}
