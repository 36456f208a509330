//! The table in `SECURITY.md`: made from what the suite came to, and checked but for its times.

use mmh_tests::root;
use serde::{Deserialize, Serialize};

const BEGIN: &str = "<!-- hostile suite: begin -->\n";
const END: &str = "<!-- hostile suite: end -->";

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub case: String,
    pub tries: String,
    /// The outcome's kind.
    pub outcome: String,
    pub seconds: f64,
}

/// The table, as it stands between its marks.
fn render(rows: &[Row]) -> String {
    let mut out =
        format!("{} cases.\n\n| case | what it tries | outcome | s |\n|---|---|---|---|\n", rows.len());
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

/// Fails where `SECURITY.md` tells something else; `MMH_BLESS=1` writes the table anew.
pub fn check(rows: &[Row]) {
    let path = root().join("SECURITY.md");
    let text = std::fs::read_to_string(&path).expect("SECURITY.md is there");
    let (before, rest) = text.split_once(BEGIN).expect("SECURITY.md has the table's first mark");
    let (found, after) = rest.split_once(END).expect("SECURITY.md has the table's last mark");
    let expected = render(rows);
    if std::env::var_os("MMH_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}"))
            .expect("SECURITY.md is written");
        return;
    }
    assert!(
        without_times(found) == without_times(&expected),
        "the table in SECURITY.md is stale; make it again with: MMH_BLESS=1 cargo test -p mmh-tests --test hostile"
    );
}
