//! Who is there: workers say so once a second, and at once when they are asked.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::StreamExt;
use mmh_record::text;

use crate::{
    Bus, FleetError, bus,
    wire::{Hello, Version},
};

/// How long workers have to answer who is there.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_millis(1500);

/// A worker that was not heard of for so long is not there.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

/// Most workers that are remembered: anybody may say hello.
const MOST: usize = 10_000;

/// The longest name and id of a worker.
const MOST_CHARACTERS: usize = 100;

/// The most processors of a worker, as `mmh worker` has them, and the most calls that it can speak of.
const MOST_PROCESSORS: usize = 1024;
const MOST_CALLS: usize = 1_000_000;

/// How the workers of a fleet stand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// Workers that can take calls.
    pub workers: usize,
    /// Their processors.
    pub processors: usize,
    /// Calls that they end each second.
    pub calls_per_s: f64,
}

impl Standing {
    /// In words.
    pub fn line(&self) -> String {
        let counted = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        format!("{} with {}", counted(self.workers, "worker"), counted(self.processors, "processor"))
    }
}

/// The workers that were heard of.
#[derive(Default)]
pub(crate) struct Roster(Mutex<HashMap<String, (Hello, Instant)>>);

impl Roster {
    fn all(&self) -> MutexGuard<'_, HashMap<String, (Hello, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a worker says. Whether it was not there before.
    pub fn note(&self, hello: Hello) -> bool {
        let mut all = self.all();
        all.retain(|_, (_, heard)| heard.elapsed() < HEARD_WITHIN);
        if all.len() >= MOST && !all.contains_key(&hello.id) {
            return false;
        }
        all.insert(hello.id.clone(), (hello, Instant::now())).is_none()
    }

    /// The workers that are there, by name.
    pub fn present(&self) -> Vec<Hello> {
        let all = self.all();
        let there = all.values().filter(|(_, heard)| heard.elapsed() < HEARD_WITHIN);
        by_name(there.map(|(hello, _)| hello.clone()).collect())
    }

    /// The workers of this version, without those whose results are not taken.
    pub fn standing(&self, version: &Version, without: impl Fn(&str) -> bool) -> Standing {
        let mut standing = Standing::default();
        for (hello, heard) in self.all().values() {
            if heard.elapsed() < HEARD_WITHIN && hello.version == *version && !without(&hello.id) {
                standing.workers += 1;
                standing.processors += hello.processors;
                standing.calls_per_s += hello.calls_per_s;
            }
        }
        standing
    }

    /// The workers of other versions, in words: name and version.
    pub fn others(&self, version: &Version) -> Vec<String> {
        let all = self.all();
        let others = all.values().filter(|(hello, _)| hello.version != *version);
        let mut others: Vec<String> =
            others.map(|(it, _)| format!("{} is {}", it.name, shown(&it.version))).collect();
        others.sort();
        others
    }
}

/// What a worker says about itself, within bounds and safe to show: it comes from the bus. `None` if it makes no sense.
pub(crate) fn heard(payload: &[u8]) -> Option<Hello> {
    let hello: Hello = serde_json::from_slice(payload).ok()?;
    if hello.id.len() > MOST_CHARACTERS || !hello.id.chars().all(|it| it.is_ascii_alphanumeric()) {
        return None;
    }
    let Hello { processors, under_way, waiting, done, calls_per_s, .. } = hello;
    Some(Hello {
        name: text::name(&hello.name).chars().take(MOST_CHARACTERS).collect(),
        processors: processors.min(MOST_PROCESSORS),
        under_way: under_way.min(MOST_CALLS),
        waiting: waiting.min(MOST_CALLS),
        done: done.min(1 << 50),
        calls_per_s: calls_per_s.clamp(0.0, MOST_CALLS as f64),
        ..hello
    })
}

/// A version that came from the bus.
pub(crate) fn shown(version: &Version) -> String {
    text::name(&version.to_string())
}

/// The workers that answer within this time, by name.
pub async fn ask_who(bus: &Bus, within: Duration) -> Result<Vec<Hello>, FleetError> {
    bus.denials.or(answers(bus, within)).await
}

async fn answers(bus: &Bus, within: Duration) -> Result<Vec<Hello>, FleetError> {
    let silent = |error: String| FleetError::Server { does: "passes on no question", problem: error };
    let inbox = bus.client.new_inbox();
    let mut answers = bus.client.subscribe(inbox.clone()).await.map_err(|error| silent(error.to_string()))?;
    let asked = bus.client.publish_with_reply(bus::WHO, inbox, Default::default()).await;
    asked.map_err(|error| silent(error.to_string()))?;
    let until = tokio::time::Instant::now() + within;
    let mut found = HashMap::new();
    while let Ok(Some(message)) = tokio::time::timeout_at(until, answers.next()).await {
        if found.len() < MOST
            && let Some(hello) = heard(&message.payload)
        {
            found.insert(hello.id.clone(), hello);
        }
    }
    Ok(by_name(found.into_values().collect()))
}

fn by_name(mut workers: Vec<Hello>) -> Vec<Hello> {
    workers.sort_by(|left, right| (&left.name, &left.id).cmp(&(&right.name, &right.id)));
    workers
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_workers_say_is_bounded() {
        let honest = json!({
            "id": "a1", "name": "one", "version": Version::own(), "processors": 2, "under_way": 4, "waiting": 1,
            "done": 7, "calls_per_s": 1.5
        });
        let with = |name: &str, value: serde_json::Value| {
            let mut hello = honest.clone();
            hello[name] = value;
            serde_json::to_vec(&hello).expect("JSON")
        };
        // name, what is said, whether it is heard
        let table = [
            ("honest", with("id", "a1".into()), true),
            ("an odd id", with("id", "a.>".into()), false),
            ("a long id", with("id", "a".repeat(1000).into()), false),
            ("a negative number", with("processors", (-1).into()), false),
            ("many processors", with("processors", usize::MAX.into()), true),
            ("many calls", with("calls_per_s", 1e308.into()), true),
            ("negative calls", with("calls_per_s", (-1e308).into()), true),
            ("a long name", with("name", "x".repeat(10_000).into()), true),
            ("a name of two lines", with("name", "x\u{1b}[2J\ny".into()), true),
            ("no JSON", b"{".to_vec(), false),
        ];
        for (name, payload, is_heard) in table {
            let hello = heard(&payload);
            assert_eq!(hello.is_some(), is_heard, "{name}");
            let Some(hello) = hello else { continue };
            assert!(hello.processors <= MOST_PROCESSORS && hello.name.len() <= MOST_CHARACTERS, "{name}");
            assert!((0.0..=1e6).contains(&hello.calls_per_s), "{name}");
            assert!(!hello.name.contains(['\u{1b}', '\n']), "{name}");
        }
    }
}
