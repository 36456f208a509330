//! The project's pages in Markdown, as the tests of documentation read them.

use std::{fs, path::Path};

use crate::root;

/// Folders without pages of the project: what is built, installed, recorded, or a template.
const SKIPPED: [&str; 6] = ["target", "node_modules", ".git", "corpus", "artifacts", "assets"];

/// A page.
pub struct Page {
    /// Its path from the workspace's root.
    pub path: String,
    pub text: String,
}

/// A fenced block.
pub struct Block {
    /// The first word after the fence.
    pub language: String,
    /// The second word: the file in which a reader is to keep the block.
    pub file: Option<String>,
    pub text: String,
}

/// All pages, sorted by path.
pub fn pages() -> Vec<Page> {
    let (root, mut found, mut folders) = (root(), Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            // Of the runs, only the page about them is the project's.
            let is_run = folder == root.join("runs");
            match path.is_dir() {
                true if !is_run && !SKIPPED.contains(&name.as_str()) => folders.push(path),
                false if name.ends_with(".md") => found.push(page(&path, &root)),
                _ => {}
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn page(path: &Path, root: &Path) -> Page {
    let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
    Page { path: name, text: fs::read_to_string(path).expect("a page") }
}

impl Page {
    /// The page with this path.
    pub fn named(path: &str) -> Self {
        let root = root();
        page(&root.join(path), &root)
    }

    pub fn blocks(&self) -> Vec<Block> {
        let (mut blocks, mut lines) = (Vec::new(), self.text.lines());
        while let Some(line) = lines.next() {
            let Some(info) = line.strip_prefix("```") else { continue };
            let mut words = info.split_whitespace().map(str::to_owned);
            let (language, file) = (words.next().unwrap_or_default(), words.next());
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { language, file, text: inside.join("\n") + "\n" });
        }
        blocks
    }

    /// The page without its fenced blocks.
    pub fn prose(&self) -> String {
        let mut is_block = false;
        let lines = self.text.lines().filter(|line| {
            let is_fence = line.starts_with("```");
            is_block ^= is_fence;
            !is_fence && !is_block
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What stands between backticks in the prose.
    pub fn spans(&self) -> Vec<String> {
        self.prose().split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// The targets of all links and pictures.
    pub fn links(&self) -> Vec<String> {
        let prose = self.prose();
        let rests = prose.split("](").skip(1);
        rests.filter_map(|rest| rest.split_once(')').map(|(target, _)| target.to_owned())).collect()
    }

    /// The names by which links reach the headings.
    pub fn anchors(&self) -> Vec<String> {
        let prose = self.prose();
        let headings = prose.lines().filter(|line| line.starts_with('#'));
        headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
    }

    /// The rows of the table that begins with this line, cell by cell.
    pub fn table(&self, head: &str) -> Vec<Vec<String>> {
        let begin = self.text.lines().position(|line| line == head);
        let begin = begin.unwrap_or_else(|| panic!("{}: no table {head}", self.path));
        let rows = self.text.lines().skip(begin + 2).take_while(|line| line.starts_with('|'));
        let cells =
            |row: &str| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        rows.map(cells).collect()
    }

    /// Fails where the part that is made from the program is stale; `MMH_BLESS=1` writes it anew. `test` is the
    /// test file that makes it.
    pub fn check_generated(&self, name: &str, test: &str, expected: &str) {
        let bless = format!("MMH_BLESS=1 cargo test --workspace --test {test}");
        let (begin, end) = (format!("<!-- generated: {name}; {bless} -->\n"), "<!-- end -->");
        let (before, rest) =
            self.text.split_once(&begin).unwrap_or_else(|| panic!("{}: no {begin}", self.path));
        let (found, after) = rest.split_once(end).unwrap_or_else(|| panic!("{}: no {end}", self.path));
        if found == expected {
            return;
        }
        if std::env::var_os("MMH_BLESS").is_some() {
            let text = format!("{before}{begin}{expected}{end}{after}");
            fs::write(root().join(&self.path), text).expect("the page can be written");
            return;
        }
        let line = expected.lines().zip(found.lines()).find(|(new, old)| new != old);
        panic!("{} is stale, first at {line:?}; make it again with: {bless}", self.path);
    }
}

/// As code hosting sites make it: lower case, without punctuation, hyphens for spaces.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The options in a text: `--name`.
pub fn options(text: &str) -> Vec<String> {
    let is_name = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    let starts = text.match_indices("--").filter(|(at, _)| !text[..*at].ends_with('-'));
    let names = starts.map(|(at, _)| {
        let rest = &text[at..];
        rest[..rest.find(|it| !is_name(it)).unwrap_or(rest.len())].trim_end_matches('-').to_owned()
    });
    names.filter(|name| name.len() > 3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_apart() {
        let text = "# A `b`, c\nSee [x](y.md#z) and `--fuel`.\n\n```sh file.sh\nmmh run --json\n```\n## D\n";
        let page = Page { path: "p".into(), text: text.into() };
        assert_eq!(page.anchors(), ["a-b-c", "d"]);
        assert_eq!(page.links(), ["y.md#z"]);
        assert_eq!(page.spans(), ["b", "--fuel"]);
        let block = &page.blocks()[0];
        let found = (block.language.as_str(), block.file.as_deref(), block.text.as_str());
        assert_eq!(found, ("sh", Some("file.sh"), "mmh run --json\n"));
        assert_eq!(options("`--fuel 7`, --x-y-; <!-- end -->|---|--a"), ["--fuel", "--x-y"]);
    }
}
