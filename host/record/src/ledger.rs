//! `ledger.jsonl`: what was reserved for calls and what they came to, so that a run that was killed knows
//! what it has spent, and what it may have spent.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{RecordError, append::Appender, layout, writer::RunWriter};
use crate::pricing::Usd;

/// The file's name.
pub const NAME: &str = layout::LEDGER;

/// A line: a reservation before an attempt of a call, or what the attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum LedgerRow {
    /// An attempt is about to be sent.
    Reserved {
        /// The attempt's number, from 0, over the whole run.
        entry: u64,
        /// The most that it can cost, in US dollars.
        at_most_usd: f64,
    },
    /// An attempt has ended.
    Settled {
        /// The number of its reservation.
        entry: u64,
        /// What it cost, in US dollars.
        spent_usd: f64,
        /// The most that it may have cost where there was no usable answer, in US dollars; else 0.
        unknown_usd: f64,
    },
}

crate::recorded!(LedgerRow);

/// Where reservations and bills are written down, each before anything follows from it.
pub trait Ledger: Send + Sync {
    /// An attempt of a call is about to be sent, and can cost this much. An error, in words, keeps it from being
    /// sent.
    fn reserved(&self, entry: u64, at_most: Usd) -> Result<(), String>;
    /// An attempt has ended: what it cost, and what it may have cost besides. Called once for each entry. An error shows with the next reservation.
    fn settled(&self, entry: u64, spent: Usd, unknown: Usd);
}

/// What a ledger says of earlier attempts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// Of calls that were answered.
    pub spent: Usd,
    /// Of calls without a usable answer, those included that were under way when the run was killed.
    pub unknown: Usd,
    /// The number of the next attempt: one more than the largest on record.
    pub entries: u64,
}

/// An open ledger.
pub struct RunLedger(Appender);

/// Opens a run's ledger, and says what is owed by what stands in it.
pub fn open(run: &RunWriter) -> Result<(RunLedger, Owed), RecordError> {
    let root = run.root()?;
    let mut sum = Sum::default();
    root.each_line(NAME, |row| sum.add(row))?;
    Ok((RunLedger(root.append(NAME)?), sum.owed()))
}

/// Adds up the rows of a ledger, one after the other.
#[derive(Default)]
pub struct Sum {
    owed: Owed,
    /// What was reserved and has no bill.
    open: HashMap<u64, Usd>,
}

impl Sum {
    /// Adds the next row of the file.
    pub fn add(&mut self, row: LedgerRow) {
        match row {
            LedgerRow::Reserved { entry, at_most_usd } => {
                self.open.insert(entry, Usd::from_f64(at_most_usd));
                self.owed.entries = self.owed.entries.max(entry.saturating_add(1));
            }
            LedgerRow::Settled { entry, spent_usd, unknown_usd } => {
                self.open.remove(&entry);
                self.owed.spent += Usd::from_f64(spent_usd);
                self.owed.unknown += Usd::from_f64(unknown_usd);
            }
        }
    }

    /// What the rows come to. A reservation without a bill may be owed whole.
    pub fn owed(self) -> Owed {
        let unknown = self.owed.unknown.plus(self.open.into_values().sum());
        Owed { unknown, ..self.owed }
    }
}

/// What these rows come to.
pub fn owed(rows: &[LedgerRow]) -> Owed {
    let mut sum = Sum::default();
    rows.iter().for_each(|row| sum.add(*row));
    sum.owed()
}

impl Ledger for RunLedger {
    fn reserved(&self, entry: u64, at_most: Usd) -> Result<(), String> {
        let row = LedgerRow::Reserved { entry, at_most_usd: at_most.as_f64() };
        self.0.push(&row).map_err(|error| error.to_string())
    }

    fn settled(&self, entry: u64, spent: Usd, unknown: Usd) {
        let (spent_usd, unknown_usd) = (spent.as_f64(), unknown.as_f64());
        if let Err(error) = self.0.push(&LedgerRow::Settled { entry, spent_usd, unknown_usd }) {
            // Without this line the whole reservation counts as owed, and the next one is refused.
            tracing::warn!("{error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_under_way_may_be_owed() {
        let reserved = |entry, at_most_usd| LedgerRow::Reserved { entry, at_most_usd };
        let settled = |entry, spent_usd, unknown_usd| LedgerRow::Settled { entry, spent_usd, unknown_usd };
        let table = [
            ("nothing", vec![], (0.0, 0.0, 0)),
            ("settled", vec![reserved(0, 0.5), settled(0, 0.2, 0.0)], (0.2, 0.0, 1)),
            ("not answered", vec![reserved(0, 0.5), settled(0, 0.0, 0.5)], (0.0, 0.5, 1)),
            (
                "one under way",
                vec![reserved(0, 0.5), reserved(1, 0.25), settled(0, 0.2, 0.0)],
                (0.2, 0.25, 2),
            ),
        ];
        for (name, rows, (spent, unknown, entries)) in table {
            let expected = Owed { spent: Usd::from_f64(spent), unknown: Usd::from_f64(unknown), entries };
            assert_eq!(owed(&rows), expected, "{name}");
        }
    }

    #[test]
    fn rows_survive_text() {
        for row in [
            LedgerRow::Reserved { entry: 3, at_most_usd: 0.1 },
            LedgerRow::Settled { entry: 3, spent_usd: 0.05, unknown_usd: 0.0 },
        ] {
            let text = serde_json::to_string(&row).expect("JSON");
            assert_eq!(serde_json::from_str::<LedgerRow>(&text).expect("a row"), row, "{text}");
        }
    }
}
