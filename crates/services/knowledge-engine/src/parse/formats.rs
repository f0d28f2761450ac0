//! The formats that are read: one table, a row for each.
//!
//! A format is added by a file that reads it and a row of [`FORMATS`]. Which reader a file gets, as what its bytes are
//! served, and what is said where a file cannot be read come from here; a test holds the console and the documents to it.

use super::protocol::Request;
use super::read_text::{ReadText, TextReader};
use super::{ParseFailure, csv, encoding, html, json, markdown, pdf, text};

/// One format.
pub struct Format {
    /// What a reading notes: `csv`.
    pub name: &'static str,
    /// What people call it, in English and in Chinese.
    pub titles: [&'static str; 2],
    /// Endings of names, in lower case, each with the media type of such a file; the usual one first.
    pub endings: &'static [(&'static str, &'static str)],
    /// What the first bytes say.
    sniff: fn(&[u8]) -> Sniffed,
    /// How it is read.
    pub(super) read: Read,
}

/// What the first bytes of a file say about it being of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sniffed {
    /// Nothing.
    No,
    /// It looks like it, which counts for a file whose name says nothing.
    Likely,
    /// It is that, whatever its name says.
    Certain,
}

/// How a format is read.
pub(super) enum Read {
    /// As text, in whatever encoding it is.
    Text(TextReader),
    /// Page by page. The function loads what reading needs, which must be before the walls stand.
    Pages(fn(&Request) -> pdf::Reader),
}

/// Every format. What no other one claims is read as the last.
pub static FORMATS: &[Format] = &[
    Format {
        name: "pdf",
        titles: ["PDF", "PDF"],
        endings: &[("pdf", "application/pdf")],
        // It may begin after up to a kilobyte of something else.
        sniff: |head| match head[..head.len().min(1_024)].windows(5).any(|window| window == b"%PDF-") {
            true => Sniffed::Certain,
            false => Sniffed::No,
        },
        read: Read::Pages(pdf::load),
    },
    Format {
        name: "html",
        titles: ["HTML", "HTML"],
        endings: &[("html", "text/html"), ("htm", "text/html"), ("xhtml", "application/xhtml+xml")],
        sniff: |head| likely(html::is_page(&encoding::decode(head))),
        read: Read::Text(|text| Ok(html::blocks(text).into())),
    },
    Format {
        name: "markdown",
        titles: ["Markdown", "Markdown"],
        endings: &[("md", "text/markdown"), ("markdown", "text/markdown")],
        sniff: |_| Sniffed::No,
        read: Read::Text(|text| Ok(markdown::blocks(text).into())),
    },
    Format {
        name: "csv",
        titles: ["CSV", "CSV"],
        endings: &[("csv", "text/csv"), ("tsv", "text/tab-separated-values")],
        sniff: |_| Sniffed::No,
        read: Read::Text(|text| Ok(csv::blocks(text).into())),
    },
    Format {
        name: "json",
        titles: ["JSON", "JSON"],
        endings: &[("json", "application/json")],
        sniff: |head| likely(json::is_likely(&encoding::decode(head))),
        read: Read::Text(json::blocks),
    },
    Format {
        name: "jsonl",
        titles: ["JSON Lines", "JSON Lines"],
        endings: &[("jsonl", "application/jsonl"), ("ndjson", "application/x-ndjson")],
        sniff: |_| Sniffed::No,
        read: Read::Text(json::lines::blocks),
    },
    Format {
        name: PLAIN,
        titles: ["plain text", "纯文本"],
        endings: &[("txt", "text/plain"), ("text", "text/plain"), ("log", "text/plain")],
        sniff: |_| Sniffed::No,
        read: Read::Text(plain),
    },
];

/// The name of the last.
pub(super) const PLAIN: &str = "text";

/// Reads plain text, which everything is that is text.
pub(super) fn plain(text: &str) -> Result<ReadText, ParseFailure> {
    Ok(text::blocks(text).into())
}

fn likely(is: bool) -> Sniffed {
    if is { Sniffed::Likely } else { Sniffed::No }
}

/// The format that a file is taken to be of.
#[derive(Clone, Copy)]
pub(super) struct Chosen {
    pub(super) format: &'static Format,
    /// Its name said nothing; when it cannot be read as that, it is plain text.
    pub(super) is_guess: bool,
}

/// Chooses by the first bytes of a file and its name.
///
/// Bytes that leave no doubt count most, then the ending of the name, then what the bytes look like. The endings of plain
/// text say nothing: people call everything `.txt`.
pub(super) fn choose(head: &[u8], filename: &str) -> Chosen {
    let (last, others) = FORMATS.split_last().expect("there are formats");
    let sniffed = |wanted: Sniffed| others.iter().find(|format| (format.sniff)(head) == wanted);
    let named = || others.iter().find(|format| format.media_type_of(filename).is_some());
    if let Some(format) = sniffed(Sniffed::Certain).or_else(named) {
        return Chosen { format, is_guess: false };
    }
    match sniffed(Sniffed::Likely) {
        Some(format) => Chosen { format, is_guess: true },
        None => Chosen { format: last, is_guess: false },
    }
}

impl Format {
    fn media_type_of(&self, filename: &str) -> Option<&'static str> {
        let (_, ending) = filename.rsplit_once('.')?;
        self.endings.iter().find(|(own, _)| own.eq_ignore_ascii_case(ending)).map(|(_, media_type)| *media_type)
    }
}

/// The media type of a file of a format that is read, by its name.
pub fn media_type(filename: &str) -> Option<&'static str> {
    FORMATS.iter().find_map(|format| format.media_type_of(filename))
}

/// "PDF, HTML or plain text".
pub(super) fn in_words() -> String {
    let titles: Vec<&str> = FORMATS.iter().map(|format| format.titles[0]).collect();
    match titles.as_slice() {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        few => few.concat(),
    }
}

#[cfg(test)]
mod tests;
