//! Characters into words, words into lines.
//!
//! Characters come in the order in which the file draws them, which is mostly reading order within a word and often
//! not between words. So words are built in drawing order and lines by geometry alone.

use super::Glyph;

/// Stands where the reader of the file guessed a space that nobody drew: a word may end here, the gap decides.
pub(crate) const BREAK: char = '\u{200b}';

/// Characters without space between them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Word {
    pub text: String,
    pub left: f32,
    pub right: f32,
    pub top: f32,
    pub bottom: f32,
    pub size: f32,
    pub bold: bool,
    /// White space was drawn before it, however narrow.
    pub spaced: bool,
    /// A space before it was guessed, not drawn.
    pub guessed: bool,
}

impl Word {
    pub(crate) fn middle(&self) -> f32 {
        f32::midpoint(self.top, self.bottom)
    }

    pub(crate) fn center(&self) -> f32 {
        f32::midpoint(self.left, self.right)
    }
}

/// Builds words from glyphs in drawing order.
pub(crate) fn from_glyphs(glyphs: &[Glyph]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut open = false;
    let mut spaced = false;
    let mut guessed = false;
    for glyph in glyphs {
        if glyph.char == BREAK {
            open = false;
            guessed = true;
            continue;
        }
        if glyph.char.is_whitespace() {
            open = false;
            spaced = true;
            continue;
        }
        let Some(char) = printable(glyph.char) else { continue };
        if open
            && let Some(word) = words.last_mut()
            && continues(word, glyph)
        {
            word.text.push(char);
            word.right = word.right.max(glyph.right);
            word.left = word.left.min(glyph.left);
            word.top = word.top.min(glyph.top);
            word.bottom = word.bottom.max(glyph.bottom);
            continue;
        }
        words.push(Word {
            text: char.to_string(),
            left: glyph.left,
            right: glyph.right,
            top: glyph.top,
            bottom: glyph.bottom,
            size: glyph.size,
            bold: glyph.bold,
            spaced,
            guessed,
        });
        open = true;
        spaced = false;
        guessed = false;
    }
    words
}

/// What is kept of a character: control characters are nothing, look-alikes of hyphen and space become these.
fn printable(char: char) -> Option<char> {
    match char {
        // PDFium marks the hyphen of a broken word this way.
        '\u{2}' | '\u{fffe}' => Some('-'),
        '\u{ad}' => Some('-'),
        '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{ffff}' => None,
        char if char.is_control() => None,
        char => Some(char),
    }
}

fn continues(word: &Word, glyph: &Glyph) -> bool {
    let size = word.size.max(glyph.size).max(1.0);
    let gap = glyph.left - word.right;
    let overlap = word.bottom.min(glyph.bottom) - word.top.max(glyph.top);
    let height = (word.bottom - word.top).min(glyph.bottom - glyph.top).max(0.1);
    gap > -0.6 * size && gap < 0.18 * size && overlap > 0.5 * height
}

/// Groups words into lines, top to bottom, each from left to right.
pub(crate) fn lines(mut words: Vec<Word>) -> Vec<Vec<Word>> {
    words.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
    let mut lines: Vec<Line> = Vec::new();
    for word in words {
        // Lines are sorted by middle as well; a word can only belong to one of the last few.
        let fitting = lines.iter_mut().rev().take(4).find(|line| line.takes(&word));
        match fitting {
            Some(line) => line.push(word),
            None => lines.push(Line::new(word)),
        }
    }
    lines.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
    lines
        .into_iter()
        .map(|mut line| {
            line.words.sort_by(|a, b| a.left.total_cmp(&b.left));
            line.words
        })
        .collect()
}

struct Line {
    top: f32,
    bottom: f32,
    words: Vec<Word>,
}

impl Line {
    fn new(word: Word) -> Self {
        Self { top: word.top, bottom: word.bottom, words: vec![word] }
    }

    fn middle(&self) -> f32 {
        f32::midpoint(self.top, self.bottom)
    }

    /// A word is on the line when they share more than half of the lower one's height. The line's own band is that of
    /// its tallest word, so that a superscript joins its line and does not drag the next one in.
    fn takes(&self, word: &Word) -> bool {
        let overlap = self.bottom.min(word.bottom) - self.top.max(word.top);
        let lower = (self.bottom - self.top).min(word.bottom - word.top).max(0.1);
        overlap > 0.55 * lower
    }

    fn push(&mut self, word: Word) {
        if word.bottom - word.top > self.bottom - self.top {
            self.top = word.top;
            self.bottom = word.bottom;
        }
        self.words.push(word);
    }
}
