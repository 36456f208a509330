//! What the collector removes, and what it leaves alone.

use super::*;
use crate::cache::Cache;
use mmh_record::digest::Digest;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn wish() -> GcOptions {
    let (all, replies, dry_run) = (false, false, false);
    GcOptions { all, replies, unused_for: 30 * DAY, dry_run, now: mmh_record::clock::file_time() }
}

/// A cache with an entry of each kind, and files that are not the program's.
fn filled() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("cache");
    let key = Digest::of("a").to_string();
    let names = [
        format!("sdk/{key}/manifest.json"),
        format!("sdk/{key}.lock"),
        format!("components/{key}.wasm"),
        "components/.tmpAbC".into(),
        format!("refusals/{key}.json"),
        "components/mine.wasm".into(),
        format!("native/{key}.cwasm"),
        format!("tools/{key}.json"),
        "replies/replies.sqlite".into(),
        "replies/notes.txt".into(),
        "scratch/job-left/out/x".into(),
        "scratch/mine/x".into(),
        "papers/x".into(),
    ];
    for name in names {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, "12345").expect("a file");
    }
    (folder, root)
}

fn files(root: &Path) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, out: &mut Vec<String>) {
        for item in fs::read_dir(folder).expect("a folder").flatten() {
            let name = format!("{prefix}{}", item.file_name().to_string_lossy());
            match item.path().is_dir() {
                true => walk(&item.path(), &format!("{name}/"), out),
                false => out.push(name.replace(&Digest::of("a").to_string(), "KEY")),
            }
        }
    }
    let mut out = Vec::new();
    walk(root, "", &mut out);
    out.sort();
    out
}

const NOT_OURS: [&str; 5] =
    ["components/mine.wasm", "papers/x", "replies/notes.txt", "scratch/mine/x", "sdk/KEY.lock"];

#[test]
fn removes_what_is_wished_and_nothing_else() {
    let nothing = |_: &str, _: &Path| false;
    let natives = |kind: &str, _: &Path| kind == "native";
    let later = SystemTime::now() + Duration::from_secs(3600);
    let soon = GcOptions { now: later, ..wish() };
    type Useless<'a> = &'a dyn Fn(&str, &Path) -> bool;
    // name, wish, what is useless, what is left besides what is not ours
    let kept = [
        "sdk/KEY/manifest.json",
        "components/KEY.wasm",
        "refusals/KEY.json",
        "tools/KEY.json",
        "replies/replies.sqlite",
    ];
    let with = |more: &[&'static str]| [&kept[..], more].concat();
    let table: [(&str, GcOptions, Useless<'_>, Vec<&str>); 6] = [
        ("at once", wish(), &nothing, with(&["native/KEY.cwasm", "scratch/job-left/out/x"])),
        ("an hour later", soon, &nothing, with(&["native/KEY.cwasm"])),
        ("useless native code", soon, &natives, with(&[])),
        (
            "a month later",
            GcOptions { now: later + 30 * DAY, ..wish() },
            &nothing,
            vec!["replies/replies.sqlite"],
        ),
        ("all", GcOptions { all: true, ..soon }, &nothing, vec!["replies/replies.sqlite"]),
        ("all and replies", GcOptions { all: true, replies: true, ..soon }, &nothing, vec![]),
    ];
    for (name, wish, useless, left) in table {
        let (_folder, root) = filled();
        let before = files(&root);
        let dry = collect(&root, &GcOptions { dry_run: true, ..wish }, useless).expect("it can be read");
        assert_eq!(files(&root), before, "{name}: dry");
        let done = collect(&root, &wish, useless).expect("it can be read");
        assert_eq!(done.kinds, dry.kinds, "{name}");
        let mut expected: Vec<&str> = left.into_iter().chain(NOT_OURS).chain([IN_USE]).collect();
        expected.sort_unstable();
        assert_eq!(files(&root), expected, "{name}");
    }
}

/// A process that holds the folder keeps its entries. One that works in a scratch folder keeps that folder.
#[test]
fn takes_nothing_from_who_uses_it() {
    let (_folder, root) = filled();
    let everything = GcOptions { all: true, replies: true, now: SystemTime::now() + 40 * DAY, ..wish() };
    let cache = Cache::new(root.clone());
    let scratch = cache.scratch().expect("a folder");
    fs::write(scratch.path().join("x"), "").expect("a file");
    let done = collect(&root, &everything, &|_, _| true).expect("it can be read");
    assert!(done.in_use && done.problems.is_empty(), "{done:?}");
    let removed: Vec<_> = done.kinds.iter().filter(|it| it.removed > 0).map(|it| it.kind).collect();
    assert_eq!(removed, ["scratch"], "what was left behind goes");
    assert!(scratch.path().join("x").exists() && !root.join("scratch/job-left").exists());
    let clone = cache.clone();
    drop((cache, scratch));
    assert!(collect(&root, &everything, &|_, _| true).expect("it can be read").in_use, "a clone holds it");
    drop(clone);
    assert!(!collect(&root, &everything, &|_, _| true).expect("it can be read").in_use);
    let mut left = files(&root);
    left.retain(|name| name != IN_USE);
    assert_eq!(left, NOT_OURS);
}

#[test]
fn an_empty_place_is_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    let none = collect(&folder.path().join("none"), &wish(), &|_, _| true).expect("it can be read");
    assert!(none.kinds.iter().all(|kind| kind.entries == 0) && !none.in_use);
    assert!(!folder.path().join("none").exists());
}
