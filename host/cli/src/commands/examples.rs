//! An example for each command, which its help shows. A test parses all of them.

/// Commands and their examples.
pub const EXAMPLES: &[(&str, &[&str])] = &[
    ("run", &["mmh run --mock --iterations 3 --run-id first", "mmh run --resume runs/first --iterations 6"]),
    ("mcp", &["mmh mcp --run runs/mine"]),
    ("eval", &["mmh eval nearest --mock --eval-size 20", "mmh eval runs/first --iteration 2 --mock"]),
    ("check", &["mmh check harness.rs"]),
    ("new", &["mmh new mine", "mmh new yours --lang python"]),
    ("dev", &["mmh dev mine --mock --eval-size 20"]),
    ("profile", &["mmh profile mine --mock --example val-0003 --svg fuel.svg"]),
    ("try", &["mmh try harness.rs --example val-0003"]),
    ("note", &["mmh note three-votes-change-nothing"]),
    ("submit", &["mmh submit harness.rs --reasoning reasoning.md"]),
    ("call", &["mmh call scoreboard"]),
    ("task", &["mmh task data/"]),
    ("new-task", &["mmh new-task mine --from examples.csv"]),
    ("runs", &["mmh runs --filter finished --sort score", "mmh runs --tag keep"]),
    ("mv", &["mmh mv runs/first runs/baseline-study"]),
    ("rm", &["mmh rm runs/aborted", "mmh rm --finished runs/first"]),
    ("tag", &["mmh tag runs/first keep paper", "mmh tag runs/first --iteration 2 --note look-at-this"]),
    ("summary", &["mmh summary runs/first"]),
    ("compare", &["mmh compare runs/first runs/second"]),
    ("plot", &["mmh plot runs/first -o accuracy.svg"]),
    ("cost", &["mmh cost runs/first"]),
    ("report", &["mmh report runs/first"]),
    ("view", &["mmh view runs", "mmh view runs/first --workers nats://127.0.0.1:4222"]),
    ("verify", &["mmh verify runs/first", "mmh verify runs/first --key signing-key.pub"]),
    ("keygen", &["mmh keygen --out signing-key"]),
    ("sign", &["mmh sign runs/first --key signing-key"]),
    ("replay", &["mmh replay runs/first --iteration 1 --example val-0003"]),
    ("inspect", &["mmh inspect runs/first --iteration 1"]),
    ("diff", &["mmh diff runs/first 0 2"]),
    ("export", &["mmh export runs/first -o best", "mmh export runs/first --format inspect -o best.eval"]),
    ("models", &["mmh models"]),
    ("doctor", &["mmh doctor"]),
    ("toolchain", &["mmh toolchain", "mmh toolchain add python"]),
    ("worker", &["mmh worker --nats nats://127.0.0.1:4222"]),
    ("workers", &["mmh workers --nats nats://127.0.0.1:4222"]),
    ("self-test", &["mmh self-test"]),
    ("gc", &["mmh gc --dry-run"]),
    ("completions", &["mmh completions bash"]),
];

/// What the help of a command shows of examples. None where it has none.
pub fn of(command: &str) -> Option<String> {
    let (_, lines) = EXAMPLES.iter().find(|(name, _)| *name == command)?;
    let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
    Some(format!("Examples:\n{}", lines.join("\n")))
}
