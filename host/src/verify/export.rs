//! Checks an export.
