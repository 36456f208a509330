//! Turns the table of allowed system calls into seccomp filters.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::{
    Role,
    syscalls::{Allowed, Argument, NEW_CALLS, When, allowed},
};

/// Refuses every system call of this process, and of all it starts, that is not in the table. What is refused
/// fails with `EPERM`, or with `ENOSYS` where a libc then does the same in another way.
pub fn apply(role: Role) -> Result<(), String> {
    let table = allowed(std::process::id(), role);
    // If two filters answer differently, the stricter answer holds. This one comes first, because the other one
    // forbids a compiler to add filters.
    let no_such_call = SeccompAction::Errno(libc::ENOSYS as u32);
    install(new_calls(&table), SeccompAction::Allow, no_such_call)?;
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    install(rules(&table)?, refused, SeccompAction::Allow)
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn install(rules: Rules, otherwise: SeccompAction, on_match: SeccompAction) -> Result<(), String> {
    let problem = |error: &dyn std::fmt::Display| format!("seccomp: {error}");
    let architecture = std::env::consts::ARCH.try_into().map_err(|error| problem(&error))?;
    let filter =
        SeccompFilter::new(rules, otherwise, on_match, architecture).map_err(|error| problem(&error))?;
    let program: BpfProgram = filter.try_into().map_err(|error| problem(&error))?;
    seccompiler::apply_filter(&program).map_err(|error| problem(&error))
}

fn new_calls(table: &[Allowed]) -> Rules {
    let is_allowed = |number: &i64| table.iter().any(|it| it.number == *number);
    let unknown = NEW_CALLS.filter(|number| !is_allowed(number));
    // The second filter lets these calls pass, or its stricter answer would hold: see `rules`.
    unknown.map(|number| (number, Vec::new())).collect()
}

fn rules(table: &[Allowed]) -> Result<Rules, String> {
    let mut rules: Rules = NEW_CALLS.map(|number| (number, Vec::new())).collect();
    for Allowed { number, when, .. } in table {
        let alternatives = match when {
            When::Always => Vec::new(),
            When::Either(alternatives) => alternatives.iter().map(|it| rule(it)).collect::<Result<_, _>>()?,
        };
        rules.insert(*number, alternatives);
    }
    Ok(rules)
}

fn rule(arguments: &[Argument]) -> Result<SeccompRule, String> {
    let condition = |it: &Argument| {
        SeccompCondition::new(it.at, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(it.bits), it.value)
    };
    let conditions: Result<Vec<_>, _> = arguments.iter().map(condition).collect();
    conditions.and_then(SeccompRule::new).map_err(|error| format!("seccomp: {error}"))
}
