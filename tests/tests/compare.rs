//! `mmh compare`: several runs in one table. Over made-up runs, so that nothing depends on a compiler.

use std::{fs, path::Path, process::Command};

use mmh_record::{digest::Digest, format::Protocol};
use mmh_search::baselines::SHIPPED;
use mmh_tests::made::MadeRun;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

fn compare(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    let output = command.arg("compare").args(args).current_dir(folder).output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("UTF-8"))
}

fn shown(folder: &Path, args: &[&str]) -> String {
    let (code, said) = compare(folder, args);
    assert_eq!(code, Some(0), "{said}");
    said
}

/// A run of a data set of this name.
fn of(dataset: &str, mut run: MadeRun) -> MadeRun {
    run.summary.config.dataset = dataset.into();
    run.summary.config.dataset_digest = Digest::of(dataset);
    run
}

fn with(mut run: MadeRun, change: impl FnOnce(&mut MadeRun)) -> MadeRun {
    change(&mut run);
    run
}

/// Something better was found, and tested.
fn better() -> MadeRun {
    let run = MadeRun::new(1, 100).scored("50+ 50-").scored("40+ 10- 30+ 20-");
    run.tested(0, "50+ 50-").tested(1, "45+ 5- 20+ 30-").finished()
}

/// Nothing better was found.
fn worse() -> MadeRun {
    MadeRun::new(1, 40).scored("10+ 30-").scored("8+ 32-").tested(0, "30+ 70-").finished()
}

/// It has no held-out scores.
fn untested() -> MadeRun {
    MadeRun::new(1, 40).scored("10+ 30-").scored("20+ 20-").finished()
}

/// Several runs in a folder, by their names there.
fn folder(runs: &[(&str, MadeRun)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    runs.iter().for_each(|(name, run)| run.write(&folder.path().join(name)));
    folder
}

#[test]
fn runs_of_several_data_sets() {
    let third = with(of("birds", better()), |run| run.summary.config.seed = 1);
    let runs = [("a", of("birds", better())), ("b", of("ships", worse())), ("c", third)];
    let folder = folder(&runs);
    insta::assert_snapshot!("several", shown(folder.path(), &["a", "b", "c"]));
    insta::assert_snapshot!("several_csv", shown(folder.path(), &["a", "b", "c", "--csv"]));
    insta::assert_snapshot!("one", shown(folder.path(), &["a"]));
}

#[test]
fn as_json_it_has_every_figure() {
    let folder = folder(&[("a", of("birds", better())), ("b", of("ships", worse()))]);
    let all: Value = serde_json::from_str(&shown(folder.path(), &["a", "b", "--json"])).expect("JSON");
    let rows = all["groups"][0]["rows"].as_array().expect("rows");
    let row = |at: usize| {
        (rows[at]["name"].as_str().expect("a name"), &rows[at]["cells"], rows[at]["mean"].as_f64())
    };
    assert_eq!(row(0).0, "baseline 000");
    assert_eq!(row(0).1, &serde_json::json!([0.5, 0.3]));
    assert_eq!(row(0).2, Some(0.4));
    assert_eq!((row(1).0, row(1).2), ("best", Some((0.65 + 0.3) / 2.0)));
    assert_eq!(row(2).0, "change");
    let change = row(2).2.expect("a mean");
    assert!((change - 7.5).abs() < 1e-9, "{change}");
    let run = &all["runs"][0];
    assert_eq!((&run["split"], &run["figure"]), (&"test".into(), &"accuracy".into()));
    assert_eq!(
        (&run["change"]["paired"]["fixed"], &run["change"]["paired"]["broken"]),
        (&20.into(), &5.into())
    );
    assert_eq!(all["mean"], "plain mean of the data sets");
}

/// Rows are those of the harnesses, whatever their order in a run.
#[test]
fn shipped_baselines_have_rows_of_their_own() {
    let named = |run: MadeRun, names: &[&str]| {
        with(run, |run| {
            for (it, name) in run.summary.iterations.iter_mut().zip(names) {
                let shipped = SHIPPED.iter().find(|it| it.name == *name).expect("it ships");
                it.source_digest = Digest::of(shipped.source);
            }
            run.summary.config.protocol = Protocol { baselines: names.len() as u32, ..Protocol::default() };
        })
    };
    let two = MadeRun::new(1, 10).scored("2+ 8-").scored("6+ 4-").scored("8+ 2-").finished();
    let folder = folder(&[
        ("a", named(of("birds", two), &["zero-shot", "nearest"])),
        ("b", named(of("ships", untested()), &["nearest"])),
    ]);
    let all: Value = serde_json::from_str(&shown(folder.path(), &["a", "b", "--json"])).expect("JSON");
    let rows = &all["groups"][0]["rows"];
    let names: Vec<&str> =
        rows.as_array().expect("rows").iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, ["zero-shot", "nearest", "best", "change"]);
    assert_eq!(rows[0]["cells"], serde_json::json!([0.2, null]));
    assert_eq!((&rows[0]["mean"], &rows[1]["cells"]), (&Value::Null, &serde_json::json!([0.6, 0.25])));
    // Against the best baseline, not the first.
    assert_eq!(all["runs"][0]["change"]["against"], 1);
}

#[test]
fn what_makes_runs_hard_to_compare_is_told() {
    let target = |name: &str, run: MadeRun| with(run, |run| run.summary.config.target_model = name.into());
    let scored = |run: MadeRun| {
        with(run, |run| {
            let metric = serde_json::from_str(r#"{"kind":"set","score":"f1"}"#).expect("a metric");
            run.summary.config.task.metric = Some(metric);
        })
    };
    let sampled = |seed: u64| {
        with(of("birds", untested()), |run| {
            run.summary.config.task.val_size = 500;
            run.summary.config.seed = seed;
        })
    };
    let unfinished = MadeRun::new(3, 100).scored("48+ 52-").scored("40+ 8- 13+ 39-");
    // name, runs, what is said, what is not said
    let table: Vec<(&str, Vec<MadeRun>, &str, &str)> = vec![
        ("nothing", vec![of("birds", better()), of("ships", worse())], "mean: plain mean", "warning: a mean"),
        ("simulated", vec![of("birds", better()).mock()], "warning: SIMULATED models in 0", "mean:"),
        (
            "other targets",
            vec![target("x", of("birds", better())), target("y", of("ships", better()))],
            "a mean over runs with different targets: 0 has x, 1 has y",
            "-  ",
        ),
        (
            "the same targets side by side",
            vec![
                target("x", of("birds", better())),
                target("y", of("birds", better())),
                target("y", of("ships", better())),
                target("x", of("ships", better())),
            ],
            "mean: plain mean",
            "different targets",
        ),
        (
            "other figures",
            vec![of("birds", better()), scored(of("ships", better()))],
            "different figures: 0 has accuracy, 1 has score",
            "different targets",
        ),
        (
            "other splits",
            vec![of("birds", better()), of("ships", untested())],
            "scores of different splits: 0 has test, 1 has val",
            "not scored on the same",
        ),
        (
            "other samples",
            vec![sampled(0), sampled(1)],
            "the runs of birds were not scored on the same examples",
            "mean:",
        ),
        (
            "the same sample",
            vec![sampled(1), sampled(1)],
            "no held-out scores; the best of 2 on validation is an optimistic estimate",
            "the same examples",
        ),
        ("not finished", vec![unfinished], "the run is not finished", "held-out test"),
        (
            "no score",
            vec![of("birds", better()), MadeRun::new(1, 10)],
            "1 is left out: it has no score yet",
            "not finished",
        ),
        (
            "two data sets of one name",
            vec![
                of("birds", better()),
                with(of("birds", worse()), |run| run.summary.config.dataset_digest = Digest::of("others")),
            ],
            "birds ",
            "not scored on the same",
        ),
    ];
    for (name, runs, expected, unexpected) in table {
        let names: Vec<String> = (0..runs.len()).map(|at| at.to_string()).collect();
        let runs: Vec<(&str, MadeRun)> = names.iter().map(String::as_str).zip(runs).collect();
        let folder = folder(&runs);
        let said = shown(folder.path(), &names.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(said.contains(expected), "{name}: {said}");
        assert!(!said.contains(unexpected), "{name}: {said}");
    }
}

#[test]
fn what_is_no_run_is_refused() {
    let folder = folder(&[("a", better()), ("none", MadeRun::new(1, 10))]);
    let path = folder.path();
    fs::create_dir(path.join("empty")).expect("a folder");
    let table: [(&[&str], i32, &str); 5] = [
        (&[], 2, "<RUN>..."),
        (&["a", "a"], 2, "a is named twice"),
        (&["empty"], 2, "empty"),
        (&["none"], 2, "nothing has a score yet: none"),
        (&["a", "--csv", "--json"], 2, "cannot be used with"),
    ];
    for (args, code, expected) in table {
        let (found, said) = compare(path, args);
        assert!(found == Some(code) && said.contains(expected), "{args:?}: {found:?} {said}");
    }
}

/// A stranger's run decides nothing: what stands in it is shown on one line, and nothing of it acts on a terminal or a
/// spreadsheet.
#[test]
fn what_stands_in_a_run_is_harmless() {
    let hostile = "=cmd()\u{1b}[31m\nwarning: not mine\u{202e}";
    let run = with(of(hostile, better()), |run| {
        run.summary.config.target_model = hostile.into();
        run.summary.test[1].score.accuracy = 1e300;
    });
    let folder = folder(&[("a", run), ("b", of("ships", worse()))]);
    for args in [&["a", "b"][..], &["a", "b", "--csv"]] {
        let said = shown(folder.path(), args);
        assert!(!said.contains(['\u{1b}', '\u{202e}']) && !said.contains("\nwarning: not mine"), "{said}");
        assert!(!said.contains(",=cmd"), "{said}");
    }
    // A trace that says something else than the score is not compared, and named.
    let broken = folder.path().join("a/test/001/eval_trace.jsonl");
    let trace = fs::read_to_string(&broken).expect("a trace");
    fs::write(&broken, trace.replacen("\"correct\":true", "\"correct\":false", 1)).expect("a file");
    assert!(shown(folder.path(), &["a"]).contains("warning: not compared: test/001/eval_trace.jsonl"));
}
