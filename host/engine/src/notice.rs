//! What this crate tells while it works. How it is shown is the caller's business.

/// Something worth showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A one-off remark, such as that a target is being installed.
    Note(String),
    /// What is being done right now, for a line that the next one replaces.
    Working(String),
}

/// Receives notices, from any thread.
pub type Tell<'a> = &'a (dyn Fn(Notice) + Sync);
