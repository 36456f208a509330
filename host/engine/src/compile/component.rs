//! A component whose size and imports are allowed, wherever it comes from.

use std::sync::Arc;

use mmh_record::{digest::Digest, limits::Limits, text};

use super::{Origin, Rejection, RejectionKind, imports};

/// A candidate's compiled form, whose size and imports are allowed.
#[derive(Clone, Debug)]
pub struct Component {
    /// The WebAssembly binary.
    pub bytes: Arc<[u8]>,
    /// SHA-256 of `bytes`.
    pub digest: Digest,
    /// The interfaces that it imports, such as `wasi:io/streams@0.2.6`.
    pub imports: Vec<String>,
    /// Whether components inside of it hand values to each other, which the host copies.
    pub hands_over: bool,
    /// Whether it came from the cache.
    pub cached: bool,
}

/// Admits a component, if its size, its imports and what it holds are allowed. `cached` says whether it came from the cache.
pub fn admit(bytes: Vec<u8>, origin: Origin, limits: &Limits, cached: bool) -> Result<Component, Rejection> {
    if let Some(rejection) = too_large(bytes.len() as u64, limits) {
        return Err(rejection);
    }
    let outline = imports::check(&bytes, origin)?;
    let (imports, hands_over) = (outline.imports, outline.hands_over);
    Ok(Component { digest: Digest::of(&bytes), bytes: bytes.into(), imports, hands_over, cached })
}

/// The refusal of a component that has so many bytes, if there is one.
pub(super) fn too_large(size: u64, limits: &Limits) -> Option<Rejection> {
    let limit = limits.component_bytes;
    (size > limit).then(|| {
        let (size, limit) = (text::bytes(size), text::bytes(limit));
        let message = format!("the component has {size}, more than the limit of {limit} (--component-mib)");
        Rejection::new(RejectionKind::ComponentTooLarge, message)
    })
}
