//! The tools that read: earlier iterations, train examples, the SDK's guide. Each result is a page.

use serde_json::Value;

use super::Toolbox;
use crate::propose::{
    ProposeError,
    arguments::{self as args, parse},
    history::{Answer, Order, Page},
    pages::text_page,
};
use mmh_engine::toolchain;
use mmh_record::{RecordError, layout};

impl Toolbox<'_> {
    /// Calls the reading tool of this name. None where no reading tool has it.
    pub(super) fn read(&mut self, name: &str, input: &Value) -> Result<Option<Answer>, ProposeError> {
        // Every arm parses its own arguments. The model is told about errors in them.
        macro_rules! arguments {
            ($type:ty) => {
                match parse::<$type>(name, input.clone()) {
                    Ok(arguments) => arguments,
                    Err(problem) => return Ok(Some(Err(problem))),
                }
            };
        }
        let max_bytes = self.max_bytes();
        Ok(Some(match name {
            "list_iterations" => {
                let asked = arguments!(args::OfBoard);
                let order = asked.order.unwrap_or(Order::Newest);
                self.history.list(order, self.page(asked.offset, asked.limit))?
            }
            "scoreboard" => {
                let asked = arguments!(args::OfBoard);
                let order = asked.order.unwrap_or(Order::Best);
                self.history.scoreboard(order, self.page(asked.offset, asked.limit))?
            }
            "read_harness" => {
                let asked = arguments!(args::OfFile);
                self.history.source_page(asked.iteration, asked.offset, max_bytes)?
            }
            "read_reasoning" => {
                let asked = arguments!(args::OfFile);
                self.history.file(asked.iteration, layout::REASONING, asked.offset, max_bytes)?
            }
            "read_score" => {
                let asked = arguments!(args::OfScore);
                let page = self.page(asked.offset, asked.limit);
                self.history.score(asked.iteration, !self.context.dataset.is_open(), page)?
            }
            "compare_iterations" => {
                let asked = arguments!(args::OfChanges);
                let page = self.page(asked.offset, asked.limit);
                self.history.compare((asked.a, asked.b), self.context.dataset, page)?
            }
            "read_notes" => {
                let asked = arguments!(args::OfList);
                self.history.notes(self.page(asked.offset, asked.limit))?
            }
            "read_eval_trace" => {
                let asked = arguments!(args::OfTrace);
                let page = self.page(asked.offset, asked.limit);
                self.history.trace(asked.iteration, asked.only_failures, page)?
            }
            "read_train" => self.read_train(&arguments!(args::OfTrain))?,
            "read_sdk" => {
                let asked = arguments!(args::OfText);
                let guide = text_page(toolchain::guide(self.history.language()), asked.offset, max_bytes);
                self.history.note("sdk", guide.len())?;
                Ok(guide)
            }
            "diff_harness" => {
                let asked = arguments!(args::Pair);
                self.history.diff(asked.a, asked.b, asked.offset, max_bytes)?
            }
            _ => return Ok(None),
        }))
    }

    fn page(&self, offset: usize, limit: usize) -> Page {
        Page { offset, limit: limit.min(args::MAX_ROWS), max_bytes: self.max_bytes() }
    }

    fn read_train(&mut self, asked: &args::OfTrain) -> Result<Answer, RecordError> {
        let dataset = self.context.dataset;
        if let Some(label) = &asked.label
            && !dataset.is_open()
            && !dataset.task.labels.contains(label)
        {
            let labels = dataset.task.labels.join(", ");
            return Ok(Err(format!("there is no label {label:?}; the labels are {labels}")));
        }
        let page = self.page(asked.offset, asked.limit);
        self.history.train(&dataset.train, asked.label.as_deref(), page)
    }
}
