//! Reads untrusted files, in child processes of this binary.
//!
//! A PDF reader is a large program that meets hostile input, so it never runs in the service itself: one child for each
//! file, with limits on processor time, memory, wall-clock time, pages and output, and behind [`walls`] that leave it
//! nothing but the file and a pipe. The child sends
//! each page as it is read, so a child that dies at page 900 has given pages 1 to 899, and the next attempt begins at
//! 900. Every file ends in text or in a [`ParseFailure`] that says what to do, in bounded time.

pub mod child;
mod csv;
mod encoding;
mod failure;
pub mod formats;
mod html;
mod json;
mod markdown;
mod pdf;
pub(crate) mod process;
pub mod protocol;
mod read_text;
mod stdio;
mod text;
pub mod walls;

pub use child::parse_main;
pub use failure::ParseFailure;
pub use process::{Event, Limits, Reader};
