//! The program's help, as the tests of documentation read it.

use std::{collections::BTreeMap, process::Command};

use crate::root;

/// The text of `mmh ARGS --help`, without values of the environment.
fn text(program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(args).arg("--help").current_dir(root());
    for name in ["MMH_CACHE_DIR", "MMH_RUSTC"] {
        command.env_remove(name);
    }
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "mmh {} --help", args.join(" "));
    String::from_utf8(output.stdout).expect("text")
}

/// A command's help.
pub fn help(program: &str, command: &str) -> String {
    text(program, &[command])
}

/// All commands, in the order of the help.
pub fn commands(program: &str) -> Vec<String> {
    let help = text(program, &[]);
    let list = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("commands");
    // Other lines go on with what a command does.
    let lines = list.lines().filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let names = lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

/// An option as the help shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// With its value: `--seed <N>`.
    pub option: String,
    /// What it does, on one line.
    pub what: String,
}

/// The options in a command's help, under their headings.
pub fn shown(help: &str) -> BTreeMap<String, Vec<Shown>> {
    let (mut found, mut heading) = (BTreeMap::<String, Vec<Shown>>::new(), "");
    for line in help.lines() {
        let is_heading = !line.starts_with(' ') && line.ends_with(':');
        if let Some(name) = line.strip_suffix(':').filter(|_| is_heading) {
            heading = name;
            continue;
        }
        let of_heading = found.entry(heading.to_owned()).or_default();
        let words = line.trim();
        match (line.starts_with(' '), words.split_once("  ")) {
            (true, Some((option, what))) if words.starts_with('-') => {
                of_heading.push(Shown { option: option.trim().into(), what: what.trim().into() });
            }
            (true, _) => {
                if let Some(last) = of_heading.last_mut() {
                    last.what = format!("{} {words}", last.what).trim().to_owned();
                }
            }
            _ => {}
        }
    }
    found.retain(|_, options| !options.is_empty());
    found
}

fn options_table(options: &[Shown]) -> String {
    let rows = options.iter().map(|Shown { option, what }| {
        format!("| `{}` | {} |\n", option.replace('|', "\\|"), what.replace('|', "\\|"))
    });
    format!("| option | what it does |\n|---|---|\n{}", rows.collect::<String>())
}

/// All options: those of all commands, those that stand under a heading of their own in the help, and the rest by
/// command. The limits have a table of their own, with units.
pub fn options_reference(program: &str) -> String {
    let all: Vec<(String, BTreeMap<String, Vec<Shown>>)> =
        commands(program).into_iter().map(|name| (name.clone(), shown(&help(program, &name)))).collect();
    let plain = |it: &BTreeMap<String, Vec<Shown>>| it.get("Options").cloned().unwrap_or_default();
    let mut common = plain(&all[0].1);
    common.retain(|option| all.iter().all(|(_, it)| plain(it).contains(option)));

    let mut shared: BTreeMap<(&str, &[Shown]), Vec<String>> = BTreeMap::new();
    for (command, headings) in &all {
        for (heading, options) in headings.iter().filter(|(it, _)| *it != "Options") {
            shared.entry((heading, options)).or_default().push(format!("`mmh {command}`"));
        }
    }
    let mut out = format!("### All commands: options\n{}", options_table(&common));
    for ((heading, options), commands) in shared {
        let options = match heading {
            "Limits" => "[The table of limits](#limits) has the options.\n".to_owned(),
            _ => options_table(options),
        };
        out += &format!("\n### {heading}: options\nOf {}.\n\n{options}", commands.join(", "));
    }
    for (command, headings) in &all {
        let mut own = plain(headings);
        own.retain(|option| !common.contains(option));
        if !own.is_empty() {
            out += &format!("\n### mmh {command}: options\n{}", options_table(&own));
        }
    }
    out
}
