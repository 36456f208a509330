//! Results of bounded size: pages of lists and of texts, and JSON that stays JSON when it is made smaller.
//!
//! A result says where the next page begins (`next_offset`), and why it is shorter than what was asked for (`cut`). Only
//! what is on a page is read and made into JSON, and the first row that does not fit.

use serde_json::{Map, Value, json};

use mmh_record::{RecordError, text};

/// Bytes of a page besides its rows.
const ENVELOPE: usize = 400;

/// Longest note at the end of a text.
const MAX_NOTE: usize = 240;

/// Texts are cut to this many bytes at first, then to a half again and again, but to no less than the last number.
const TEXT_BYTES: (usize, usize) = (6_000, 48);

/// A part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// How many rows come before it.
    pub offset: usize,
    /// Most rows.
    pub limit: usize,
    /// Most bytes of the whole result.
    pub max_bytes: usize,
}

impl Page {
    /// The rows of this page under `name`, with the counts that the next page needs. There are as many whole rows as fit;
    /// of a row that does not fit alone, the longest texts are cut. `row` makes the row at a place in the list, and is
    /// called for these rows only, and for the first that does not fit.
    pub fn fill(
        self,
        name: &str,
        total: usize,
        mut row: impl FnMut(usize) -> Result<Value, RecordError>,
    ) -> Result<Value, RecordError> {
        let room = self.max_bytes.saturating_sub(ENVELOPE);
        let (mut rows, mut bytes, mut cut) = (Vec::new(), 0, None);
        let wanted = self.offset.min(total)..total.min(self.offset.saturating_add(self.limit));
        for at in wanted {
            let mut made = row(at)?;
            let mut size = made.to_string().len() + 1;
            if bytes + size > room && !rows.is_empty() {
                cut = Some(self.why("further rows do not fit"));
                break;
            }
            if size > room {
                made = fitted(made, room);
                size = made.to_string().len() + 1;
                cut = Some(self.why("texts of this row are cut"));
            }
            bytes += size;
            rows.push(made);
        }
        let mut page = json!({ "total": total, "offset": self.offset, "returned": rows.len() });
        let next = self.offset.saturating_add(rows.len());
        if next < total {
            page["next_offset"] = json!(next);
        }
        if let Some(cut) = cut {
            page["cut"] = json!(cut);
        }
        page[name] = Value::Array(rows);
        Ok(page)
    }

    fn why(&self, what: &str) -> String {
        format!("{what}: {}", limit_of_result(self.max_bytes))
    }
}

/// The limit of one result, in words.
fn limit_of_result(max_bytes: usize) -> String {
    format!("one result may have {} (--tool-result-kib)", text::bytes(max_bytes as u64))
}

/// A text from a byte on, as much as fits into `max_bytes`. It ends with a line where that is possible, and with a note
/// where something is left.
pub fn text_page(whole: &str, offset: usize, max_bytes: usize) -> String {
    let from = floor_char(whole, offset);
    let rest = &whole[from..];
    if from == 0 && rest.len() <= max_bytes {
        return rest.to_owned();
    }
    let room = max_bytes.saturating_sub(MAX_NOTE).max(1);
    let shown = if rest.len() <= room { rest } else { whole_lines(rest, room) };
    let (end, all) = (from + shown.len(), whole.len());
    let part = format!("bytes {from} to {end} of {all} are shown");
    if end == all {
        return format!("{shown}\n[{part}: this is the end]");
    }
    format!("{shown}\n[cut: {part}, because {}; next_offset: {end}]", limit_of_result(max_bytes))
}

/// The lines of a text that fit, or as many characters of the first one, and at least one.
fn whole_lines(text: &str, room: usize) -> &str {
    let fits = &text[..floor_char(text, room)];
    let end = fits.rfind('\n').map_or(fits.len(), |at| at + 1);
    let first = text.chars().next().map_or(0, char::len_utf8);
    &text[..end.max(first)]
}

/// The nearest place at or before this one at which a character begins.
fn floor_char(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// A result within the limit. JSON that is too large stays JSON; any other text is cut, with a note.
pub fn within(content: String, max_bytes: usize) -> String {
    if content.len() <= max_bytes {
        return content;
    }
    match serde_json::from_str::<Value>(&content) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => {
            let value = fitted(value, max_bytes.saturating_sub(ENVELOPE));
            match value {
                Value::Object(mut fields) => {
                    let why = format!("texts are cut: {}", limit_of_result(max_bytes));
                    fields.insert("cut".into(), json!(why));
                    Value::Object(fields).to_string()
                }
                other => other.to_string(),
            }
        }
        _ => text_page(&content, 0, max_bytes),
    }
}

/// The same JSON in at most so many bytes, if that is possible: long texts lose their middle, long lists their end, and at
/// last an object its last fields.
fn fitted(mut value: Value, max_bytes: usize) -> Value {
    let (mut bytes, least) = TEXT_BYTES;
    while value.to_string().len() > max_bytes && bytes >= least {
        let items = (bytes / least).max(1);
        shorten(&mut value, bytes, items);
        bytes /= 2;
    }
    // The first fields say what it is about.
    while let Value::Object(fields) = &mut value
        && fields.len() > 1
        && serde_json::to_string(fields).is_ok_and(|text| text.len() > max_bytes)
    {
        let last = fields.keys().next_back().cloned().unwrap_or_default();
        fields.shift_remove(&last);
    }
    value
}

fn shorten(value: &mut Value, bytes: usize, items: usize) {
    match value {
        // What says that something was cut takes room as well.
        Value::String(whole) if whole.len() > bytes + bytes / 2 => *whole = text::middle_cut(whole, bytes),
        Value::Array(all) => {
            if all.len() > items {
                let left_out = all.len() - items;
                all.truncate(items);
                all.push(Value::String(format!("[cut: {left_out} more]")));
            }
            all.iter_mut().for_each(|item| shorten(item, bytes, items));
        }
        Value::Object(fields) => fields_of(fields, bytes, items),
        _ => {}
    }
}

fn fields_of(fields: &mut Map<String, Value>, bytes: usize, items: usize) {
    fields.values_mut().for_each(|value| shorten(value, bytes, items));
}

#[cfg(test)]
mod tests;
