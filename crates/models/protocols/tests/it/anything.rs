//! JSON of any form in the place of requests, answers, events and errors: never a panic, never more than came.

use bytes::BytesMut;
use proptest::prelude::*;
use septet_protocols::{Answer, Context, Dialect, Event, Frame, Framer, Quirks, chat, proof};
use serde_json::{Value, json};

// The names that the dialects look for; others are skipped early.
const NAMES: &str = "type role name id index model content text parts choices delta message finish_reason tool_calls function \
    arguments usage prompt_tokens completion_tokens total_tokens prompt_tokens_details cached_tokens reasoning_content \
    reasoning_details signature data summary annotations url_citation logprobs images image_url url refusal error code \
    status messages tools tool_choice system input input_schema tool_use_id tool_result thinking source media_type \
    stop_reason content_block candidates functionCall args partialArgs jsonPath stringValue inlineData thoughtSignature \
    groundingMetadata groundingChunks groundingSupports usageMetadata promptTokenCount finishReason promptFeedback \
    output item output_index content_index response call_id encrypted_content item_id incomplete_details \
    contentBlockIndex contentBlockStart contentBlockDelta messageStop reasoningContent toolUse toolUseId start citation \
    tool_plan citations billed_units tokens done done_reason eval_count x_groq extra_content google thought_signature \
    provider_items reasoning effort max_tokens enabled thinking_budget enable_thinking chat_template_kwargs budget_tokens \
    response_format json_schema schema parameters max_output_tokens stream stop metadata custom";

const WORDS: &str = "text thinking tool_use tool_result function message reasoning input_text output_text image document \
    user assistant system tool developer stop length enabled disabled none auto required response.created \
    response.output_item.added response.output_item.done response.output_text.delta response.completed \
    response.function_call_arguments.delta message_start content_block_start content_block_delta content_block_stop \
    message_delta message_stop text_delta input_json_delta signature_delta content-start content-delta tool-call-start \
    tool-call-delta message-end citation-start $.a[0].b STOP end_turn function_call reasoning.encrypted foreign image_url";

fn pick(words: &'static str) -> impl Strategy<Value = String> {
    let words: Vec<&str> = words.split_whitespace().collect();
    prop::sample::select(words).prop_map(str::to_owned)
}

fn anything() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        Just(json!(0)),
        Just(json!(1)),
        Just(json!(-1)),
        Just(json!(u64::MAX)),
        Just(json!(i64::MIN)),
        Just(json!(1e308)),
        Just(json!(0.5)),
        Just(json!(4_294_967_296_u64)),
    ];
    let text = prop_oneof![6 => pick(WORDS), 1 => Just(String::new()), 1 => Just("\u{1f600}\u{0}".to_owned()),
        1 => Just("[".repeat(10_000)), 1 => Just("{\"a\":1}".to_owned())];
    let leaf = prop_oneof![
        2 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        3 => number,
        8 => text.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => prop::collection::btree_map(pick(NAMES), inner, 0..7).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// Everything that is done with events.
fn use_all(events: &[Event]) {
    let answer = Answer::of(events);
    // A large index in an answer must not cause an allocation of that size.
    assert!(answer.choices.len() <= 128);
    for client in Dialect::INBOUND {
        let context = Context { wants_usage: true, ..Context::default() };
        let (mut encoder, mut frames) = (client.encoder(context.clone()), Vec::new());
        events.iter().for_each(|event| encoder.event(event, &mut frames));
        encoder.end(&mut frames);
        let mut out = BytesMut::new();
        frames.iter().for_each(|frame| frame.write_sse(&mut out));
        let _ = client.encode_answer(&answer, &context);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(400), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_and_errors_of_any_form_do_no_harm(body in anything(), status in 0_u16..600) {
        for dialect in Dialect::ALL {
            if let Ok(answer) = dialect.decode_answer(&body) {
                use_all(&answer.events());
            }
            let failure = dialect.decode_failure(status, &body);
            for client in Dialect::INBOUND {
                let _ = client.encode_failure(&failure);
            }
            let _ = (dialect.usage_in(&body), dialect.failure_in("error", &body));
        }
    }

    #[test]
    fn streams_of_any_events_do_no_harm(list in prop::collection::vec((pick(WORDS), anything()), 0..6)) {
        for dialect in Dialect::ALL {
            let (mut decoder, mut events) = (dialect.decoder(), Vec::new());
            for (name, value) in &list {
                let Ok(more) = decoder.frame(&Frame::named(name, value.to_string())) else { break };
                events.extend(more);
            }
            events.extend(decoder.end().unwrap_or_default());
            use_all(&events);
        }
    }

    #[test]
    fn requests_of_any_form_are_refused_or_written(
        message in anything(), rest in anything(), steering in anything(), model in pick("gpt-5.4 claude-opus-4-6 gemini-3-pro m"),
    ) {
        for client in Dialect::INBOUND {
            let mut body = json!({"model": model, "messages": [message, {"role": "assistant", "content": [message]}],
                "input": [message], "max_tokens": 99});
            for more in [&rest, &steering] {
                body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
            }
            let _ = proof::strip_foreign(client, &mut body.clone());
            let Ok(request) = client.decode_request(&body) else { continue };
            for target in Dialect::ALL {
                let _ = target.encode_request(&request, &Quirks::default());
            }
        }
        if let Some(fields) = steering.as_object() {
            let _ = chat::adapt(fields, &model, &Quirks::default());
        }
    }

    #[test]
    fn bytes_of_any_kind_are_framed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), step in 1_usize..50) {
        for dialect in Dialect::ALL {
            let (mut framer, mut frames) = (Framer::new(dialect.framing()), Vec::new());
            let is_whole = bytes.chunks(step).all(|chunk| framer.push(chunk, &mut frames).is_ok());
            let _ = is_whole && framer.end(&mut frames).is_ok();
            prop_assert!(frames.iter().map(|frame| frame.data.len()).sum::<usize>() <= bytes.len());
        }
    }
}

#[test]
fn what_is_nested_ten_thousand_deep_is_refused_or_stays_text() {
    let deep = format!("{}1{}", "{\"a\":[".repeat(10_000), "]}".repeat(10_000));
    for dialect in Dialect::ALL {
        let body = format!("{{\"choices\":[{{\"delta\":{{\"content\":{deep}}}}}]}}");
        assert!(dialect.decoder().frame(&Frame::plain(body)).is_err(), "{dialect:?}");
    }
    // As text inside of JSON it concerns only the tool.
    let call = json!({"role": "assistant", "content": null,
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": deep}}]});
    let request = Dialect::Chat.decode_request(&json!({"model": "m", "messages": [call]})).unwrap();
    for target in Dialect::ALL {
        let body = target.encode_request(&request, &Quirks::default()).body.to_string();
        assert!(body.contains("[{\\\"a\\\":[{\\\"a\\\""), "{target:?}");
    }
}
