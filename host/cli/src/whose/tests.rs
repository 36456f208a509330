use clap::Parser;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    limits: LimitArgs,
}

fn asked(words: &str) -> LimitArgs {
    let words = ["mmh"].into_iter().chain(words.split_whitespace());
    Cli::try_parse_from(words).expect("options").limits
}

/// The configuration of the example run, with one change.
fn config(change: impl FnOnce(&mut Config)) -> Config {
    let text = include_str!("../../../../runs/example/config.json");
    let mut config: Config = serde_json::from_str(text).expect("a configuration");
    config.patience = DEFAULT_PATIENCE;
    config.budget_usd = Some(5.0);
    change(&mut config);
    config
}

/// What is said in place of limits, if they are refused.
fn refused<T>(decided: Result<T, CliError>) -> Option<String> {
    decided.err().map(|error| error.to_string())
}

#[test]
fn a_strangers_limits_stay_below_the_defaults() {
    type Change = fn(&mut Limits);
    // name, what the run says, what is asked for; what is said when its harnesses are run again, and when
    // it goes on
    type Row = (&'static str, Change, &'static str, Option<&'static str>, Option<&'static str>);
    let table: [Row; 17] = [
        ("defaults", |_| {}, "", None, None),
        ("lower ones", |it| (it.fuel, it.memory_bytes) = (7, 1 << 20), "", None, None),
        ("more fuel", |it| it.fuel += 1, "", Some("say so: --fuel 10000000001"), Some("--fuel 10000000001")),
        ("more fuel, allowed", |it| it.fuel += 1, "--fuel 10000000001", None, None),
        (
            "more fuel than is allowed",
            |it| it.fuel += 2,
            "--fuel 10000000001",
            Some("--fuel 10000000002"),
            Some("--fuel"),
        ),
        (
            "all the fuel there is",
            |it| it.fuel = u64::MAX,
            "",
            Some("--fuel 18446744073709551615"),
            Some("--fuel"),
        ),
        (
            "two of them",
            |it| (it.fuel, it.memory_bytes) = (u64::MAX, 257 << 20),
            "",
            Some("say so: --fuel 18446744073709551615 --memory-mib 257"),
            Some("--memory-mib 257"),
        ),
        (
            "no full unit",
            |it| it.answer_bytes = (64 << 10) + 1,
            "",
            Some("--answer-kib 65 (default 64)"),
            Some("--answer-kib 65"),
        ),
        ("no full unit, allowed", |it| it.answer_bytes = (64 << 10) + 1, "--answer-kib 65", None, None),
        (
            "memory of the compilers",
            |it| (it.rustc_memory_bytes, it.native_memory_bytes) = (1 << 62, 1 << 62),
            "",
            Some("--rustc-memory-mib 4398046511104 (default 2048, more than any option gives)"),
            Some("--native-memory-mib 4398046511104"),
        ),
        (
            "a day for an example",
            |it| it.example_wall_ms = 86_400_000,
            "",
            Some("say so: --example-timeout-s 86400"),
            // It changes no result, so it is cut.
            None,
        ),
        ("longer than a day", |it| it.rustc_wall_ms = u64::MAX, "", Some("more than any option gives"), None),
        (
            "patience with models",
            |it| (it.attempts, it.proposer_call_ms) = (u32::MAX, u64::MAX),
            "",
            None,
            None,
        ),
        ("turns of the proposer", |it| it.proposer_steps = 25, "", None, Some("say so: --proposer-steps 25")),
        ("turns of the proposer, allowed", |it| it.proposer_steps = 25, "--proposer-steps 30", None, None),
        ("results of tools", |it| it.tool_result_bytes = u64::MAX, "", None, Some("--tool-result-kib")),
        (
            "model calls",
            |it| it.model_calls = 17,
            "--fuel 99",
            Some("--model-calls 17"),
            Some("--model-calls 17"),
        ),
    ];
    for (name, change, words, again, goes_on) in table {
        let config = config(|config| change(&mut config.limits));
        let args = asked(words);
        for (what, said, expected) in [
            ("again", refused(limits(Whose::Stranger, &config, &args, For::Evaluation)), again),
            (
                "goes on",
                refused(settings(
                    Whose::Stranger,
                    &config,
                    &Asked { limits: Some(&args), ..Asked::default() },
                )),
                goes_on,
            ),
        ] {
            let fits = match (&said, expected) {
                (None, None) => true,
                (Some(said), Some(part)) => said.contains("was not started here") && said.contains(part),
                _ => false,
            };
            assert!(fits, "{name}, {what}: {said:?}");
        }
        // Who makes a search again needs what both need.
        let searched = refused(limits(Whose::Stranger, &config, &args, For::Search));
        assert_eq!(
            searched.is_some(),
            again.is_some() || goes_on.is_some(),
            "{name}, searched again: {searched:?}"
        );
        let own = limits(Whose::Own, &config, &args, For::Search);
        assert_eq!(own.ok(), Some(config.limits), "{name}, one's own");
    }
}

/// What is granted is never more than the defaults, whatever the run says.
#[test]
fn what_is_granted_is_cut() {
    let greedy = config(|it| {
        (it.limits.attempts, it.limits.proposer_call_ms, it.limits.example_wall_ms) =
            (u32::MAX, u64::MAX, u64::MAX);
    });
    let granted = settings(Whose::Stranger, &greedy, &Asked::default()).expect("granted").limits;
    assert_eq!(granted, Limits::default());
    let args = asked("--attempts 50 --example-timeout-s 90");
    let asked = Asked { limits: Some(&args), ..Asked::default() };
    let granted = settings(Whose::Stranger, &greedy, &asked).expect("granted").limits;
    assert_eq!((granted.attempts, granted.example_wall_ms), (50, 90_000));
    let mut own = greedy.limits.clone();
    (own.attempts, own.example_wall_ms) = (50, 90_000);
    assert_eq!(settings(Whose::Own, &greedy, &asked).expect("granted").limits, own);
}

#[test]
fn a_strangers_run_decides_nothing() {
    type Change = fn(&mut Config);
    let none = Asked::default();
    let all = Asked {
        budget_usd: Some(99.0),
        concurrency: Some(64),
        patience: Some(0),
        dataset: Some("/mine"),
        ..none
    };
    // name, what the run says, what is asked for; budget, concurrency, patience and data set of one's own
    // run and of a stranger's
    type Row = (
        &'static str,
        Change,
        Asked<'static>,
        (f64, usize, u32, &'static str),
        Option<(f64, usize, u32, &'static str)>,
    );
    let table: [Row; 9] = [
        ("as usual", |_| {}, none, (5.0, 16, 3, BUILTIN), Some((5.0, 16, 3, BUILTIN))),
        (
            "much money",
            |it| it.budget_usd = Some(1e6),
            none,
            (1e6, 16, 3, BUILTIN),
            Some((15.0, 16, 3, BUILTIN)),
        ),
        ("no budget", |it| it.budget_usd = None, none, (15.0, 16, 3, BUILTIN), Some((15.0, 16, 3, BUILTIN))),
        (
            "a negative budget",
            |it| it.budget_usd = Some(-1.0),
            none,
            (-1.0, 16, 3, BUILTIN),
            Some((0.0, 16, 3, BUILTIN)),
        ),
        (
            "many at once",
            |it| it.concurrency = usize::MAX,
            none,
            (5.0, usize::MAX, 3, BUILTIN),
            Some((5.0, 64, 3, BUILTIN)),
        ),
        ("none at once", |it| it.concurrency = 0, none, (5.0, 0, 3, BUILTIN), Some((5.0, 1, 3, BUILTIN))),
        (
            "no end of patience",
            |it| it.patience = 0,
            none,
            (5.0, 16, 0, BUILTIN),
            Some((5.0, 16, 3, BUILTIN)),
        ),
        ("a place", |it| it.dataset_path = Some("/etc".into()), none, (5.0, 16, 3, "/etc"), None),
        (
            "everything is asked for",
            |it| (it.dataset_path, it.budget_usd, it.concurrency) = (Some("/etc".into()), Some(1e6), 4096),
            all,
            (99.0, 64, 0, "/mine"),
            Some((99.0, 64, 0, "/mine")),
        ),
    ];
    for (name, change, asked, own, strangers) in table {
        let config = config(change);
        let found = |whose| {
            let settings = settings(whose, &config, &asked).ok()?;
            Some((settings.budget_usd, settings.concurrency, settings.patience, settings.dataset))
        };
        let shown = |it: (f64, usize, u32, &str)| (it.0, it.1, it.2, it.3.to_owned());
        assert_eq!(found(Whose::Own), Some(shown(own)), "{name}, one's own");
        assert_eq!(found(Whose::Stranger), strangers.map(shown), "{name}, a stranger's");
    }
    let hint =
        refused(settings(Whose::Stranger, &config(|it| it.dataset_path = Some("/a\nb".into())), &none));
    assert!(
        hint.is_some_and(|said| said.contains("at /a b: --dataset names its place")),
        "a hint on one line"
    );
}
