//! The service's side of a reading child: starts it, reads its lines, stops it in time.

use std::fs::File;
use std::io::Seek;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, timeout_at};

use super::ParseFailure;
use super::protocol::{ReaderMessage, Request};
use crate::document::Page;

/// A child that closed its output ends in this time, or is killed.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// What one file may use up.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Processor time.
    pub cpu: Duration,
    /// Wall-clock time of the whole reading.
    pub wall: Duration,
    /// Wall-clock time between two pages.
    pub page: Duration,
    /// Address space in bytes.
    pub memory_bytes: u64,
    /// Output in bytes.
    pub output_bytes: u64,
    /// Pages.
    pub max_pages: u32,
}

/// How files are read.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Program and first arguments of the child; the request follows as one more argument.
    pub command: Vec<String>,
    /// Where libpdfium may be, best first.
    pub pdfium: Vec<PathBuf>,
    /// Limits for each file.
    pub limits: Limits,
}

/// What comes out of a reading, in this order: one `Opened`, then pages ascending.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The file could be opened.
    Opened {
        /// Which reader reads it.
        reader: String,
        /// Pages in the file.
        pages: u32,
    },
    /// A page; one without rows when it could not be read.
    Page(Page),
    /// What could not be read, in words for the person who uploaded the file.
    LeftOut(String),
}

/// A reading under way. Dropping it ends the child.
#[derive(Debug)]
pub struct Reading {
    child: Child,
    lines: BufReader<ChildStdout>,
    until: Instant,
    page: Duration,
    left: u64,
    done: bool,
}

impl Reader {
    /// Starts reading a file after page `skip_pages`. It is read from its beginning, wherever it stands.
    ///
    /// # Errors
    /// When the file cannot be handed over or the child not be started.
    pub fn start(&self, file: &File, filename: &str, skip_pages: u32) -> std::io::Result<Reading> {
        let request = Request {
            path: None,
            filename: filename.to_owned(),
            pdfium: self.pdfium.clone(),
            skip_pages,
            max_pages: self.limits.max_pages,
            cpu_seconds: self.limits.cpu.as_secs().max(1),
            memory_bytes: self.limits.memory_bytes,
            output_bytes: self.limits.output_bytes,
        };
        let request = serde_json::to_string(&request)?;
        let mut file = file.try_clone()?;
        // The position is shared with every copy, and whoever read before may have left it anywhere.
        file.rewind()?;
        let (program, first) = self.command.split_first().ok_or_else(|| {
            std::io::Error::new(std::io::ErrorKind::InvalidInput, "the command of the reader is empty")
        })?;
        let mut child = Command::new(program)
            .args(first)
            .arg(request)
            // Nothing of the service's environment is the reader's business, least of all its keys.
            .env_clear()
            .stdin(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| std::io::Error::other("the reader has no standard output"))?;
        Ok(Reading {
            child,
            lines: BufReader::with_capacity(64 * 1024, stdout),
            until: Instant::now() + self.limits.wall,
            page: self.limits.page,
            left: self.limits.output_bytes.saturating_add(1_024),
            done: false,
        })
    }
}

impl Reading {
    /// The next thing that was read, `None` at the end.
    ///
    /// # Errors
    /// Why reading stopped. Pages that came before are good.
    pub async fn next(&mut self) -> Result<Option<Event>, ParseFailure> {
        if self.done {
            return Ok(None);
        }
        let mut line = Vec::new();
        let until = self.until.min(Instant::now() + self.page);
        let read = timeout_at(until, read_line(&mut self.lines, &mut line, &mut self.left)).await;
        match read {
            Err(_) => {
                self.stop().await;
                Err(ParseFailure::ParseTimeout)
            }
            Ok(Err(failure)) => {
                self.stop().await;
                Err(failure)
            }
            Ok(Ok(0)) => Err(self.why_it_ended().await),
            Ok(Ok(_)) => match serde_json::from_slice::<ReaderMessage>(&line) {
                Ok(ReaderMessage::Opened { reader, pages }) => Ok(Some(Event::Opened { reader, pages })),
                Ok(ReaderMessage::Page { page }) => Ok(Some(Event::Page(page))),
                Ok(ReaderMessage::BadPage { number }) => Ok(Some(Event::Page(Page { number, ..Page::default() }))),
                Ok(ReaderMessage::LeftOut { what }) => Ok(Some(Event::LeftOut(what))),
                Ok(ReaderMessage::Failed { failure }) => {
                    self.stop().await;
                    Err(failure)
                }
                Ok(ReaderMessage::Done {}) => {
                    self.stop().await;
                    Ok(None)
                }
                // A whole line that is no message: the reader no longer keeps to the protocol and may never end by itself.
                Err(_) if line.ends_with(b"\n") => {
                    self.stop().await;
                    Err(ParseFailure::ParseMemory)
                }
                // Cut off in the middle of a line: it was ended from outside.
                Err(_) => Err(self.why_it_ended().await),
            },
        }
    }

    async fn stop(&mut self) {
        self.done = true;
        // Already gone is as good.
        let _ = self.child.start_kill();
        let _ = self.child.wait().await;
    }

    /// The child ended without `Done` or `Failed`: the signal that ended it says why.
    async fn why_it_ended(&mut self) -> ParseFailure {
        use std::os::unix::process::ExitStatusExt;
        self.done = true;
        let status = match timeout_at(Instant::now() + EXIT_TIMEOUT, self.child.wait()).await {
            Ok(Ok(status)) => status,
            Ok(Err(_)) | Err(_) => {
                self.stop().await;
                return ParseFailure::ParseTimeout;
            }
        };
        match status.signal() {
            Some(libc::SIGXCPU | libc::SIGKILL) => ParseFailure::ParseTimeout,
            Some(_) | None => ParseFailure::ParseMemory,
        }
    }
}

/// Reads one line; 0 at the end.
async fn read_line(
    lines: &mut BufReader<ChildStdout>,
    line: &mut Vec<u8>,
    left: &mut u64,
) -> Result<usize, ParseFailure> {
    loop {
        let buffer = lines.fill_buf().await.map_err(|_| ParseFailure::ParseMemory)?;
        if buffer.is_empty() {
            return Ok(line.len());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let n = end.map_or(buffer.len(), |end| end + 1);
        *left = left.checked_sub(n as u64).ok_or(ParseFailure::TooLarge)?;
        line.extend_from_slice(&buffer[..n]);
        lines.consume(n);
        if end.is_some() {
            return Ok(line.len());
        }
    }
}
