//! The child process that reads one untrusted file.
//!
//! Its standard input is the file, its standard output the way back. It loads what it reads with, builds its [`walls`],
//! then reads, and writes one line for each page, so that whatever kills it costs only the page it was at. It ends when
//! its parent closes the other end of its output.

use std::io;
use std::os::fd::AsFd;
use std::panic::catch_unwind;
use std::process::ExitCode;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::formats::{self, Chosen};
use super::protocol::{ReaderMessage, Request};
use super::read_text::TextReader;
use super::stdio::{Input, Output, Stop};
use super::{ParseFailure, encoding, pdf, walls};
use crate::document::Page;

/// Text is held as bytes, as characters, as blocks and as what is sent.
const MEMORY_PER_BYTE_OF_TEXT: u64 = 12;

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
    walls::set_limits(walls::Limits { cpu_seconds: request.cpu_seconds, memory_bytes: request.memory_bytes });
    let Ok(input) = Input::open(&request) else { return ExitCode::from(3) };
    let chosen = formats::choose(&input.head, &request.filename);
    // Loaded now, for later nothing can be.
    let loaded = Loaded::new(&chosen.format.read, &request);
    let fonts = walls::drop_privileges();
    follow_parent();
    let sealed = walls::filter_calls(fonts);
    let mut out = Output::open(&request);
    let read = match sealed {
        Ok(()) => read(chosen, &loaded, &request, input, &mut out),
        Err(_) => Err(ParseFailure::NoWalls.into()),
    };
    match read {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Failure(failure)) => match out.send(&ReaderMessage::Failed { failure }) {
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

/// What reads the file, loaded.
enum Loaded {
    Text(TextReader),
    Pages(pdf::Reader),
}

impl Loaded {
    fn new(read: &formats::Read, request: &Request) -> Self {
        match read {
            formats::Read::Text(read) => Self::Text(*read),
            formats::Read::Pages(load) => Self::Pages(load(request)),
        }
    }
}

fn read(chosen: Chosen, loaded: &Loaded, request: &Request, input: Input, out: &mut Output) -> Result<(), Stop> {
    if input.head.is_empty() {
        return Err(ParseFailure::EmptyFile.into());
    }
    match loaded {
        Loaded::Pages(reader) => reader.read(input, request, out),
        Loaded::Text(read) => read_text(chosen, *read, request, input, out),
    }
}

fn read_text(chosen: Chosen, read: TextReader, request: &Request, input: Input, out: &mut Output) -> Result<(), Stop> {
    let bytes = input.bytes(request, MEMORY_PER_BYTE_OF_TEXT)?;
    if encoding::is_binary(&bytes) {
        return Err(ParseFailure::UnsupportedType.into());
    }
    let text = encoding::decode(&bytes);
    drop(bytes);
    let attempt = |read: TextReader| catch_unwind(|| read(&text)).unwrap_or(Err(ParseFailure::UnsupportedType));
    let opened = |reader: &str| ReaderMessage::Opened { reader: reader.to_owned(), pages: 1 };
    let read = if chosen.is_guess {
        match attempt(read) {
            Ok(read) if read.left_out.is_none() => {
                out.send(&opened(chosen.format.name))?;
                read
            }
            // A guess that leaves something out was wrong: nothing of a text may be lost to it.
            Ok(_) | Err(_) => {
                out.send(&opened(formats::PLAIN))?;
                attempt(formats::plain)?
            }
        }
    } else {
        out.send(&opened(chosen.format.name))?;
        attempt(read)?
    };
    if read.blocks.is_empty() {
        let failure = if text.trim().is_empty() { ParseFailure::EmptyFile } else { ParseFailure::NoText };
        return Err(failure.into());
    }
    if request.skip_pages == 0 {
        out.send(&ReaderMessage::Page { page: Page { number: 1, blocks: read.blocks, ..Page::default() } })?;
    }
    if let Some(what) = read.left_out {
        out.send(&ReaderMessage::LeftOut { what })?;
    }
    out.send(&ReaderMessage::Done {})
}
