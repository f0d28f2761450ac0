//! The words BM25 counts, the same for passages and queries.
//!
//! Chinese, Japanese text is cut into overlapping pairs of characters (a lone character stays one), because it has no
//! spaces and a word list is never complete. Latin words are lower case, without accents of width, and stemmed as
//! English. Numbers lose their thousands separators, so that `1,577` is found by `1577`. Full-width forms become plain
//! ones; traditional characters stay as they are.

use rust_stemmers::{Algorithm, Stemmer};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_normalization::UnicodeNormalization;

use crate::text;

/// Longer runs without a space (hashes, addresses) are cut off.
const MAX_BYTES: usize = 60;

/// The tokens of a text, in order.
pub fn tokens(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut cjk: Vec<char> = Vec::new();
    let mut chars = text.nfkc().flat_map(char::to_lowercase).peekable();
    while let Some(char) = chars.next() {
        if text::is_cjk(char) && char.is_alphanumeric() {
            push_word(&mut tokens, &mut word, &stemmer);
            cjk.push(char);
            continue;
        }
        push_cjk(&mut tokens, &mut cjk);
        let next_is_digit = chars.peek().is_some_and(char::is_ascii_digit);
        let next_is_letter = chars.peek().is_some_and(|next| next.is_alphabetic() && !text::is_cjk(*next));
        let in_number = word.ends_with(|last: char| last.is_ascii_digit());
        match char {
            char if char.is_alphanumeric() => word.push(char),
            // 1,577 and 12.3
            ',' if in_number && next_is_digit => {}
            '.' if in_number && next_is_digit => word.push('.'),
            // PP&E, R&D
            '&' if !word.is_empty() && next_is_letter => word.push('&'),
            // company's
            '\'' | '’' if !word.is_empty() && next_is_letter => word.push('\''),
            _ => push_word(&mut tokens, &mut word, &stemmer),
        }
    }
    push_cjk(&mut tokens, &mut cjk);
    push_word(&mut tokens, &mut word, &stemmer);
    tokens
}

fn push_word(tokens: &mut Vec<String>, word: &mut String, stemmer: &Stemmer) {
    if word.is_empty() {
        return;
    }
    let plain = word.strip_suffix("'s").unwrap_or(word).replace('\'', "");
    word.clear();
    let mut stem = if plain.is_ascii() && plain.bytes().all(|byte| byte.is_ascii_lowercase()) {
        stemmer.stem(&plain).into_owned()
    } else {
        plain
    };
    if stem.len() > MAX_BYTES {
        let end = (0..=MAX_BYTES).rev().find(|end| stem.is_char_boundary(*end)).unwrap_or(0);
        stem.truncate(end);
    }
    if !stem.is_empty() {
        tokens.push(stem);
    }
}

fn push_cjk(tokens: &mut Vec<String>, run: &mut Vec<char>) {
    match run.as_slice() {
        [] => {}
        [only] => tokens.push(only.to_string()),
        run => tokens.extend(run.windows(2).map(|pair| pair.iter().collect::<String>())),
    }
    run.clear();
}

/// [`tokens`] as tantivy wants it.
#[derive(Clone, Default)]
pub(crate) struct Words;

impl Tokenizer for Words {
    type TokenStream<'a> = Stream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream {
        Stream { tokens: tokens(text).into_iter(), token: Token::default(), position: 0 }
    }
}

/// The tokens of one text.
pub(crate) struct Stream {
    tokens: std::vec::IntoIter<String>,
    token: Token,
    position: usize,
}

impl TokenStream for Stream {
    fn advance(&mut self) -> bool {
        let Some(text) = self.tokens.next() else { return false };
        self.token = Token { offset_from: 0, offset_to: 0, position: self.position, text, position_length: 1 };
        self.position += 1;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn numbers_are_found_however_they_are_written() {
        assert_eq!(tokens("1,577 (1577) １，５７７ 12.3%"), ["1577", "1577", "1577", "12.3"]);
    }

    #[test]
    fn chinese_becomes_pairs_and_a_lone_character_stays() {
        assert_eq!(tokens("营业收入，元"), ["营业", "业收", "收入", "元"]);
        assert_eq!(tokens("營業收入"), ["營業", "業收", "收入"]);
    }

    #[test]
    fn words_are_lower_case_stems() {
        assert_eq!(
            tokens("Purchases of PP&E — the Company’s 10-K"),
            ["purchas", "of", "pp&e", "the", "compani", "10", "k"]
        );
    }

    #[test]
    fn mixed_text_is_cut_where_the_script_changes() {
        assert_eq!(tokens("2019年3M公司EBITDA"), ["2019", "年", "3m", "公司", "ebitda"]);
    }
}
