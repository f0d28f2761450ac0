//! Where the arguments of one call end.
//!
//! Arguments are one JSON object. Servers that put several calls under one number write their objects one after the
//! other, so the object that is whole ends its call, and the bracket behind it begins the next one. Arguments that do
//! not begin with a bracket (a text in quotes, a fence) are left alone: their end cannot be determined.

/// How far the arguments of one call have come.
#[derive(Debug, Clone, Default)]
pub(super) struct Extent {
    state: ScanState,
    depth: u32,
    is_in_text: bool,
    is_escaped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ScanState {
    /// Nothing but spaces has come.
    #[default]
    Empty,
    /// An object that is not closed.
    Open,
    /// A whole object.
    Whole,
    /// Something else.
    Other,
}

impl Extent {
    /// Takes more of the text. Gives what belongs to this call, and what begins another one.
    pub(super) fn take<'a>(&mut self, more: &'a str) -> (&'a str, &'a str) {
        for (at, byte) in more.bytes().enumerate() {
            if self.state == ScanState::Whole && byte == b'{' {
                return more.split_at(at);
            }
            self.step(byte);
        }
        (more, "")
    }

    /// Whether the object is complete.
    pub(super) fn is_whole(&self) -> bool {
        self.state == ScanState::Whole
    }

    /// Whether nothing has come yet.
    pub(super) fn is_empty(&self) -> bool {
        self.state == ScanState::Empty
    }

    // Brackets, quotes and backslashes are one byte each in UTF-8 and part of no other character.
    fn step(&mut self, byte: u8) {
        match (self.state, byte) {
            (ScanState::Empty | ScanState::Whole, b' ' | b'\t' | b'\r' | b'\n') | (ScanState::Other, _) => {}
            (ScanState::Empty, b'{') => (self.state, self.depth) = (ScanState::Open, 1),
            (ScanState::Empty | ScanState::Whole, _) => self.state = ScanState::Other,
            (ScanState::Open, _) if self.is_in_text => match byte {
                _ if std::mem::take(&mut self.is_escaped) => {}
                b'\\' => self.is_escaped = true,
                b'"' => self.is_in_text = false,
                _ => {}
            },
            (ScanState::Open, b'"') => self.is_in_text = true,
            (ScanState::Open, b'{' | b'[') => self.depth = self.depth.saturating_add(1),
            (ScanState::Open, b'}' | b']') => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.state = ScanState::Whole;
                }
            }
            (ScanState::Open, _) => {}
        }
    }
}

/// The objects of a text that holds nothing but objects one after the other; the text as it is, where it holds one or
/// something else.
pub(super) fn objects(text: &str) -> Vec<&str> {
    let (mut rest, mut found) = (text, Vec::new());
    loop {
        let mut extent = Extent::default();
        let (own, others) = extent.take(rest);
        if !extent.is_whole() {
            return vec![text];
        }
        found.push(if others.is_empty() && found.is_empty() { own } else { own.trim() });
        if others.is_empty() {
            return found;
        }
        rest = others;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_ends_where_its_last_bracket_is_however_it_is_cut() {
        let text = r#"{"a":"}{\"","b":[{"c":1}]} {"d":"字"}"#;
        for cut in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let (mut extent, mut own, mut next) = (Extent::default(), String::new(), String::new());
            for piece in [&text[..cut], &text[cut..]] {
                let (mine, others) = if next.is_empty() { extent.take(piece) } else { ("", piece) };
                own.push_str(mine);
                next.push_str(others);
            }
            assert_eq!((own.as_str(), next.as_str()), (r#"{"a":"}{\"","b":[{"c":1}]} "#, r#"{"d":"字"}"#), "{cut}");
        }
    }

    #[test]
    fn what_is_no_row_of_objects_is_left_alone() {
        for text in ["", "{\"a\":1", "{\"a\":1}{\"b\"", "\"{}\"{}", "```json\n{}\n```", "{\"a\":1}</tool>", "[1]{}"] {
            assert_eq!(objects(text), [text]);
        }
        assert_eq!(objects(" {\"a\":1}\n"), [" {\"a\":1}\n"]);
        assert_eq!(objects("{\"a\":1}\n{\"b\":2} "), ["{\"a\":1}", "{\"b\":2}"]);
    }
}
