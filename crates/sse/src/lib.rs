//! Reads streams of server-sent events by their standard, for every crate: answers of model providers, and
//! what the services say to each other.
//!
//! ```text
//!   chunks, cut anywhere ──► Lines: CR, LF or CRLF ──► Reader: fields, blank lines ──► Event, or a Stray line
//! ```
//!
//! - No IO: bytes in, events out. A reader holds at most one unfinished event, of a stated size.
//! - By the standard (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), with two liberties that it takes
//!   only when asked: [`Reader::end`] gives the event that the end of the stream cut off before its blank line, since
//!   servers were seen that send none; and a line whose field the standard does not know is given as a [`Item::Stray`], since
//!   servers write errors so. Who wants the standard and nothing else drops both.
//! - Bytes are passed on as they came: data is UTF-8 by the standard, and whoever parses it will see.
//!
//! It is our own because the crates that there are (`eventsource-stream`, `sseer`) give texts in place of bytes, copy every
//! event, and know no limit, no stray lines and no unfinished event.

mod lines;
mod reader;

pub use lines::Lines;
pub use reader::{Event, Item, Reader, TooLong};
