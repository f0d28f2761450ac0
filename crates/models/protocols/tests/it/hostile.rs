//! Recordings that were cut or damaged on their way.

use septet_protocols::{Answer, Dialect, Event, Framing};
use serde_json::Value;

use septet_recordings::classify::{RecordingKind, asked, classify};
use septet_recordings::recordings::all;
use septet_recordings::{Body, Recording, events, fold};

use crate::{drive, requests};

/// Every streamed recording with its dialect, framing, bytes and events.
pub(crate) fn streams(recordings: &[Recording]) -> impl Iterator<Item = (&Recording, Dialect, Framing, Vec<u8>)> {
    recordings.iter().filter_map(|recording| {
        let RecordingKind::Stream(dialect, framing) = classify(recording) else { return None };
        let bytes = match &recording.body {
            Body::Bytes(bytes) => bytes.clone(),
            Body::Events(list) => events::framed(dialect, framing, list),
        };
        Some((recording, dialect, framing, bytes))
    })
}

/// A generator of numbers that are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// One of `n` numbers from 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n.max(1)
    }
}

/// Everything that is done with events must go well, whatever they are.
fn use_all(name: &str, events: &[Event], wrongs: &mut Vec<String>) {
    wrongs.extend(drive::disorder(events).into_iter().map(|what| format!("{name}: {what}")));
    for client in Dialect::INBOUND {
        let bytes = drive::encode_stream(client, events);
        let _ = fold::fold(client, &events::of_text(&bytes));
        let _ = drive::encode_answer(client, &Answer::of(events));
    }
}

#[test]
fn a_stream_that_breaks_off_is_never_taken_for_a_whole_one() {
    let Some(recordings) = all() else { return };
    let mut wrongs = Vec::new();
    let mut dice = Dice(7);
    for (recording, dialect, framing, bytes) in streams(&recordings) {
        let (all, error) = drive::decode_stream(dialect, framing, &bytes);
        if error.is_some() || all.iter().any(|event| matches!(event, Event::Failed(_))) {
            continue;
        }
        for _ in 0..4 {
            // The last frames may hold nothing but figures, without which an answer is complete.
            let cut = dice.below(bytes.len() * 6 / 10);
            let (part, error) = drive::decode_stream(dialect, framing, &bytes[..cut]);
            let is_same = Answer::of(&part).choices == Answer::of(&all).choices;
            if error.is_none() && !is_same {
                wrongs.push(format!(
                    "{}: nobody noticed that it ends after {cut} of {} bytes",
                    recording.name,
                    bytes.len()
                ));
            }
            use_all(&recording.name, &part, &mut wrongs);
        }
    }
    assert!(wrongs.is_empty(), "{} wrongs:\n{}", wrongs.len(), wrongs.join("\n"));
}

#[test]
fn a_damaged_stream_does_no_harm() {
    let Some(recordings) = all() else { return };
    let mut wrongs = Vec::new();
    let mut dice = Dice(11);
    for (recording, dialect, framing, bytes) in streams(&recordings) {
        let list = if framing == Framing::EventStream { events::of_binary(&bytes) } else { events::of_text(&bytes) };
        for _ in 0..3 {
            let mut damaged = list.clone();
            for _ in 0..3 {
                let at = dice.below(damaged.len());
                match dice.below(4) {
                    0 if damaged.len() > 1 => drop(damaged.remove(at)),
                    1 => damaged.insert(at, damaged[dice.below(damaged.len())].clone()),
                    _ => spoil(&mut damaged[at], &mut dice),
                }
            }
            let bytes = events::framed(dialect, framing, &damaged);
            let (events, _) = drive::decode_stream(dialect, framing, &bytes);
            use_all(&recording.name, &events, &mut wrongs);
        }
    }
    assert!(wrongs.is_empty(), "{} wrongs:\n{}", wrongs.len(), wrongs.join("\n"));
}

#[test]
fn a_damaged_whole_answer_does_no_harm() {
    let Some(recordings) = all() else { return };
    let mut wrongs = Vec::new();
    let mut dice = Dice(13);
    for recording in &recordings {
        let (RecordingKind::Whole(dialect), Body::Bytes(bytes)) = (classify(recording), &recording.body) else {
            continue;
        };
        let body: Value = serde_json::from_slice(bytes).unwrap();
        for _ in 0..6 {
            let mut damaged = body.clone();
            for _ in 0..3 {
                spoil(&mut damaged, &mut dice);
            }
            if let Ok(answer) = drive::decode_answer(dialect, &damaged) {
                use_all(&recording.name, &answer.events(), &mut wrongs);
            }
        }
    }
    assert!(wrongs.is_empty(), "{} wrongs:\n{}", wrongs.len(), wrongs.join("\n"));
}

#[test]
fn a_damaged_request_is_refused_or_read_and_never_kills() {
    let Some(recordings) = all() else { return };
    let mut dice = Dice(17);
    let (mut n_read, mut n_refused) = (0_u32, 0_u32);
    for recording in &recordings {
        let Some(dialect) = asked(recording).filter(|dialect| Dialect::INBOUND.contains(dialect)) else { continue };
        for _ in 0..6 {
            let mut damaged = recording.request.clone();
            for _ in 0..2 {
                spoil(&mut damaged, &mut dice);
            }
            match requests::decode(dialect, &damaged) {
                Ok(request) => {
                    n_read += 1;
                    for target in Dialect::ALL {
                        let _ = requests::encode(target, &request);
                    }
                }
                Err(wrong) => {
                    n_refused += 1;
                    assert!(!wrong.to_string().is_empty());
                }
            }
        }
    }
    assert!(n_read > 0 && n_refused > 0, "{n_read} read, {n_refused} refused: the damage is of one kind only");
}

/// Makes something inside of a value null, absent, of another type, extreme or deeply nested.
fn spoil(value: &mut Value, dice: &mut Dice) {
    let is_leaf = match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => true,
    };
    if is_leaf || dice.below(6) == 0 {
        *value = match dice.below(10) {
            0 => Value::Null,
            1 => Value::from("odd"),
            2 => Value::from(-1),
            3 => serde_json::json!([{}]),
            4 => Value::from(u64::MAX),
            5 => Value::from(1e300),
            6 => Value::from(true),
            // As deep as JSON is read.
            7 => (0..60).fold(Value::Null, |inner, _| serde_json::json!([{ "deep": inner }])),
            8 => Value::from("字".repeat(9_000)),
            _ => serde_json::json!({"odd": []}),
        };
        return;
    }
    match value {
        Value::Array(list) => {
            let at = dice.below(list.len());
            spoil(&mut list[at], dice);
        }
        Value::Object(fields) => {
            let name = fields.keys().nth(dice.below(fields.len())).cloned().unwrap_or_default();
            if dice.below(4) == 0 {
                fields.remove(&name);
            } else if let Some(inner) = fields.get_mut(&name) {
                spoil(inner, dice);
            }
        }
        _ => {}
    }
}
