//! What goes over the bus, as plain data. It is JSON, followed by bytes where there are many.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use mmh_engine::{
    runner::{HarnessCall, ScorerCall},
    sandbox::{Failure, LabelledExample, LogLine},
};
use mmh_record::{
    chat::ChatRequest,
    digest::{Digest, KeyBuilder},
    grade::Grade,
    input::Input,
    limits::Limits,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The number of the protocol. It changes with every change of a message or of their order.
const PROTOCOL: u32 = 1;

/// Who can run calls for whom: the same version of this program and the same architecture. Another version may count fuel
/// otherwise, and another architecture has another stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// The program's version.
    pub program: String,
    /// The processor's architecture.
    pub architecture: String,
    /// The protocol's number.
    pub protocol: u32,
}

impl Version {
    /// This program's.
    pub fn own() -> Self {
        Self {
            program: env!("CARGO_PKG_VERSION").into(),
            architecture: std::env::consts::ARCH.into(),
            protocol: PROTOCOL,
        }
    }

    /// It as a part of a subject.
    pub fn token(&self) -> String {
        let key = KeyBuilder::new("fleet")
            .part("program", &self.program)
            .part("architecture", &self.architecture)
            .part("protocol", self.protocol.to_le_bytes());
        key.finish().to_string()[..16].to_owned()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mmh {} for {}, protocol {}", self.program, self.architecture, self.protocol)
    }
}

/// A call that a worker can take. Its digest is its id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its number among the calls of the coordinator: two equal calls are two.
    pub number: u64,
    /// The limits of the call.
    #[serde(with = "mmh_engine::shared")]
    pub limits: Arc<Limits>,
    /// How many bytes the call may take in the record.
    pub record_bytes: u64,
    /// What is called.
    pub work: Work,
}

/// What is called, as data.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// A harness, for an answer.
    Predict(HarnessCall<Input>),
    /// A harness, to learn.
    Learn(HarnessCall<Vec<LabelledExample>>),
    /// A scorer, for a grade.
    Score(ScorerCall),
}

impl Work {
    /// The component that is called.
    pub fn component(&self) -> Digest {
        match self {
            Self::Predict(call) => call.component,
            Self::Learn(call) => call.component,
            Self::Score(call) => call.component,
        }
    }

    /// The state that it is called with, for a harness.
    pub fn state(&self) -> Option<Digest> {
        match self {
            Self::Predict(call) => Some(call.state),
            Self::Learn(call) => Some(call.state),
            Self::Score(_) => None,
        }
    }
}

/// What came of a call. A new state follows it as bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Done {
    /// The id of the worker that made it.
    pub worker: String,
    /// The worker's name.
    pub name: String,
    /// What came of it.
    pub answer: Answer,
}

/// What came of a call, by its kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// A harness's answer.
    Text(Account<String>),
    /// That there is a new state.
    State(Account<()>),
    /// A scorer's grade.
    Grade(Account<Grade>),
    /// The worker does not make this call, and why.
    Refused(String),
}

/// A report on its way: as [`Report`](mmh_engine::sandbox::Report), without what the coordinator has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account<T> {
    /// What the call returned, or why it returned nothing.
    pub result: Result<T, Failure>,
    /// Units of fuel.
    pub fuel: u64,
    /// Processor time.
    pub own_time: Duration,
    /// The largest sum of all its memories.
    pub peak_memory_bytes: u64,
    /// Its model calls, in the order of the requests.
    pub calls: Vec<Slip>,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// What it printed.
    pub stdout: String,
    /// The same of its standard error.
    pub stderr: String,
}

impl<T> Account<T> {
    /// The same with another result, where there is one.
    pub fn map<U>(self, result: impl FnOnce(T) -> U) -> Account<U> {
        let Self { fuel, own_time, peak_memory_bytes, calls, logs, stdout, stderr, .. } = self;
        let result = self.result.map(result);
        Account { result, fuel, own_time, peak_memory_bytes, calls, logs, stdout, stderr }
    }
}

/// A model call in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slip {
    /// The coordinator has answered it, and has it.
    Answered,
    /// It was not answered in time.
    Unanswered,
}

/// A model call of a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// The id of the worker.
    pub worker: String,
    /// What is asked.
    #[serde(with = "mmh_engine::shared")]
    pub request: Arc<ChatRequest>,
    /// Its number among those of the call.
    pub index: u32,
    /// How many equal requests were made before it.
    pub draw: u32,
    /// How long the call waits.
    pub time_left: Duration,
}

/// What a coordinator says of a model call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// What came of it.
    Outcome(Box<mmh_record::chat::CallOutcome>),
    /// The harness's call is over, and nobody waits for it.
    Over,
}

/// A worker about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Its id, chosen by chance when it began.
    pub id: String,
    /// Its name: the host's, unless it was given another.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// How many processors it uses.
    pub processors: usize,
    /// Calls that it has begun and not ended.
    pub under_way: usize,
    /// Those of them that wait for a model.
    pub waiting: usize,
    /// Calls that it has ended since it began.
    pub done: u64,
    /// Calls that it has ended each second, lately.
    pub calls_per_s: f64,
}

/// JSON and the bytes after it, with the length of the first in front.
pub fn framed(head: &impl Serialize, tail: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, head)?;
    let length = u32::try_from(bytes.len() - 4).unwrap_or(u32::MAX);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(tail);
    Ok(bytes)
}

/// The two parts again. `None` if they are not what they should be.
pub fn unframed<T: DeserializeOwned>(mut bytes: Bytes) -> Option<(T, Bytes)> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let _ = bytes.split_to(4);
    if length > bytes.len() {
        return None;
    }
    let head = bytes.split_to(length);
    Some((serde_json::from_slice(&head).ok()?, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_back_or_refused() {
        let bytes = framed(&vec![1, 2], b"tail").expect("data");
        let (head, tail): (Vec<u32>, _) = unframed(bytes.clone().into()).expect("a frame");
        assert_eq!((head, &tail[..]), (vec![1, 2], &b"tail"[..]));
        // name, bytes that are no frame
        let table: [(&str, &[u8]); 4] = [
            ("nothing", b""),
            ("half a length", &bytes[..2]),
            ("cut off", &bytes[..6]),
            ("no JSON", &[1, 0, 0, 0, b'x']),
        ];
        for (name, bytes) in table {
            assert!(unframed::<Vec<u32>>(Bytes::copy_from_slice(bytes)).is_none(), "{name}");
        }
    }

    #[test]
    fn other_versions_have_other_tokens() {
        let own = Version::own();
        let others = [
            Version { program: "0.0.9".into(), ..own.clone() },
            Version { architecture: "riscv64".into(), ..own.clone() },
            Version { protocol: 0, ..own.clone() },
        ];
        for other in others {
            assert_ne!(other.token(), own.token(), "{other}");
        }
    }
}
