//! Reads a prompt once and says what it looks like: figures about its form, and the hashes of its words and word pairs.
//!
//! Only the first 6 KiB and the last 2 KiB are read: what is asked stands at the beginning or at the end, and a pasted
//! book must not cost milliseconds. The length that is reported is the whole one all the same.

use crate::cues::{self, CLASSES};
use crate::hash;

const HEAD_BYTES: usize = 6 * 1024;
const TAIL_BYTES: usize = 2 * 1024;

const FORM: usize = 38;

/// How many figures describe a prompt.
pub const FIGURES: usize = FORM + 2 * CLASSES;

/// The place of the number of lettered options.
pub(crate) const HAS_OPTIONS: usize = 28;

/// The figures, in the order that the weights know. All finite, most of them between 0 and 8.
pub type Figures = [f32; FIGURES];

/// Reads `prompt`; `gram` is given the hash of every word and of every pair of neighbouring words, as they come.
pub fn read(prompt: &str, gram: impl FnMut(u32)) -> Figures {
    let mut reader = Reader { gram, counts: FeatureCounts::default() };
    if prompt.len() <= HEAD_BYTES + TAIL_BYTES {
        reader.read(prompt);
    } else {
        reader.read(&prompt[..prompt.floor_char_boundary(HEAD_BYTES)]);
        reader.counts.previous = 0;
        reader.read(&prompt[prompt.ceil_char_boundary(prompt.len() - TAIL_BYTES)..]);
    }
    reader.counts.figures(prompt.len())
}

/// What was counted.
#[derive(Default)]
struct FeatureCounts {
    bytes: u32,
    words: u32,
    letters: u32,
    long_words: u32,
    cjk: u32,
    numbers: u32,
    digits: u32,
    longest_number: u32,
    decimals: u32,
    fractions: u32,
    big_numbers: u32,
    capitals: u32,
    names: u32,
    sentences: u32,
    since_sentence: u32,
    last_sentence: u32,
    longest_sentence: u32,
    lines: u32,
    commas: u32,
    questions: u32,
    percents: u32,
    money: u32,
    quotes: u32,
    blanks: u32,
    brackets: u32,
    code_marks: u32,
    maths_marks: u32,
    other_marks: u32,
    items: u32,
    options: u32,
    option_units: u32,
    option_units_squared: f32,
    option_numbers: u32,
    before_options: u32,
    in_option: Option<(u32, u32)>,
    /// Words inside options; how many of them an option before had, and how many the question had.
    option_words: u32,
    option_words_again: u32,
    option_words_asked: u32,
    option_vocabulary: [u64; 8],
    cues: [u32; CLASSES],
    vocabulary: [u64; 8],
    /// Hash of the unit before, 0 at a break.
    previous: u64,
}

struct Reader<G> {
    gram: G,
    counts: FeatureCounts,
}

impl<G: FnMut(u32)> Reader<G> {
    fn read(&mut self, text: &str) {
        self.counts.bytes += text.len() as u32;
        let mut at_line_start = true;
        let mut previous_cjk: Option<char> = None;
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if at_line_start && !character.is_whitespace() {
                at_line_start = false;
                self.line_start(rest);
            }
            let taken = if hash::is_cjk(character) {
                self.cjk(previous_cjk, character);
                previous_cjk = Some(character);
                rest = &rest[character.len_utf8()..];
                continue;
            } else if character.is_alphabetic() {
                self.word(rest)
            } else if character.is_ascii_digit() {
                self.number(rest)
            } else {
                if character == '\n' {
                    at_line_start = true;
                    self.counts.lines += 1;
                    self.counts.end_option();
                }
                self.mark(character, rest);
                character.len_utf8()
            };
            previous_cjk = None;
            rest = &rest[taken..];
        }
        self.counts.end_sentence();
        self.counts.end_option();
    }

    /// Lettered options ("A. ", "B) ", "C、") and list items ("1. ", "- ").
    fn line_start(&mut self, rest: &str) {
        let mut characters = rest.chars();
        let (first, second) = (characters.next().unwrap_or(' '), characters.next().unwrap_or(' '));
        let closes = matches!(second, '.' | ')' | '、' | '．' | ':' | '：');
        if closes && first.is_ascii_uppercase() && first <= 'J' {
            if self.counts.options == 0 {
                self.counts.before_options = self.counts.units();
            }
            self.counts.options += 1;
            self.counts.in_option = Some((self.counts.units(), self.counts.numbers));
        } else if (closes && first.is_ascii_digit()) || (matches!(first, '-' | '*' | '•') && second == ' ') {
            self.counts.items += 1;
        }
    }

    fn word(&mut self, rest: &str) -> usize {
        let (mut key, mut n, mut taken) = (hash::WORD, 0_u32, 0);
        let mut starts_upper = false;
        for character in rest.chars() {
            let lower = if character.is_ascii() {
                if character.is_ascii_uppercase() {
                    self.counts.capitals += 1;
                    starts_upper |= n == 0;
                }
                if !character.is_ascii_alphabetic() && character != '\'' {
                    break;
                }
                character.to_ascii_lowercase()
            } else if character == '’' {
                '\''
            } else if character.is_alphabetic() && !hash::is_cjk(character) {
                character.to_lowercase().next().unwrap_or(character)
            } else {
                break;
            };
            key = hash::push(key, lower);
            n += 1;
            taken += character.len_utf8();
        }
        let counts = &mut self.counts;
        counts.words += 1;
        counts.letters += n;
        counts.long_words += u32::from(n >= 9);
        counts.names += u32::from(starts_upper && counts.since_sentence > 0 && n > 1);
        self.unit(key);
        taken
    }

    fn number(&mut self, rest: &str) -> usize {
        let bytes = rest.as_bytes();
        let (mut at, mut n_digits) = (0, 0_u32);
        let (mut is_decimal, mut is_fraction) = (false, false);
        while let Some(&byte) = bytes.get(at) {
            if byte.is_ascii_digit() {
                n_digits += 1;
            } else if matches!(byte, b'.' | b',' | b'/' | b':') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                is_decimal |= byte == b'.';
                is_fraction |= byte == b'/';
            } else {
                break;
            }
            at += 1;
        }
        let counts = &mut self.counts;
        counts.numbers += 1;
        counts.digits += n_digits;
        counts.longest_number = counts.longest_number.max(n_digits);
        counts.decimals += u32::from(is_decimal);
        counts.fractions += u32::from(is_fraction);
        counts.big_numbers += u32::from(n_digits >= 4);
        // The shape and not the figure: 48 clips are no harder than 52.
        let shape = n_digits.min(5) * 4 + u32::from(is_decimal) * 2 + u32::from(is_fraction);
        self.unit(hash::push(hash::NUMBER, char::from_u32(shape).unwrap_or('0')));
        at
    }

    fn cjk(&mut self, previous: Option<char>, character: char) {
        self.counts.cjk += 1;
        let alone = hash::push(hash::CJK, character);
        if let Some(cue) = cues::class(alone) {
            self.counts.cues[cue] += 1;
        }
        if let Some(previous) = previous {
            let both = hash::push(hash::push(hash::CJK, previous), character);
            if let Some(cue) = cues::class(both) {
                self.counts.cues[cue] += 1;
            }
            (self.gram)(hash::fold(both));
        }
        self.counts.note(alone);
        self.counts.previous = 0;
    }

    fn unit(&mut self, key: u64) {
        if let Some(cue) = cues::class(key) {
            self.counts.cues[cue] += 1;
        }
        (self.gram)(hash::fold(key));
        if self.counts.previous != 0 {
            (self.gram)(hash::fold(hash::pair(self.counts.previous, key)));
        }
        self.counts.note(key);
        self.counts.previous = key;
    }

    fn mark(&mut self, character: char, rest: &str) {
        let counts = &mut self.counts;
        match character {
            ' ' | '\t' | '\r' => return,
            '\n' => {}
            '.' | '!' | '?' | '。' | '！' | '？' | '；' => {
                counts.questions += u32::from(matches!(character, '?' | '？'));
                // "3.5" is inside a number; "e.g." ends no sentence.
                let ends = rest[character.len_utf8()..].chars().next().is_none_or(|next| next.is_whitespace());
                if ends || !character.is_ascii() {
                    counts.end_sentence();
                }
            }
            ',' | '，' | '、' => counts.commas += 1,
            '%' | '％' => counts.percents += 1,
            '$' | '¥' | '￥' | '€' | '£' => counts.money += 1,
            '"' | '“' | '”' | '「' | '」' => counts.quotes += 1,
            '_' => counts.blanks += 1,
            '(' | '（' | '[' => counts.brackets += 1,
            '{' | '}' | ';' | '`' | '#' => counts.code_marks += 1,
            '=' | '+' | '^' | '<' | '>' | '*' | '/' | '|' | '~' | '\\' | '\u{d7}' | '\u{f7}' | '\u{b0}' => {
                counts.maths_marks += 1;
            }
            // Arrows, operators, superscripts.
            '\u{2070}'..='\u{209f}' | '\u{2190}'..='\u{22ff}' | '•' => counts.maths_marks += 1,
            _ => counts.other_marks += 1,
        }
        let key = hash::push(hash::MARK, character);
        (self.gram)(hash::fold(key));
        if self.counts.previous != 0 {
            (self.gram)(hash::fold(hash::pair(self.counts.previous, key)));
        }
        self.counts.previous = key;
    }
}

impl FeatureCounts {
    /// Words, numbers and, at about two to the word, Chinese characters.
    fn units(&self) -> u32 {
        self.words + self.numbers + (self.cjk * 3).div_ceil(5)
    }

    fn note(&mut self, key: u64) {
        let place = (key >> 55) as usize;
        let (cell, bit) = (place / 64, 1 << (place % 64));
        if self.in_option.is_some() {
            self.option_words += 1;
            self.option_words_again += u32::from(self.option_vocabulary[cell] & bit != 0);
            let is_new = self.option_vocabulary[cell] & bit == 0;
            self.option_words_asked += u32::from(is_new && self.vocabulary[cell] & bit != 0);
            self.option_vocabulary[cell] |= bit;
        }
        self.vocabulary[cell] |= bit;
        self.since_sentence += 1;
    }

    fn end_sentence(&mut self) {
        if self.since_sentence > 0 {
            self.sentences += 1;
            self.last_sentence = self.since_sentence;
            self.longest_sentence = self.longest_sentence.max(self.since_sentence);
            self.since_sentence = 0;
        }
    }

    fn end_option(&mut self) {
        if let Some((units, numbers)) = self.in_option.take() {
            let length = self.units() - units;
            self.option_units += length;
            self.option_units_squared += (length * length) as f32;
            self.option_numbers += u32::from(self.numbers > numbers);
            self.since_sentence = 0;
        }
    }

    fn figures(&self, bytes: usize) -> Figures {
        let units = self.units().max(1) as f32;
        let log = |count: u32| (count as f32).ln_1p();
        let share = |count: u32| count as f32 / units;
        let options = self.options.max(1) as f32;
        let option_mean = self.option_units as f32 / options;
        let option_spread = (self.option_units_squared / options - option_mean * option_mean).max(0.0).sqrt();
        let asked = if self.options == 0 { self.units() } else { self.before_options };
        // How much of the vocabulary sketch is filled, set right for places hit twice.
        let filled: u32 = self.vocabulary.iter().map(|word| word.count_ones()).sum();
        let distinct = -512.0 * (1.0 - filled.min(511) as f32 / 512.0).ln();
        let form: [f32; FORM] = [
            units.ln(),
            log(asked),
            // What was not read counts by its length alone.
            ((bytes as f32).max(1.0) / (self.bytes as f32).max(1.0)).ln(),
            log(self.sentences),
            (units / self.sentences.max(1) as f32).ln_1p(),
            log(self.longest_sentence),
            log(self.last_sentence),
            log(self.numbers),
            share(self.numbers),
            share(self.digits).min(4.0),
            (self.longest_number as f32).min(12.0).ln_1p(),
            log(self.decimals),
            log(self.fractions),
            log(self.big_numbers),
            log(self.percents),
            log(self.money),
            log(self.commas),
            share(self.commas).min(2.0),
            log(self.questions),
            log(self.quotes),
            log(self.blanks),
            log(self.brackets),
            log(self.code_marks),
            log(self.maths_marks),
            share(self.maths_marks).min(4.0),
            log(self.other_marks),
            log(self.lines),
            log(self.items),
            (self.options as f32).min(6.0),
            option_mean.ln_1p(),
            option_spread.ln_1p(),
            self.option_numbers as f32 / options,
            (self.letters as f32 / self.words.max(1) as f32).min(12.0),
            share(self.long_words),
            share(self.names),
            (distinct / units).min(2.0),
            self.option_words_again as f32 / self.option_words.max(1) as f32,
            self.option_words_asked as f32 / self.option_words.max(1) as f32,
        ];
        let mut figures = [0.0; FIGURES];
        figures[..FORM].copy_from_slice(&form);
        for (class, &count) in self.cues.iter().enumerate() {
            figures[FORM + class] = log(count);
            figures[FORM + CLASSES + class] = share(count).min(1.0);
        }
        figures
    }
}
