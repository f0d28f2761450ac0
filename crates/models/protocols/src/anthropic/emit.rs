//! An answer in pieces, in Messages.
//!
//! One block is written after the other: what is open beside the one that is being written waits for its end. The last
//! figures go into `message_delta`, so that event and `message_stop` are written when the answer is over.

mod events;

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::{answer, block, failure, usage};
use crate::codec::{Context, Encoder};
use crate::error::Failure;
use crate::event::{Block, Delta, Event, Finish, Place, Start};
use crate::framing::Frame;
use crate::proof::Proof;
use crate::usage::Usage;
use events::{Piece, frame};

/// Writes the events of a stream.
#[derive(Debug)]
pub struct AnthropicEncoder {
    context: Context,
    head: Head,
    // The first one is being written.
    queue: VecDeque<Waiting>,
    n_written: u64,
    usage: Usage,
    facts: Map<String, Value>,
    finish: Option<(Finish, Option<String>)>,
    has_calls: bool,
    has_refusal: bool,
    has_failed: bool,
}

/// Whether `message_start` is written. It waits one event long for the size of the request.
#[derive(Debug)]
enum Head {
    Missing,
    Held(Start),
    Written,
}

/// A block, and what is not written of it yet.
#[derive(Debug)]
struct Waiting {
    place: Place,
    block: Block,
    deltas: Vec<Delta>,
    is_closed: bool,
    is_begun: bool,
    signature: Option<Proof>,
    encrypted: Option<Proof>,
}

impl AnthropicEncoder {
    /// An encoder at the beginning of an answer.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self {
            context,
            head: Head::Missing,
            queue: VecDeque::new(),
            n_written: 0,
            usage: Usage::default(),
            facts: Map::new(),
            finish: None,
            has_calls: false,
            has_refusal: false,
            has_failed: false,
        }
    }

    fn begin(&mut self, out: &mut Vec<Frame>) {
        let start = match std::mem::replace(&mut self.head, Head::Written) {
            Head::Written => return,
            Head::Held(start) => start,
            Head::Missing => Start::default(),
        };
        let mut message = answer::head(&start, &self.context);
        message.insert("content".to_owned(), json!([]));
        message.insert("stop_reason".to_owned(), Value::Null);
        message.insert("stop_sequence".to_owned(), Value::Null);
        message.insert("usage".to_owned(), usage::encode(&self.usage));
        out.push(frame("message_start", &json!({"type": "message_start", "message": message})));
    }

    fn open(&mut self, place: Place, block: &Block) {
        self.has_calls |= matches!(block, Block::Call { .. });
        self.queue.push_back(Waiting {
            place,
            block: block.clone(),
            deltas: Vec::new(),
            is_closed: false,
            is_begun: false,
            signature: None,
            encrypted: None,
        });
    }

    /// Writes what can be written.
    fn write(&mut self, out: &mut Vec<Frame>) {
        while let Some(first) = self.queue.front_mut() {
            if first.block == Block::Refusal {
                // Whether it is the explanation that `stop_details` gives is only known when it is whole.
                let is_said = first.is_closed && is_explained(&self.facts, &first.deltas);
                if is_said {
                    self.queue.pop_front();
                    continue;
                }
                self.has_refusal = true;
                if block::explanation(&self.facts).is_some() && !first.is_closed {
                    return;
                }
            }
            first.write(&mut self.n_written, out);
            if !first.is_closed {
                return;
            }
            self.queue.pop_front();
        }
    }

    fn fail(&mut self, failed: &Failure, out: &mut Vec<Frame>) {
        self.has_failed = true;
        out.push(frame("error", &failure::encode(failed)));
    }
}

impl Encoder for AnthropicEncoder {
    fn event(&mut self, event: &Event, out: &mut Vec<Frame>) {
        if self.has_failed {
            return;
        }
        match event {
            Event::Start(start) => {
                if matches!(self.head, Head::Missing) {
                    self.head = Head::Held(start.clone());
                }
                return;
            }
            Event::Usage(usage) => {
                self.usage = usage.clone();
                if matches!(self.head, Head::Missing) {
                    return;
                }
            }
            Event::Facts(facts) => {
                self.facts.extend(facts.clone());
                return;
            }
            Event::Failed(failed) => {
                self.fail(failed, out);
                return;
            }
            Event::Finish { choice: 0, reason, stop } => self.finish = Some((reason.clone(), stop.clone())),
            Event::Open(place, block) if place.choice == 0 => self.open(*place, block),
            Event::Delta(place, delta) => {
                let waiting = self.queue.iter_mut().find(|waiting| waiting.place == *place);
                waiting.into_iter().for_each(|waiting| waiting.deltas.push(delta.clone()));
            }
            Event::Close(place) => {
                let waiting = self.queue.iter_mut().find(|waiting| waiting.place == *place);
                waiting.into_iter().for_each(|waiting| waiting.is_closed = true);
            }
            // Messages asks for one answer.
            Event::Finish { .. } | Event::Open(..) => return,
        }
        self.begin(out);
        self.write(out);
    }

    fn end(&mut self, out: &mut Vec<Frame>) {
        if self.has_failed {
            return;
        }
        let Some((reason, stop)) = self.finish.take() else {
            let message = "the answer broke off".to_owned();
            return self
                .fail(&Failure { status: 502, code: "api_error".to_owned(), message, ..Failure::default() }, out);
        };
        self.begin(out);
        self.queue.iter_mut().for_each(|waiting| waiting.is_closed = true);
        self.write(out);
        let word = block::stop_reason(&reason, stop.as_deref(), self.has_calls, self.has_refusal);
        let mut delta =
            Map::from_iter([("stop_reason".to_owned(), json!(word)), ("stop_sequence".to_owned(), json!(stop))]);
        for name in ["stop_details", "container"] {
            if let Some(value) = self.facts.remove(name) {
                delta.insert(name.to_owned(), value);
            }
        }
        let mut last = std::mem::take(&mut self.facts);
        last.insert("type".to_owned(), json!("message_delta"));
        last.insert("delta".to_owned(), Value::Object(delta));
        last.insert("usage".to_owned(), usage::encode(&self.usage));
        out.push(frame("message_delta", &last));
        out.push(frame("message_stop", &json!({"type": "message_stop"})));
        // Whatever is still said changes nothing.
        self.has_failed = true;
    }
}

impl Waiting {
    fn write(&mut self, n_written: &mut u64, out: &mut Vec<Frame>) {
        for delta in std::mem::take(&mut self.deltas) {
            self.grow(&delta, *n_written, out);
        }
        if matches!(self.block, Block::Text | Block::Refusal) {
            self.begin(*n_written, out);
        }
        if self.is_closed {
            self.close(n_written, out);
        }
    }

    fn begin(&mut self, index: u64, out: &mut Vec<Frame>) {
        if std::mem::replace(&mut self.is_begun, true) {
            return;
        }
        let head = match &self.block {
            Block::Text | Block::Refusal => json!({"type": "text", "text": ""}),
            Block::Reasoning { .. } => json!({"type": "thinking", "thinking": "", "signature": ""}),
            Block::Call { id, name } => {
                let mut head = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                block::sign(&mut head, self.signature.take().as_ref());
                head
            }
            other @ Block::Media { .. } => {
                let mut head = block::foreign(other).unwrap_or_default();
                block::sign(&mut head, self.signature.take().as_ref());
                head
            }
            other @ Block::Opaque { .. } => {
                self.signature = None;
                block::foreign(other).unwrap_or_default()
            }
        };
        out.push(events::begun(index, &head));
    }

    fn grow(&mut self, delta: &Delta, index: u64, out: &mut Vec<Frame>) {
        let thinks = matches!(self.block, Block::Reasoning { .. });
        let piece = match delta {
            Delta::Text(thinking) if thinks => Piece::Thinking { thinking },
            Delta::Text(text) => Piece::Text { text },
            Delta::Arguments(partial_json) => Piece::Json { partial_json },
            Delta::Citation { dialect, value } => Piece::Citation { citation: block::citation(*dialect, value) },
            // Clients replace the signature by each that comes, so it waits until it is whole.
            Delta::Signature(more) => return Proof::grow(&mut self.signature, more),
            Delta::Encrypted(more) => return Proof::grow(&mut self.encrypted, more),
            // Nobody can ask for them in this dialect.
            Delta::Logprobs(_) => return,
        };
        self.begin(index, out);
        out.push(events::grown(index, piece));
    }

    fn close(&mut self, n_written: &mut u64, out: &mut Vec<Frame>) {
        let is_hidden = matches!(self.block, Block::Reasoning { .. }) && !self.is_begun && self.signature.is_none();
        if !is_hidden {
            self.begin(*n_written, out);
            if let Some(proof) = &self.signature {
                out.push(events::grown(*n_written, Piece::Signature { signature: &block::said(proof) }));
            }
            out.push(events::ended(*n_written));
            *n_written += 1;
        }
        if let Some(data) = &self.encrypted {
            out.push(events::begun(*n_written, &json!({"type": "redacted_thinking", "data": block::said(data)})));
            out.push(events::ended(*n_written));
            *n_written += 1;
        }
    }
}

fn is_explained(facts: &Map<String, Value>, deltas: &[Delta]) -> bool {
    let words: String = deltas
        .iter()
        .filter_map(|delta| if let Delta::Text(text) = delta { Some(text.as_str()) } else { None })
        .collect();
    block::explanation(facts) == Some(words.as_str())
}
