//! The words of a turn that may have been begun before.

/// The words of a turn that may have been begun before.
///
/// After a crash the same call gives the same words again, and those that are journaled already are skipped. When it
/// gives other words, the earlier ones are void and the turn starts over.
pub(super) struct Words {
    journaled: String,
    waiting: String,
    restarted: bool,
}

impl Words {
    pub(super) fn after(journaled: String) -> Self {
        Self { journaled, waiting: String::new(), restarted: false }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.waiting.push_str(text);
        if self.journaled.is_empty() {
            return;
        }
        if let Some(rest) = self.waiting.strip_prefix(self.journaled.as_str()) {
            self.waiting = rest.to_owned();
            self.journaled.clear();
        } else if !self.journaled.starts_with(self.waiting.as_str()) {
            self.journaled.clear();
            self.restarted = true;
        }
    }

    /// The turn is over: words that were expected again and did not come are void.
    pub(super) fn finish(&mut self) {
        if !self.journaled.is_empty() {
            self.journaled.clear();
            self.restarted = true;
        }
    }

    pub(super) fn n_waiting(&self) -> usize {
        if self.journaled.is_empty() { self.waiting.len() } else { 0 }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.n_waiting() > 0
    }

    pub(super) fn take(&mut self) -> (bool, String) {
        if !self.journaled.is_empty() {
            return (false, String::new());
        }
        (std::mem::take(&mut self.restarted), std::mem::take(&mut self.waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(journaled: &str, pieces: &[&str]) -> (bool, String) {
        let mut words = Words::after(journaled.to_owned());
        let (mut restarted, mut text) = (false, String::new());
        for piece in pieces {
            words.push(piece);
            let (again, new) = words.take();
            restarted |= again;
            text.push_str(&new);
        }
        words.finish();
        let (again, new) = words.take();
        (restarted || again, text + &new)
    }

    #[test]
    fn words_that_are_journaled_are_not_said_twice() {
        assert_eq!(replay("", &["ab", "c"]), (false, "abc".to_owned()));
        assert_eq!(replay("abc", &["a", "bcd", "e"]), (false, "de".to_owned()));
        assert_eq!(replay("abc", &["abc"]), (false, String::new()));
    }

    #[test]
    fn other_words_start_the_turn_over() {
        assert_eq!(replay("abc", &["ab", "x", "y"]), (true, "abxy".to_owned()));
        assert_eq!(replay("abc", &["ab"]), (true, "ab".to_owned()));
    }
}
