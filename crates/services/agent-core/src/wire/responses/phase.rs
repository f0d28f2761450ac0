//! The events that tell where a call stands.

use septet_contracts::responses::{CallPhase, CallPrinted, ResponseEvent};

use crate::run::shape::Shape;

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The model asked for it.
    Begun,
    /// It runs.
    Running,
    /// It did what it should.
    Done,
    /// It has an output that says why not.
    Failed,
}

/// The event of a call in a phase, with what it printed. It is numbered when it is sent.
#[must_use]
pub fn event(shape: &Shape, phase: Phase, item_id: &str, place: usize, printed: Option<CallPrinted>) -> ResponseEvent {
    let body = CallPhase { sequence_number: 0, item_id: item_id.to_owned(), output_index: place, septet: printed };
    let named = match (shape, phase) {
        (Shape::FileSearch, Phase::Begun) => ResponseEvent::FileSearchCallInProgress,
        (Shape::FileSearch, Phase::Running) => ResponseEvent::FileSearchCallSearching,
        (Shape::FileSearch, Phase::Done | Phase::Failed) => ResponseEvent::FileSearchCallCompleted,
        (Shape::CodeInterpreter { .. }, Phase::Begun) => ResponseEvent::CodeInterpreterCallInProgress,
        (Shape::CodeInterpreter { .. }, Phase::Running) => ResponseEvent::CodeInterpreterCallInterpreting,
        (Shape::CodeInterpreter { .. }, Phase::Done | Phase::Failed) => ResponseEvent::CodeInterpreterCallCompleted,
        (Shape::Mcp { .. }, Phase::Begun | Phase::Running) => ResponseEvent::McpCallInProgress,
        (Shape::Mcp { .. }, Phase::Done) => ResponseEvent::McpCallCompleted,
        (Shape::Mcp { .. }, Phase::Failed) => ResponseEvent::McpCallFailed,
    };
    named(body)
}
