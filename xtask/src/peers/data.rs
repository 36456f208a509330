//! The task that all systems work on: messages to the workshop of a bicycle dealer, and the part that each is about.
//! It is made here, from a seed, so that no foreign data set is needed.

use std::{fmt::Write, fs, io, path::Path};

/// Examples that a candidate may show to the model, and examples that are scored.
const TRAIN: usize = 40;
pub const SCORED: usize = 50;

/// What the model answers, whatever it is asked.
pub const ANSWER: &str = "brakes";

const SEED: u64 = 14;

const INSTRUCTIONS: &str =
    "Customers write to the workshop of a bicycle dealer. Say which part of the bicycle a message is about.";

const OPENINGS: [&str; 6] = [
    "Hello, since last week",
    "After the last service",
    "On my way to work this morning",
    "I bought the bicycle in spring and now",
    "Whenever it rains",
    "On long descents",
];

const COMPLAINTS: [(&str, [&str; 5]); 4] = [
    (
        "brakes",
        [
            "the lever goes down to the bar",
            "the front wheel squeals when I stop",
            "one pad rubs on the rim",
            "the disc gets hot and smells",
            "the rear wheel hardly slows down",
        ],
    ),
    (
        "gears",
        [
            "the chain jumps under load",
            "the shifter skips two steps at once",
            "I cannot reach the largest sprocket",
            "the derailleur touches the spokes",
            "the small chain ring does not engage",
        ],
    ),
    (
        "lights",
        [
            "the rear lamp flickers",
            "the front lamp stays dark",
            "the dynamo hums and gives no power",
            "the battery of the lamp is empty in an hour",
            "the beam points at the sky",
        ],
    ),
    (
        "tyres",
        [
            "I have a puncture again",
            "the valve loses air",
            "the profile is worn down to the fabric",
            "the tube shows a bulge at the side",
            "the rubber is full of small cracks",
        ],
    ),
];

const ENDINGS: [&str; 4] =
    ["Can you look at it?", "What would a repair cost?", "Is it safe to ride?", "I can come on Friday."];

/// The rows of both splits.
pub struct Data {
    train: Vec<Row>,
    scored: Vec<Row>,
}

type Row = (String, &'static str);

impl Data {
    pub fn new() -> Self {
        let mut rows = Vec::new();
        for (label, complaints) in COMPLAINTS {
            for complaint in complaints {
                for opening in OPENINGS {
                    rows.extend(ENDINGS.map(|ending| (format!("{opening} {complaint}. {ending}"), label)));
                }
            }
        }
        shuffle(&mut rows, SEED);
        rows.truncate(TRAIN + SCORED);
        let scored = rows.split_off(TRAIN);
        Self { train: rows, scored }
    }

    /// The accuracy of every candidate, since the model always answers the same.
    pub fn accuracy(&self) -> f64 {
        let right = self.scored.iter().filter(|(_, label)| *label == ANSWER).count();
        right as f64 / self.scored.len() as f64
    }

    /// Writes a data set as `mmh` reads it.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let task = format!("{{\"name\": \"workshop\", \"instructions\": \"{INSTRUCTIONS}\"}}\n");
        fs::write(folder.join("task.json"), task)?;
        fs::write(folder.join("train.jsonl"), lines(&self.train))?;
        fs::write(folder.join("val.jsonl"), lines(&self.scored))
    }
}

fn lines(rows: &[Row]) -> String {
    rows.iter().fold(String::new(), |mut lines, (text, label)| {
        let _ = writeln!(lines, "{{\"text\": \"{text}\", \"label\": \"{label}\"}}"); // a String takes everything
        lines
    })
}

/// The same order for the same seed, on every machine.
fn shuffle<T>(rows: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..rows.len()).rev() {
        // Knuth's multiplier and increment for 64 bits; the upper half is the better one.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        rows.swap(last, (state >> 33) as usize % (last + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_task_is_fit_to_be_scored() {
        let data = Data::new();
        assert_eq!((data.train.len(), data.scored.len()), (TRAIN, SCORED));
        let all: Vec<&Row> = data.train.iter().chain(&data.scored).collect();
        let texts: BTreeSet<&str> = all.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts.len(), all.len(), "no text stands twice");
        assert!(
            texts.iter().all(|text| !text.contains(['"', '\\'])),
            "a text is the inside of a JSON string"
        );
        for (label, _) in COMPLAINTS {
            let is_in = |rows: &[Row]| rows.iter().any(|row| row.1 == label);
            assert!(is_in(&data.train) && is_in(&data.scored), "{label}");
        }
        assert!(data.accuracy() > 0.0 && data.accuracy() < 1.0, "a score that nobody gets by doing nothing");
    }
}
