use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn parts() -> impl Strategy<Value = Value> {
    let part = (0_usize..10, "[a\"é]{0,2}").prop_map(|(kind, text)| match kind {
        0 | 1 => json!({"text": text}),
        2 => json!({"text": text, "thought": true}),
        3 => json!({"text": text, "thoughtSignature": "s"}),
        4 => json!({"functionCall": {"name": "f", "args": {"a": text}}}),
        5 => json!({"functionCall": {"name": "f", "willContinue": true}}),
        6 => json!({"functionCall": {"partialArgs": [{"jsonPath": "$.a[1]", "stringValue": text}], "willContinue": true}}),
        7 => json!({"functionCall": {}}),
        8 => json!({"inlineData": {"mimeType": "image/png", "data": "AA"}}),
        _ => json!({"codeExecutionResult": {"output": text}}),
    });
    proptest::collection::vec(part, 0..4).prop_map(Value::Array)
}

fn chunks() -> impl Strategy<Value = Vec<Value>> {
    let chunk = (parts(), 0_u32..2, any::<bool>()).prop_map(|(parts, index, has_sources)| {
        let mut candidate = json!({"index": index, "content": {"parts": parts}, "finishReason": "STOP"});
        if has_sources {
            candidate["groundingMetadata"] = json!({"groundingChunks": [{"web": {"uri": "u"}}]});
        }
        json!({"candidates": [candidate], "responseId": "r"})
    });
    proptest::collection::vec(chunk, 1..8)
}

proptest! {
    #[test]
    fn whatever_the_order_of_parts_ours_is_kept_and_no_word_is_lost(said in chunks()) {
        let (answer, events) = stream(&said);
        let (mut open, mut places, mut ended) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (number, event) in events.iter().enumerate() {
            match event {
                Event::Start(_) => prop_assert_eq!(number, 0),
                Event::Open(place, _) => {
                    prop_assert!(!open.iter().any(|(choice, _)| *choice == place.choice));
                    prop_assert!(open.insert((place.choice, place.block)) && places.insert(*place));
                }
                Event::Delta(place, _) => prop_assert!(open.contains(&(place.choice, place.block))),
                Event::Close(place) => prop_assert!(open.remove(&(place.choice, place.block))),
                Event::Finish { choice, .. } => prop_assert!(open.is_empty() && ended.insert(*choice)),
                Event::Usage(_) | Event::Facts(_) | Event::Failed(_) => {}
            }
        }
        let parts = said.iter().flat_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array().unwrap());
        let texts = parts.filter_map(|part| part["text"].as_str());
        let blocks = || answer.choices.iter().flat_map(|choice| &choice.blocks);
        let n_came: usize = texts.map(str::len).sum();
        let is_worded = |block: &&Whole| matches!(block.block, Block::Text | Block::Reasoning { .. });
        prop_assert_eq!(n_came, blocks().filter(is_worded).map(|block| block.text.len()).sum::<usize>());
        for block in blocks().filter(|block| matches!(block.block, Block::Call { .. })) {
            prop_assert!(serde_json::from_str::<Value>(&block.text).is_ok_and(|arguments| arguments.is_object()));
        }
    }
}
