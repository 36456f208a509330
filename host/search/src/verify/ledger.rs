//! Checks a ledger: every bill has to belong to a reservation, and the sum has to be what the run cost.

use std::collections::HashSet;

use crate::{claims::Claims, noted::Ending};
use mmh_record::{
    format::{Config, Cost},
    ledger::{LedgerRow, NAME, Owed, Sum},
    manifest::Finding,
    pricing::Usd,
    reader::RunReader,
};

/// Findings about the ledger. `total` is the cost of all recorded calls.
pub fn check(reader: &RunReader, config: &Config, claims: &Claims, total: Cost) -> Vec<Finding> {
    match (config.mock, reader.has(NAME)) {
        (true, false) => return Vec::new(),
        (true, true) => {
            return vec![Finding::new(NAME, "no ledger: simulated models cost nothing", "a ledger")];
        }
        (false, false) => return vec![Finding::new(NAME, "a ledger", "none")],
        (false, true) => {}
    }
    let mut findings = Vec::new();
    let owed = match add_up(reader, &mut findings) {
        Ok(owed) => owed,
        Err(problem) => return vec![Finding::new(NAME, "rows that can be read", problem)],
    };
    let [known, unknown] = [total.estimated_usd, total.unknown_usd].map(Usd::from_f64);
    let (ledger, calls) = (owed.spent.plus(owed.unknown), known.plus(unknown));
    // While a run goes on, the newest calls are in the ledger only.
    let fits = if claims.ending() == Ending::Open { known <= ledger } else { calls == ledger };
    if !fits {
        let shown = |usd: Usd| format!("{} USD", usd.as_f64());
        findings.push(Finding::new(format!("{NAME}: total"), shown(calls), shown(ledger)));
    }
    findings
}

fn add_up(reader: &RunReader, findings: &mut Vec<Finding>) -> Result<Owed, String> {
    let (mut sum, mut open, mut settled) = (Sum::default(), HashSet::new(), HashSet::new());
    for row in reader.rows::<LedgerRow>(NAME).map_err(|error| error.to_string())? {
        let row = row.map_err(|error| error.to_string())?;
        let (entry, fits) = match row {
            LedgerRow::Reserved { entry, .. } => (entry, open.insert(entry)),
            LedgerRow::Settled { entry, .. } => (entry, open.contains(&entry) && settled.insert(entry)),
        };
        if !fits && findings.is_empty() {
            let file = format!("{NAME}: entry {entry}");
            findings.push(Finding::new(file, "one reservation and one bill at most", "another row"));
        }
        sum.add(row);
    }
    Ok(sum.owed())
}
