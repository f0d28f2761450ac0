//! The list of every error code, with what it means and what to do, in both languages of the console.
//!
//! `docs/guide/errors.md` and the words of the console (`web/src/i18n/codes`) are written from it by `make golden`. A
//! code that a service says without a line here fails a test, and so does a line whose code nothing says.
//!
//! To add a code: put a line into the area it belongs to (`access.rs`, `documents.rs`, `models.rs`, `runs.rs`,
//! `server.rs`), in the alphabet's order, then run `cargo run -p xtask -- codes`. Each language has two sentences: what
//! happened, and what the reader can do now. `{wait}` stands for the time to wait where the server says one.
//!
//! No crate that serves depends on this one, so that a new line costs no build.

mod access;
mod documents;
mod models;
mod runs;
mod server;

/// What one error code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The stable word for programs.
    pub name: &'static str,
    /// The HTTP statuses it comes with; none where it stands only inside of an answer, such as a failed file.
    pub statuses: &'static [u16],
    /// In English.
    pub english: Words,
    /// In Chinese.
    pub chinese: Words,
}

/// Two whole sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// What happened.
    pub means: &'static str,
    /// What the reader can do.
    pub remedy: &'static str,
}

/// The codes of one part of the platform.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    /// The heading.
    pub title: &'static str,
    /// Where these codes stand, when that is not the body of a refusal; else empty.
    pub note: &'static str,
    /// Its codes, in the alphabet's order.
    pub codes: &'static [Code],
}

/// All codes, by area.
pub const AREAS: [Area; 5] = [access::AREA, documents::AREA, models::AREA, runs::AREA, server::AREA];

/// All codes, area after area.
pub fn all() -> impl Iterator<Item = &'static Code> {
    AREAS.iter().flat_map(|area| area.codes)
}

/// A line of the list: `[what happened, what to do]` in English, then in Chinese.
const fn code(
    name: &'static str,
    statuses: &'static [u16],
    english: [&'static str; 2],
    chinese: [&'static str; 2],
) -> Code {
    let [means, remedy] = english;
    let english = Words { means, remedy };
    let [means, remedy] = chinese;
    Code { name, statuses, english, chinese: Words { means, remedy } }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names() -> Vec<&'static str> {
        all().map(|code| code.name).collect()
    }

    #[test]
    fn a_code_stands_in_the_list_once() {
        assert_eq!(names().len(), names().into_iter().collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn the_codes_of_an_area_are_in_the_order_of_the_alphabet() {
        for area in AREAS {
            let names: Vec<_> = area.codes.iter().map(|code| code.name).collect();
            assert!(names.is_sorted(), "{}: {names:?}", area.title);
        }
    }

    #[test]
    fn every_code_says_in_both_languages_what_happened_and_what_to_do() {
        for code in all() {
            for words in [code.english, code.chinese] {
                for sentence in [words.means, words.remedy] {
                    assert!(sentence.ends_with(['.', '。']), "{}: {sentence:?} is no whole sentence", code.name);
                }
            }
            let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            assert!(is_chinese(code.chinese.means) && is_chinese(code.chinese.remedy), "{}", code.name);
            assert!(!is_chinese(code.english.means) && !is_chinese(code.english.remedy), "{}", code.name);
        }
    }

    #[test]
    fn both_languages_name_the_time_to_wait_or_neither_does() {
        let names_it = |words: Words| words.means.contains("{wait}") || words.remedy.contains("{wait}");
        for code in all() {
            assert_eq!(names_it(code.english), names_it(code.chinese), "{}", code.name);
        }
    }
}
