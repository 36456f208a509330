//! What is said of a protocol with several trials of each example, or with online learning.

use mmh_record::format::{Config, Learning};

/// How harnesses learn and are evaluated, where that is not the plain way: `, 3 trials of each, learning online`.
pub fn protocol(config: &Config) -> String {
    let protocol = &config.protocol;
    let mut told = String::new();
    if protocol.trials > 1 {
        told += &format!(", {} trials of each", protocol.trials);
    }
    if protocol.learning == Learning::Online {
        told += ", learning online";
    }
    if let Some(size) = protocol.batch_size {
        told += &format!(", in batches of {size}");
    }
    if protocol.epochs > 1 {
        told += &format!(", {} epochs", protocol.epochs);
    }
    told
}

/// What the columns of trials and of online learning mean.
pub fn meaning(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    if config.protocol.trials > 1 {
        lines.push(format!(
            "spread: the standard deviation between the means of the trials, in points; pass^k: the chance that all {} trials of an example are right",
            config.protocol.trials
        ));
    }
    if config.protocol.learning == Learning::Online {
        let what = "train examples, each predicted before its answer was learned; it ranks no iteration";
        lines.push(format!("online: {what}"));
    }
    lines
}
