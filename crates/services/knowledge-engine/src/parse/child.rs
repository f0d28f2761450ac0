//! The child process that reads one untrusted file.
//!
//! Its standard input is the file, its standard output the way back. It loads what it reads with, builds its [`walls`],
//! then reads, and writes one line for each page, so that whatever kills it costs only the page it was at. It ends when
//! its parent closes the other end of its output.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pdfium_render::prelude::Pdfium;

use super::protocol::{Record, Request};
use super::{ParseFailure, html, markdown, oxide, pdfium, text, walls};
use crate::document::{Block, Page};

/// Runs the child: `args` is one argument, a [`Request`] as JSON.
///
/// Gives 0 when a `Done` or `Failed` line was written, 2 for wrong arguments, 3 when the input could not be read or the
/// output not be written, or when it is longer than allowed.
pub fn parse_main(args: impl Iterator<Item = String>) -> ExitCode {
    let Some(request) = args.last().and_then(|json| serde_json::from_str::<Request>(&json).ok()) else {
        return ExitCode::from(2);
    };
    // A parser that panics says so by its exit; its words could hold text of the document.
    std::panic::set_hook(Box::new(|_| {}));
    walls::prepare(walls::Limits { cpu_seconds: request.cpu_seconds, memory_bytes: request.memory_bytes });
    let Ok(input) = Input::open(&request) else { return ExitCode::from(3) };
    // Loaded now, for later nothing can be.
    let pdfium = if input.is_pdf { pdfium::bind(&request.pdfium) } else { None };
    if let Some(pdfium) = &pdfium {
        pdfium::find_fonts(pdfium);
    }
    let fonts = walls::leave();
    follow_parent();
    let sealed = walls::seal(fonts);
    let mut out = Output { out: io::stdout().lock(), left: request.output_bytes };
    let read = match sealed {
        Ok(()) => read(&request, input, pdfium.as_ref(), &mut out),
        Err(_) => Err(ParseFailure::NoWalls.into()),
    };
    match read {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Failure(failure)) => match out.send(&Record::Failed { failure }) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(3),
        },
        Err(Stop::Output) => ExitCode::from(3),
    }
}

/// Ends this process when the parent is gone: nobody reads our standard output then.
fn follow_parent() {
    std::thread::spawn(|| {
        let output = io::stdout();
        let mut watched = [PollFd::new(output.as_fd(), PollFlags::empty())];
        // Without flags only the end of the other side wakes us.
        while poll(&mut watched, PollTimeout::NONE).is_err() {}
        std::process::exit(4);
    });
}

/// The file, open, and what its first bytes say.
struct Input {
    file: File,
    length: u64,
    head: Vec<u8>,
    ending: String,
    is_pdf: bool,
}

impl Input {
    fn open(request: &Request) -> io::Result<Self> {
        let mut file = match &request.path {
            Some(path) => File::open(path)?,
            None => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        };
        let length = file.metadata()?.len();
        let mut head = Vec::new();
        Read::by_ref(&mut file).take(4_096).read_to_end(&mut head)?;
        let ending = request.filename.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
        // The content decides, not the name: a PDF may begin after up to a kilobyte of something else.
        let is_pdf = head[..head.len().min(1_024)].windows(5).any(|window| window == b"%PDF-") || ending == "pdf";
        Ok(Self { file, length, head, ending, is_pdf })
    }

    fn bytes(mut self) -> io::Result<Vec<u8>> {
        self.file.rewind()?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.length).unwrap_or(0));
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
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

fn read(request: &Request, input: Input, pdfium: Option<&Pdfium>, out: &mut Output) -> Result<(), Stop> {
    if input.head.is_empty() {
        return Err(ParseFailure::EmptyFile.into());
    }
    if let (true, Some(pdfium)) = (input.is_pdf, pdfium) {
        let document = pdfium::open(pdfium, input.file)?;
        let pages = pdfium::n_pages(&document);
        return read_pages(request, out, "pdfium", pages, |number| pdfium::page(&document, number).ok());
    }
    if input.length.saturating_mul(if input.is_pdf { 2 } else { 12 }) > request.memory_bytes {
        return Err(ParseFailure::TooLarge.into());
    }
    let (is_pdf, ending) = (input.is_pdf, input.ending.clone());
    let bytes = input.bytes().map_err(|_| Stop::Output)?;
    if is_pdf {
        let document = catch_unwind(|| oxide::open(bytes)).map_err(|_| ParseFailure::PdfBroken)??;
        let pages = catch_unwind(AssertUnwindSafe(|| oxide::n_pages(&document))).unwrap_or(0);
        return read_pages(request, out, "pdf_oxide", pages, |number| oxide::page(&document, number));
    }
    if text::is_binary(&bytes) {
        return Err(ParseFailure::UnsupportedType.into());
    }
    let content = text::decode(&bytes);
    let start = content.trim_start().chars().take(64).collect::<String>().to_lowercase();
    let (reader, read): (&str, fn(&str) -> Vec<Block>) = match ending.as_str() {
        "md" | "markdown" => ("markdown", markdown::blocks),
        "html" | "htm" | "xhtml" => ("html", html::blocks),
        "csv" | "tsv" => ("csv", text::csv),
        _ if start.starts_with("<!doctype html") || start.starts_with("<html") => ("html", html::blocks),
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
