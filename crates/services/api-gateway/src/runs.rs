//! Follows a run of an agent to its end.
//!
//! A run is journaled, so a stream of its events that breaks off is no reason to lose it: this module goes back to
//! agent-core with the number of the last event it saw and reads on, each event once. Only when that fails for most of a
//! minute is the client told, by an `error` event; it can resume later in the same way.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use septet_contracts::agents::Agents;
use septet_contracts::call::CallError;
use septet_contracts::sse::{self, Event};
use septet_kernel::{Caller, ResponseId, ServiceName};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::warn;

// 0.2 s, doubled up to 25.6 s: 51 s in all, several times what a restart of agent-core takes.
const REOPEN_BACKOFF: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(200)).with_max_times(8);

/// Where a reader of a run is.
struct Place {
    response: Option<ResponseId>,
    /// The number of the last event seen.
    last: Option<u64>,
}

/// Whether the event is the last one of its run.
pub(crate) fn is_terminal(name: &str) -> bool {
    matches!(name, "response.completed" | "response.failed" | "response.incomplete" | "response.cancelled" | "error")
}

/// The events in an answer of agent-core.
pub(crate) fn events(
    chunks: impl Stream<Item = Result<Bytes, CallError>> + Send,
) -> impl Stream<Item = Result<Event, CallError>> + Send {
    sse::events(chunks, |error| CallError::garbled(ServiceName::AgentCore, &error))
}

/// The events of a run, each once, up to the terminal one. `events` is the stream that was opened; `response` and
/// `after` tell where it began, when it is a resumed one.
pub(crate) fn follow(
    agents: Agents,
    caller: Caller,
    events: impl Stream<Item = Result<Event, CallError>> + Send + 'static,
    response: Option<ResponseId>,
    after: Option<u64>,
    stopping: CancellationToken,
) -> impl Stream<Item = Event> + Send + 'static {
    // The first request had a deadline; reading on has none.
    let caller = caller.without_deadline();
    async_stream::stream! {
        let mut events = events.boxed();
        let mut place = Place { response, last: after };
        let mut delays = REOPEN_BACKOFF.build();
        loop {
            let next = tokio::select! {
                next = events.next() => next,
                // The process ends. The run goes on elsewhere, and the client comes back with its number.
                () = stopping.cancelled() => {
                    yield broken(&place, "the service restarts");
                    return;
                }
            };
            if let Some(Ok(event)) = next {
                delays = REOPEN_BACKOFF.build();
                if place.is_new(&event) {
                    let is_last = is_terminal(&event.name);
                    yield event;
                    if is_last { return }
                }
                continue;
            }
            let why = next.and_then(Result::err).map_or_else(|| "it ended early".to_owned(), |error| error.detail);
            let Some(response) = place.response else {
                yield broken(&place, &why);
                return;
            };
            warn!(response.id = %response, error.detail = why, "the events of a run broke off, reading on");
            let reopened = loop {
                let Some(delay) = delays.next() else { break None };
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = stopping.cancelled() => break None,
                }
                match agents.events(&caller, response, place.last).await {
                    Ok(reopened) => break Some(reopened),
                    Err(error) if error.kind.is_transient() => {}
                    Err(_) => break None,
                }
            };
            match reopened {
                Some(reopened) => events = reopened.boxed(),
                None => {
                    yield broken(&place, &why);
                    return;
                }
            }
        }
    }
}

impl Place {
    /// Notes an event; false when it was seen before.
    fn is_new(&mut self, event: &Event) -> bool {
        let number = event.id.as_deref().and_then(|id| id.parse::<u64>().ok());
        if let (Some(number), Some(last)) = (number, self.last)
            && number <= last
        {
            return false;
        }
        self.last = number.or(self.last);
        if self.response.is_none()
            && let Ok(value) = serde_json::from_str::<Value>(&event.data)
        {
            self.response = value["response"]["id"].as_str().and_then(|id| id.parse().ok());
        }
        true
    }
}

/// The end of a stream whose run may well go on. It repeats the last number, so that a client which resumes after it
/// misses nothing.
fn broken(place: &Place, why: &str) -> Event {
    let data = json!({
        "type": "error",
        "code": "stream_interrupted",
        "message": format!("the events broke off ({why}); the run may still go on, read it with GET /v1/responses/{{id}}"),
        "param": null,
        "sequence_number": place.last.unwrap_or(0),
    });
    Event { name: "error".to_owned(), id: None, data: data.to_string() }
}
