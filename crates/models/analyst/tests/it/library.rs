//! A small stand-in for the knowledge engine: pages of text, searched by words, given in the form that models see.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

/// Documents as pages of lines with cells separated by ` | `.
#[derive(Default)]
pub(crate) struct Library {
    pages: Vec<Page>,
}

struct Page {
    file: String,
    number: usize,
    heading: String,
    text: String,
}

impl Library {
    /// Adds a document.
    pub(crate) fn with(mut self, file: &str, pages: &[(usize, &str, &str)]) -> Self {
        for (number, heading, text) in pages {
            self.pages.push(Page {
                file: file.into(),
                number: *number,
                heading: (*heading).into(),
                text: (*text).into(),
            });
        }
        self
    }

    /// Adds a real report, its layout turned into cells. `None` when the report or the tool that reads it is absent,
    /// which it says.
    pub(crate) fn with_report(mut self, file: &str) -> Option<Self> {
        let sample = septet_fixtures::repository().join("examples").join(file);
        let path = match sample.exists() {
            true => sample,
            false => septet_fixtures::shared(&format!("fixtures/reports/{file}"))?,
        };
        let read = Command::new("pdftotext").arg("-layout").arg(&path).arg("-").output();
        let output = read.inspect_err(|error| septet_fixtures::skipped(format_args!("pdftotext: {error}"))).ok()?;
        for (at, page) in String::from_utf8_lossy(&output.stdout).split('\u{c}').enumerate() {
            let lines: Vec<String> = page.lines().map(cells).filter(|line| !line.is_empty()).collect();
            let names = [
                "statement of",
                "balance sheet",
                "利润表",
                "现金流量表",
                "资产负债表",
                "主要会计数据",
                "quarterly data",
            ];
            let is_title = |line: &&String| {
                line.chars().count() < 60 && names.iter().any(|name| line.to_lowercase().contains(name))
            };
            let heading = lines.iter().find(is_title).cloned().unwrap_or_default();
            self.pages.push(Page { file: file.into(), number: at + 1, heading, text: lines.join("\n") });
        }
        Some(self)
    }

    /// The pages that hold most of the words of the queries, as the tool gives them.
    pub(crate) fn search(&self, queries: &[String], limit: usize) -> String {
        let terms: Vec<Vec<String>> =
            self.pages.iter().map(|page| terms(&format!("{} {}", page.heading, page.text))).collect();
        let mut frequency: BTreeMap<&str, usize> = BTreeMap::new();
        for page in &terms {
            for term in page {
                *frequency.entry(term).or_default() += 1;
            }
        }
        let mut found: Vec<usize> = Vec::new();
        let ranked: Vec<Vec<usize>> =
            queries.iter().map(|query| self.rank(&self::terms(query), &terms, &frequency)).collect();
        for place in 0..limit {
            for ranking in &ranked {
                if let Some(page) = ranking.get(place).filter(|page| !found.contains(page))
                    && found.len() < limit
                {
                    found.push(*page);
                }
            }
        }
        let mut text = String::new();
        for (number, page) in (1..).zip(found) {
            let page = &self.pages[page];
            let _ = write!(
                text,
                "[{number}] file=\"{}\" page={} heading=\"{}\"\n{}\n\n",
                page.file, page.number, page.heading, page.text
            );
        }
        if text.is_empty() { "No passages were found.".into() } else { text }
    }

    fn rank(&self, query: &[String], pages: &[Vec<String>], frequency: &BTreeMap<&str, usize>) -> Vec<usize> {
        let n_pages = self.pages.len() as f64;
        let score = |page: &Vec<String>| -> f64 {
            let hits = query.iter().filter(|term| page.contains(term));
            hits.map(|term| (n_pages / frequency.get(term.as_str()).copied().unwrap_or(1) as f64).ln() + 0.1).sum()
        };
        let mut scored: Vec<(f64, usize)> =
            pages.iter().enumerate().map(|(at, page)| (score(page), at)).filter(|(score, _)| *score > 0.0).collect();
        scored.sort_by(|one, other| other.0.total_cmp(&one.0));
        scored.into_iter().map(|(_, at)| at).collect()
    }

    /// The whole text of a page, to check what an answer states.
    pub(crate) fn page(&self, file: &str, number: usize) -> &str {
        self.pages.iter().find(|page| page.file == file && page.number == number).map_or("", |page| &page.text)
    }
}

fn cells(line: &str) -> String {
    let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    cells.join(" | ").replace("| $ |", "|")
}

/// Words of English, pairs of characters of Chinese; each once.
fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    for word in text.to_lowercase().split(|char: char| !char.is_alphanumeric()) {
        let chars: Vec<char> = word.chars().collect();
        if word.is_ascii() && word.len() > 2 {
            terms.push(word.to_owned());
        } else if !word.is_ascii() {
            terms.extend(chars.windows(2).map(|pair| pair.iter().collect::<String>()));
        }
    }
    terms.sort();
    terms.dedup();
    terms
}
