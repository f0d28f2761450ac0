use serde_json::{Value, json};

use crate::answer::{Answer, Whole};
use crate::chat::ChatDecoder;
use crate::codec::Decoder;
use crate::event::{Event, Finish};
use crate::framing::Frame;

/// A piece: its number, id, name and arguments; what is empty is left out, a negative number too.
type Piece = (i64, &'static str, &'static str, &'static str);

fn entry(&(index, id, name, arguments): &Piece) -> Value {
    let mut entry = json!({"type": "function", "function": {"arguments": arguments}});
    if index >= 0 {
        entry["index"] = json!(index);
    }
    if !id.is_empty() {
        entry["id"] = json!(id);
    }
    if !name.is_empty() {
        entry["function"]["name"] = json!(name);
    }
    entry
}

/// The calls that come of pieces, each in a chunk of its own and all in one; both must say the same.
fn calls(pieces: &[Piece]) -> Vec<(String, String, String)> {
    let apart: Vec<Value> = pieces.iter().map(|piece| json!([entry(piece)])).collect();
    let together: Value = pieces.iter().map(entry).collect();
    let (apart, together) = (read(&apart), read(&[together]));
    assert_eq!(apart, together);
    apart
}

fn read(lists: &[Value]) -> Vec<(String, String, String)> {
    let (mut decoder, mut events) = (ChatDecoder::default(), Vec::new());
    let mut chunk = |choice: Value| {
        let frame = Frame::plain(json!({"id": "c", "choices": [choice]}).to_string());
        events.extend(decoder.frame(&frame).unwrap());
    };
    for list in lists {
        chunk(json!({"index": 0, "delta": {"tool_calls": list}, "finish_reason": null}));
    }
    chunk(json!({"index": 0, "delta": {}, "finish_reason": "tool_calls"}));
    events.extend(decoder.end().unwrap());
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Close(_))).count(), opened(&events));
    let answer = Answer::of(&events);
    assert_eq!(answer.choices[0].finish, Some(Finish::Calls));
    answer.choices[0].blocks.iter().map(said).collect()
}

fn opened(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Open(..))).count()
}

fn said(whole: &Whole) -> (String, String, String) {
    let crate::event::Block::Call { id, name } = &whole.block else { panic!("{whole:?}") };
    (id.clone(), name.clone(), whole.text.clone())
}

fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
    (id.to_owned(), name.to_owned(), arguments.to_owned())
}

const A: &str = "{\"code\":\"print(40+1)\"}";
const B: &str = "{\"code\":\"print(40+2)\"}";

#[test]
fn calls_under_one_number_are_told_apart_by_their_ids() {
    let two = [call("a", "run", A), call("b", "run", B)];
    assert_eq!(
        calls(&[(0, "a", "run", &A[..9]), (0, "", "", &A[9..]), (0, "b", "run", &B[..9]), (0, "", "", &B[9..])]),
        two
    );
    // Ids and names with every piece, and pieces that take turns.
    assert_eq!(
        calls(&[
            (0, "a", "run", &A[..9]),
            (0, "b", "run", &B[..9]),
            (0, "a", "run", &A[9..]),
            (0, "b", "run", &B[9..])
        ]),
        two
    );
    assert_eq!(
        calls(&[(0, "a", "run", &A[..9]), (0, "b", "run", &B[..9]), (0, "a", "", &A[9..]), (0, "b", "", &B[9..])]),
        two
    );
}

#[test]
fn without_ids_a_whole_object_ends_a_call() {
    let two = [call("call_0", "run", A), call("call_1", "run", B)];
    let heads = [(0, "", "run", &A[..9]), (0, "", "", &A[9..]), (0, "", "run", &B[..9]), (0, "", "", &B[9..])];
    assert_eq!(calls(&heads), two);
    // Heads without arguments, heads with every piece, no heads at all, no numbers.
    let bare = [(0, "", "run", ""), (0, "", "", A), (0, "", "run", ""), (0, "", "", B)];
    assert_eq!(calls(&bare), two);
    let named = [(0, "", "run", &A[..9]), (0, "", "run", &A[9..]), (0, "", "run", &B[..9]), (0, "", "run", &B[9..])];
    assert_eq!(calls(&named), two);
    assert_eq!(calls(&[(0, "", "run", A), (0, "", "", B)]), two);
    assert_eq!(calls(&[(-1, "", "run", A), (-1, "", "run", &B[..4]), (-1, "", "", &B[4..])]), two);
    // One text with both.
    assert_eq!(calls(&[(0, "", "run", "{\"code\":\"print(40+1)\"}{\"code\":\"print(40+2)\"}")]), two);
    // Another name is another call, whatever became of the one before.
    assert_eq!(
        calls(&[(0, "", "run", "{\"code\""), (0, "", "stop", "{}")]),
        [call("call_0", "run", "{\"code\""), call("call_1", "stop", "{}")]
    );
}

#[test]
fn what_is_said_twice_is_one_call() {
    let one = [call("a", "run", A)];
    // The whole once more at the end, with and without a head; the head once more; another id with every piece.
    assert_eq!(calls(&[(0, "a", "run", &A[..9]), (0, "", "", &A[9..]), (0, "a", "run", A)]), one);
    assert_eq!(calls(&[(0, "a", "run", &A[..9]), (0, "", "", &A[9..]), (0, "", "", A)]), one);
    assert_eq!(calls(&[(0, "a", "run", A), (0, "a", "run", "")]), one);
    assert_eq!(calls(&[(0, "a", "run", A), (0, "", "run", "")]), one);
    assert_eq!(calls(&[(0, "a", "run", &A[..9]), (0, "b", "", &A[9..])]), one);
}

#[test]
fn calls_by_the_book_and_odd_arguments_stay_as_they_are() {
    let apart = [(0, "a", "run", ""), (1, "b", "run", ""), (0, "", "", A), (1, "", "", A)];
    assert_eq!(calls(&apart), [call("a", "run", A), call("b", "run", A)]);
    for odd in ["\"{}\"{}", "```json\n{}\n```{}", "{\"a\":1}</tool>{\"b\":2}", "{\"a\":", ""] {
        assert_eq!(calls(&[(0, "a", "run", odd)]), [call("a", "run", odd)]);
    }
}

#[test]
fn made_up_ids_are_no_others() {
    let told = calls(&[(0, "call_1", "run", A), (0, "", "run", B), (0, "call_1", "", B)]);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[1].0 != "call_1" && told[2].0 != told[1].0 && told[2].0 != "call_1", "{told:?}");
}
