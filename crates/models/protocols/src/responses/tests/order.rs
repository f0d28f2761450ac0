use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::event::Place;

/// Events of a stream, in any order and as often as chance will have it.
fn events() -> impl Strategy<Value = Vec<Value>> {
    let item = (0_u64..3, 0_usize..6).prop_map(|(index, kind)| {
        let item = match kind {
            0 => json!({"type": "message", "id": "m", "content": [{"type": "output_text", "text": "abc"},
                {"type": "refusal", "refusal": "no"}]}),
            1 => json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}),
            2 => json!({"type": "custom_tool_call", "call_id": "c", "name": "g", "input": "\""}),
            3 => json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "e"}),
            4 => json!({"type": "web_search_call", "id": "w"}),
            _ => json!({"type": null}),
        };
        (index, item)
    });
    let event = (item, 0_usize..11, "[a\"é]{0,3}").prop_map(|((index, item), kind, delta)| {
        let name = match kind {
            0 | 1 => "output_item.added",
            2 | 3 => "output_item.done",
            4 => "output_text.delta",
            5 => "refusal.delta",
            6 => "function_call_arguments.delta",
            7 => "custom_tool_call_input.delta",
            8 => "reasoning_summary_text.delta",
            9 => "reasoning_text.delta",
            _ => "output_text.annotation.added",
        };
        json!({"type": format!("response.{name}"), "output_index": index, "content_index": 0, "summary_index": 0,
            "item": item, "delta": delta, "annotation": {"type": "url_citation", "url": "u"}})
    });
    proptest::collection::vec(event, 0..30)
}

fn check(events: &[Event]) -> Result<(), TestCaseError> {
    let (mut open, mut ended): (BTreeMap<Place, bool>, BTreeSet<u32>) = Default::default();
    let mut next = 0;
    for (number, event) in events.iter().enumerate() {
        match event {
            Event::Start(_) => prop_assert_eq!(number, 0),
            Event::Open(place, block) => {
                prop_assert_eq!(place.block, next);
                next += 1;
                prop_assert!(open.values().all(|is_call| *is_call));
                open.insert(*place, matches!(block, Block::Call { .. }));
            }
            Event::Delta(place, _) => prop_assert!(open.contains_key(place)),
            Event::Close(place) => prop_assert!(open.remove(place).is_some()),
            Event::Finish { choice, .. } => prop_assert!(open.is_empty() && ended.insert(*choice)),
            Event::Usage(_) | Event::Facts(_) | Event::Failed(_) => {}
        }
    }
    prop_assert!(open.is_empty() && ended.len() == 1);
    Ok(())
}

proptest! {
    #[test]
    fn whatever_the_order_of_a_providers_events_ours_is_kept(said in events()) {
        let (mut decoder, mut out) = (ResponsesDecoder::default(), Vec::new());
        for event in said.iter().chain([&completed(json!([]))]) {
            out.extend(decoder.frame(&Frame::plain(event.to_string())).unwrap());
        }
        check(&out)?;
        for block in &Answer::of(&out).choices[0].blocks {
            if matches!(&block.block, Block::Call { name, .. } if name == "g") {
                prop_assert!(serde_json::from_str::<Value>(&block.text).is_ok(), "{}", block.text);
            }
        }
        // What we write of it is read again, and says the same.
        let mut again = ResponsesDecoder::default();
        let mut events = Vec::new();
        for event in written(&out) {
            events.extend(again.frame(&Frame::plain(event.to_string())).unwrap());
        }
        check(&events)?;
        let texts = |events: &[Event]| -> Vec<String> {
            let blocks = Answer::of(events).choices.into_iter().flat_map(|choice| choice.blocks);
            blocks.filter(|block| block.block == Block::Text).map(|block| block.text).collect()
        };
        prop_assert_eq!(texts(&out).concat(), texts(&events).concat());
    }
}
