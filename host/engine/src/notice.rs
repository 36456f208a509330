//! Notices about work in progress. The caller decides how they are shown.

/// Something worth showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A one-off remark, such as that a target is being installed.
    Note(String),
    /// The step under way, for a status line. The next notice replaces it.
    Working(String),
}

/// Receives notices, from any thread.
pub type Tell<'a> = &'a (dyn Fn(Notice) + Sync);
