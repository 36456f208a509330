//! Scripts that drive a real browser.

use std::process::Command;

use crate::root;

/// Runs a script of `tests/browser`. Should this test be killed, it ends by itself.
pub fn node(script: &str, args: &[&str]) {
    let folder = root().join("tests/browser");
    assert!(
        folder.join("node_modules/playwright-core").is_dir(),
        "playwright-core is not installed: `cargo xtask setup` does it"
    );
    let ran = Command::new("timeout").args(["180", "node", script]).args(args).current_dir(folder).output();
    let ran = ran.expect("node starts");
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{script}: {said}");
}
