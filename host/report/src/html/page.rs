//! The page itself: its parts put into one file, and the policy that keeps everything else out.
//!
//! The scripts are modules in `assets/report`, in the order in which they use each other. A page of one file
//! cannot import them, so that they stand behind each other in one script, without their import lines. A run's
//! data is in blocks of gzip in base64, an alphabet without markup. The content security policy allows the
//! page's own script and style, by their digests, and nothing else.

use std::io::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use sha2::{Digest, Sha256};

use mmh_record::RecordError;

/// The frame of the page.
const FRAME: &str = include_str!("../../assets/report/page.html");
const STYLE: &str = include_str!("../../assets/report/style.css");

/// The scripts, each after those that it imports.
const MODULES: [&str; 30] = [
    include_str!("../../assets/report/text.js"),
    include_str!("../../assets/report/patch.js"),
    include_str!("../../assets/report/dom.js"),
    include_str!("../../assets/report/rust.js"),
    include_str!("../../assets/report/markdown.js"),
    include_str!("../../assets/report/objective.js"),
    include_str!("../../assets/report/notes.js"),
    include_str!("../../assets/report/model.js"),
    include_str!("../../assets/report/noise.js"),
    include_str!("../../assets/report/annotated.js"),
    include_str!("../../assets/report/expression.js"),
    include_str!("../../assets/report/charts.js"),
    include_str!("../../assets/report/compared.js"),
    include_str!("../../assets/report/tree.js"),
    include_str!("../../assets/report/overview.js"),
    include_str!("../../assets/report/calls.js"),
    include_str!("../../assets/report/learned.js"),
    include_str!("../../assets/report/where.js"),
    include_str!("../../assets/report/examples.js"),
    include_str!("../../assets/report/matrix.js"),
    include_str!("../../assets/report/iteration.js"),
    include_str!("../../assets/report/confusion.js"),
    include_str!("../../assets/report/replay.js"),
    include_str!("../../assets/report/record.js"),
    include_str!("../../assets/report/many.js"),
    include_str!("../../assets/report/runs.js"),
    include_str!("../../assets/report/address.js"),
    include_str!("../../assets/report/run_page.js"),
    include_str!("../../assets/report/workers.js"),
    include_str!("../../assets/report/main.js"),
];

/// All scripts as one, without imports and with nothing exported.
fn script() -> String {
    let mut script = String::from("\n");
    let mut importing = false;
    for line in MODULES.iter().flat_map(|module| module.lines()) {
        importing |= line.starts_with("import ");
        if !importing {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
        importing &= !line.ends_with(';');
    }
    script
}

/// A style element's content.
fn style() -> String {
    format!("\n{STYLE}")
}

/// What the page may do. `connect` is where it may get data from.
pub fn policy(connect: &str) -> String {
    let source = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src {connect}; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        source(&script()),
        source(&style()),
    )
}

/// The page with a run's data in it.
pub fn file(title: &str, blocks: &[(String, String)]) -> String {
    let data: String = blocks
        .iter()
        .map(|(name, block)| {
            format!("<script type=\"application/gzip\" id=\"block-{name}\">{block}</script>\n")
        })
        .collect();
    fill(title, &policy("'none'"), &data)
}

/// The page without data: it asks the server that it came from.
pub fn live(title: &str) -> String {
    fill(title, &policy("'self'"), "")
}

fn fill(title: &str, policy: &str, data: &str) -> String {
    let mut page = String::with_capacity(data.len() + (256 << 10));
    let mut rest = FRAME;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").unwrap_or((after, ""));
        page.push_str(before);
        match name {
            "title" => page.push_str(&escaped(title)),
            "policy" => page.push_str(policy),
            "style" => page.push_str(&style()),
            "data" => page.push_str(data),
            "script" => page.push_str(&script()),
            _ => {}
        }
        rest = behind;
    }
    page + rest
}

/// Text as markup that stands for it.
fn escaped(text: &str) -> String {
    let text = mmh_record::text::one_line(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A block of data, as it stands in the page.
pub fn pack(name: &str, value: &impl Serialize) -> Result<String, RecordError> {
    let failed = |source| RecordError::Io { action: "compress", file: name.to_owned(), source };
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let json = serde_json::to_vec(value)
        .map_err(|error| RecordError::Damaged { file: name.to_owned(), problem: error.to_string() })?;
    packer.write_all(&json).map_err(failed)?;
    Ok(STANDARD.encode(packer.finish().map_err(failed)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_stands_alone() {
        let script = script();
        let left: Vec<&str> = script
            .lines()
            .filter(|line| line.trim_start().starts_with("import ") || line.starts_with("export "))
            .collect();
        assert_eq!(left, Vec::<&str>::new(), "imports and exports stand at the start of a line");
        assert!(!script.contains("</script") && !script.contains("<!--"), "the script ends itself");
        for forbidden in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
        {
            assert!(!script.contains(forbidden), "{forbidden} makes markup or code of text");
        }
    }

    #[test]
    fn a_title_is_text() {
        let page = live("</title><script>alert(1)</script>");
        assert!(page.contains("&lt;/title&gt;&lt;script&gt;alert(1)"), "{page}");
    }

    #[test]
    fn the_page_names_no_other_place() {
        let page = file("x", &[("run".into(), "AAAA".into())]);
        let namespace = "http://www.w3.org/2000/svg";
        let rest = page.replace(namespace, "");
        for forbidden in ["http://", "https://", "src=", "<link", "@import", "url("] {
            assert!(!rest.contains(forbidden), "{forbidden} leads out of the page");
        }
    }
}
