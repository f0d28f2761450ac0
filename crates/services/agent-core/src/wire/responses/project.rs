//! The journal as a client sees it: numbered events of OpenAI's Responses stream.
//!
//! The projection is a pure fold, so the same journal gives the same events with the same numbers each time. That is
//! what makes reconnecting exact: a client that has seen event 41 asks for what follows 41, and any process that can
//! read the journal can answer. Only event types that OpenAI defines are sent, because its JavaScript SDK refuses
//! others.

use std::collections::BTreeMap;

use septet_contracts::responses::{
    Annotation, AnnotationAdded, CallCode, CallCodeDelta, CallPrinted, ContentPartEvent, MessagePart, OutputItemEvent,
    OutputTextDelta, OutputTextDone, ResponseEvent, ResponseItem, ResponseObject, ResponseState,
};

use super::phase::{self, Phase};
use super::{citation, item, response};
use crate::run::event::{Event, Recorded, Status};
use crate::run::output::{Artifact, ToolOutput};
use crate::run::state::{Call, State, Step};

/// Turns journal events into wire events, in order.
#[derive(Debug, Clone, Default)]
pub struct Projector {
    state: State,
    n_sent: u64,
    output: Vec<ResponseItem>,
    message: Option<Message>,
    calls: BTreeMap<String, Shown>,
    requested_at_ms: i64,
}

#[derive(Debug, Clone)]
struct Message {
    id: String,
    output_index: usize,
    text: String,
    started_at_ms: i64,
}

#[derive(Debug, Clone)]
struct Shown {
    id: String,
    output_index: usize,
    started_at_ms: i64,
}

impl Projector {
    /// Lets go of what the user said, which may be megabytes and is in no event.
    pub fn forget_input(&mut self) {
        if let Some(created) = &mut self.state.created {
            created.input = Vec::new();
        }
    }

    /// Takes in the next journal event and gives the wire events that it means.
    pub fn push(&mut self, recorded: &Recorded, blobs: &BTreeMap<String, ToolOutput>) -> Vec<ResponseEvent> {
        self.state.apply(recorded, blobs);
        let at_ms = recorded.at_ms;
        let mut out = Vec::new();
        match &recorded.event {
            Event::RunCreated(_) => {
                self.tell(&mut out, ResponseEvent::Created);
                self.tell(&mut out, ResponseEvent::InProgress);
            }
            Event::LeaseTaken { again: false, .. } | Event::ModelFailed { .. } | Event::CancelRequested => {}
            // OpenAI has no event for these; the response itself says them under `septet`.
            Event::LeaseTaken { again: true, .. } | Event::RunWaits { .. } => {
                self.tell(&mut out, ResponseEvent::InProgress);
            }
            Event::ModelRequested { .. } => self.requested_at_ms = at_ms,
            Event::ModelRestarted { .. } => {
                self.requested_at_ms = at_ms;
                self.close_message(&mut out, "incomplete", &[], at_ms);
            }
            Event::TextDelta { text, .. } => self.text(&mut out, text),
            Event::ModelCompleted { calls, .. } => {
                let annotations = self.annotations(calls.is_empty());
                let is_whole = self.state.steps.last().is_none_or(Step::is_whole);
                self.close_message(&mut out, if is_whole { "completed" } else { "incomplete" }, &annotations, at_ms);
                for call in calls {
                    self.begin_call(&mut out, &call.id, at_ms);
                }
            }
            Event::ToolStarted { call_id, .. } => {
                if let Some(shown) = self.calls.get_mut(call_id) {
                    shown.started_at_ms = at_ms;
                }
                self.phase(&mut out, call_id, Phase::Running, None);
            }
            Event::ToolProgress { call_id, stdout, stderr } => {
                let printed = CallPrinted { stdout: stdout.clone(), stderr: stderr.clone() };
                self.phase(&mut out, call_id, Phase::Running, Some(printed));
            }
            Event::ToolFinished { call_id, .. } => self.end_call(&mut out, call_id, at_ms),
            Event::RunFinished { status, .. } => {
                self.close_message(&mut out, "incomplete", &[], at_ms);
                let named = match status {
                    Status::Completed => ResponseEvent::Completed,
                    Status::Failed => ResponseEvent::Failed,
                    Status::Cancelled | Status::Incomplete => ResponseEvent::Incomplete,
                };
                self.tell(&mut out, named);
            }
        }
        out
    }

    /// The run as a Response object; nothing before its first event.
    #[must_use]
    pub fn response(&self) -> Option<ResponseObject> {
        response::object(&self.state, &self.output)
    }

    /// The run as it stands.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    fn send(&mut self, out: &mut Vec<ResponseEvent>, mut event: ResponseEvent) {
        event.set_sequence_number(self.n_sent);
        self.n_sent += 1;
        out.push(event);
    }

    /// Sends the run as it stands.
    fn tell(&mut self, out: &mut Vec<ResponseEvent>, named: fn(ResponseState) -> ResponseEvent) {
        if let Some(response) = self.response() {
            self.send(out, named(ResponseState { sequence_number: 0, response: Box::new(response) }));
        }
    }

    /// Sends an item as it stands.
    fn tell_item(
        &mut self,
        out: &mut Vec<ResponseEvent>,
        named: fn(OutputItemEvent) -> ResponseEvent,
        output_index: usize,
        item: ResponseItem,
    ) {
        self.send(out, named(OutputItemEvent { sequence_number: 0, output_index, item }));
    }

    /// An id that is the same each time the journal is read.
    fn item_id(&self, prefix: &str) -> String {
        let run =
            self.state.created.as_ref().map_or_else(String::new, |created| created.run.uuid().simple().to_string());
        format!("{prefix}_{run}{:03}", self.output.len())
    }

    fn text(&mut self, out: &mut Vec<ResponseEvent>, text: &str) {
        let mut message = match self.message.take() {
            Some(message) => message,
            None => self.open_message(out),
        };
        message.text.push_str(text);
        let delta = OutputTextDelta {
            sequence_number: 0,
            item_id: message.id.clone(),
            output_index: message.output_index,
            content_index: 0,
            delta: text.to_owned(),
            logprobs: Vec::new(),
        };
        self.send(out, ResponseEvent::OutputTextDelta(delta));
        self.message = Some(message);
    }

    fn open_message(&mut self, out: &mut Vec<ResponseEvent>) -> Message {
        let message = Message {
            id: self.item_id("msg"),
            output_index: self.output.len(),
            text: String::new(),
            started_at_ms: self.requested_at_ms,
        };
        let timing = item::timing(message.started_at_ms, None);
        let shown = item::message(&message.id, "in_progress", Vec::new(), timing);
        self.output.push(shown.clone());
        self.tell_item(out, ResponseEvent::OutputItemAdded, message.output_index, shown);
        self.send(out, ResponseEvent::ContentPartAdded(message.part(MessagePart::output(String::new(), Vec::new()))));
        message
    }

    fn close_message(&mut self, out: &mut Vec<ResponseEvent>, status: &str, annotations: &[Annotation], at_ms: i64) {
        let Some(message) = self.message.take() else { return };
        let (item_id, output_index) = (message.id.clone(), message.output_index);
        for (annotation_index, annotation) in annotations.iter().cloned().enumerate() {
            let added = AnnotationAdded {
                sequence_number: 0,
                item_id: item_id.clone(),
                output_index,
                content_index: 0,
                annotation_index,
                annotation,
            };
            self.send(out, ResponseEvent::OutputTextAnnotationAdded(added));
        }
        let text = message.text.clone();
        let (sequence_number, content_index, logprobs) = (0, 0, Vec::new());
        let done = OutputTextDone { sequence_number, item_id, output_index, content_index, text, logprobs };
        self.send(out, ResponseEvent::OutputTextDone(done));
        let part = MessagePart::output(message.text.clone(), annotations.to_vec());
        self.send(out, ResponseEvent::ContentPartDone(message.part(part.clone())));
        let timing = item::timing(message.started_at_ms, Some(at_ms));
        let shown = item::message(&message.id, status, vec![part], timing);
        self.put_item(output_index, shown.clone());
        self.tell_item(out, ResponseEvent::OutputItemDone, output_index, shown);
    }

    fn put_item(&mut self, output_index: usize, item: ResponseItem) {
        if let Some(place) = self.output.get_mut(output_index) {
            *place = item;
        }
    }

    /// What the open message cites; files are named once, in the final answer.
    fn annotations(&self, is_final: bool) -> Vec<Annotation> {
        let Some(message) = &self.message else { return Vec::new() };
        let passages: Vec<_> = self.state.passages().collect();
        let files: Vec<&Artifact> =
            if is_final { self.state.outputs().flat_map(ToolOutput::files).collect() } else { Vec::new() };
        citation::annotations(&message.text, &passages, &files)
    }

    fn begin_call(&mut self, out: &mut Vec<ResponseEvent>, call_id: &str, at_ms: i64) {
        let shown = Shown { id: self.item_id("call"), output_index: self.output.len(), started_at_ms: at_ms };
        let Some(item) = self.call_item(call_id, &shown, None) else { return };
        let output_index = shown.output_index;
        self.output.push(item.clone());
        self.tell_item(out, ResponseEvent::OutputItemAdded, output_index, item.clone());
        self.calls.insert(call_id.to_owned(), shown.clone());
        self.phase(out, call_id, Phase::Begun, None);
        if let ResponseItem::CodeInterpreterCall(call) = item {
            let (item_id, code, sequence_number) = (shown.id, call.code, 0);
            let delta = CallCodeDelta { sequence_number, item_id: item_id.clone(), output_index, delta: code.clone() };
            self.send(out, ResponseEvent::CodeInterpreterCallCodeDelta(delta));
            let done = CallCode { sequence_number, item_id, output_index, code };
            self.send(out, ResponseEvent::CodeInterpreterCallCodeDone(done));
        }
    }

    fn phase(&mut self, out: &mut Vec<ResponseEvent>, call_id: &str, phase: Phase, printed: Option<CallPrinted>) {
        let Some(shown) = self.calls.get(call_id) else { return };
        let Some(call) = self.call(call_id) else { return };
        let event = phase::event(&call.request.shape(), phase, &shown.id, shown.output_index, printed);
        self.send(out, event);
    }

    fn end_call(&mut self, out: &mut Vec<ResponseEvent>, call_id: &str, at_ms: i64) {
        let Some(shown) = self.calls.get(call_id).cloned() else { return };
        let Some(item) = self.call_item(call_id, &shown, Some(at_ms)) else { return };
        self.put_item(shown.output_index, item.clone());
        let is_ok = self.call(call_id).and_then(|call| call.output.as_ref()).is_some_and(|output| output.ok);
        self.phase(out, call_id, if is_ok { Phase::Done } else { Phase::Failed }, None);
        self.tell_item(out, ResponseEvent::OutputItemDone, shown.output_index, item);
    }

    fn call(&self, call_id: &str) -> Option<&Call> {
        self.state.steps.last()?.calls.iter().find(|call| call.request.id == call_id)
    }

    fn call_item(&self, call_id: &str, shown: &Shown, ended_at_ms: Option<i64>) -> Option<ResponseItem> {
        let call = self.call(call_id)?;
        Some(item::call(&shown.id, call, item::timing(shown.started_at_ms, ended_at_ms)))
    }
}

impl Message {
    fn part(&self, part: MessagePart) -> ContentPartEvent {
        let (item_id, output_index) = (self.id.clone(), self.output_index);
        ContentPartEvent { sequence_number: 0, item_id, output_index, content_index: 0, part }
    }
}
