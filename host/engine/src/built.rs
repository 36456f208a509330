//! Harnesses and scorers that are ready to be called.

use std::{fmt, sync::Arc};

use crate::{
    compile::Component,
    sandbox::{Prepared, PreparedScorer},
};

/// A harness that is ready to be called, and the exact binary it is.
#[derive(Clone)]
pub struct Built {
    /// The binary, with its digest and imports.
    pub component: Component,
    /// The same, linked to what it imports.
    pub prepared: Arc<Prepared>,
}

/// A scorer that is ready to be called, and the exact binary it is.
#[derive(Clone)]
pub struct BuiltScorer {
    /// The binary, with its digest and imports.
    pub component: Component,
    /// The same, linked to what it imports.
    pub prepared: Arc<PreparedScorer>,
}

impl fmt::Debug for BuiltScorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BuiltScorer").field(&self.component.digest).finish()
    }
}
