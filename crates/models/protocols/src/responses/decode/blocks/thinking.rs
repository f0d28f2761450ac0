//! Thinking, which comes as a summary, in full, or both.

use serde_json::Value;

use super::{BlockKind, Blocks};
use crate::dialect::Dialect;
use crate::event::{Delta, Event};
use crate::json::Look;
use crate::proof::Proof;

impl Blocks {
    /// A piece of thinking. `part` says whether it is the thinking in full or a summary, and which part of it; parts
    /// are set apart by a blank line.
    pub(in crate::responses::decode) fn thinking(
        &mut self,
        index: u64,
        part: (bool, u64),
        delta: &str,
        out: &mut Vec<Event>,
    ) {
        if delta.is_empty() {
            return;
        }
        let Some(slot) = self.slot((index, 0), BlockKind::Reasoning, out) else { return };
        let gap = slot.last.is_some_and(|last| last != part);
        if gap {
            out.push(Event::Delta(slot.place, Delta::Text("\n\n".to_owned())));
        }
        slot.last = Some(part);
        let sent = if part.0 { &mut slot.sent_full } else { &mut slot.sent };
        *sent += delta.len();
        out.push(Event::Delta(slot.place, Delta::Text(delta.to_owned())));
    }

    pub(in crate::responses::decode) fn thinking_done(&mut self, index: u64, item: &Value, out: &mut Vec<Event>) {
        let key = (index, 0);
        self.remember(index, item.text("id"));
        let (sent, sent_full) = self.slots.get(&key).map_or((0, 0), |slot| (slot.sent, slot.sent_full));
        let texts = |name: &str| -> Vec<String> { item.list(name).iter().map(|part| part.string("text")).collect() };
        let (summary, full) = (texts("summary"), texts("content"));
        self.rest_of_thinking(index, false, sent, &summary, out);
        if full != summary {
            self.rest_of_thinking(index, true, sent_full, &full, out);
        }
        if let Some(sealed) = item.text("encrypted_content").filter(|sealed| !sealed.is_empty())
            && let Some(slot) = self.slot(key, BlockKind::Reasoning, out)
        {
            out.push(Event::Delta(slot.place, Delta::Encrypted(Proof::of(Dialect::Responses, sealed))));
        }
        self.close(key, out);
    }

    fn rest_of_thinking(&mut self, index: u64, is_full: bool, sent: usize, parts: &[String], out: &mut Vec<Event>) {
        let mut left = sent;
        for (number, text) in (0_u64..).zip(parts) {
            let rest = text.get(left..).unwrap_or_default();
            left = left.saturating_sub(text.len());
            self.thinking(index, (is_full, number), rest, out);
        }
    }
}
