//! Every recording through every dialect that clients speak.

use septet_protocols::{Answer, Dialect, Event, Failure, Framing};
use septet_recordings::classify::{RecordingKind, classify};
use septet_recordings::expected::message;
use septet_recordings::recordings::all;
use septet_recordings::table::Table;
use septet_recordings::{Expected, Recording};

use crate::{drive, vectors};

#[test]
#[expect(clippy::print_stdout, reason = "the table is for people")]
fn every_recorded_answer_reaches_every_client_whole() {
    let Some(recordings) = all() else { return };
    let mut table = Table::new(&["chat whole", "streams", "errors", "embeddings", "rerank"]);
    let mut wrongs = Vec::new();
    for recording in &recordings {
        let (column, found) = match classify(recording) {
            RecordingKind::Whole(dialect) => (0, whole(recording, dialect)),
            RecordingKind::Stream(dialect, framing) => (1, stream(recording, dialect, framing)),
            RecordingKind::Error(dialect) => (2, refusal(recording, dialect)),
            RecordingKind::Embeddings(api) => (3, vectors::embedded(api, &recording.json())),
            RecordingKind::Rerank(api) => (4, vectors::ranked(api, &recording.json())),
            RecordingKind::Other(reason) => {
                table.leave_out(reason);
                continue;
            }
        };
        table.count(&recording.provider, column, found.is_empty());
        wrongs.extend(found.into_iter().map(|what| format!("{}: {what}", recording.name)));
    }
    println!("{table}");
    assert!(wrongs.is_empty(), "{} differences:\n{}", wrongs.len(), wrongs.join("\n"));
}

fn whole(recording: &Recording, dialect: Dialect) -> Vec<String> {
    let answer = match drive::decode_answer(dialect, &recording.json()) {
        Ok(answer) => answer,
        Err(error) => return vec![error.to_string()],
    };
    let expected = Expected::whole(recording, dialect);
    let mut found = drive::disorder(&answer.events());
    found.extend(cost(&expected, &answer));
    for client in Dialect::INBOUND {
        let label = |what: String| format!("{dialect:?} to {client:?}, whole: {what}");
        let got = drive::encode_answer(client, &answer);
        found.extend(expected.differs_from_whole(client, &got).into_iter().map(label));
        let label = |what: String| format!("{dialect:?} to {client:?}, whole to stream: {what}");
        let bytes = drive::encode_stream(client, &answer.events());
        found.extend(expected.differs_from_stream(client, None, &bytes).into_iter().map(label));
    }
    found
}

fn stream(recording: &Recording, dialect: Dialect, framing: Framing) -> Vec<String> {
    let expected = Expected::stream(recording, dialect, framing);
    let (mut events, unreadable) = drive::decode_stream(dialect, framing, &expected.bytes);
    let mut found = drive::disorder(&events);
    let mut message = expected.error.clone();
    match unreadable {
        Some(error) if !expected.is_cut => found.push(error.to_string()),
        None if expected.is_cut => found.push("it breaks off, and nobody noticed".to_owned()),
        // What the gateway does then.
        Some(error) => {
            message = Some(error.to_string());
            events.push(Event::Failed(Failure { status: 502, message: error.to_string(), ..Failure::default() }));
        }
        None => {}
    }
    found.extend(cost(&expected, &Answer::of(&events)));
    for client in Dialect::INBOUND {
        let label = |what: String| format!("{dialect:?} to {client:?}, stream: {what}");
        let bytes = drive::encode_stream(client, &events);
        found.extend(expected.differs_from_stream(client, message.as_deref(), &bytes).into_iter().map(label));
        // A stream that ends early is an error to a client that wants a whole, so there is nothing to compare.
        if message.is_none() {
            let label = |what: String| format!("{dialect:?} to {client:?}, stream to whole: {what}");
            let got = drive::encode_answer(client, &Answer::of(&events));
            found.extend(expected.differs_from_whole(client, &got).into_iter().map(label));
        }
    }
    found
}

/// What the provider says that it cost, in its currency.
fn cost(expected: &Expected, answer: &Answer) -> Option<String> {
    let wanted = expected.cost?;
    let got = answer.usage.as_ref().and_then(|usage| usage.said_cost.as_deref());
    let is_same = got.and_then(|got| got.parse::<f64>().ok()).is_some_and(|got| (got - wanted).abs() < wanted * 1e-9);
    (!is_same).then(|| format!("cost: {wanted} became {got:?}"))
}

fn refusal(recording: &Recording, dialect: Dialect) -> Vec<String> {
    let body = recording.json();
    let failure = drive::decode_failure(dialect, recording.status, &body);
    let wanted = message(&body);
    let mut found = Vec::new();
    if failure.message != wanted || failure.status != recording.status {
        found.push(format!("{} {wanted:?} became {failure:?}", recording.status));
    }
    for client in Dialect::INBOUND {
        let got = drive::encode_failure(client, &failure);
        if !message(&got).contains(&wanted) {
            found.push(format!("to {client:?}: {wanted:?} became {got}"));
        }
    }
    found
}
