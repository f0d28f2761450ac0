//! Recorded streams that the network cuts anywhere, in pieces or short.

use septet_protocols::{Answer, Delta, Event, Framing};

use crate::drive;
use crate::hostile::{Dice, streams};
use septet_recordings::recordings::all;

/// The bytes in chunks of up to `most`.
fn chunks<'a>(bytes: &'a [u8], most: usize, dice: &mut Dice) -> Vec<&'a [u8]> {
    let (mut rest, mut chunks) = (bytes, Vec::new());
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at((1 + dice.below(most)).min(rest.len()));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

#[test]
fn a_stream_says_the_same_however_the_network_cuts_it() {
    let Some(recordings) = all() else { return };
    let mut wrongs = Vec::new();
    let mut dice = Dice(23);
    for (recording, dialect, framing, bytes) in streams(&recordings) {
        let (whole, error) = drive::decode_chunks(dialect, framing, &[&bytes]);
        for most in [1, 5, 97, 4_096] {
            let cut = chunks(&bytes, most, &mut dice);
            let (events, other) = drive::decode_chunks(dialect, framing, &cut);
            if events != whole || other != error {
                wrongs.push(format!("{}: chunks of up to {most} say something else", recording.name));
            }
        }
    }
    assert!(wrongs.is_empty(), "{} wrongs:\n{}", wrongs.len(), wrongs.join("\n"));
}

/// Whether an event says something, unlike those that close what is open.
fn says(event: &Event) -> bool {
    match event {
        Event::Open(..) | Event::Start(_) => true,
        // Calls without arguments get some when they close.
        Event::Delta(_, Delta::Arguments(text)) => !matches!(text.as_str(), "{}" | "\"}"),
        Event::Delta(..) => true,
        Event::Close(_) | Event::Finish { .. } | Event::Usage(_) | Event::Facts(_) | Event::Failed(_) => false,
    }
}

#[test]
fn a_stream_that_is_cut_short_keeps_what_was_said_and_says_that_it_was_cut() {
    let Some(recordings) = all() else { return };
    let mut wrongs = Vec::new();
    let mut dice = Dice(29);
    let (mut n_errors, mut n_partial) = (0_u32, 0_u32);
    for (recording, dialect, framing, bytes) in streams(&recordings) {
        let (whole, _) = drive::decode_chunks(dialect, framing, &[&bytes]);
        for _ in 0..6 {
            let short = &bytes[..dice.below(bytes.len())];
            let (events, error) = drive::decode_chunks(dialect, framing, &chunks(short, 300, &mut dice));
            let n_same = events.iter().zip(&whole).take_while(|(got, wanted)| got == wanted).count();
            if events[n_same..].iter().any(says) {
                wrongs.push(format!("{}: {} bytes say what all do not", recording.name, short.len()));
            }
            // All that stood in whole messages is there: nothing waits for what comes later.
            let lines = short.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |at| &short[..=at]);
            if framing != Framing::EventStream {
                let (sure, _) = drive::decode_chunks(dialect, framing, &[lines]);
                if sure.iter().filter(|event| says(event)).count() > events.iter().filter(|event| says(event)).count() {
                    wrongs.push(format!("{}: {} bytes say less than fewer do", recording.name, short.len()));
                }
            }
            match error {
                Some(error) if error.what.is_empty() => wrongs.push(format!("{}: a cut without words", recording.name)),
                Some(_) => n_errors += 1,
                None => n_partial += 1,
            }
            wrongs.extend(drive::disorder(&events).into_iter().map(|what| format!("{}: {what}", recording.name)));
            let _ = Answer::of(&events);
        }
    }
    assert!(n_errors > n_partial, "{n_errors} cuts were noticed, {n_partial} were not");
    assert!(wrongs.is_empty(), "{} wrongs:\n{}", wrongs.len(), wrongs.join("\n"));
}
