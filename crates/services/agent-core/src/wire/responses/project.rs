//! The journal as a client sees it: numbered events of OpenAI's Responses stream.
//!
//! The projection is a pure fold, so the same journal gives the same events with the same numbers each time. That is
//! what makes reconnecting exact: a client that has seen event 41 asks for what follows 41, and any process that can
//! read the journal can answer. Only event types that OpenAI defines are sent, because its JavaScript SDK refuses
//! others.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::item::{self, Phase};
use super::response;
use crate::run::citation;
use crate::run::event::{Event, Recorded, Status};
use crate::run::output::{Artifact, ToolOutput};
use crate::run::state::{Call, State, Step};

/// One event on the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct Wire {
    /// Its number, gap-free from 0.
    pub sequence_number: u64,
    /// Its type, such as `response.created`.
    pub name: &'static str,
    /// Its body, `type` and `sequence_number` included.
    pub data: Value,
    /// Whether it is the last one.
    pub is_terminal: bool,
}

/// Turns journal events into wire events, in order.
#[derive(Debug, Clone, Default)]
pub struct Projector {
    state: State,
    n_sent: u64,
    output: Vec<Value>,
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
    pub fn push(&mut self, recorded: &Recorded, blobs: &BTreeMap<String, ToolOutput>) -> Vec<Wire> {
        self.state.apply(recorded, blobs);
        let at_ms = recorded.at_ms;
        let mut out = Vec::new();
        match &recorded.event {
            Event::RunCreated(_) => {
                let response = self.response();
                self.send(&mut out, "response.created", json!({"response": response}));
                let response = self.response();
                self.send(&mut out, "response.in_progress", json!({"response": response}));
            }
            Event::LeaseTaken { again: false, .. } | Event::ModelFailed { .. } | Event::CancelRequested => {}
            // OpenAI has no event for these; the response itself says them under `septet`.
            Event::LeaseTaken { again: true, .. } | Event::RunWaits { .. } => {
                let response = self.response();
                self.send(&mut out, "response.in_progress", json!({"response": response}));
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
                self.phase(&mut out, call_id, Phase::Running, Value::Null);
            }
            Event::ToolProgress { call_id, stdout, stderr } => {
                let printed = json!({"stdout": stdout, "stderr": stderr});
                self.phase(&mut out, call_id, Phase::Running, printed);
            }
            Event::ToolFinished { call_id, .. } => self.end_call(&mut out, call_id, at_ms),
            Event::RunFinished { status, .. } => {
                self.close_message(&mut out, "incomplete", &[], at_ms);
                let name = match status {
                    Status::Completed => "response.completed",
                    Status::Failed => "response.failed",
                    Status::Cancelled | Status::Incomplete => "response.incomplete",
                };
                let response = self.response();
                self.send(&mut out, name, json!({"response": response}));
                if let Some(last) = out.last_mut() {
                    last.is_terminal = true;
                }
            }
        }
        out
    }

    /// The run as a Response object.
    #[must_use]
    pub fn response(&self) -> Value {
        response::object(&self.state, &self.output)
    }

    /// The run as it stands.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    fn send(&mut self, out: &mut Vec<Wire>, name: &'static str, mut data: Value) {
        let sequence_number = self.n_sent;
        self.n_sent += 1;
        data["type"] = json!(name);
        data["sequence_number"] = json!(sequence_number);
        out.push(Wire { sequence_number, name, data, is_terminal: false });
    }

    /// An id that is the same each time the journal is read.
    fn item_id(&self, prefix: &str) -> String {
        let run =
            self.state.created.as_ref().map_or_else(String::new, |created| created.run.uuid().simple().to_string());
        format!("{prefix}_{run}{:03}", self.output.len())
    }

    fn text(&mut self, out: &mut Vec<Wire>, delta: &str) {
        let mut message = match self.message.take() {
            Some(message) => message,
            None => self.open_message(out),
        };
        message.text.push_str(delta);
        let (item_id, output_index) = (message.id.clone(), message.output_index);
        self.message = Some(message);
        self.send(
            out,
            "response.output_text.delta",
            json!({"item_id": item_id, "output_index": output_index, "content_index": 0, "delta": delta, "logprobs": []}),
        );
    }

    fn open_message(&mut self, out: &mut Vec<Wire>) -> Message {
        let message = Message {
            id: self.item_id("msg"),
            output_index: self.output.len(),
            text: String::new(),
            started_at_ms: self.requested_at_ms,
        };
        let shown = item::message(&message.id, "in_progress", "", &[], item::timing(message.started_at_ms, None));
        self.output.push(shown.clone());
        let output_index = message.output_index;
        self.send(out, "response.output_item.added", json!({"output_index": output_index, "item": shown}));
        self.send(
            out,
            "response.content_part.added",
            json!({
                "item_id": message.id, "output_index": output_index, "content_index": 0,
                "part": item::text_part("", &[]),
            }),
        );
        message
    }

    fn close_message(&mut self, out: &mut Vec<Wire>, status: &str, annotations: &[Value], at_ms: i64) {
        let Some(message) = self.message.take() else { return };
        let place = |extra: Value| {
            let mut data = json!({"item_id": message.id, "output_index": message.output_index, "content_index": 0});
            if let (Some(data), Value::Object(extra)) = (data.as_object_mut(), extra) {
                data.extend(extra);
            }
            data
        };
        for (number, annotation) in annotations.iter().enumerate() {
            let data = place(json!({"annotation_index": number, "annotation": annotation}));
            self.send(out, "response.output_text.annotation.added", data);
        }
        let done = place(json!({"text": message.text, "logprobs": []}));
        self.send(out, "response.output_text.done", done);
        let part = place(json!({"part": item::text_part(&message.text, annotations)}));
        self.send(out, "response.content_part.done", part);
        let timing = item::timing(message.started_at_ms, Some(at_ms));
        let shown = item::message(&message.id, status, &message.text, annotations, timing);
        self.put_item(message.output_index, shown.clone());
        self.send(out, "response.output_item.done", json!({"output_index": message.output_index, "item": shown}));
    }

    fn put_item(&mut self, output_index: usize, item: Value) {
        if let Some(place) = self.output.get_mut(output_index) {
            *place = item;
        }
    }

    /// What the open message cites; files are named once, in the final answer.
    fn annotations(&self, is_final: bool) -> Vec<Value> {
        let Some(message) = &self.message else { return Vec::new() };
        let passages: Vec<_> = self.state.passages().collect();
        let files: Vec<&Artifact> =
            if is_final { self.state.outputs().flat_map(ToolOutput::files).collect() } else { Vec::new() };
        citation::annotations(&message.text, &passages, &files)
    }

    fn begin_call(&mut self, out: &mut Vec<Wire>, call_id: &str, at_ms: i64) {
        let shown = Shown { id: self.item_id("call"), output_index: self.output.len(), started_at_ms: at_ms };
        let Some(item) = self.call_item(call_id, &shown, None) else { return };
        self.output.push(item.clone());
        self.send(out, "response.output_item.added", json!({"output_index": shown.output_index, "item": item}));
        self.calls.insert(call_id.to_owned(), shown.clone());
        self.phase(out, call_id, Phase::Begun, Value::Null);
        if item["type"] == "code_interpreter_call" {
            let place =
                |key: &str, code: &Value| json!({"item_id": shown.id, "output_index": shown.output_index, key: code});
            self.send(out, "response.code_interpreter_call_code.delta", place("delta", &item["code"]));
            self.send(out, "response.code_interpreter_call_code.done", place("code", &item["code"]));
        }
    }

    fn phase(&mut self, out: &mut Vec<Wire>, call_id: &str, phase: Phase, printed: Value) {
        let Some(shown) = self.calls.get(call_id).cloned() else { return };
        let Some(call) = self.call(call_id) else { return };
        let name = item::phase_event(&call.request.shape(), phase);
        let mut data = json!({"item_id": shown.id, "output_index": shown.output_index});
        if !printed.is_null() {
            data["septet"] = printed;
        }
        self.send(out, name, data);
    }

    fn end_call(&mut self, out: &mut Vec<Wire>, call_id: &str, at_ms: i64) {
        let Some(shown) = self.calls.get(call_id).cloned() else { return };
        let Some(item) = self.call_item(call_id, &shown, Some(at_ms)) else { return };
        self.put_item(shown.output_index, item.clone());
        let is_ok = self.call(call_id).and_then(|call| call.output.as_ref()).is_some_and(|output| output.ok);
        self.phase(out, call_id, if is_ok { Phase::Done } else { Phase::Failed }, Value::Null);
        self.send(out, "response.output_item.done", json!({"output_index": shown.output_index, "item": item}));
    }

    fn call(&self, call_id: &str) -> Option<&Call> {
        self.state.steps.last()?.calls.iter().find(|call| call.request.id == call_id)
    }

    fn call_item(&self, call_id: &str, shown: &Shown, ended_at_ms: Option<i64>) -> Option<Value> {
        let call = self.call(call_id)?;
        Some(item::call(&shown.id, call, shown.started_at_ms, ended_at_ms))
    }
}
