//! Which pieces of a stream belong to which call.
//!
//! A piece says a call's number, id and name, or some of these. By the specification the number alone distinguishes
//! calls. Some servers
//!
//! - give every call the number 0 and tell them apart by their ids, or by nothing at all: then a whole JSON object ends a
//!   call, and what comes behind it begins the next one;
//! - repeat id and name with every piece of one call, or make up another id for every piece;
//! - send the whole arguments once more at the end;
//! - give no number.

use serde_json::Value;

use crate::chat::answer::arguments;
use crate::chat::extent::Extent;
use crate::chat::extra;
use crate::event::Delta;
use crate::json::Look;
use crate::proof::Proof;

/// The calls of one choice.
#[derive(Debug, Default)]
pub(super) struct ToolCalls(Vec<PartialCall>);

#[derive(Debug, Default)]
struct PartialCall {
    index: Option<u64>,
    /// The server's, or one that was made up when it began.
    id: String,
    has_own_id: bool,
    name: String,
    extent: Extent,
    /// All arguments so far.
    arguments: String,
    /// The signature of a call that waits.
    proof: Option<Proof>,
    before: Before,
    state: CallState,
    block: Option<u32>,
}

/// What a call is to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Before {
    /// A call of its own.
    #[default]
    Apart,
    /// Its head repeats that of the complete call at this position. It is a call of its own only when arguments follow.
    SameHead(usize),
    /// It has no head: its object followed the complete one of the call at this position.
    Headless(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum CallState {
    /// No event was emitted for it yet.
    #[default]
    Waiting,
    /// It was emitted, with all arguments so far.
    Told,
    /// It repeats an earlier call.
    Repeated,
}

/// What a piece comes to.
#[derive(Debug)]
pub(super) enum Step {
    /// A call begins.
    Open { call: usize, id: String, name: String },
    /// It grows.
    Grow { call: usize, delta: Delta },
    /// It is complete.
    Close { call: usize },
}

impl ToolCalls {
    /// Whether anything was called.
    pub(super) fn is_any(&self) -> bool {
        self.0.iter().any(|call| call.state != CallState::Repeated)
    }

    /// The call has this block.
    pub(super) fn placed(&mut self, call: usize, block: u32) {
        self.0[call].block = Some(block);
    }

    /// Its block.
    pub(super) fn block(&self, call: usize) -> Option<u32> {
        self.0[call].block
    }

    /// Takes an entry of `tool_calls`.
    pub(super) fn piece(&mut self, piece: &Value) -> Vec<Step> {
        let function = piece.get("function").unwrap_or(&Value::Null);
        let (id, name) = (piece.string("id"), function.string("name"));
        let index = piece.get("index").and_then(Value::as_u64);
        let more = arguments(function);
        let known = self.known(index, &id, &name);
        let mut at = match known {
            Some(known) if !self.is_another(known, &id, &name, &more) => known,
            Some(known) if id.is_empty() && self.0[known].name == name => {
                self.add(PartialCall { index, before: Before::SameHead(known), ..PartialCall::default() })
            }
            _ => self.add(PartialCall { index, ..PartialCall::default() }),
        };
        let call = &mut self.0[at];
        if !id.is_empty() && call.id.is_empty() {
            (call.id, call.has_own_id) = (id.clone(), true);
        }
        if call.name.is_empty() {
            call.name = name;
        }
        let (mut steps, mut rest) = (Vec::new(), more.as_str());
        loop {
            let call = &mut self.0[at];
            let (own, others) = call.extent.take(rest);
            call.arguments.push_str(own);
            match call.state {
                CallState::Told if own.is_empty() => {}
                CallState::Told => steps.push(Step::Grow { call: at, delta: Delta::Arguments(own.to_owned()) }),
                CallState::Waiting | CallState::Repeated => self.tell(at, false, &mut steps),
            }
            if others.is_empty() {
                break;
            }
            // Some give another id to every piece, also to those without a name.
            let own_id = Some(id.clone()).filter(|id| !id.is_empty() && !self.is_taken(id));
            let (has_own_id, id) = (own_id.is_some(), own_id.unwrap_or_default());
            at =
                self.add(PartialCall { index, id, has_own_id, before: Before::Headless(at), ..PartialCall::default() });
            rest = others;
        }
        if let Some(proof) = extra::signature(piece) {
            match self.0[at].state {
                CallState::Told => steps.push(Step::Grow { call: at, delta: Delta::Signature(proof) }),
                CallState::Waiting | CallState::Repeated => self.0[at].proof = Some(proof),
            }
        }
        steps
    }

    /// The choice is over: what was held back, and the end of every call.
    pub(super) fn end(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for at in 0..self.0.len() {
            self.tell(at, true, &mut steps);
            if self.0[at].state == CallState::Told {
                steps.push(Step::Close { call: at });
            }
        }
        steps
    }

    fn add(&mut self, call: PartialCall) -> usize {
        self.0.push(call);
        self.0.len() - 1
    }

    fn is_taken(&self, id: &str) -> bool {
        self.0.iter().any(|call| call.id == id)
    }

    /// The call that a piece belongs to by what it says of itself.
    fn known(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let by_id = |call: &PartialCall| call.has_own_id && call.id == id && (index.is_none() || call.index == index);
        if !id.is_empty()
            && let Some(found) = self.0.iter().rposition(by_id)
        {
            return Some(found);
        }
        let is_nameless = name.is_empty();
        match index {
            Some(_) => self
                .0
                .iter()
                .rposition(|call| call.index == index && (id.is_empty() || !call.has_own_id || is_nameless)),
            None if id.is_empty() => self.0.len().checked_sub(1),
            None => None,
        }
    }

    /// Whether a piece that goes by its number to a call is the head of another one all the same. Only a head has a name.
    fn is_another(&self, known: usize, id: &str, name: &str, more: &str) -> bool {
        let call = &self.0[known];
        if name.is_empty() || call.name.is_empty() || (!id.is_empty() && call.has_own_id && call.id == id) {
            return false;
        }
        name != call.name || call.extent.is_whole() && (more.trim().is_empty() || more.trim_start().starts_with('{'))
    }

    /// Emits a waiting call, once it is clear that it is one.
    fn tell(&mut self, at: usize, is_over: bool, steps: &mut Vec<Step>) {
        let call = &self.0[at];
        if call.state != CallState::Waiting {
            return;
        }
        let (is_clear, other) = match call.before {
            Before::Apart => (!call.name.is_empty(), None),
            Before::SameHead(other) => (!call.extent.is_empty(), Some(other)),
            Before::Headless(other) => (call.extent.is_whole(), Some(other)),
        };
        if !is_clear && !is_over {
            return;
        }
        let is_repeated = match (call.before, other.map(|other| &self.0[other])) {
            (Before::SameHead(_), Some(_)) => call.extent.is_empty(),
            (Before::Headless(_), Some(other)) => call.arguments.trim() == other.arguments.trim(),
            _ => false,
        };
        // A call whose name never came is emitted all the same: the client may still be able to use it.
        let name = other.filter(|_| call.name.is_empty()).map(|other| self.0[other].name.clone());
        let made_up = call.id.is_empty().then(|| self.free_id(at));
        let call = &mut self.0[at];
        call.name = name.unwrap_or_else(|| std::mem::take(&mut call.name));
        if is_repeated {
            call.state = CallState::Repeated;
            return;
        }
        call.state = CallState::Told;
        call.id = made_up.unwrap_or_else(|| std::mem::take(&mut call.id));
        steps.push(Step::Open { call: at, id: call.id.clone(), name: call.name.clone() });
        if !call.arguments.is_empty() {
            steps.push(Step::Grow { call: at, delta: Delta::Arguments(call.arguments.clone()) });
        }
        if let Some(proof) = call.proof.take() {
            steps.push(Step::Grow { call: at, delta: Delta::Signature(proof) });
        }
    }

    fn free_id(&self, at: usize) -> String {
        (at..).map(|number| format!("call_{number}")).find(|id| !self.is_taken(id)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
