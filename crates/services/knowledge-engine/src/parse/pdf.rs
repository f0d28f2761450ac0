//! Reads PDF, page by page: through libpdfium, or by a reader written in Rust where that is not installed. Runs in the
//! child process only.

mod direction;
mod oxide;
mod pdfium;
mod space;

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdfium_render::prelude::Pdfium;

use super::ParseFailure;
use super::protocol::{ReaderMessage, Request};
use super::stdio::{Input, Output, Stop};
use crate::document::Page;

/// The fallback holds the file and what it makes of it in memory.
const MEMORY_PER_BYTE: u64 = 2;

/// What reads a PDF, loaded.
pub(super) struct Reader(Option<Pdfium>);

/// Loads libpdfium with the fonts of this machine, where it is installed.
pub(super) fn load(request: &Request) -> Reader {
    let pdfium = pdfium::bind(&request.pdfium);
    if let Some(pdfium) = &pdfium {
        pdfium::find_fonts(pdfium);
    }
    Reader(pdfium)
}

impl Reader {
    /// Sends the pages of a file.
    pub(super) fn read(&self, input: Input, request: &Request, out: &mut Output) -> Result<(), Stop> {
        if let Some(pdfium) = &self.0 {
            let document = pdfium::open(pdfium, input.file)?;
            let pages = pdfium::n_pages(&document);
            return send(request, out, "pdfium", pages, |number| pdfium::page(&document, number).ok());
        }
        let bytes = input.bytes(request, MEMORY_PER_BYTE)?;
        let document = catch_unwind(|| oxide::open(bytes)).map_err(|_| ParseFailure::PdfBroken)??;
        let pages = catch_unwind(AssertUnwindSafe(|| oxide::n_pages(&document))).unwrap_or(0);
        send(request, out, "pdf_oxide", pages, |number| oxide::page(&document, number))
    }
}

fn send(
    request: &Request,
    out: &mut Output,
    reader: &str,
    pages: u32,
    read_page: impl Fn(u32) -> Option<Page>,
) -> Result<(), Stop> {
    if pages == 0 {
        return Err(ParseFailure::PdfBroken.into());
    }
    if pages > request.max_pages {
        return Err(ParseFailure::TooLarge.into());
    }
    out.send(&ReaderMessage::Opened { reader: reader.to_owned(), pages })?;
    for number in request.skip_pages + 1..=pages {
        let page = catch_unwind(AssertUnwindSafe(|| read_page(number))).ok().flatten();
        match page {
            Some(page) => out.send(&ReaderMessage::Page { page })?,
            None => out.send(&ReaderMessage::BadPage { number })?,
        }
    }
    out.send(&ReaderMessage::Done {})
}
