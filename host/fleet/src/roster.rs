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

/// A worker that was not heard of for so long is not there.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

/// Most workers that are remembered: anybody may say hello.
const MOST: usize = 10_000;

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
    pub fn note(&self, mut hello: Hello) -> bool {
        // It comes from the bus, and is shown.
        hello.name = text::name(&hello.name);
        let mut all = self.all();
        all.retain(|_, (_, heard)| heard.elapsed() < HEARD_WITHIN);
        if all.len() >= MOST && !all.contains_key(&hello.id) {
            return false;
        }
        all.insert(hello.id.clone(), (hello, Instant::now())).is_none()
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

/// A version that came from the bus.
pub(crate) fn shown(version: &Version) -> String {
    text::name(&version.to_string())
}

/// The workers that answer within this time, by name.
pub async fn ask_who(bus: &Bus, within: Duration) -> Result<Vec<Hello>, FleetError> {
    let silent = |error: String| FleetError::Server { does: "passes on no question", problem: error };
    let inbox = bus.client.new_inbox();
    let mut answers = bus.client.subscribe(inbox.clone()).await.map_err(|error| silent(error.to_string()))?;
    let asked = bus.client.publish_with_reply(bus::WHO, inbox, Default::default()).await;
    asked.map_err(|error| silent(error.to_string()))?;
    let until = tokio::time::Instant::now() + within;
    let mut found = HashMap::new();
    while let Ok(Some(message)) = tokio::time::timeout_at(until, answers.next()).await {
        if let Ok(hello) = serde_json::from_slice::<Hello>(&message.payload) {
            found.insert(hello.id.clone(), Hello { name: text::name(&hello.name), ..hello });
        }
    }
    let mut found: Vec<Hello> = found.into_values().collect();
    found.sort_by(|left, right| (&left.name, &left.id).cmp(&(&right.name, &right.id)));
    Ok(found)
}
