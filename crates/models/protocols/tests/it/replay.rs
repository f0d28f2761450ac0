//! Every recording through every dialect that clients speak.

use std::collections::BTreeMap;

use septet_protocols::{Answer, Dialect, Event, Failure, Framing};
use serde_json::Value;

use crate::classify::{Kind, classify};
use crate::compare::differences;
use crate::recordings::{Body, Recording, all};
use crate::said::said;
use crate::{drive, events, fold, form, vectors};

/// How many of a kind were right.
#[derive(Default, Clone, Copy)]
struct Count {
    right: u32,
    all: u32,
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&if self.all == 0 { "-".to_owned() } else { format!("{} of {}", self.right, self.all) })
    }
}

#[derive(Default)]
struct Row {
    counts: [Count; 5],
    strangers: u32,
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is for people")]
fn every_recorded_answer_reaches_every_client_whole() {
    let Some(recordings) = all() else { return };
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut strangers: BTreeMap<&'static str, u32> = BTreeMap::new();
    let mut wrongs = Vec::new();
    for recording in &recordings {
        let row = rows.entry(recording.provider.clone()).or_default();
        let (column, found) = match classify(recording) {
            Kind::Whole(dialect) => (0, whole(recording, dialect)),
            Kind::Stream(dialect, framing) => (1, stream(recording, dialect, framing)),
            Kind::Error(dialect) => (2, refusal(recording, dialect)),
            Kind::Embeddings(api) => (3, vectors::embedded(api, &json(recording))),
            Kind::Rerank(api) => (4, vectors::ranked(api, &json(recording))),
            Kind::Other(reason) => {
                row.strangers += 1;
                *strangers.entry(reason).or_default() += 1;
                continue;
            }
        };
        row.counts[column].all += 1;
        if found.is_empty() {
            row.counts[column].right += 1;
        }
        wrongs.extend(found.into_iter().map(|what| format!("{}: {what}", recording.name)));
    }
    println!("provider        | chat whole | streams    | errors   | embeddings | rerank   | not applicable");
    let mut total = Row::default();
    for (provider, row) in &rows {
        print_row(provider, row);
        total.strangers += row.strangers;
        for (sum, count) in total.counts.iter_mut().zip(row.counts) {
            sum.all += count.all;
            sum.right += count.right;
        }
    }
    print_row("all", &total);
    for (reason, n) in &strangers {
        println!("not applicable, {n}: {reason}");
    }
    assert!(wrongs.is_empty(), "{} differences:\n{}", wrongs.len(), wrongs.join("\n"));
}

#[expect(clippy::print_stdout, reason = "the table is for people")]
fn print_row(name: &str, row: &Row) {
    let [whole, streams, errors, embeddings, rerank] = row.counts;
    println!(
        "{name:<15} | {whole:<10} | {streams:<10} | {errors:<8} | {embeddings:<10} | {rerank:<8} | {}",
        row.strangers
    );
}

fn json(recording: &Recording) -> Value {
    match &recording.body {
        Body::Bytes(bytes) => serde_json::from_slice(bytes).unwrap(),
        Body::Events(_) => Value::Null,
    }
}

fn whole(recording: &Recording, dialect: Dialect) -> Vec<String> {
    let body = json(recording);
    let answer = match drive::decode_answer(dialect, &body) {
        Ok(answer) => answer,
        Err(error) => return vec![error.to_string()],
    };
    let mut found = drive::disorder(&answer.events());
    found.extend(cost(&body, &answer));
    // Gemini writes a stream as one list for who does not ask for events.
    let wanted = match body.as_array() {
        Some(chunks) => said(dialect, &fold::fold(dialect, chunks).1.whole),
        None => said(dialect, &body),
    };
    for client in &Dialect::INBOUND {
        let got = drive::encode_answer(*client, &answer);
        found.extend(form::whole(*client, &got));
        let label = |what: String| format!("{dialect:?} to {client:?}, whole: {what}");
        found.extend(differences(&wanted, &said(*client, &got), *client, &got).into_iter().map(label));
        let label = |what: String| format!("{dialect:?} to {client:?}, whole to stream: {what}");
        let bytes = drive::encode_stream(*client, &answer.events());
        found.extend(read_back(&wanted, None, *client, &bytes).into_iter().map(label));
    }
    found
}

fn stream(recording: &Recording, dialect: Dialect, framing: Framing) -> Vec<String> {
    let (bytes, list) = match &recording.body {
        Body::Bytes(bytes) if framing == Framing::EventStream => (bytes.clone(), events::of_binary(bytes)),
        Body::Bytes(bytes) => (bytes.clone(), events::of_text(bytes)),
        Body::Events(list) => (events::framed(dialect, framing, list), list.clone()),
    };
    let (spoken, folded) = fold::fold(dialect, &list);
    let (mut events, unreadable) = drive::decode_stream(dialect, framing, &bytes);
    let mut found = drive::disorder(&events);
    let is_cut = !folded.is_complete && folded.error.is_none();
    let mut message = folded.error.as_ref().map(message);
    match unreadable {
        Some(error) if !is_cut => found.push(error.to_string()),
        None if is_cut => found.push("it breaks off, and nobody noticed".to_owned()),
        // What the gateway does then.
        Some(error) => {
            message = Some(error.to_string());
            events.push(Event::Failed(Failure { status: 502, message: error.to_string(), ..Failure::default() }));
        }
        None => {}
    }
    found.extend(cost(&folded.whole, &Answer::of(&events)));
    let mut wanted = said(spoken, &folded.whole);
    if is_cut || folded.error.is_some() {
        wanted.ending = crate::said::Ending::Unsaid;
    }
    for client in &Dialect::INBOUND {
        let label = |what: String| format!("{dialect:?} to {client:?}, stream: {what}");
        let bytes = drive::encode_stream(*client, &events);
        found.extend(read_back(&wanted, message.as_deref(), *client, &bytes).into_iter().map(label));
        // A stream that ends early is an error to a client that wants a whole, so there is nothing to compare.
        if message.is_none() {
            let label = |what: String| format!("{dialect:?} to {client:?}, stream to whole: {what}");
            let got = drive::encode_answer(*client, &Answer::of(&events));
            found.extend(form::whole(*client, &got));
            found.extend(differences(&wanted, &said(*client, &got), *client, &got).into_iter().map(label));
        }
    }
    found
}

/// What the provider says that it cost, in its currency.
fn cost(whole: &Value, answer: &Answer) -> Option<String> {
    let usage = whole.get("usage")?;
    let said = usage.get("cost").map(|cost| cost.get("total_cost").unwrap_or(cost)).and_then(Value::as_f64);
    // xAI counts ten thousand millionths of a dollar.
    let ticks = usage.get("cost_in_usd_ticks").and_then(Value::as_f64).map(|ticks| ticks / 1e10);
    let wanted = said.or(ticks).filter(|cost| *cost > 0.0)?;
    let got = answer.usage.as_ref().and_then(|usage| usage.said_cost.as_deref());
    let is_same = got.and_then(|got| got.parse::<f64>().ok()).is_some_and(|got| (got - wanted).abs() < wanted * 1e-9);
    (!is_same).then(|| format!("cost: {wanted} became {got:?}"))
}

/// What a client makes of the bytes of a stream.
fn read_back(wanted: &crate::said::Said, failed: Option<&str>, client: Dialect, bytes: &[u8]) -> Vec<String> {
    let list = events::of_text(bytes);
    let (_, folded) = fold::fold(client, &list);
    let mut wanted = wanted.clone();
    let mut found = folded.wrongs;
    found.extend(form::stream(client, &list));
    match (failed, &folded.error) {
        (Some(failed), Some(error)) if message(error).contains(failed) => wanted.figures = None,
        (Some(failed), error) => found.push(format!("the failure {failed:?} became {error:?}")),
        (None, Some(error)) => found.push(format!("a failure out of nothing: {error}")),
        (None, None) if !folded.is_complete => found.push("the stream has no end".to_owned()),
        (None, None) => {}
    }
    found.extend(differences(&wanted, &said(client, &folded.whole), client, &folded.whole));
    found
}

fn refusal(recording: &Recording, dialect: Dialect) -> Vec<String> {
    let body = json(recording);
    let failure = drive::decode_failure(dialect, recording.status, &body);
    let wanted = message(&body);
    let mut found = Vec::new();
    if failure.message != wanted || failure.status != recording.status {
        found.push(format!("{} {wanted:?} became {failure:?}", recording.status));
    }
    for client in &Dialect::INBOUND {
        let got = drive::encode_failure(*client, &failure);
        if !message(&got).contains(&wanted) {
            found.push(format!("to {client:?}: {wanted:?} became {got}"));
        }
    }
    found
}

/// The words of an error, wherever a provider puts them.
fn message(body: &Value) -> String {
    let body = if body.is_array() { &body[0] } else { body };
    let places =
        [body.pointer("/error/message"), body.get("message"), body.get("error"), body.get("detail"), body.get("msg")];
    let found = places.into_iter().flatten().find_map(Value::as_str);
    found.map_or_else(|| body.to_string(), str::to_owned)
}
