//! The child process that reads one file nobody vouches for.
//!
//! It limits itself first (processor seconds, address space, no new files, no core dump, no network where the kernel
//! allows that without privileges), then reads, and writes one line for each page, so that whatever kills it costs
//! only the page it was at. It ends when its parent closes its standard input.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use nix::sys::resource::{Resource, setrlimit};

use super::protocol::{Record, Request};
use super::{ParseFailure, markdown, oxide, pdfium, text};
use crate::document::{Block, Page};

/// Runs the child: `args` is one argument, a [`Request`] as JSON.
///
/// Gives 0 when a `Done` or `Failed` line was written, 2 for wrong arguments, 3 when the output could not be written or
/// is longer than allowed.
pub fn parse_main(args: impl Iterator<Item = String>) -> ExitCode {
    let Some(request) = args.last().and_then(|json| serde_json::from_str::<Request>(&json).ok()) else {
        return ExitCode::from(2);
    };
    // A parser that panics says so by its exit; its words could hold text of the document.
    std::panic::set_hook(Box::new(|_| {}));
    // Leaving the network is allowed only while there is one thread.
    limit(&request);
    follow_parent();
    let mut out = Output { out: io::stdout().lock(), left: request.output_bytes };
    match read(&request, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Failure(failure)) => match out.send(&Record::Failed { failure }) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(3),
        },
        Err(Stop::Output) => ExitCode::from(3),
    }
}

/// Ends this process when the parent is gone: its end of our standard input closes then.
fn follow_parent() {
    std::thread::spawn(|| {
        let mut byte = [0_u8; 1];
        while matches!(io::stdin().read(&mut byte), Ok(1)) {}
        std::process::exit(4);
    });
}

fn limit(request: &Request) {
    // A limit that cannot be set is one that is already lower; the parent's clock and output cap stand either way.
    let limits = [
        (Resource::RLIMIT_CPU, request.cpu_seconds),
        (Resource::RLIMIT_AS, request.memory_bytes),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_NOFILE, 64),
    ];
    for (resource, value) in limits {
        let _ = setrlimit(resource, value, value);
    }
    let _ = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER | nix::sched::CloneFlags::CLONE_NEWNET);
}

enum Stop {
    Failure(ParseFailure),
    Output,
}

impl From<ParseFailure> for Stop {
    fn from(failure: ParseFailure) -> Self {
        Self::Failure(failure)
    }
}

struct Output {
    out: io::StdoutLock<'static>,
    left: u64,
}

impl Output {
    fn send(&mut self, record: &Record) -> Result<(), Stop> {
        let mut line = serde_json::to_vec(record).map_err(|_| Stop::Output)?;
        line.push(b'\n');
        let length = line.len() as u64;
        if length > self.left {
            return Err(ParseFailure::TooLarge.into());
        }
        self.left -= length;
        self.out.write_all(&line).and_then(|()| self.out.flush()).map_err(|_| Stop::Output)
    }
}

fn read(request: &Request, out: &mut Output) -> Result<(), Stop> {
    let mut head = Vec::new();
    let file = std::fs::File::open(&request.path).map_err(|_| Stop::Output)?;
    let length = file.metadata().map_err(|_| Stop::Output)?.len();
    file.take(4_096).read_to_end(&mut head).map_err(|_| Stop::Output)?;
    if head.is_empty() {
        return Err(ParseFailure::EmptyFile.into());
    }
    let ending = request.filename.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    // The content decides, not the name: a PDF may begin after up to a kilobyte of something else.
    let is_pdf = head[..head.len().min(1_024)].windows(5).any(|window| window == b"%PDF-") || ending == "pdf";
    if is_pdf {
        return read_pdf(request, out);
    }
    if length.saturating_mul(12) > request.memory_bytes {
        return Err(ParseFailure::TooLarge.into());
    }
    let bytes = std::fs::read(&request.path).map_err(|_| Stop::Output)?;
    if text::is_binary(&bytes) {
        return Err(ParseFailure::UnsupportedType.into());
    }
    let content = text::decode(&bytes);
    let start = content.trim_start().chars().take(64).collect::<String>().to_lowercase();
    let (reader, read): (&str, fn(&str) -> Vec<Block>) = match ending.as_str() {
        "md" | "markdown" => ("markdown", markdown::blocks),
        "html" | "htm" | "xhtml" => ("html", text::html),
        "csv" | "tsv" => ("csv", text::csv),
        _ if start.starts_with("<!doctype html") || start.starts_with("<html") => ("html", text::html),
        _ => ("text", text::plain),
    };
    out.send(&Record::Opened { reader: reader.to_owned(), pages: 1 })?;
    let blocks = catch_unwind(|| read(&content)).map_err(|_| ParseFailure::UnsupportedType)?;
    if blocks.is_empty() {
        let failure = if content.trim().is_empty() { ParseFailure::EmptyFile } else { ParseFailure::NoText };
        return Err(failure.into());
    }
    if request.skip_pages == 0 {
        out.send(&Record::Page { page: Page { number: 1, blocks, ..Page::default() } })?;
    }
    out.send(&Record::Done {})
}

fn read_pdf(request: &Request, out: &mut Output) -> Result<(), Stop> {
    match pdfium::bind(&request.pdfium) {
        Some(pdfium) => {
            let document = pdfium::open(&pdfium, &request.path)?;
            let pages = pdfium::n_pages(&document);
            read_pages(request, out, "pdfium", pages, |number| pdfium::page(&document, number).ok())
        }
        None => {
            let document = catch_unwind(|| oxide::open(&request.path)).map_err(|_| ParseFailure::PdfBroken)??;
            let pages = catch_unwind(AssertUnwindSafe(|| oxide::n_pages(&document))).unwrap_or(0);
            read_pages(request, out, "pdf_oxide", pages, |number| oxide::page(&document, number))
        }
    }
}

fn read_pages(
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
    out.send(&Record::Opened { reader: reader.to_owned(), pages })?;
    for number in request.skip_pages + 1..=pages {
        let page = catch_unwind(AssertUnwindSafe(|| read_page(number))).ok().flatten();
        match page {
            Some(page) => out.send(&Record::Page { page })?,
            None => out.send(&Record::BadPage { number })?,
        }
    }
    out.send(&Record::Done {})
}
