//! Pages of lists and of texts, at all sizes of results.

use super::*;

/// A row with a text of so many bytes.
fn row(at: usize, bytes: usize) -> Value {
    json!({ "example_id": format!("val-{at:04}"), "input": "\u{7}é\n".repeat(bytes / 4), "calls": [{ "prompt": "x".repeat(bytes) }] })
}

/// Whatever the sizes are, a page is JSON within the limit, and its pages together are the list.
#[test]
fn pages_are_json_within_the_limit() {
    // rows, bytes of a text, limit of rows, limit of bytes
    let table = [
        (0, 0, 20, 1 << 10),
        (7, 10, 20, 1 << 16),
        (500, 100, 20, 1 << 16),
        (500, 100, 200, 1 << 12),
        (30, 5_000, 20, 1 << 16),
        (30, 5_000, 20, 1 << 10),
        (9, 300_000, 20, 1 << 16),
        (9, 300_000, 20, 1 << 10),
    ];
    for (rows, bytes, limit, max_bytes) in table {
        let name = format!("{rows} rows of {bytes} B, {limit} in {max_bytes} B");
        let (mut offset, mut seen, mut made) = (0, Vec::new(), 0);
        loop {
            let page = Page { offset, limit, max_bytes };
            let page = page.fill("examples", rows, |at| {
                made += 1;
                Ok(row(at, bytes))
            });
            let text = page.expect("no file is read").to_string();
            assert!(text.len() <= max_bytes, "{name}: {} bytes", text.len());
            let page: Value = serde_json::from_str(&text).expect("JSON");
            let ids = page["examples"].as_array().expect("rows").iter();
            seen.extend(ids.map(|row| row["example_id"].as_str().expect("an id").to_owned()));
            let is_whole = page["returned"] == json!(limit.min(rows - offset));
            assert!(is_whole || page["cut"].as_str().is_some_and(|why| why.contains("--tool-result-kib")));
            match page["next_offset"].as_u64() {
                Some(next) => offset = next as usize,
                None => break,
            }
        }
        assert_eq!(seen.len(), rows, "{name}");
        assert!(seen.is_sorted(), "{name}: {seen:?}");
        assert!(made <= 2 * rows, "{name}: {made} rows were made");
    }
}

#[test]
fn offsets_beyond_the_end_are_empty_pages() {
    for (offset, returned) in [(0, 3), (2, 1), (3, 0), (usize::MAX, 0)] {
        let page = Page { offset, limit: 20, max_bytes: 1 << 16 };
        let page = page.fill("rows", 3, |at| Ok(json!(at))).expect("no file is read");
        assert_eq!((&page["returned"], page.get("next_offset")), (&json!(returned), None), "{offset}");
    }
}

/// The pages of a text are the text; each is within the limit.
#[test]
fn texts_are_read_page_by_page() {
    let lines = "a line of a source\n".repeat(2_000);
    let one_line = "é".repeat(3_000);
    let table = [
        ("small", "fn main() {}\n", 1 << 10, 1),
        ("lines", lines.as_str(), 1 << 14, 3),
        ("one long line", one_line.as_str(), 1 << 10, 8),
        ("nothing", "", 1 << 10, 1),
    ];
    for (name, whole, max_bytes, pages) in table {
        let (mut offset, mut read, mut count) = (0, String::new(), 0);
        loop {
            let page = text_page(whole, offset, max_bytes);
            assert!(page.len() <= max_bytes, "{name}: {} bytes", page.len());
            count += 1;
            let Some((text, note)) = page.rsplit_once("\n[") else {
                read += &page;
                break;
            };
            read += text;
            match note.split_once("next_offset: ") {
                Some((_, next)) => offset = next.trim_end_matches(']').parse().expect("a number"),
                None => break,
            }
        }
        assert_eq!((read.as_str(), count), (whole, pages), "{name}");
    }
}

#[test]
fn json_that_is_too_large_stays_json() {
    let long = json!({ "ok": false, "reason": "did-not-compile", "diagnostics": "\"x\"\n".repeat(20_000) });
    let many = json!({ "ok": true, "examples": (0..10).map(|at| row(at, 20_000)).collect::<Vec<_>>() });
    for max_bytes in [1 << 10, 1 << 13, 1 << 16] {
        for value in [&long, &many] {
            let text = within(value.to_string(), max_bytes);
            let read: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert!(text.len() <= max_bytes, "{} bytes of {max_bytes}", text.len());
            assert_eq!((&read["ok"], &read["reason"]), (&value["ok"], &value["reason"]));
        }
    }
    assert_eq!(within(long.to_string(), 1 << 20), long.to_string());
}
