//! What the author of an `mmh` harness uses.
//!
//! A harness is a type that implements [`Harness`] and is handed to [`export!`]. The host compiles the
//! file that holds it, starts it afresh for every example and makes the model calls it asks for through
//! [`Model`]. The same code runs natively in `cargo test` against a [`Model::scripted`] model. A [`Scorer`], a task's own
//! metric, is made in the same way and handed to [`export_scorer!`].
//!
//! The guide with worked examples is `SDK.md` beside this crate's manifest. Not in here: anything that
//! scores, caches or pays. That is the host's.

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

pub use regex_lite;
pub use serde;
pub use serde_json;

/// Everything that the file of a harness or a scorer usually names. `use mmh_sdk::prelude::*;`
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
