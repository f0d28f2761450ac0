use proptest::prelude::*;

use super::*;

const MOST: usize = 1 << 20;

fn event(name: &str, id: Option<&str>, data: &str) -> Item {
    Item::Event(Event {
        name: name.to_owned(),
        id: id.map(str::to_owned),
        data: Bytes::copy_from_slice(data.as_bytes()),
    })
}

/// The items of a stream in these chunks; with those that its end cuts off, when asked.
fn read(chunks: &[&[u8]], with_end: bool) -> Vec<Item> {
    let (mut reader, mut items) = (Reader::new(MOST), Vec::new());
    for chunk in chunks {
        reader.push(chunk);
        while let Some(item) = reader.take().unwrap() {
            items.push(item);
        }
    }
    if with_end {
        items.extend(reader.end());
    }
    items
}

/// The same for every way to cut the stream in two and for single bytes.
fn whole(wire: &[u8]) -> Vec<Item> {
    let items = read(&[wire], false);
    for at in 0..=wire.len() {
        assert_eq!(read(&[&wire[..at], &[], &wire[at..]], false), items, "cut at {at}");
    }
    assert_eq!(read(&wire.chunks(1).collect::<Vec<_>>(), false), items, "single bytes");
    items
}

#[test]
fn lines_end_by_cr_lf_or_both_wherever_the_chunks_are_cut() {
    let expected = [event("a", None, "{\"x\":1}"), event("", None, "one\ntwo")];
    for end in ["\n", "\r", "\r\n"] {
        let wire = ["event: a", "data: {\"x\":1}", "", "data:one", "data: two", "", ""].join(end);
        assert_eq!(whole(wire.as_bytes()), expected, "{end:?}");
    }
    assert_eq!(whole(b"event: a\r\ndata: {\"x\":1}\n\rdata:one\rdata: two\n\r\n"), expected);
}

#[test]
fn an_event_is_given_as_soon_as_its_blank_line_is_there() {
    let mut reader = Reader::new(MOST);
    for end in ["\r", "\n", "\r\n"] {
        reader.push(format!("data: x{end}{end}").as_bytes());
        assert_eq!(reader.take().unwrap(), Some(event("", None, "x")), "{end:?}");
        assert_eq!(reader.take().unwrap(), None);
    }
}

#[test]
fn a_mark_of_the_encoding_is_no_part_of_the_first_field() {
    assert_eq!(whole(b"\xef\xbb\xbfdata: x\n\n"), [event("", None, "x")]);
    // Only at the beginning.
    assert_eq!(whole(b"data: x\n\n\xef\xbb\xbfdata: y\n\n").len(), 2);
    assert_eq!(read(&[b"\xef\xbb\xbfdata: x"], true), [event("", None, "x")]);
}

#[test]
fn the_examples_of_the_standard_are_read_as_it_says() {
    assert_eq!(whole(b"data: YHOO\ndata: +2\ndata: 10\n\n"), [event("", None, "YHOO\n+2\n10")]);
    let wire = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n";
    assert_eq!(whole(wire), [event("", Some("1"), "first event"), event("", Some(""), "second event")]);
    assert_eq!(read(&[wire], true)[2], event("", None, " third event"));
    assert_eq!(whole(b"data\n\ndata\ndata\n\ndata:\n"), [event("", None, ""), event("", None, "\n")]);
    assert_eq!(whole(b"data:test\n\ndata: test\n\n"), [event("", None, "test"), event("", None, "test")]);
}

#[test]
fn what_is_no_data_is_no_event_and_names_do_not_stay() {
    assert_eq!(whole(b"event: a\n\n: ping\n\nretry: 5\nid: 7\n\ndata: x\n\n"), [event("", None, "x")]);
    assert_eq!(whole(b"event: a\nevent: b\ndata: x\n\n"), [event("b", None, "x")]);
    let mut reader = Reader::new(MOST);
    reader.push(b"id: 7\n\nid: a\0b\ndata: x\n\n");
    assert_eq!(reader.take().unwrap(), Some(event("", None, "x")));
    assert_eq!(reader.last_id(), "7");
}

#[test]
fn lines_that_the_standard_does_not_know_are_given_apart() {
    let stray = |line: &'static str| Item::Stray(Bytes::from_static(line.as_bytes()));
    let wire = b"error: {\"code\":1}\n\ndata: x\nodd: y\n\n{\"error\":\"gone\"}\n";
    assert_eq!(whole(wire), [stray("error: {\"code\":1}"), event("", None, "x"), stray("{\"error\":\"gone\"}")]);
    assert_eq!(read(&[b"data: x\n\n{\"error\":1}"], true)[1], stray("{\"error\":1}"));
}

#[test]
fn an_event_without_end_is_refused_whatever_it_is_made_of() {
    for piece in [vec![b'x'; 1 << 17], [&b"data: "[..], &[b'x'; 1 << 10], b"\n"].concat().repeat(1 << 7)] {
        let mut reader = Reader::new(MOST);
        let refused = (0..64).find_map(|_| {
            reader.push(&piece);
            reader.take().err()
        });
        assert_eq!(refused, Some(TooLong { max_bytes: MOST }));
    }
}

#[test]
fn many_events_in_one_chunk_are_no_long_event() {
    let mut reader = Reader::new(MOST);
    reader.push(&b"data: x\n\n".repeat(MOST));
    let mut n_events = 0;
    while reader.take().unwrap().is_some() {
        n_events += 1;
    }
    assert_eq!(n_events, MOST);
}

#[test]
fn a_long_event_takes_no_longer_than_its_bytes() {
    // Quadratic work would be minutes here.
    let mut reader = Reader::new(64 << 20);
    for _ in 0..100_000 {
        reader.push(b"data: a line of an event that is long\n");
        assert_eq!(reader.take().unwrap(), None);
    }
    for _ in 0..100_000 {
        reader.push(b"a line of an event that is long ");
        assert_eq!(reader.take().unwrap(), None);
    }
    reader.push(b"\n\n");
    assert!(matches!(reader.take(), Ok(Some(Item::Event(_)))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stream_says_the_same_however_it_is_cut(
        lines in prop::collection::vec(prop_oneof![
            Just("data: one".to_owned()), Just("data:".to_owned()), Just("event: b".to_owned()), Just("id: 3".to_owned()),
            Just(": comment".to_owned()), Just("odd".to_owned()), Just(String::new()), Just(String::new()), ".{0,12}"
        ], 0..24),
        ends in prop::collection::vec(prop_oneof![Just("\n"), Just("\r"), Just("\r\n")], 24),
        size in 1_usize..9,
    ) {
        let wire: String = lines.iter().zip(&ends).map(|(line, end)| format!("{line}{end}")).collect();
        let chunks: Vec<&[u8]> = wire.as_bytes().chunks(size).collect();
        prop_assert_eq!(read(&chunks, true), read(&[wire.as_bytes()], true));
    }
}
