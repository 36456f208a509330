//! Tables in the documentation say what the program does.

use std::fs;

use mmh_record::{
    files::{KINDS, Proof},
    text,
};
use mmh_tests::root;

/// Every kind of file has its line in the table of what is proved, and no other has one.
#[test]
fn what_is_proved_of_each_file() {
    let rows = KINDS.iter().map(|kind| {
        let proved = match kind.proof {
            Proof::Derived => "made again",
            Proof::Input => "an input; what is known otherwise is compared",
        };
        let claimed = if kind.claimed.is_empty() { "nothing" } else { kind.claimed };
        format!("| `{}` | {proved} | {claimed} | {} |", kind.name, text::bytes(kind.max_bytes))
    });
    let head = "| file | how it is proved | what only the file itself says | at most |".to_owned();
    let table: Vec<String> = [head, "|---|---|---|---|".into()].into_iter().chain(rows).collect();
    for page in ["README.md", "docs/auditing.md"] {
        let text = fs::read_to_string(root().join(page)).expect("the page");
        let begin = text.lines().position(|line| line == table[0]).expect("the table");
        let found: Vec<&str> = text.lines().skip(begin).take_while(|line| line.starts_with('|')).collect();
        assert_eq!(found, table, "{page}");
    }
}
