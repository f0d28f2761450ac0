//! How many tokens a text is, where no provider says it.

/// The vocabulary of a model, where it is known by its name at the provider and is part of the binary: those of OpenAI's
/// newer models, Qwen and DeepSeek.
pub(crate) fn vocabulary(model: &str) -> Option<&'static str> {
    // Relays put the maker in front: `qwen/qwen3-8b`.
    let name = model.rsplit('/').next().unwrap_or(model);
    let encoding = tiktoken::model_to_encoding(name).or_else(|| tiktoken::model_to_encoding(&name.to_lowercase()))?;
    tiktoken::get_encoding(encoding).map(|_there| encoding)
}

/// Counted by a vocabulary of [`vocabulary`].
pub(crate) fn counted_by(encoding: &str, text: &str) -> u64 {
    tiktoken::get_encoding(encoding).map_or_else(|| guessed(text), |vocabulary| vocabulary.count(text) as u64)
}

/// Counted by OpenAI's `o200k` vocabulary. Others cut texts otherwise, so it is an estimate for them all the same.
///
/// The first call unpacks the vocabulary, which takes a tenth of a second and 24 MB for as long as the process runs. A
/// megabyte of text takes some 50 ms, so this belongs on the pool for CPU work.
pub(crate) fn counted(text: &str) -> u64 {
    // The vocabulary is part of the binary; if it could not be read, a guess is better than no figure.
    tiktoken::get_encoding("o200k_base").map_or_else(|| guessed(text), |vocabulary| vocabulary.count(text) as u64)
}

/// Guessed by the length, at once: four letters are a token, and a Chinese character is about three quarters of one.
///
/// That is off by up to a third: too little for mixed Chinese and Japanese, too much for JSON.
pub(crate) fn guessed(text: &str) -> u64 {
    let quarters: u64 = text.chars().map(|char| if char.is_ascii() { 1 } else { 3 }).sum();
    quarters.div_ceil(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_as_openai_counts_them() {
        // As the crate bpe-openai counts them, which is made apart from this one and tested against OpenAI's own.
        let texts = [
            ("", 0),
            ("12345678", 3),
            ("The quick brown fox jumps over the lazy dog.", 10),
            ("公司2024年营业收入同比增长12.5%。", 12),
            ("<|endoftext|>", 7),
        ];
        for (text, n_tokens) in texts {
            assert_eq!(counted(text), n_tokens, "{text}");
        }
    }

    #[test]
    fn a_text_without_any_break_is_counted_whole() {
        assert_eq!(counted(&"a".repeat(200_000)), 25_000);
    }
}
