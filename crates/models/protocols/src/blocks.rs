//! The blocks of one answer whose provider does not number them: a run of text ends where thinking or a call begins.

use crate::event::{Block, Delta, Event, Place};

/// Gives out places in order and closes what is open before the next opens.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    next: u32,
    open: Option<(Place, BlockKind)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlockKind {
    Text,
    Reasoning,
    Other,
}

impl Blocks {
    /// Adds to the text, beginning a block of it where none is open. Empty text adds nothing.
    pub(crate) fn text(&mut self, more: &str, out: &mut Vec<Event>) {
        self.grow(BlockKind::Text, more, out);
    }

    /// Adds to the thinking, the same way.
    pub(crate) fn reasoning(&mut self, more: &str, out: &mut Vec<Event>) {
        self.grow(BlockKind::Reasoning, more, out);
    }

    fn grow(&mut self, kind: BlockKind, more: &str, out: &mut Vec<Event>) {
        if more.is_empty() {
            return;
        }
        let place = match self.open {
            Some((place, open)) if open == kind => place,
            _ if kind == BlockKind::Text => self.open(Block::Text, out),
            _ => self.open(Block::Reasoning { id: None }, out),
        };
        out.push(Event::Delta(place, Delta::Text(more.to_owned())));
    }

    /// Begins a block.
    pub(crate) fn open(&mut self, block: Block, out: &mut Vec<Event>) -> Place {
        self.close(out);
        let place = Place { choice: 0, block: self.next };
        self.next += 1;
        let kind = match block {
            Block::Text => BlockKind::Text,
            Block::Reasoning { .. } => BlockKind::Reasoning,
            _ => BlockKind::Other,
        };
        self.open = Some((place, kind));
        out.push(Event::Open(place, block));
        place
    }

    /// Where the open block is.
    pub(crate) fn current(&self) -> Option<Place> {
        self.open.map(|(place, _)| place)
    }

    /// Where the open text is; begins one where there is none.
    pub(crate) fn text_place(&mut self, out: &mut Vec<Event>) -> Place {
        match self.open {
            Some((place, BlockKind::Text)) => place,
            _ => self.open(Block::Text, out),
        }
    }

    /// Ends the open block, if there is one.
    pub(crate) fn close(&mut self, out: &mut Vec<Event>) {
        if let Some((place, _)) = self.open.take() {
            out.push(Event::Close(place));
        }
    }
}
