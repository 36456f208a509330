//! What the author of an `mmh` harness uses.
//!
//! A harness is a type that implements [`Harness`] and is handed to [`export!`]. The host compiles the
//! file that holds it, starts it afresh for every example and makes the model calls it asks for through
//! [`Model`]. The same code runs natively in `cargo test` against a [`Model::scripted`] model. A [`Scorer`], a task's own
//! metric, is made in the same way and handed to [`export_scorer!`].
//!
//! The crates `regex_lite`, `serde` and `serde_json` come along, by these names and as re-exports here.
//!
//! The guide with worked examples is `SDK.md` beside this crate's manifest. Not in here: anything that
//! scores, caches or pays. That is the host's.
//!
//! ```
//! use mmh_sdk::prelude::*;
//!
//! struct ZeroShot;
//!
//! impl Harness for ZeroShot {
//!     type State = ();
//!
//!     fn predict(task: &Task, _: &(), input: &Input, model: &Model) -> Result<Answer> {
//!         let reply = model.ask(format!("{}\n{}\n\n{input}", task.instructions, task.label_list()))?;
//!         task.read_answer(&reply).ok_or_else(|| Error::new(format!("no label in {reply:?}")))
//!     }
//! }
//!
//! mmh_sdk::export!(ZeroShot);
//!
//! let task = Task::new("weather", "What does the sky do?", ["rain", "snow"]);
//! let answer = ZeroShot::predict(&task, &(), &"It is wet.".into(), &Model::replies(["**Rain**"]))?;
//! assert_eq!(answer.text, "rain");
//! # Ok::<(), Error>(())
//! ```

#![warn(missing_docs)]

mod answer;
#[cfg(target_arch = "wasm32")]
#[allow(clippy::all, unused)]
#[rustfmt::skip]
mod bindings;
mod composed;
mod error;
#[cfg(target_arch = "wasm32")]
mod glue;
mod harness;
pub mod json;
pub mod labels;
#[macro_use]
pub mod log;
mod mentions;
mod model;
mod scorer;
#[cfg(target_arch = "wasm32")]
#[allow(clippy::all, unused)]
#[rustfmt::skip]
mod scorer_bindings;
#[cfg(target_arch = "wasm32")]
mod scorer_glue;
mod task;
mod units;

pub use error::{Error, Result};
pub use harness::Harness;
pub use model::{Message, Model, ModelError, Reply, Request, Role, StopReason, Usage};
pub use scorer::{Grade, Part, Scorer};
pub use task::{Answer, Attempt, Feedback, Field, Input, Task};

/// Regular expressions, small and without tables of Unicode. A harness can also name the crate `regex_lite`.
///
/// ```
/// use mmh_sdk::regex_lite::Regex;
/// let year = Regex::new(r"\b(19|20)\d\d\b")?;
/// let found: Vec<&str> = year.find_iter("from 1984 to 2001").map(|it| it.as_str()).collect();
/// assert_eq!(found, ["1984", "2001"]);
/// # Ok::<(), mmh_sdk::Error>(())
/// ```
pub use regex_lite;

/// Types from and to data. A harness can also name the crate `serde`; the prelude has both derives.
///
/// ```
/// use mmh_sdk::{json, serde::Deserialize};
/// #[derive(Deserialize)]
/// struct Guess {
///     label: String,
/// }
/// let guess: Guess = json::extract_as(r#"{"label": "flu"}"#)?;
/// assert_eq!(guess.label, "flu");
/// # Ok::<(), mmh_sdk::Error>(())
/// ```
pub use serde;

/// JSON. A harness can also name the crate `serde_json`.
///
/// ```
/// use mmh_sdk::{Input, serde_json};
/// let input = Input::new("fever").with_field("tags", r#"["acute", "child"]"#);
/// let tags: Vec<String> = serde_json::from_str(input.field("tags").unwrap_or("[]"))?;
/// assert_eq!(tags, ["acute", "child"]);
/// # Ok::<(), mmh_sdk::Error>(())
/// ```
pub use serde_json;

/// Everything that the file of a harness or a scorer usually names. `use mmh_sdk::prelude::*;`
///
/// ```
/// use mmh_sdk::prelude::*;
/// fn last_word(reply: &str) -> Result<Answer> {
///     match labels::words(reply).pop() {
///         Some(word) => Ok(Answer::new(word)),
///         None => bail!("no word in {reply:?}"),
///     }
/// }
/// assert_eq!(last_word("The sky brings rain.")?, Answer::new("rain"));
/// # Ok::<(), Error>(())
/// ```
pub mod prelude {
    pub use crate::{
        Answer, Attempt, Error, Feedback, Field, Grade, Harness, Input, Message, Model, ModelError, Part,
        Reply, Request, Result, Role, Scorer, StopReason, Task, Usage, bail, debug, error, info, json,
        labels, warn,
    };
    pub use serde::{Deserialize, Serialize};
}

/// Makes a type that implements [`Harness`] the component's harness. Once per file.
///
/// On any target but WebAssembly it only checks the type, so that the file can be tested natively.
///
/// ```
/// use mmh_sdk::prelude::*;
/// struct FirstLabel;
/// impl Harness for FirstLabel {
///     type State = ();
///     fn predict(task: &Task, _: &(), _: &Input, _: &Model) -> Result<Answer> {
///         task.labels.first().map(Answer::new).ok_or_else(|| Error::new("the task has no labels"))
///     }
/// }
/// mmh_sdk::export!(FirstLabel);
/// let open = Task::open("capitals", "Name the capital.");
/// assert!(FirstLabel::predict(&open, &(), &"Norway".into(), &Model::replies([""])).is_err());
/// ```
#[macro_export]
macro_rules! export {
    ($harness:ty) => {
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = $crate::assert_harness::<$harness>;
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            // The exported functions, which have to be unsafe, know this name only. What is written in the
            // harness stands nowhere but here.
            struct __MmhExported;
            impl $crate::__private::Exported for __MmhExported {
                type Harness = $harness;
            }
            $crate::__export_harness_impl!(__MmhExported);
        };
    };
}

/// Makes a type that implements [`Scorer`] the component's scorer. Once per file, which is not a harness's.
///
/// On any target but WebAssembly it only checks the type, so that the file can be tested natively.
///
/// ```
/// use mmh_sdk::prelude::*;
/// struct Prefix;
/// impl Scorer for Prefix {
///     fn score(_: &Task, _: &Input, gold: &str, answer: &Answer, _: &Model) -> Result<Grade> {
///         Ok(Grade::right_or_wrong(answer.text.starts_with(gold)))
///     }
/// }
/// mmh_sdk::export_scorer!(Prefix);
/// let task = Task::open("capitals", "Name the capital.");
/// let model = Model::replies([""]);
/// assert!(Prefix::score(&task, &"Norway".into(), "Oslo", &"Oslo, of course".into(), &model)?.correct);
/// # Ok::<(), Error>(())
/// ```
#[macro_export]
macro_rules! export_scorer {
    ($scorer:ty) => {
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = $crate::assert_scorer::<$scorer>;
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            // As in `export!`.
            struct __MmhExported;
            impl $crate::__private::ExportedScorer for __MmhExported {
                type Scorer = $scorer;
            }
            $crate::__export_scorer_impl!(__MmhExported);
        };
    };
}

/// Compiles for harnesses only.
#[doc(hidden)]
pub fn assert_harness<H: Harness>() {}

/// Compiles for scorers only.
#[doc(hidden)]
pub fn assert_scorer<S: Scorer>() {}

/// What [`export!`] and [`export_scorer!`] expand to. Not for use by hand.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::{
        __post_return_learn, __post_return_predict, _export_learn_cabi, _export_predict_cabi,
    };
    pub use crate::glue::Exported;
    pub use crate::scorer_bindings::{__post_return_score, _export_score_cabi};
    pub use crate::scorer_glue::ExportedScorer;
}
