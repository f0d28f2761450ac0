//! Holds a JSON body to the table of caps while it arrives, before anything is made of it.
//!
//! The scan reads bytes once, keeps nothing of them and allocates nothing while it reads. It is no parser: what is not
//! JSON at all it lets pass, for the parser behind it stops at the first wrong byte, and up to there the scan has
//! counted everything that the parser can have made.

use septet_kernel::{Failure, Kind};

use super::caps::{CAPS, Caps};

// The longest name in the table fits; of longer ones this much is shown in errors.
const SHOWN_BYTES: usize = 40;
// More than any table asks for.
const MAX_DEPTH: usize = 64;

// What values take in memory, as serde_json makes them: a value is 32 bytes and a list grows by doubling; a node of an
// object's tree has room for eleven fields and is half full at worst; a text has the allocator's own bytes on top.
const NUMBER_BYTES: u64 = 32;
const ITEM_BYTES: u64 = 64;
const NODE_BYTES: u64 = 648;
const NODE_FIELDS: u32 = 11;
const FIELD_BYTES: u64 = NODE_BYTES / 6;
const TEXT_BYTES: u64 = 24;

/// What a body has too much of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// A list is too long.
    #[error("the list {0:?} has more than {most} items; send fewer at a time", shown(.field))]
    Items {
        /// The name of the list, or of what it is in.
        field: String,
        /// How many it may have.
        most: u32,
    },
    /// An object has too many fields.
    #[error("the object {0:?} has more than {most} fields; send fewer", shown(.field))]
    Fields {
        /// The name of the object, or of what it is in.
        field: String,
        /// How many it may have.
        most: u32,
    },
    /// Lists and objects are too deep inside one another.
    #[error("the body has more than {most} lists and objects inside one another; send it flatter")]
    Depth {
        /// How many it may have.
        most: usize,
    },
    /// The name of a field is too long.
    #[error("the name of a field in {0:?} is longer than {most} bytes; take a shorter one", shown(.field))]
    Name {
        /// The name of the object that it is in.
        field: String,
        /// How long it may be.
        most: u32,
    },
    /// Everything together would take too much memory for its bytes.
    #[error("the body is made of more small values than its {n_bytes} bytes may hold; send it in several requests")]
    Growth {
        /// The bytes of the body.
        n_bytes: u64,
    },
}

fn shown(field: &str) -> &str {
    if field.is_empty() { "(the body)" } else { field }
}

impl Failure for Excess {
    fn kind(&self) -> Kind {
        Kind::BadRequest
    }

    fn code(&self) -> &str {
        "body_too_complex"
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Items { field, .. } | Self::Fields { field, .. } | Self::Name { field, .. } => {
                Some(field).filter(|field| !field.is_empty()).map(String::as_str)
            }
            Self::Depth { .. } | Self::Growth { .. } => None,
        }
    }
}

/// The beginning of a name.
#[derive(Debug, Clone, Copy)]
struct Name {
    bytes: [u8; SHOWN_BYTES],
    n_bytes: u32,
}

impl Name {
    const NONE: Self = Self { bytes: [0; SHOWN_BYTES], n_bytes: 0 };

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.n_bytes as usize) {
            *place = byte;
        }
        self.n_bytes += 1;
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..SHOWN_BYTES.min(self.n_bytes as usize)]
    }

    /// Whether all of it is here.
    fn is_whole(&self) -> bool {
        self.n_bytes as usize <= SHOWN_BYTES
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.as_bytes()).into_owned()
    }
}

/// A list or an object that is open.
#[derive(Debug, Clone, Copy)]
struct Frame {
    name: Name,
    is_list: bool,
    n: u32,
    most: u32,
    /// Whether an item or a name comes next.
    is_fresh: bool,
}

/// Where the scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first byte that counts.
    Start,
    /// What comes is no list and no object, so nothing can be made of it.
    Elsewhere,
    /// Between texts.
    Between,
    /// In a number or a word.
    Word,
    /// In a text.
    Text,
    /// In the name of a field.
    Name,
    /// Behind a backslash, in a name or a text.
    Escape { in_name: bool },
    /// In the four digits behind `\u` of a name.
    Code { n_left: u8, code: u32 },
}

/// One scan of one body.
#[derive(Debug)]
pub struct Scan {
    caps: &'static Caps,
    place: Place,
    frames: Vec<Frame>,
    name: Name,
    n_bytes: u64,
    memory_bytes: u64,
}

impl Default for Scan {
    fn default() -> Self {
        Self::new(&CAPS)
    }
}

impl Scan {
    /// A scan by a table.
    #[must_use]
    pub fn new(caps: &'static Caps) -> Self {
        // The only allocation: once, for as deep as it may get.
        let frames = Vec::with_capacity(caps.depth.min(MAX_DEPTH));
        Self { caps, place: Place::Start, frames, name: Name::NONE, n_bytes: 0, memory_bytes: 0 }
    }

    /// Scans a whole body.
    ///
    /// # Errors
    /// What it has too much of.
    pub fn all(body: &[u8]) -> Result<(), Excess> {
        let mut scan = Self::default();
        scan.push(body)?;
        scan.finish()
    }

    /// Scans the next bytes.
    ///
    /// # Errors
    /// What there is too much of so far; then the scan is over.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Excess> {
        self.n_bytes += chunk.len() as u64;
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            if self.place == Place::Text {
                let rest = chunk.get(at..).unwrap_or_default();
                let n_text = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                self.memory_bytes += n_text as u64;
                at += n_text + 1;
                if let Some(&end) = rest.get(n_text) {
                    self.place = if end == b'"' { Place::Between } else { Place::Escape { in_name: false } };
                }
                continue;
            }
            at += 1;
            match self.place {
                Place::Elsewhere => return Ok(()),
                Place::Start => match byte {
                    b' ' | b'\t' | b'\r' | b'\n' => {}
                    b'{' | b'[' => self.open(byte)?,
                    _ => self.place = Place::Elsewhere,
                },
                Place::Between | Place::Word => self.between(byte)?,
                Place::Name => match byte {
                    b'"' => self.place = Place::Between,
                    b'\\' => self.place = Place::Escape { in_name: true },
                    other => self.name_byte(other)?,
                },
                Place::Text | Place::Escape { in_name: false } => self.place = Place::Text,
                Place::Escape { in_name: true } if byte == b'u' => {
                    self.place = Place::Code { n_left: 4, code: 0 };
                }
                Place::Escape { in_name: true } => {
                    self.place = Place::Name;
                    self.name_byte(byte)?;
                }
                Place::Code { n_left, code } => self.code(byte, n_left, code)?,
            }
        }
        Ok(())
    }

    /// The body is over.
    ///
    /// # Errors
    /// [`Excess::Growth`] when it is too small for what it is made of.
    pub fn finish(&self) -> Result<(), Excess> {
        let most = self.caps.growth.saturating_mul(self.n_bytes).saturating_add(self.caps.free_bytes);
        if self.memory_bytes > most { Err(Excess::Growth { n_bytes: self.n_bytes }) } else { Ok(()) }
    }

    fn between(&mut self, byte: u8) -> Result<(), Excess> {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => self.place = Place::Between,
            b'{' | b'[' => self.open(byte)?,
            b'}' | b']' => {
                self.frames.pop();
                self.place = Place::Between;
            }
            b',' => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.is_fresh = true;
                }
                self.place = Place::Between;
            }
            b':' => self.place = Place::Between,
            b'"' => self.text()?,
            other if self.place != Place::Word => {
                self.item(other == b'-' || other.is_ascii_digit())?;
                self.place = Place::Word;
            }
            _ => {}
        }
        Ok(())
    }

    /// A list or an object begins.
    fn open(&mut self, byte: u8) -> Result<(), Excess> {
        self.item(false)?;
        if self.frames.len() >= self.caps.depth {
            return Err(Excess::Depth { most: self.caps.depth });
        }
        // What is in a list has the list's name.
        let name = match self.frames.last() {
            Some(frame) if frame.is_list => frame.name,
            Some(_) => self.name,
            None => Name::NONE,
        };
        let is_list = byte == b'[';
        let is_named = !self.frames.last().is_some_and(|frame| frame.is_list) && name.is_whole();
        let most = match is_list {
            true if is_named => self.caps.list(name.as_bytes()),
            true => self.caps.items,
            false => self.caps.fields,
        };
        self.frames.push(Frame { name, is_list, n: 0, most, is_fresh: true });
        self.place = Place::Between;
        Ok(())
    }

    /// A value begins: in a list it is one more item.
    fn item(&mut self, is_number: bool) -> Result<(), Excess> {
        let Some(frame) = self.frames.last_mut().filter(|frame| frame.is_list && frame.is_fresh) else {
            return Ok(());
        };
        frame.is_fresh = false;
        frame.n += 1;
        let most = if is_number { frame.most.max(self.caps.numbers) } else { frame.most };
        if frame.n > most {
            return Err(Excess::Items { field: frame.name.text(), most });
        }
        self.memory_bytes += if is_number { NUMBER_BYTES } else { ITEM_BYTES };
        Ok(())
    }

    /// A text begins: in an object, where one is due, it is the name of a field.
    fn text(&mut self) -> Result<(), Excess> {
        self.memory_bytes += TEXT_BYTES;
        let Some(frame) = self.frames.last_mut().filter(|frame| !frame.is_list && frame.is_fresh) else {
            self.place = Place::Text;
            return self.item(false);
        };
        frame.is_fresh = false;
        frame.n += 1;
        if frame.n > frame.most {
            return Err(Excess::Fields { field: frame.name.text(), most: frame.most });
        }
        self.memory_bytes += match frame.n {
            1 => NODE_BYTES,
            n if n <= NODE_FIELDS => 0,
            _ => FIELD_BYTES,
        };
        self.name = Name::NONE;
        self.place = Place::Name;
        Ok(())
    }

    fn name_byte(&mut self, byte: u8) -> Result<(), Excess> {
        self.name.push(byte);
        self.memory_bytes += 1;
        if self.name.n_bytes > self.caps.name_bytes {
            let field = self.frames.last().map(|frame| frame.name.text()).unwrap_or_default();
            return Err(Excess::Name { field, most: self.caps.name_bytes });
        }
        Ok(())
    }

    /// One of the four digits of an escaped character: `"\u0069nput"` is `input` to the parser, so it is here too.
    fn code(&mut self, byte: u8, n_left: u8, code: u32) -> Result<(), Excess> {
        let code = code * 16 + char::from(byte).to_digit(16).unwrap_or(0);
        if n_left > 1 {
            self.place = Place::Code { n_left: n_left - 1, code };
            return Ok(());
        }
        self.place = Place::Name;
        let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        character.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| self.name_byte(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(begin: &str, item: &str, n: usize, end: &str) -> String {
        format!("{begin}{}{end}", vec![item; n].join(","))
    }

    #[test]
    fn each_line_of_the_table_is_held_and_named() {
        let list = |field: &str, most| Err(Excess::Items { field: field.to_owned(), most });
        for (body, found) in [
            (repeated("{\"input\":[", "{}", 2049, "]}"), list("input", 2048)),
            (repeated("{\"input\":[", "{}", 2048, "]}"), Ok(())),
            (repeated("{\"\\u0069nput\": [", "{}", 2049, "]}"), list("input", 2048)),
            (repeated("{\"a\":{\"tools\":[", "\"x\"", 257, "]}}"), list("tools", 256)),
            // A text as tokens is longer than a list of texts may be.
            (repeated("{\"input\":[", "1", 8192, "]}"), Ok(())),
            (repeated("{\"input\":[", "-1", 16_385, "]}"), list("input", 16_384)),
            (repeated("[", "null", 8193, "]"), list("", 8192)),
            (repeated("{\"other\":[[", "[]", 8193, "]]}"), list("other", 8192)),
            (repeated("{", "\"a\":1", 2049, "}"), Err(Excess::Fields { field: String::new(), most: 2048 })),
            ("[".repeat(65), Err(Excess::Depth { most: 64 })),
            (format!("{}{}", "{\"a\":".repeat(32), "[".repeat(33)), Err(Excess::Depth { most: 64 })),
            (format!("{{\"{}\":1}}", "n".repeat(1025)), Err(Excess::Name { field: String::new(), most: 1024 })),
        ] {
            assert_eq!(Scan::all(body.as_bytes()), found, "{}", &body[..body.len().min(60)]);
        }
    }

    #[test]
    fn a_body_may_take_a_few_times_its_bytes_and_no_more() {
        let dense = repeated("[", &repeated("[", "{\"a\":1}", 100, "]"), 200, "]");
        let plain = format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}]}}", "字".repeat(2_000_000));
        let short = repeated("{\"messages\":[", "{\"role\":\"user\",\"content\":\"hi\"}", 2048, "]}");

        assert_eq!(Scan::all(dense.as_bytes()), Err(Excess::Growth { n_bytes: dense.len() as u64 }));
        assert_eq!(Scan::all(plain.as_bytes()), Ok(()));
        assert_eq!(Scan::all(short.as_bytes()), Ok(()));
    }

    #[test]
    fn what_stands_in_texts_is_no_structure() {
        let brackets = "[".repeat(500);
        for body in [
            format!("{{\"a\":\"{brackets}\\\"{brackets}\"}}"),
            format!("[\"\\\\\",\"{brackets}\"]"),
            format!("--x{brackets}"),
        ] {
            assert_eq!(Scan::all(body.as_bytes()), Ok(()), "{body}");
        }
    }

    #[test]
    fn where_the_chunks_are_cut_makes_no_difference() {
        let body = repeated("{\"x\\\"y\":\"\\u4e2d\\\\\",\"\\u0074ools\":[", "{\"a\\n\":[1,2.5e3,true]}", 257, "]}");
        let whole = Scan::all(body.as_bytes());
        for n in 1..40 {
            let mut scan = Scan::default();
            let cut = body.as_bytes().chunks(n).try_for_each(|chunk| scan.push(chunk));
            assert_eq!(cut, whole, "in pieces of {n}");
        }
        assert_eq!(whole, Err(Excess::Items { field: "tools".to_owned(), most: 256 }));
    }
}
