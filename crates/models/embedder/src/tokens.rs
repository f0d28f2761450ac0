//! Texts to the numbers that the model reads.

use std::path::Path;

use tokenizers::{Encoding, PostProcessor, Tokenizer, TruncationDirection};

use crate::Error;
use crate::config::Config;

pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    lower_case: bool,
    n_words: usize,
    // The most tokens of a text itself, and how many marks are put around them.
    most: usize,
    n_marks: usize,
}

impl Tokens {
    pub(crate) fn read(folder: &Path, config: &Config) -> Result<Self, Error> {
        let file = folder.join("tokenizer.json");
        let text = std::fs::read(&file).map_err(|source| Error::Read { file: file.clone(), source })?;
        let refuse = |problem: String| Error::File { file: file.clone(), problem };
        let mut tokenizer = Tokenizer::from_bytes(&text).map_err(|error| refuse(error.to_string()))?;
        let n_tokens = tokenizer.get_vocab_size(true);
        if n_tokens > config.n_words {
            let n_words = config.n_words;
            return Err(refuse(format!(
                "it has {n_tokens} tokens and the model {n_words}; they do not belong together"
            )));
        }
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| refuse(error.to_string()))?;
        let n_marks = tokenizer.get_post_processor().map_or(0, |marks| marks.added_tokens(false));
        let Some(most) = config.max_tokens.checked_sub(n_marks).filter(|most| *most > 0) else {
            return Err(refuse(format!(
                "it puts {n_marks} tokens around a text and the model reads {}",
                config.max_tokens
            )));
        };
        Ok(Self { tokenizer, lower_case: config.lower_case, n_words: config.n_words, most, n_marks })
    }

    /// The tokens of a text with those that mark its ends, cut to what the model reads.
    pub(crate) fn read_text(&self, idx: usize, text: &str) -> Result<Vec<u32>, Error> {
        let mut encoding = self.encode(text)?;
        encoding.truncate(self.most, 0, TruncationDirection::Right);
        let encoding = self.tokenizer.post_process(encoding, None, true).map_err(Error::Tokens)?;
        let tokens = encoding.get_ids().to_vec();
        let fits = |token: &u32| (*token as usize) < self.n_words;
        if tokens.is_empty() || !tokens.iter().all(fits) {
            return Err(Error::Unembeddable { idx });
        }
        Ok(tokens)
    }

    pub(crate) fn count(&self, text: &str) -> Result<usize, Error> {
        Ok(self.encode(text)?.len() + self.n_marks)
    }

    /// The tokens of a text, all of them, without marks.
    fn encode(&self, text: &str) -> Result<Encoding, Error> {
        if self.lower_case {
            self.tokenizer.encode(text.to_lowercase(), false)
        } else {
            self.tokenizer.encode(text, false)
        }
        .map_err(Error::Tokens)
    }
}
