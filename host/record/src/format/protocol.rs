//! How a search goes about it: where it starts, how many candidates it proposes at once, how harnesses learn, how often
//! examples are evaluated, and which harnesses get a held-out score.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::config::Config;
use crate::candidate::CandidateId;

/// The protocol of a search. What is as in a plain search is absent from its JSON; a plain search has one baseline and one
/// candidate an iteration, learns before it predicts, and evaluates each example once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Protocol {
    /// How many harnesses the search starts from: the candidates 000 and on. At least 1.
    #[serde(deserialize_with = "count", skip_serializing_if = "is_one")]
    pub baselines: u32,
    /// How many candidates an iteration proposes at the same time. At least 1.
    #[serde(deserialize_with = "count", skip_serializing_if = "is_one")]
    pub candidates: u32,
    /// How often each example is evaluated, with other random numbers and other samples each time. At least 1.
    #[serde(deserialize_with = "count", skip_serializing_if = "is_one")]
    pub trials: u32,
    /// When a harness learns.
    #[serde(skip_serializing_if = "is_plain")]
    pub learning: Learning,
    /// How often a harness is offered the train examples. At least 1.
    #[serde(deserialize_with = "count", skip_serializing_if = "is_one")]
    pub epochs: u32,
    /// How many train examples each call of `learn` has. Absent: as many as fit.
    #[serde(deserialize_with = "some_count", skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<u32>,
    /// On how many validation examples a candidate is tried before it gets all of them. Absent: it gets all of them at once.
    #[serde(deserialize_with = "some_count", skip_serializing_if = "Option::is_none")]
    pub screen: Option<u32>,
    /// Which harnesses get a held-out score.
    #[serde(skip_serializing_if = "is_plain")]
    pub held_out: HeldOut,
    /// Whether a harness that asks no model is refused.
    #[serde(skip_serializing_if = "is_plain")]
    pub require_model: bool,
}

/// When a harness learns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Learning {
    /// From the train examples, before it predicts.
    #[default]
    Offline,
    /// From each batch of train examples after it has predicted them, with its attempts and what they were worth.
    Online,
}

/// Which harnesses get a held-out score, besides the baselines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldOut {
    /// The best one on validation.
    #[default]
    Best,
    /// Every member of the frontier, and the best one.
    Frontier,
    /// Every harness with a score.
    All,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            baselines: 1,
            candidates: 1,
            trials: 1,
            learning: Learning::default(),
            epochs: 1,
            batch_size: None,
            screen: None,
            held_out: HeldOut::default(),
            require_model: false,
        }
    }
}

impl Protocol {
    /// The most that each of its numbers can be.
    pub const MOST: u32 = 10_000;

    /// Whether it is that of a plain search.
    pub fn is_plain(&self) -> bool {
        is_plain(self)
    }

    /// The candidate with this index: the baselines come first, then the candidates of one iteration after the other.
    pub fn candidate(&self, index: u32) -> CandidateId {
        let generation = match index.checked_sub(self.baselines) {
            Some(proposed) => proposed / self.candidates + 1,
            None => 0,
        };
        CandidateId { index, generation }
    }

    /// The index of the first candidate of a generation.
    pub fn first_of(&self, generation: u32) -> u32 {
        match generation.checked_sub(1) {
            Some(before) => self.baselines.saturating_add(before.saturating_mul(self.candidates)),
            None => 0,
        }
    }
}

impl Config {
    /// How many candidates there are, if the search is not ended early: the baselines, and those of all iterations.
    pub fn all_candidates(&self) -> u32 {
        self.protocol.baselines.saturating_add(self.iterations.saturating_mul(self.protocol.candidates))
    }

    /// Whether the search starts from this candidate.
    pub fn is_baseline(&self, index: u32) -> bool {
        self.protocol.candidate(index).is_baseline()
    }
}

/// Reads a number from 1 to [`Protocol::MOST`].
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let count = u32::deserialize(deserializer)?;
    if (1..=Protocol::MOST).contains(&count) {
        return Ok(count);
    }
    Err(D::Error::custom(format!(
        "a number of the protocol is {count}: it has to be from 1 to {}",
        Protocol::MOST
    )))
}

fn some_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    count(deserializer).map(Some)
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

fn is_plain<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_protocol_says_nothing() {
        let one = Protocol { trials: 3, learning: Learning::Online, ..Protocol::default() };
        let table = [
            ("plain", Protocol::default(), "{}"),
            ("two settings", one, r#"{"trials":3,"learning":"online"}"#),
        ];
        for (name, protocol, expected) in table {
            let written = serde_json::to_string(&protocol).expect("plain data");
            assert_eq!(written, expected, "{name}");
            assert_eq!(serde_json::from_str::<Protocol>(&written).expect("it is read"), protocol, "{name}");
        }
    }

    #[test]
    fn a_number_of_a_protocol_has_its_limits() {
        let table = [
            (r#"{"trials":1}"#, true),
            (r#"{"trials":10000}"#, true),
            (r#"{"trials":0}"#, false),
            (r#"{"candidates":10001}"#, false),
            (r#"{"screen":0}"#, false),
            (r#"{"batch_size":4294967295}"#, false),
        ];
        for (json, is_read) in table {
            assert_eq!(serde_json::from_str::<Protocol>(json).is_ok(), is_read, "{json}");
        }
    }

    #[test]
    fn candidates_are_counted_through() {
        // baselines, candidates, index, its generation
        let table = [
            (1, 1, 0, 0),
            (1, 1, 1, 1),
            (1, 1, 7, 7),
            (3, 1, 2, 0),
            (3, 1, 3, 1),
            (3, 2, 4, 1),
            (3, 2, 5, 2),
        ];
        for (baselines, candidates, index, generation) in table {
            let protocol = Protocol { baselines, candidates, ..Protocol::default() };
            let found = protocol.candidate(index).generation;
            assert_eq!(found, generation, "{index} after {baselines} with {candidates} at once");
        }
    }
}
