//! The Responses API over a WebSocket: one connection, many runs.
//!
//! The client sends `response.create` events; the server sends the events of the runs, with the `stream_id` that the
//! client gave. One `stream_id` is one lane: the runs of a lane go one after the other, lanes run concurrently. A
//! connection that drops costs nothing, for runs go on without it: `?resume=<response>:<number>` reads on after that
//! event.
//!
//! A client that does not read is waited for only so long; everything here has a bound.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, SinkExt, StreamExt};
use septet_chassis::http::scan::Scan;
use septet_chassis::http::{Problem, read_json};
use septet_contracts::management::Permission;
use septet_kernel::{Failure, RequestId, ResponseId, ServiceName};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::auth::identity::Identity;
use crate::gateway::App;
use crate::{Error, body, runs, shape};

const MAX_LANES: usize = 32;
const MAX_WAITING: usize = 32;
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
// Close codes: 1001 and 1012 make the official SDKs connect again.
const GOING_AWAY: u16 = 1001;
const RESTARTING: u16 = 1012;
// "Policy violation": reconnecting with the same credentials will be refused.
const TAKEN_BACK: u16 = 1008;

/// Where a client wants to read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resume {
    response: ResponseId,
    after: Option<u64>,
}

impl Resume {
    /// Reads `resp_a:12,resp_b:3` or `resp_a`.
    pub(crate) fn parse(text: &str) -> Result<Vec<Self>, Error> {
        let wrong = || Error::bad_request("resume is written <response id>:<number of the last event>", "resume");
        let one = |text: &str| {
            let text = text.replace("%3A", ":").replace("%3a", ":");
            let (response, after) = text.split_once(':').map_or((text.as_str(), None), |(id, n)| (id, Some(n)));
            let after = after.map(str::parse).transpose().map_err(|_| wrong())?;
            Ok(Self { response: response.parse().map_err(|_| wrong())?, after })
        };
        let resumes = text.split([',']).flat_map(|text| text.split("%2C")).filter(|text| !text.is_empty()).map(one);
        let resumes: Vec<Self> = resumes.collect::<Result<_, Error>>()?;
        if resumes.len() > MAX_LANES { Err(wrong()) } else { Ok(resumes) }
    }
}

/// What a lane does next.
enum LaneCommand {
    /// The event as it came: it waits as text, which takes the least room.
    Create(Bytes),
    Resume(Resume),
}

/// What is looked at in every event.
#[derive(Deserialize)]
struct ClientEvent {
    #[serde(rename = "type")]
    kind: Option<String>,
    stream_id: Option<String>,
    generate: Option<bool>,
    response_id: Option<String>,
    starting_after: Option<u64>,
    previous_response_id: Option<String>,
}

impl LaneCommand {
    /// What it takes while it waits.
    fn n_bytes(&self) -> u64 {
        match self {
            Self::Create(text) => text.len() as u64,
            Self::Resume(_) => 0,
        }
    }
}

/// The lanes of one connection.
struct Lanes {
    app: App,
    identity: Identity,
    /// What the connection needed.
    permission: Permission,
    out: mpsc::Sender<String>,
    waiting: HashMap<String, VecDeque<LaneCommand>>,
    running: FuturesUnordered<BoxFuture<'static, String>>,
}

/// Serves one connection to its end, which comes when `permission` is taken back.
pub(crate) async fn serve(
    app: App,
    identity: Identity,
    permission: Permission,
    socket: WebSocket,
    resumes: Vec<Resume>,
) {
    let (out, mut outgoing) = mpsc::channel(64);
    let mut taken_back = std::pin::pin!(app.auth.taken_back(identity.clone(), permission));
    let mut lanes = Lanes {
        app: app.clone(),
        identity,
        permission,
        out,
        waiting: HashMap::new(),
        running: FuturesUnordered::new(),
    };
    for resume in resumes {
        lanes.add(format!("resume {}", resume.response), LaneCommand::Resume(resume));
    }
    let (mut sink, mut incoming) = socket.split();
    let mut ping = tokio::time::interval_at(Instant::now() + app.config.keep_alive(), app.config.keep_alive());
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut limit = std::pin::pin!(tokio::time::sleep(Duration::from_secs(60 * u64::from(app.config.socket_minutes))));
    let stopping = app.lifecycle.stopping();
    let last = loop {
        let message = tokio::select! {
            error = &mut taken_back => {
                let told = Message::Text(refusal(None, &error, app.ids.next()).into());
                let _sent = tokio::time::timeout(WRITE_TIMEOUT, sink.send(told)).await;
                break close(TAKEN_BACK, "access was taken back; sign in again");
            }
            Some(text) = outgoing.recv() => Message::Text(text.into()),
            message = incoming.next() => match message {
                Some(Ok(Message::Text(text))) => { lanes.hear(text.into()).await; continue }
                Some(Ok(Message::Binary(_))) => {
                    lanes.refuse(None, &Error::bad_request("events are sent as text, not as binary", ""));
                    continue
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            Some(lane) = lanes.running.next() => { lanes.go_on(&lane); continue }
            _ = ping.tick() => Message::Ping(Vec::new().into()),
            () = &mut limit => break close(GOING_AWAY, "the connection has reached its longest time; connect again"),
            () = stopping.cancelled() => break close(RESTARTING, "the service restarts; connect again"),
        };
        if !matches!(tokio::time::timeout(WRITE_TIMEOUT, sink.send(message)).await, Ok(Ok(()))) {
            return;
        }
    };
    // The client may have disconnected already; then this fails, harmlessly.
    let _sent = tokio::time::timeout(WRITE_TIMEOUT, sink.send(last)).await;
}

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

impl Lanes {
    async fn hear(&mut self, text: Bytes) {
        // A frame is a body like any other.
        let scanned = text.clone();
        match self.app.cpu.run_over(text.len(), move || Scan::all(&scanned)).await {
            Ok(Ok(())) => {}
            Ok(Err(excess)) => return self.refuse(None, &Error::TooComplex(excess)),
            Err(_panicked) => return self.refuse(None, &Error::Bug("a frame could not be scanned")),
        }
        let event: ClientEvent = match read_json(Some(&self.app.cpu), text.clone()).await {
            Ok(event) => event,
            Err(error) => return self.refuse(None, &Error::not_json(&error)),
        };
        let stream_id = event.stream_id.clone();
        if stream_id.as_ref().is_some_and(|id| id.len() > 128) {
            return self.refuse(None, &Error::bad_request("stream_id has at most 128 bytes", "stream_id"));
        }
        match event.kind.as_deref() {
            Some("response.create") if event.generate == Some(false) => {
                let detail = "generate: false is not supported; nothing needs warming up here";
                self.refuse(stream_id.as_deref(), &Error::bad_request(detail, "generate"));
            }
            Some("response.create") => self.add(stream_id.unwrap_or_default(), LaneCommand::Create(text)),
            Some("septet.resume") => match resume_of(&event) {
                Ok(resume) => self.add(stream_id.unwrap_or_default(), LaneCommand::Resume(resume)),
                Err(error) => self.refuse(stream_id.as_deref(), &error),
            },
            Some("response.steer") => {
                let failed = json!({
                    "type": "response.steer.failed",
                    "sequence_number": 0,
                    "stream_id": stream_id,
                    "steer": {"id": null, "previous_response_id": event.previous_response_id},
                    "error": {
                        "code": "steering_not_supported",
                        "message": "a run takes no further input; cancel it, or send the next response.create when it has ended",
                    },
                });
                self.say(failed.to_string());
            }
            other => {
                let other = other.unwrap_or("nothing").chars().take(64).collect::<String>();
                let error = Error::bad_request(format!("type is response.create here, not {other}"), "type");
                self.refuse(stream_id.as_deref(), &error);
            }
        }
    }

    /// Starts a command, or lets it wait behind the one that its lane is at.
    fn add(&mut self, lane: String, command: LaneCommand) {
        let n_lanes = self.waiting.len();
        let n_waiting_bytes = self.waiting.values().flatten().map(LaneCommand::n_bytes).sum::<u64>();
        if n_waiting_bytes + command.n_bytes() > 2 * self.app.config.json_limit_bytes() {
            let error = Error::bad_request("the events that wait on this connection are too long together", "");
            return self.refuse(name_of(&lane), &error);
        }
        if let Some(queue) = self.waiting.get_mut(&lane) {
            if queue.len() < MAX_WAITING {
                queue.push_back(command);
                return;
            }
            let error =
                Error::bad_request(format!("more than {MAX_WAITING} events wait on this stream_id"), "stream_id");
            return self.refuse(name_of(&lane), &error);
        }
        if n_lanes == MAX_LANES {
            let error = Error::bad_request(format!("more than {MAX_LANES} streams on one connection"), "stream_id");
            return self.refuse(name_of(&lane), &error);
        }
        self.waiting.insert(lane.clone(), VecDeque::new());
        self.start(lane, command);
    }

    fn start(&mut self, lane: String, command: LaneCommand) {
        let (app, identity, out) = (self.app.clone(), self.identity.clone(), self.out.clone());
        let permission = self.permission;
        let work = async move {
            let name = name_of(&lane);
            if let Err(error) = run(&app, &identity, permission, command, name, &out).await {
                // The receiver is gone only when the connection is.
                let _sent = out.send(refusal(name, &error, app.ids.next())).await;
            }
            lane
        };
        self.running.push(work.boxed());
    }

    fn go_on(&mut self, lane: &str) {
        match self.waiting.get_mut(lane).and_then(VecDeque::pop_front) {
            Some(command) => self.start(lane.to_owned(), command),
            None => {
                self.waiting.remove(lane);
            }
        }
    }

    fn refuse(&self, stream_id: Option<&str>, error: &Error) {
        self.say(refusal(stream_id, error, self.app.ids.next()));
    }

    fn say(&self, text: String) {
        // This task also drains the channel, so it must never wait for room in it: a client that sends invalid events
        // faster than it reads loses some of the error events.
        let _said = self.out.try_send(text);
    }
}

/// The lane of events without a `stream_id`, and those of `?resume=`, have no name on the wire.
fn name_of(lane: &str) -> Option<&str> {
    (!lane.is_empty() && !lane.starts_with("resume resp_")).then_some(lane)
}

fn resume_of(event: &ClientEvent) -> Result<Resume, Error> {
    let response = event.response_id.as_deref().and_then(|id| id.parse().ok());
    let response = response.ok_or_else(|| Error::bad_request("response_id names no response", "response_id"))?;
    Ok(Resume { response, after: event.starting_after })
}

async fn run(
    app: &App,
    identity: &Identity,
    permission: Permission,
    command: LaneCommand,
    name: Option<&str>,
    out: &mpsc::Sender<String>,
) -> Result<(), Error> {
    app.auth.rights_must_be_known(false).await?;
    let identity = &app.auth.current(identity).await?;
    if !permission.is_granted_to(identity.role) {
        return Err(Error::Denied(permission));
    }
    app.limits.count(identity).await?;
    let request: RequestId = app.ids.next();
    let caller = identity.caller(request, app.clock.now().checked_add(app.config.run_timeout()).ok());
    let stopping = app.lifecycle.stopping();
    let follow = async |events, response, after| {
        let mut events =
            std::pin::pin!(runs::follow(app.agents.clone(), caller.clone(), events, response, after, stopping));
        while let Some(event) = events.next().await {
            // The close code says so, and makes the client reconnect.
            if event.name == "error" && app.lifecycle.stopping().is_cancelled() {
                return;
            }
            if out.send(named(event.data, name)).await.is_err() {
                return;
            }
        }
    };
    match command {
        LaneCommand::Create(event) => {
            let without = &["type", "stream_id", "background", "event_id", "generate"];
            let body = body::for_agent(app, event, without, &[("stream", true)]).await?;
            let peer = app.peer(ServiceName::AgentCore);
            let call = peer.post(&caller, "/v1/responses", &body);
            // The run may last for an hour, and the body may be megabytes.
            drop(body);
            let events = call.stream().await?;
            follow(runs::events(events).boxed(), None, None).await;
        }
        LaneCommand::Resume(Resume { response, after }) => {
            let events = app.agents.events(&caller, response, after).await?;
            follow(events.boxed(), Some(response), after).await;
        }
    }
    Ok(())
}

/// The event's JSON with the name of its lane put in front.
fn named(data: String, name: Option<&str>) -> String {
    match (name, data.strip_prefix('{')) {
        (Some(name), Some(rest)) => format!("{{\"stream_id\":{},{rest}", Value::from(name)),
        _ => data,
    }
}

fn refusal(stream_id: Option<&str>, error: &Error, request: RequestId) -> String {
    let problem = Problem::of(error);
    let mut event = json!({
        "type": "error",
        "status": error.kind().status(),
        "error": shape::openai(&problem, request).error,
    });
    if let Some(stream_id) = stream_id {
        event["stream_id"] = Value::from(stream_id);
    }
    event.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resume_names_a_response_and_perhaps_a_number() {
        let id = format!("resp_{}", "0".repeat(32));

        let resumes = Resume::parse(&format!("{id}:12,{id}")).unwrap();

        assert_eq!((resumes[0].after, resumes[1].after), (Some(12), None));
        assert!(Resume::parse("resp_1:2").is_err());
        assert!(Resume::parse(&format!("{id}:-1")).is_err());
    }

    #[test]
    fn the_name_of_a_lane_is_written_into_each_event() {
        assert_eq!(named("{\"a\":1}".to_owned(), Some("l\"1")), "{\"stream_id\":\"l\\\"1\",\"a\":1}");
        assert_eq!(named("{\"a\":1}".to_owned(), None), "{\"a\":1}");
    }
}
