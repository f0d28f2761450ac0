//! What the reading child process writes: one JSON value a line on its standard output.

use serde::{Deserialize, Serialize};

use super::ParseFailure;
use crate::document::Page;

/// One line of the child's output, in this order: one `Opened`, pages ascending, then `Done` or `Failed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReaderMessage {
    /// The file could be opened.
    Opened {
        /// Which reader reads it: the name of the format, or of the library where several read it.
        reader: String,
        /// Pages in the file, 1 for formats without pages.
        pages: u32,
    },
    /// One page.
    Page {
        /// The page.
        page: Page,
    },
    /// A page that could not be read; reading goes on.
    BadPage {
        /// 1 for the first.
        number: u32,
    },
    /// Part of the file could not be read; the rest was.
    LeftOut {
        /// What, in words for the person who uploaded it.
        what: String,
    },
    /// The file cannot be read.
    Failed {
        /// Why.
        failure: ParseFailure,
    },
    /// All pages were sent.
    Done {},
}

/// Limits of one reading, in the arguments of the child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The file to read, for whoever looks at one by hand; the service gives it as standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<std::path::PathBuf>,
    /// Name given by the person who uploaded it; its ending helps to tell Markdown from text.
    pub filename: String,
    /// Where libpdfium may be, best first.
    pub pdfium: Vec<std::path::PathBuf>,
    /// Pages up to this one are not read again.
    pub skip_pages: u32,
    /// A file with more pages is refused.
    pub max_pages: u32,
    /// Processor seconds.
    pub cpu_seconds: u64,
    /// Bytes of address space.
    pub memory_bytes: u64,
    /// Bytes of output.
    pub output_bytes: u64,
}
