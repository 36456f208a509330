//! `docs/hostile-cases.md`: made from what the suite came to, and checked but for its times.

use mmh_tests::root;
use serde::{Deserialize, Serialize};

/// Where it stands in the project.
const FILE: &str = "docs/hostile-cases.md";

const HEAD: &str = "\
# Hostile cases
This page lists everything that the tests try against the compiler's jail, the checks of components, the sandbox, the search and the
commands that propose, and how each case ends. [`SECURITY.md`](../SECURITY.md) says who may try what, and what stops it. Each case is a
file of `tests/guests/hostile`, or stands in `tests/tests/hostile`. This command makes the page again:

```sh
MMH_BLESS=1 cargo test --workspace --test hostile
```

The last column has the seconds that the case took when the page was made.
";

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub case: String,
    pub tries: String,
    /// The outcome's kind.
    pub outcome: String,
    pub seconds: f64,
}

/// The page.
fn render(rows: &[Row]) -> String {
    let mut out = format!(
        "{HEAD}\n{} cases.\n\n| case | what it tries | outcome | s |\n|---|---|---|---|\n",
        rows.len()
    );
    for row in rows {
        let tries = row.tries.trim_end_matches('.').replace('|', "\\|");
        out += &format!("| `{}` | {tries} | `{}` | {:.1} |\n", row.case, row.outcome, row.seconds);
    }
    out
}

/// A table without its last column.
fn without_times(table: &str) -> String {
    let lines = table.lines().map(|line| match line.trim_end_matches('|').rsplit_once('|') {
        Some((kept, _)) if line.starts_with('|') => kept,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Fails where the page tells something else; `MMH_BLESS=1` writes it anew.
pub fn check(rows: &[Row]) {
    let path = root().join(FILE);
    let expected = render(rows);
    if std::env::var_os("MMH_BLESS").is_some() {
        std::fs::write(&path, expected).unwrap_or_else(|error| panic!("{FILE}: {error}"));
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        without_times(&found) == without_times(&expected),
        "{FILE} is stale; make it again with: MMH_BLESS=1 cargo test --workspace --test hostile"
    );
}
