//! A second reading, of math word problems: how many quantities there are, how they are related, what is asked.
//!
//! Only English free text with at least two quantities is read so; nothing else resembles what these figures were
//! learned on. Words belong to several classes at once here, unlike those of [`crate::cues`].

use std::sync::LazyLock;

use crate::hash;

const CLASSES: usize = 30;
/// Classes whose words in the last sentence say what is asked.
const ASKED: [usize; 11] = [MANY, MUCH, MONEY_WORD, TIME, PERCENT, COMPARED, TOTAL, LEFT, AVERAGE, IF, WHAT];
const RELATIONS: usize = 3;
const FORM: usize = 34;

/// How many figures describe a word problem.
pub const PROBLEM_FIGURES: usize = CLASSES + ASKED.len() + RELATIONS + FORM;

/// The figures, in the order that the weights know. All finite.
pub type ProblemFigures = [f32; PROBLEM_FIGURES];

const TIME: usize = 0;
const PERCENT: usize = 1;
const TOTAL: usize = 2;
const LEFT: usize = 3;
const AVERAGE: usize = 4;
const COMPARED: usize = 5;
const MANY: usize = 6;
const MUCH: usize = 7;
const MONEY_WORD: usize = 8;
const IF: usize = 9;
const WHAT: usize = 10;
const NUMBER: usize = 11;
const AS_WHAT: usize = 12;
const TIMES_WHAT: usize = 13;

const WORDS: [&str; CLASSES] = [
    "second seconds minute minutes hour hours day days week weeks month months year years decade decades",
    "percent percentage",
    "total altogether combined together sum all",
    "left remain remains remaining still",
    "average mean ratio equally split splits divided divide share shares evenly between among each per every",
    "more less fewer older younger taller shorter longer greater higher lower bigger cheaper faster larger heavier",
    "many",
    "much",
    "money dollar dollars cent cents",
    "if",
    "what which find calculate",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen \
     nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million dozen half third quarter twice \
     double triple thrice",
    "many much long old fast tall big large",
    "as more the less fewer older bigger larger longer faster",
    "half",
    "third thirds quarter quarters fourth fourths fifth fifths sixth eighth tenth",
    "remaining remainder rest left leftover other",
    "increase increased increases increasing decrease decreased decreases reduce reduced reduces discount discounted \
     discounts raise raised raises grow grows grew double doubles doubled triple triples tripled halve halved",
    "per each every apiece hourly daily weekly",
    "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays \
     sundays am pm",
    "feet foot inch inches yard yards mile miles meter meters cm km kg gram grams pound pounds ounce ounces liter liters \
     gallon gallons cup cups quart quarts pint pints degree degrees",
    "not no never without except neither only unless didn't doesn't isn't can't don't won't wasn't",
    "if when unless after before until while then first finally next since",
    "difference than",
    "profit cost costs price prices priced spend spends spent spending earn earns earned pay pays paid paying sell sells \
     selling sold buy buys buying bought tax taxes tip tips interest save saves saved saving savings budget loan salary wage \
     refund change changed",
    "he she they it his her their its him them that those these this",
    "ago now later earlier last previous next original originally initially start starts started begin beginning before",
    "also another additional extra more again both either",
    "minimum maximum enough need needs needed exactly must should can",
    "area perimeter square rectangle length width height volume side sides triangle circle cube speed mph fast travel \
     travels traveled drive drives drove run runs ran walk walks walked",
];

/// Open addressing; a free place holds 0.
const PLACES: usize = 1024;

static TABLE: LazyLock<Vec<(u64, u32)>> = LazyLock::new(|| {
    let mut table = vec![(0, 0); PLACES];
    for (class, words) in WORDS.iter().enumerate() {
        for word in words.split_ascii_whitespace() {
            let key = word.chars().fold(hash::WORD, hash::push);
            let mut place = (key >> 54) as usize;
            while table[place].0 != 0 && table[place].0 != key {
                place = (place + 1) % PLACES;
            }
            table[place].0 = key;
            table[place].1 |= 1 << class;
        }
    }
    table
});

fn classes(table: &[(u64, u32)], key: u64) -> u32 {
    let mut place = (key >> 54) as usize;
    loop {
        match table[place] {
            (0, _) => return 0,
            (found, classes) if found == key => return classes,
            _ => place = (place + 1) % PLACES,
        }
    }
}

/// A set of hashes that may take two for one.
#[derive(Default, Clone, Copy)]
struct Sketch([u64; 8]);

impl Sketch {
    fn add(&mut self, key: u64) -> bool {
        let (cell, bit) = ((key >> 61) as usize, 1 << (key >> 55 & 63));
        let is_new = self.0[cell] & bit == 0;
        self.0[cell] |= bit;
        is_new
    }

    fn len(&self) -> u32 {
        self.0.iter().map(|cell| cell.count_ones()).sum()
    }

    fn in_both(&self, other: &Self) -> u32 {
        self.0.iter().zip(other.0).map(|(cell, other)| (cell & other).count_ones()).sum()
    }
}

#[derive(Default)]
struct Sentence {
    classes: u32,
    words: u32,
    quantities: u32,
    vocabulary: Sketch,
    is_question: bool,
}

const MOST: usize = 4 * 1024;
const MOST_NUMBERS: usize = 24;

#[derive(Default)]
struct ProblemCounts {
    counts: [u32; CLASSES],
    relations: [u32; RELATIONS],
    numbers: [f32; MOST_NUMBERS],
    n_numbers: usize,
    n_words: u32,
    letters: u32,
    sentences: u32,
    empty: u32,
    first_quantities: u32,
    most_quantities: u32,
    commas: u32,
    questions: u32,
    dollars: u32,
    percents: u32,
    fractions: u32,
    names: Sketch,
    n_names: u32,
    vocabulary: Sketch,
    time_units: Sketch,
    /// What came before `last`.
    earlier: Sketch,
    last: Sentence,
    now: Sentence,
    before: [u32; 3],
    was_as: bool,
    was_times: bool,
}

/// Reads `prompt`; `None` if it is no math word problem in English.
///
/// Of a longer prompt the first 4 KiB are read: a word problem is short.
#[must_use]
pub fn read(prompt: &str) -> Option<ProblemFigures> {
    let text = &prompt[..prompt.floor_char_boundary(MOST)];
    let table = TABLE.as_slice();
    let mut reading = ProblemCounts::default();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_alphabetic() {
            at += reading.word(table, &bytes[at..]);
            continue;
        }
        if byte.is_ascii_digit() {
            at += reading.number(&bytes[at..]);
            continue;
        }
        match byte {
            b'.' | b'!' | b'?' => {
                if byte == b'?' {
                    reading.questions += 1;
                    reading.now.is_question = true;
                }
                if bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace) {
                    reading.end_sentence();
                }
            }
            b',' => reading.commas += 1,
            b'$' => {
                reading.dollars += 1;
                reading.now.classes |= 1 << MONEY_WORD;
            }
            b'%' => {
                reading.percents += 1;
                reading.now.classes |= 1 << PERCENT;
            }
            _ => {}
        }
        at += 1;
    }
    reading.end_sentence();
    let others = text.chars().filter(|character| !character.is_ascii()).count();
    let quantities = reading.n_numbers as u32 + reading.counts[NUMBER];
    (quantities >= 2 && reading.n_words >= 8 && others * 4 < reading.n_words as usize).then(|| reading.figures())
}

impl ProblemCounts {
    fn word(&mut self, table: &[(u64, u32)], rest: &[u8]) -> usize {
        let (mut key, mut taken) = (hash::WORD, 0);
        // An apostrophe may be typographic: three bytes.
        while let Some(&byte) = rest.get(taken) {
            let (character, width) = match byte {
                b'a'..=b'z' | b'A'..=b'Z' => (char::from(byte.to_ascii_lowercase()), 1),
                b'\'' => ('\'', 1),
                0xe2 if rest[taken..].starts_with("’".as_bytes()) => ('\'', 3),
                _ => break,
            };
            key = hash::push(key, character);
            taken += width;
        }
        let found = classes(table, key);
        let has = |class: usize| found & (1 << class) != 0;
        let mut left = found;
        while left != 0 {
            self.counts[left.trailing_zeros() as usize] += 1;
            left &= left - 1;
        }
        if has(TIME) {
            // Two letters tell the units apart, and a singular is its plural.
            self.time_units.add(hash::push(hash::push(hash::WORD, char::from(rest[0] | 32)), char::from(rest[1] | 32)));
        }
        self.relations[0] += u32::from(
            rest[..taken].eq_ignore_ascii_case(b"than") && self.before.iter().any(|mask| mask & (1 << COMPARED) != 0),
        );
        self.relations[1] += u32::from(self.was_as && has(AS_WHAT));
        self.relations[2] += u32::from(self.was_times && has(TIMES_WHAT));
        self.was_as = rest[..taken].eq_ignore_ascii_case(b"as");
        self.was_times = rest[..taken].eq_ignore_ascii_case(b"times");
        self.before = [found, self.before[0], self.before[1]];
        if rest[0].is_ascii_uppercase() && self.now.words > 0 && taken > 1 {
            self.n_names += 1;
            self.names.add(key);
        }
        self.vocabulary.add(key);
        self.n_words += 1;
        self.letters += taken as u32;
        self.now.vocabulary.add(key);
        self.now.words += 1;
        self.now.classes |= found;
        self.now.quantities += u32::from(has(NUMBER));
        taken
    }

    fn number(&mut self, rest: &[u8]) -> usize {
        let (mut value, mut scale, mut taken) = (0.0_f32, 0.0_f32, 0);
        let (mut above, mut is_fraction) = (0.0_f32, false);
        while let Some(&byte) = rest.get(taken) {
            let digit_follows = rest.get(taken + 1).is_some_and(u8::is_ascii_digit);
            match byte {
                b'0'..=b'9' if scale > 0.0 => {
                    value += f32::from(byte - b'0') * scale;
                    scale /= 10.0;
                }
                b'0'..=b'9' => value = (value * 10.0 + f32::from(byte - b'0')).min(1e12),
                b',' if digit_follows => {}
                b'.' if digit_follows && scale == 0.0 => scale = 0.1,
                b'/' if digit_follows && !is_fraction => {
                    (above, value, scale, is_fraction) = (value, 0.0, 0.0, true);
                }
                _ => break,
            }
            taken += 1;
        }
        if is_fraction {
            value = above / value.max(1.0);
            self.fractions += 1;
        }
        if self.n_numbers < MOST_NUMBERS {
            self.numbers[self.n_numbers] = value;
            self.n_numbers += 1;
        }
        self.now.quantities += 1;
        self.was_as = false;
        self.was_times = false;
        taken
    }

    fn end_sentence(&mut self) {
        if self.now.words == 0 && self.now.quantities == 0 {
            self.last.is_question |= self.now.is_question;
            self.now.is_question = false;
            return;
        }
        for (cell, new) in self.earlier.0.iter_mut().zip(self.last.vocabulary.0) {
            *cell |= new;
        }
        self.empty += u32::from(self.sentences > 0 && self.last.quantities == 0);
        if self.sentences == 0 {
            self.first_quantities = self.now.quantities;
        }
        self.sentences += 1;
        self.most_quantities = self.most_quantities.max(self.now.quantities);
        self.last = std::mem::take(&mut self.now);
        self.before = [0; 3];
    }

    fn figures(&self) -> ProblemFigures {
        let log = |count: u32| (count as f32).ln_1p();
        let numbers = &self.numbers[..self.n_numbers];
        let count = |holds: fn(f32) -> bool| numbers.iter().filter(|number| holds(**number)).count() as u32;
        let (mut distinct, mut divisible) = (0_u32, 0_u32);
        let is_whole = |number: f32| number.fract() == 0.0 && number > 1.0;
        for (idx, &number) in numbers.iter().enumerate() {
            distinct += u32::from(!numbers[..idx].contains(&number));
            for &other in numbers[..idx].iter().filter(|other| is_whole(**other) && is_whole(number)) {
                divisible += u32::from(number.max(other) % number.min(other) == 0.0);
            }
        }
        let n = self.n_numbers as u32;
        let quantities = n + self.counts[NUMBER];
        let largest = numbers.iter().copied().fold(0.0, f32::max);
        let smallest = if numbers.is_empty() { 1.0 } else { numbers.iter().copied().fold(f32::MAX, f32::min) };
        let sentences = self.sentences.max(1) as f32;
        let words = self.n_words.max(1) as f32;
        let form: [f32; FORM] = [
            log(n),
            log(self.counts[NUMBER]),
            log(quantities),
            log(distinct),
            log(n - distinct),
            largest.ln_1p(),
            smallest.ln_1p(),
            (largest / smallest.max(0.1)).ln_1p(),
            numbers.iter().map(|number| number.ln_1p()).sum(),
            log(count(|number| number.fract() != 0.0)),
            log(count(|number| number < 1.0)),
            log(count(|number| number.fract() == 0.0 && number > 12.0 && number % 5.0 != 0.0)),
            count(|number| number % 10.0 == 0.0 && number > 0.0) as f32 / n.max(1) as f32,
            log(self.sentences),
            (words / sentences).ln_1p(),
            log(self.n_words),
            log(self.last.words),
            log(self.names.len()),
            log(self.n_names),
            log(self.last.quantities),
            log(self.first_quantities),
            log(self.empty),
            log(self.most_quantities),
            quantities as f32 / sentences,
            self.vocabulary.len() as f32 / words,
            self.letters as f32 / words,
            log(self.commas),
            log(self.questions),
            log(self.dollars),
            log(self.percents),
            log(self.fractions),
            self.last.vocabulary.in_both(&self.earlier) as f32 / self.last.vocabulary.len().max(1) as f32,
            log(divisible),
            log(self.time_units.len()),
        ];
        let mut figures = [0.0; PROBLEM_FIGURES];
        let (classes, rest) = figures.split_at_mut(CLASSES);
        let (asked, rest) = rest.split_at_mut(ASKED.len());
        let (relations, rest) = rest.split_at_mut(RELATIONS);
        for (figure, count) in classes.iter_mut().zip(self.counts) {
            *figure = log(count);
        }
        for (figure, class) in asked.iter_mut().zip(ASKED) {
            *figure = if self.last.classes & (1 << class) == 0 { 0.0 } else { 1.0 };
        }
        for (figure, count) in relations.iter_mut().zip(self.relations) {
            *figure = log(count);
        }
        rest.copy_from_slice(&form);
        figures
    }
}
