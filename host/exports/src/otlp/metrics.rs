//! Figures of a run: tokens and durations of model calls, cost, scores. They are cumulative since the search began here.

use std::collections::BTreeMap;

use mmh_record::chat::Usage;

use super::wire::{Attributes, Message, Value, attributes};

/// The ends of the ranges of tokens, as the conventions have them.
const TOKENS: [f64; 14] = [
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0,
    16777216.0, 67108864.0,
];
/// The ends of the ranges of seconds, as the conventions have them.
const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// Sums are since the beginning.
const CUMULATIVE: u64 = 2;

/// Who asked: the proposer's calls and those of harnesses are told apart.
pub(super) type Role = &'static str;

/// A call that is counted.
pub(super) struct Counted<'a> {
    pub(super) role: Role,
    pub(super) provider: &'a str,
    pub(super) model: &'a str,
    pub(super) usage: &'a Usage,
    pub(super) cost_usd: f64,
    pub(super) seconds: f64,
    pub(super) cached: bool,
}

/// The figures so far.
#[derive(Default)]
pub(super) struct Metrics {
    begun: u64,
    tokens: BTreeMap<(Role, String, String, &'static str), Histogram>,
    seconds: BTreeMap<(Role, String, String), Histogram>,
    cost: BTreeMap<Role, f64>,
    scores: BTreeMap<(u32, &'static str), f64>,
    changed: bool,
}

#[derive(Default)]
struct Histogram {
    count: u64,
    sum: f64,
    buckets: [u64; 15],
}

impl Histogram {
    fn add(&mut self, bounds: &[f64; 14], value: f64) {
        self.count += 1;
        self.sum += value;
        self.buckets[bounds.partition_point(|bound| *bound < value)] += 1;
    }

    fn point(&self, (begun, now): (u64, u64), bounds: &[f64; 14], names: &Attributes) -> Message {
        let message =
            Message::default().fixed(2, begun).fixed(3, now).fixed(4, self.count).double(5, self.sum);
        let message = message.packed(6, self.buckets).packed(7, bounds.map(f64::to_bits));
        attributes(message, 9, names)
    }
}

impl Metrics {
    pub(super) fn since(begun: u64) -> Self {
        Self { begun, ..Self::default() }
    }

    /// Counts a call. One that the reply cache answered took nothing from the provider.
    pub(super) fn call(&mut self, call: &Counted<'_>) {
        self.changed = true;
        if call.cached {
            return;
        }
        let names = || (call.role, call.provider.to_owned(), call.model.to_owned());
        let both = [("input", call.usage.total_input_tokens()), ("output", call.usage.output_tokens)];
        for (kind, tokens) in both {
            let (role, provider, model) = names();
            self.tokens.entry((role, provider, model, kind)).or_default().add(&TOKENS, tokens as f64);
        }
        self.seconds.entry(names()).or_default().add(&SECONDS, call.seconds);
        *self.cost.entry(call.role).or_default() += call.cost_usd;
    }

    /// Keeps a score.
    pub(super) fn score(&mut self, iteration: u32, split: &'static str, value: f64) {
        self.changed |= self.scores.insert((iteration, split), value) != Some(value);
    }

    /// The metrics to send, if any has changed.
    pub(super) fn take(&mut self, now: u64) -> Option<Vec<Message>> {
        std::mem::take(&mut self.changed).then(|| self.messages(now))
    }

    fn messages(&self, now: u64) -> Vec<Message> {
        let times = (self.begun, now);
        let tokens = self.tokens.iter().map(|((role, provider, model, kind), histogram)| {
            let mut names = of_call(role, provider, model);
            names.push(("gen_ai.token.type", (*kind).into()));
            histogram.point(times, &TOKENS, &names)
        });
        let seconds = self.seconds.iter().map(|((role, provider, model), histogram)| {
            histogram.point(times, &SECONDS, &of_call(role, provider, model))
        });
        let cost =
            self.cost.iter().map(|(role, usd)| number(times, *usd, &vec![("mmh.role", (*role).into())]));
        let scores = self.scores.iter().map(|((iteration, split), value)| {
            number(
                times,
                *value,
                &vec![("mmh.iteration", Value::Number((*iteration).into())), ("mmh.split", (*split).into())],
            )
        });
        let histogram = |points: Vec<Message>| Message::default().messages(1, points).number(2, CUMULATIVE);
        let sum = Message::default().messages(1, cost).number(2, CUMULATIVE).number(3, 1);
        vec![
            metric("gen_ai.client.token.usage", "{token}").message(9, histogram(tokens.collect())),
            metric("gen_ai.client.operation.duration", "s").message(9, histogram(seconds.collect())),
            metric("mmh.cost", "{USD}").message(7, sum),
            metric("mmh.score", "1").message(5, Message::default().messages(1, scores)),
        ]
    }
}

fn metric(name: &str, unit: &str) -> Message {
    Message::default().text(1, name).text(3, unit)
}

fn number((begun, now): (u64, u64), value: f64, names: &Attributes) -> Message {
    attributes(Message::default().fixed(2, begun).fixed(3, now).double(4, value), 7, names)
}

fn of_call(role: Role, provider: &str, model: &str) -> Attributes {
    vec![
        ("gen_ai.operation.name", "chat".into()),
        ("gen_ai.provider.name", provider.into()),
        ("gen_ai.request.model", model.into()),
        ("mmh.role", role.into()),
    ]
}
