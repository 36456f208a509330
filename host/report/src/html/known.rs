//! Examples and labels by number, each kept once however many evaluations have it. Texts of examples are cut where all of
//! them together would take too much room.

use std::{collections::HashMap, sync::Arc};

use mmh_record::text;

use super::{data::ExampleText, sketch::TraceSketch};

/// The longest text of an example that is kept whole.
const MAX_INPUT_BYTES: usize = 64 << 10;

/// The room for the texts of all examples. Beyond it, the list shows the beginning of each text.
const INPUTS_BYTES: usize = 24 << 20;

/// What is kept of a text beyond that.
const BEGINNING_BYTES: usize = 200;

/// The longest label that is kept whole.
const MAX_LABEL_BYTES: usize = 1024;

/// Labels: those of the task, then all others that were seen.
#[derive(Default)]
pub struct Labels {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Labels {
    pub fn new(names: &[String]) -> Self {
        let mut labels = Self::default();
        for name in names {
            labels.enter(name.as_str().into());
        }
        labels
    }

    /// The number of a label.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let short = text::capped(name, MAX_LABEL_BYTES);
        match self.numbers.get(short.as_str()) {
            Some(number) => *number,
            None => self.enter(short.into()),
        }
    }

    fn enter(&mut self, name: Arc<str>) -> u32 {
        let number = self.names.len() as u32;
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    pub fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }
}

/// The examples of a split.
#[derive(Default)]
pub struct Examples {
    known: Vec<Example>,
    numbers: HashMap<Arc<str>, u32>,
    /// The bytes of all texts that are kept.
    bytes: usize,
    /// Whether texts are cut to their beginnings.
    cut: bool,
}

struct Example {
    id: Arc<str>,
    input: Box<str>,
    gold: u32,
}

impl Examples {
    /// The number of a row's example. The first row of an example says what its text and its label are.
    pub fn number(&mut self, row: &TraceSketch, labels: &mut Labels) -> u32 {
        if let Some(number) = self.numbers.get(row.example_id.as_str()) {
            return *number;
        }
        let (number, id) = (self.known.len() as u32, Arc::<str>::from(row.example_id.as_str()));
        let input = if self.cut {
            text::capped(&row.input, BEGINNING_BYTES)
        } else {
            text::middle_cut(&row.input, MAX_INPUT_BYTES)
        };
        self.bytes += input.len();
        let gold = labels.number(&row.gold_label);
        self.known.push(Example { id: id.clone(), input: input.into(), gold });
        self.numbers.insert(id, number);
        if self.bytes > INPUTS_BYTES && !self.cut {
            self.cut = true;
            let shorten = |it: &mut Example| it.input = text::capped(&it.input, BEGINNING_BYTES).into();
            self.known.iter_mut().for_each(shorten);
        }
        number
    }

    /// The id of an example.
    pub fn id(&self, number: u32) -> &str {
        self.known.get(number as usize).map_or("", |it| &it.id)
    }

    /// Whether the texts of examples are cut to their beginnings.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    fn text(&self, number: u32, labels: &mut Shown<'_>) -> ExampleText {
        let (input, gold) = self
            .known
            .get(number as usize)
            .map_or(("", 0), |it| (&*it.input, labels.place(it.gold) as usize));
        ExampleText { id: self.id(number).to_owned(), input: input.to_owned(), gold }
    }
}

/// The places of labels in a list that has those of the task first and then the others in the order in which they are shown.
pub struct Shown<'a> {
    labels: &'a Labels,
    places: HashMap<u32, u32>,
    pub names: Vec<String>,
}

impl<'a> Shown<'a> {
    /// Begins with the labels of the task.
    pub fn new(labels: &'a Labels, task: usize) -> Self {
        let mut shown = Self { labels, places: HashMap::new(), names: Vec::new() };
        for number in 0..task as u32 {
            shown.place(number);
        }
        shown
    }

    pub fn place(&mut self, number: u32) -> u32 {
        let (labels, names) = (self.labels, &mut self.names);
        *self.places.entry(number).or_insert_with(|| {
            names.push(labels.name(number).to_owned());
            names.len() as u32 - 1
        })
    }
}

/// The places of examples in the list that the page shows: in the order in which the evaluations have them.
pub struct Listed<'a> {
    examples: &'a Examples,
    places: Vec<u32>,
    pub texts: Vec<ExampleText>,
}

impl<'a> Listed<'a> {
    pub fn new(examples: &'a Examples) -> Self {
        Self { examples, places: vec![u32::MAX; examples.known.len()], texts: Vec::new() }
    }

    pub fn place(&mut self, number: u32, labels: &mut Shown<'_>) -> u32 {
        match self.places.get_mut(number as usize) {
            Some(place) if *place == u32::MAX => {
                *place = self.texts.len() as u32;
                self.texts.push(self.examples.text(number, labels));
                self.texts.len() as u32 - 1
            }
            Some(place) => *place,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, input: &str) -> TraceSketch {
        serde_json::from_value(serde_json::json!({
            "example_id": id, "input": input, "gold_label": "a", "predicted_label": null, "correct": false,
            "latency_ms": 0.0, "input_tokens": 0, "output_tokens": 0, "error_kind": "ok", "fuel": 0,
            "peak_memory_bytes": 0, "model_calls": 0, "prompt_bytes": 0, "logs": [],
        }))
        .expect("a row")
    }

    #[test]
    fn texts_beyond_the_room_are_cut_to_their_beginnings() {
        let (mut examples, mut labels) = (Examples::default(), Labels::default());
        let long = "x".repeat(MAX_INPUT_BYTES);
        let enough = INPUTS_BYTES / MAX_INPUT_BYTES;
        for at in 0..enough {
            examples.number(&row(&format!("val-{at:04}"), &long), &mut labels);
        }
        assert!(!examples.is_cut() && examples.known[0].input.len() == MAX_INPUT_BYTES);
        for at in enough..2 * enough {
            examples.number(&row(&format!("val-{at:04}"), &long), &mut labels);
        }
        assert!(examples.is_cut() && examples.known.iter().all(|it| it.input.len() < 2 * BEGINNING_BYTES));
        // Whoever is known keeps its number.
        assert_eq!(examples.number(&row("val-0001", "other"), &mut labels), 1);
    }

    #[test]
    fn labels_stand_behind_those_of_the_task_as_they_are_shown() {
        let mut labels = Labels::new(&["no".into(), "yes".into()]);
        let (late, early) = (labels.number("late"), labels.number("early"));
        assert_eq!((labels.number("yes"), labels.number("late")), (1, late));
        let mut shown = Shown::new(&labels, 2);
        assert_eq!((shown.place(early), shown.place(0), shown.place(late)), (2, 0, 3));
        assert_eq!(shown.names, ["no", "yes", "early", "late"]);
    }
}
