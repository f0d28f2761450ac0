//! What a reader of a text format is: a function from text to blocks.

use super::ParseFailure;
use crate::document::Block;

/// Reads a text into blocks.
pub(super) type TextReader = fn(&str) -> Result<ReadText, ParseFailure>;

/// What came out of a text.
pub(super) struct ReadText {
    pub(super) blocks: Vec<Block>,
    /// What could not be read, in words for the person who uploaded it.
    pub(super) left_out: Option<String>,
}

impl From<Vec<Block>> for ReadText {
    fn from(blocks: Vec<Block>) -> Self {
        Self { blocks, left_out: None }
    }
}
