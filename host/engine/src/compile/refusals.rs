//! Refusals in the cache: a source that its compiler has refused is not compiled again.
//!
//! Only what the source alone decides is kept. A compiler that was stopped, ran out of something or has crashed may say
//! something else next time, and is asked again.

use std::path::Path;

use mmh_record::{
    digest::{Digest, KeyBuilder},
    limits::Limits,
};
use serde::{Deserialize, Serialize};

use super::{Rejection, RejectionKind};
use crate::{
    cache::{Cache, CacheError},
    toolchain::stamps,
};

/// The name of the folder, and how its files end.
const KIND: &str = "refusals";
const EXTENSION: &str = ".json";

/// Changes when other things are kept.
const FORM: &str = "1";

/// Largest entry in bytes. Longer words are not kept: see `Limits::diagnostics_bytes`.
const MAX_BYTES: usize = 256 << 10;

/// A refusal, and whether the same source gets it each time.
#[derive(Debug)]
pub struct Refused {
    pub rejection: Rejection,
    /// It depends on the source, the tools and the limits alone, and on nothing that this machine does.
    pub holds: bool,
}

impl Refused {
    /// One that the source gets each time.
    pub fn always(rejection: Rejection) -> Self {
        Self { rejection, holds: true }
    }

    /// One that may be another next time.
    pub fn this_time(rejection: Rejection) -> Self {
        Self { rejection, holds: false }
    }
}

/// The place of one source's refusal.
pub struct Place<'a> {
    cache: &'a Cache,
    key: Digest,
}

/// An entry as it lies in the cache.
#[derive(Serialize, Deserialize)]
struct Kept {
    kind: String,
    message: String,
    diagnostics: String,
    /// Of the entry's key and of all of the above: an entry that was damaged, or lies in another's place, is none.
    digest: Digest,
}

impl<'a> Place<'a> {
    /// The place for a source whose component has this key. The words are this program's, so they hold for this file of it
    /// (`program`). `None` if there is no such file.
    pub fn of(cache: &'a Cache, component: Digest, program: &Path, limits: &Limits) -> Option<Self> {
        let key = KeyBuilder::new("refusal").part("form", FORM).part("component", component.bytes());
        let key = key.part("component-bytes", limits.component_bytes.to_le_bytes());
        let key = key.part("diagnostics-bytes", limits.diagnostics_bytes.to_le_bytes());
        let key = stamps::enter(key, program)?.finish();
        Some(Self { cache, key })
    }

    /// Whether there is an entry, as far as its name tells.
    pub fn is_taken(&self) -> bool {
        self.cache.path(KIND, self.key, EXTENSION).is_file()
    }

    /// The refusal that is kept here. Fails if somebody else could have written it.
    pub fn get(&self) -> Result<Option<Rejection>, CacheError> {
        let bytes = self.cache.get(KIND, self.key, EXTENSION)?;
        Ok(bytes.filter(|bytes| bytes.len() <= MAX_BYTES).and_then(|bytes| self.read(&bytes)))
    }

    /// Keeps a refusal, if it is one that the source gets each time.
    pub fn put(&self, refused: &Refused) -> Result<(), CacheError> {
        let Rejection { kind, message, diagnostics } = &refused.rejection;
        if !refused.holds || !RejectionKind::of_source().any(|it| it == *kind) {
            return Ok(());
        }
        let digest = self.digest(kind.name(), message, diagnostics);
        let (kind, message, diagnostics) = (kind.name().to_owned(), message.clone(), diagnostics.clone());
        let kept = serde_json::to_vec(&Kept { kind, message, diagnostics, digest });
        match kept {
            Ok(bytes) if bytes.len() <= MAX_BYTES => {
                self.cache.put(KIND, self.key, EXTENSION, &bytes).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn read(&self, bytes: &[u8]) -> Option<Rejection> {
        let Kept { kind, message, diagnostics, digest } = serde_json::from_slice(bytes).ok()?;
        let known = RejectionKind::of_source().find(|it| it.name() == kind)?;
        let is_whole = digest == self.digest(&kind, &message, &diagnostics);
        is_whole.then_some(Rejection { kind: known, message, diagnostics })
    }

    fn digest(&self, kind: &str, message: &str, diagnostics: &str) -> Digest {
        let all = KeyBuilder::new("refused").part("key", self.key.bytes()).part("kind", kind);
        all.part("message", message).part("diagnostics", diagnostics).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache, and the file that stands for the program.
    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("program"), "1").expect("a file");
        let cache = Cache::new(folder.path().join("cache"));
        (folder, cache)
    }

    fn refused(kind: RejectionKind) -> Rejection {
        Rejection { kind, message: "error: no".into(), diagnostics: "error: no\n --> harness.rs:1:1".into() }
    }

    #[test]
    fn keeps_what_the_source_alone_decides() {
        let (folder, cache) = cache();
        let limits = Limits::default();
        let long = Rejection { diagnostics: "x".repeat(MAX_BYTES), ..refused(RejectionKind::DidNotCompile) };
        // name, what is kept, whether it is found again
        let table = [
            ("an error", Refused::always(refused(RejectionKind::DidNotCompile)), true),
            ("an import", Refused::always(refused(RejectionKind::BadImport)), true),
            ("a component", Refused::always(refused(RejectionKind::BadComponent)), true),
            ("its size", Refused::always(refused(RejectionKind::ComponentTooLarge)), true),
            ("an error of the machine", Refused::this_time(refused(RejectionKind::DidNotCompile)), false),
            ("words that are too long", Refused::always(long), false),
        ];
        let of_machine = RejectionKind::of_machine().map(|kind| (kind.name(), refused(kind)));
        let others = [RejectionKind::SourceTooLarge, RejectionKind::Leak, RejectionKind::Duplicate];
        let others = others.into_iter().map(|kind| (kind.name(), refused(kind)));
        let never =
            of_machine.chain(others).map(|(name, rejection)| (name, Refused::always(rejection), false));
        for (name, refused, is_kept) in table.into_iter().chain(never) {
            let place = Place::of(&cache, Digest::of(name), &folder.path().join("program"), &limits);
            let place = place.expect("there is a program");
            place.put(&refused).expect("it is written");
            assert_eq!(place.is_taken(), is_kept, "{name}");
            let found = place.get().expect("it is read");
            assert_eq!(found, is_kept.then(|| refused.rejection.clone()), "{name}");
        }
    }

    #[test]
    fn a_damaged_entry_is_none() {
        let (folder, cache) = cache();
        let (program, limits) = (folder.path().join("program"), Limits::default());
        let at = |key: &str| Place::of(&cache, Digest::of(key), &program, &limits).expect("a program");
        let (place, other) = (at("a"), at("b"));
        let path = cache.path(KIND, place.key, EXTENSION);
        let keep = |place: &Place<'_>, message: &str| {
            let rejection = Rejection { message: message.into(), ..refused(RejectionKind::DidNotCompile) };
            place.put(&Refused::always(rejection)).expect("it is written");
        };
        type Change = fn(String) -> String;
        // name, what is changed
        let table: [(&str, Change); 6] = [
            ("nothing is left", |_| String::new()),
            ("cut off", |text| text[..text.len() / 2].to_owned()),
            ("another message", |text| text.replace("error: one", "error: two")),
            ("other diagnostics", |text| text.replace("harness.rs:1", "harness.rs:2")),
            ("another kind", |text| text.replace("did-not-compile", "bad-import")),
            ("a kind that is never kept", |text| text.replace("did-not-compile", "compiler-timeout")),
        ];
        for (name, change) in table {
            keep(&place, "error: one");
            let text = std::fs::read_to_string(&path).expect("an entry");
            let changed = change(text.clone());
            assert_ne!(text, changed, "{name}");
            std::fs::write(&path, changed).expect("it is changed");
            assert_eq!(place.get().expect("it is read"), None, "{name}");
        }
        keep(&other, "error: one");
        std::fs::copy(cache.path(KIND, other.key, EXTENSION), &path).expect("it is copied");
        assert_eq!(place.get().expect("it is read"), None, "another source's entry");
    }

    #[test]
    fn another_program_or_limit_has_another_place() {
        let (folder, cache) = cache();
        let (program, limits) = (folder.path().join("program"), Limits::default());
        let key = |limits: &Limits| Place::of(&cache, Digest::of("a"), &program, limits).map(|it| it.key);
        let first = key(&limits);
        assert!(first.is_some());
        assert_eq!(first, key(&Limits { rustc_wall_ms: 1, ..limits.clone() }));
        assert_ne!(first, key(&Limits { component_bytes: 1, ..limits.clone() }));
        assert_ne!(first, key(&Limits { diagnostics_bytes: 1, ..limits.clone() }));
        std::fs::write(&program, "22").expect("it is changed");
        assert_ne!(first, key(&limits));
        std::fs::remove_file(&program).expect("it is removed");
        assert_eq!(None, key(&limits));
    }
}
