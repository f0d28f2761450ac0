//! One of the answers of a stream.

use serde_json::{Map, Value, json};

use crate::dialect::Dialect;
use crate::event::{Block, Delta, Event, Finish, Place};
use crate::gemini::args;
use crate::json::Look;
use crate::proof::Proof;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlockKind {
    Text,
    Reasoning,
    Call,
}

#[derive(Debug)]
pub(super) struct Candidate {
    choice: u32,
    next: u32,
    open: Option<(BlockKind, Place)>,
    has_calls: bool,
    // Arguments that come in pieces.
    arguments: Value,
    unplaced: Vec<Value>,
    // Of the text or thinking that is open.
    signature: Option<String>,
    finish: Option<String>,
    // What it says of its sources; given out with the text that they are sources of.
    grounding: Option<Value>,
    n_grounded: usize,
    pub(super) facts: Map<String, Value>,
}

impl Candidate {
    pub(super) fn new(choice: u32) -> Self {
        Self {
            choice,
            next: 0,
            open: None,
            has_calls: false,
            arguments: Value::Null,
            unplaced: Vec::new(),
            signature: None,
            finish: None,
            grounding: None,
            n_grounded: 0,
            facts: Map::new(),
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    pub(super) fn reason(&self) -> Finish {
        match self.finish.as_deref() {
            Some("STOP") | None if self.has_calls => Finish::Calls,
            Some("STOP") | None => Finish::Stop,
            Some("MAX_TOKENS") => Finish::Length,
            Some(
                "SAFETY"
                | "RECITATION"
                | "BLOCKLIST"
                | "PROHIBITED_CONTENT"
                | "SPII"
                | "IMAGE_SAFETY"
                | "IMAGE_PROHIBITED_CONTENT"
                | "IMAGE_RECITATION"
                | "MODEL_ARMOR",
            ) => Finish::Filtered,
            Some(other) => Finish::Other(other.to_owned()),
        }
    }

    /// Reads what a chunk has of it.
    pub(super) fn read(&mut self, value: &Value, id: &str, n_calls: &mut u32, out: &mut Vec<Event>) {
        for part in value.get("content").unwrap_or(&Value::Null).list("parts") {
            self.part(part, id, n_calls, out);
        }
        if let Some(grounding) = value.get("groundingMetadata").filter(|grounding| grounding.is_object()) {
            self.grounding = Some(grounding.clone());
            self.facts.insert("groundingMetadata".to_owned(), grounding.clone());
        }
        self.citations(value, out);
        self.logprobs(value.get("logprobsResult").unwrap_or(&Value::Null), out);
        if let Some(reason) = value.get("finishReason").and_then(reason) {
            self.finish = Some(reason.to_owned());
        }
        const READ: [&str; 7] = [
            "content",
            "finishReason",
            "index",
            "tokenCount",
            "logprobsResult",
            "citationMetadata",
            "groundingMetadata",
        ];
        for (name, value) in value.as_object().into_iter().flatten() {
            if !READ.contains(&name.as_str()) && !value.is_null() {
                self.facts.insert(name.clone(), value.clone());
            }
        }
    }

    fn part(&mut self, part: &Value, id: &str, n_calls: &mut u32, out: &mut Vec<Event>) {
        let signature = part.text("thoughtSignature").or_else(|| part.text("thought_signature"));
        let is_thought = part.get("thought").and_then(Value::as_bool).unwrap_or(false);
        if let Some(call) = part.get("functionCall") {
            self.call(call, signature, id, n_calls, out);
        } else if let Some(text) = part.text("text") {
            self.text(text, is_thought, signature, out);
        } else if let Some(media) = part.get("inlineData").filter(|media| media.get("data").is_some()) {
            // An intermediate picture from the model's thinking is not part of the answer.
            let block = if is_thought {
                Block::Opaque { dialect: Dialect::Gemini, value: part.clone() }
            } else {
                Block::Media { mime: media.string("mimeType"), data: media.string("data") }
            };
            self.whole(block, signature.filter(|_| !is_thought), out);
        } else if part.as_object().is_some_and(|fields| !fields.is_empty()) {
            let only_signed = part.as_object().is_some_and(|fields| fields.len() == 1) && signature.is_some();
            if only_signed {
                self.text("", is_thought, signature, out);
            } else {
                self.whole(Block::Opaque { dialect: Dialect::Gemini, value: part.clone() }, None, out);
            }
        }
    }

    fn open(&mut self, kind: BlockKind, block: Block, out: &mut Vec<Event>) -> Place {
        self.close(out);
        let place = Place { choice: self.choice, block: self.next };
        self.next += 1;
        self.open = Some((kind, place));
        out.push(Event::Open(place, block));
        place
    }

    /// Closes what is open.
    pub(super) fn close(&mut self, out: &mut Vec<Event>) {
        let Some((kind, place)) = self.open.take() else { return };
        let signature = self.signature.take().map(|text| signed(&text));
        match kind {
            BlockKind::Text => self.ground(place, out),
            BlockKind::Reasoning => out.extend(signature.clone().map(|signature| Event::Delta(place, signature))),
            BlockKind::Call => {
                let arguments = std::mem::take(&mut self.arguments);
                if !arguments.is_null() {
                    out.push(Event::Delta(place, Delta::Arguments(arguments.to_string())));
                }
            }
        }
        out.push(Event::Close(place));
        if let (BlockKind::Text, Some(signature)) = (kind, signature) {
            let place = self.open(BlockKind::Reasoning, Block::Reasoning { id: None }, out);
            out.push(Event::Delta(place, signature));
            self.close(out);
        }
    }

    fn whole(&mut self, block: Block, signature: Option<&str>, out: &mut Vec<Event>) {
        let place = self.open(BlockKind::Reasoning, block, out);
        out.extend(signature.map(|signature| Event::Delta(place, signed(signature))));
        self.close(out);
    }

    fn text(&mut self, text: &str, is_thought: bool, signature: Option<&str>, out: &mut Vec<Event>) {
        if text.is_empty() && signature.is_none() {
            return;
        }
        let kind = if is_thought { BlockKind::Reasoning } else { BlockKind::Text };
        // A block has one signature.
        let may_grow = signature.is_none() || self.signature.is_none();
        let place = match self.open {
            Some((open, place)) if may_grow && (open == kind || (text.is_empty() && open != BlockKind::Call)) => place,
            // A signature that belongs to no text.
            _ if text.is_empty() || is_thought => self.open(BlockKind::Reasoning, Block::Reasoning { id: None }, out),
            _ => self.open(kind, Block::Text, out),
        };
        if !text.is_empty() {
            out.push(Event::Delta(place, Delta::Text(text.to_owned())));
        }
        if let Some(signature) = signature {
            self.signature = Some(signature.to_owned());
        }
    }

    fn call(&mut self, call: &Value, signature: Option<&str>, id: &str, n_calls: &mut u32, out: &mut Vec<Event>) {
        let goes_on = call.get("willContinue").and_then(Value::as_bool).unwrap_or(false);
        if let Some(name) = call.text("name").filter(|name| !name.is_empty()) {
            let made_up = if id.is_empty() { format!("call_{n_calls}") } else { format!("call_{id}_{n_calls}") };
            let id = call.text("id").filter(|id| !id.is_empty()).map_or(made_up, str::to_owned);
            *n_calls += 1;
            self.has_calls = true;
            let place = self.open(BlockKind::Call, Block::Call { id, name: name.to_owned() }, out);
            out.extend(signature.map(|signature| Event::Delta(place, signed(signature))));
            self.arguments = call.get("args").filter(|args| !args.is_null()).cloned().unwrap_or_else(|| json!({}));
        }
        let is_open = matches!(self.open, Some((BlockKind::Call, _)));
        for piece in call.list("partialArgs") {
            if !is_open || !args::add(&mut self.arguments, piece) {
                self.unplaced.push(piece.clone());
            }
        }
        if is_open && !goes_on {
            self.close(out);
        }
    }

    /// The sources of a text, each with the places in the text that it supports.
    fn ground(&mut self, place: Place, out: &mut Vec<Event>) {
        let Some(grounding) = self.grounding.take() else { return };
        let supports = grounding.list("groundingSupports");
        for (number, chunk) in grounding.list("groundingChunks").iter().enumerate().skip(self.n_grounded) {
            let has = |support: &&Value| {
                support.list("groundingChunkIndices").iter().any(|index| index.as_u64() == u64::try_from(number).ok())
            };
            let segments: Vec<Value> =
                supports.iter().filter(has).filter_map(|support| support.get("segment").cloned()).collect();
            let mut value = chunk.clone();
            if let Some(fields) = value.as_object_mut() {
                fields.insert("segments".to_owned(), Value::Array(segments));
            }
            out.push(Event::Delta(place, Delta::Citation { dialect: Dialect::Gemini, value }));
            self.n_grounded = number + 1;
        }
    }

    fn citations(&mut self, value: &Value, out: &mut Vec<Event>) {
        let metadata = value.get("citationMetadata").unwrap_or(&Value::Null);
        // Vertex AI says `citations`, the Gemini API `citationSources`.
        let sources = metadata.list("citationSources").iter().chain(metadata.list("citations"));
        if let Some((BlockKind::Text, place)) = self.open {
            for source in sources {
                let value = source.clone();
                out.push(Event::Delta(place, Delta::Citation { dialect: Dialect::Gemini, value }));
            }
        } else if metadata.is_object() {
            self.facts.insert("citationMetadata".to_owned(), metadata.clone());
        }
    }

    fn logprobs(&mut self, result: &Value, out: &mut Vec<Event>) {
        let chosen = result.list("chosenCandidates");
        let (Some((BlockKind::Text, place)), false) = (self.open, chosen.is_empty()) else { return };
        let top = result.list("topCandidates");
        let one = |token: &Value| {
            let text = token.string("token");
            json!({"token": text, "logprob": token.get("logProbability"), "bytes": text.as_bytes()})
        };
        let tokens = chosen.iter().enumerate().map(|(number, token)| {
            let mut written = one(token);
            let others = top.get(number).map_or(&[][..], |top| top.list("candidates"));
            written["top_logprobs"] = others.iter().map(one).collect();
            written
        });
        out.push(Event::Delta(place, Delta::Logprobs(tokens.collect())));
    }

    /// The stream is over: closes what is open. Sources that came after their text stay in the facts.
    pub(super) fn end(&mut self, out: &mut Vec<Event>) {
        self.close(out);
        if !self.unplaced.is_empty() {
            self.facts.insert("unplacedArguments".to_owned(), Value::Array(std::mem::take(&mut self.unplaced)));
        }
    }
}

fn signed(text: &str) -> Delta {
    Delta::Signature(Proof::made_by(Dialect::Gemini, text))
}

/// Why it ended. Google writes the number in place of the word for who asks with `enum-encoding=int`, as its own
/// libraries for Vertex AI do.
fn reason(value: &Value) -> Option<&str> {
    const WORDS: [&str; 9] = [
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
    ];
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    let word = number.and_then(|number| WORDS.get(number.checked_sub(1)?)).copied();
    value.as_str().or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read_as_words_and_as_numbers() {
        assert_eq!(reason(&json!("SAFETY")), Some("SAFETY"));
        assert_eq!(reason(&json!(2)), Some("MAX_TOKENS"));
        assert_eq!((reason(&json!(0)), reason(&json!(99)), reason(&json!(null))), (None, None, None));
    }
}
