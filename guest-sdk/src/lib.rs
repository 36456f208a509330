//! What the author of an `mmh` harness uses.
//!
//! A harness is a type that implements [`Harness`] and is handed to [`export!`]. The host compiles the
//! file that holds it, starts it afresh for every example and makes the model calls it asks for through
//! [`Model`]. The same code runs natively in `cargo test` against a [`Model::scripted`] model.
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
mod units;

pub use error::{Error, Result};
pub use harness::{Attempt, Feedback, Harness, Prediction, Task};
pub use model::{Message, Model, ModelError, Reply, Request, Role, StopReason, Usage};

pub use regex_lite;
pub use serde;
pub use serde_json;

/// Everything that a harness file usually names. `use mmh_sdk::prelude::*;`
pub mod prelude {
    pub use crate::{
        Attempt, Error, Feedback, Harness, Message, Model, ModelError, Prediction, Reply, Request, Result,
        Role, StopReason, Task, Usage, bail, debug, error, info, json, labels, warn,
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

/// Compiles for harnesses only.
#[doc(hidden)]
pub fn assert_harness<H: Harness>() {}

/// What [`export!`] expands to. Not for use by hand.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::{
        __post_return_learn, __post_return_predict, _export_learn_cabi, _export_predict_cabi,
    };
    pub use crate::glue::Exported;
}
