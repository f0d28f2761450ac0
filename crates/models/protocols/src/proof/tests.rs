use base64::Engine as _;
use serde_json::{Value, json};

use super::*;
use crate::answer::{Answer, Choice, Whole};
use crate::codec::Context;
use crate::dialect::{Quirks, Thinking};
use crate::event::{Block, Finish};
use crate::request::{PartKind, Request, Role};

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Proofs of every form that is known, with their makers.
fn known() -> Vec<(Dialect, String)> {
    let long = [7_u8; 120];
    let with = |head: &[u8]| base64(&[head, &long].concat());
    vec![
        (Dialect::Anthropic, with(&[0x12, 0xa4, 0x01, 0x0a, 0x02, 0x18, 0x02, 0x12])),
        (Dialect::Anthropic, with(&[0x12, 0xf0, 0x01, 0x0a, 0x67, 0x08, 0x0f, 0x10, 0x01, 0x18, 0x02])),
        (Dialect::Anthropic, with(&[0x08, 0x02, 0x12, 0xab, 0x04, 0x0a, 0x87, 0x01, 0x08, 0x10, 0x18, 0x02])),
        // As Bedrock wraps it.
        (Dialect::Anthropic, base64(with(&[0x12, 0xf8, 0x05, 0x0a, 0x46, 0x08, 0x07, 0x18, 0x02]).as_bytes())),
        (Dialect::Gemini, with(&[0x12, 0xba, 0x06, 0x0a, 0xb7, 0x06, 0x01, 0x72, 0xc8, 0xda])),
        (Dialect::Gemini, with(&[0x0a, 0x24, 0x01, 0x72, 0xc8, 0xda])),
        (Dialect::Gemini, with(&[0x12, 0xb3, 0x04, 0x0a, 0xb0, 0x04, 0x08, 0x02, 0x12, 0xab, 0x04, 0x01, 0x0c])),
        (Dialect::Responses, "gAAAAABpPB8iV8e6".to_owned()),
    ]
}

#[test]
fn the_form_of_a_proof_tells_its_maker_whoever_carries_it() {
    for (maker, text) in known() {
        for carrier in Dialect::ALL {
            assert_eq!(Proof::of(carrier, &text), Proof::made_by(maker, text.clone()), "{text} by {carrier:?}");
        }
    }
    // Google's raw form is only recognised where no other form matches.
    let bare = base64(&[[1_u8, 0x8f, 0x3d].as_slice(), &[7; 90]].concat());
    assert_eq!(Proof::of(Dialect::Chat, &bare).by, Dialect::Gemini);
    assert_eq!(Proof::of(Dialect::Responses, &bare).by, Dialect::Responses);
}

#[test]
fn one_of_no_known_form_is_its_carriers_unless_it_is_like_none_of_its_own() {
    let odd = base64(&[0x77; 100]);
    for carrier in [Dialect::Anthropic, Dialect::Responses, Dialect::Gemini, Dialect::Bedrock, Dialect::Chat] {
        assert_eq!(Proof::of(carrier, &odd).by, carrier);
    }
    for junk in ["", "2f9a1c44-8d55-4e0e-9f0c-6a1f5f0a9d11", "msg_0123456789", "EqQB", "\u{1f600}", "="] {
        assert_eq!(Proof::of(Dialect::Anthropic, junk).by, Dialect::Chat, "{junk}");
    }
}

#[test]
fn a_mark_tells_the_maker_and_is_taken_off() {
    for by in Dialect::ALL {
        let proof = Proof::made_by(by, "septet:x");
        for client in Dialect::ALL {
            let shown = proof.for_client(client);
            assert_eq!(shown.starts_with("septet:septet:") || by == client, shown == "septet:x" && by == client);
            if by != client {
                assert_eq!(Proof::of(client, &shown), proof, "{by:?} to {client:?}");
            }
        }
    }
    assert_eq!(Proof::of(Dialect::Responses, "septet:nobody:x").by, Dialect::Responses);
}

/// A turn of a model with thinking that is signed or sealed, and a call.
fn turn(proof: &Proof, is_sealed: bool) -> Answer {
    let mut thought = Whole::reasoning("hm");
    let place = if is_sealed { &mut thought.encrypted } else { &mut thought.signature };
    *place = Some(proof.clone());
    let blocks = vec![thought, Whole::text("So."), Whole::call("c1", "f", "{}")];
    Answer { choices: vec![Choice { blocks, finish: Some(Finish::Calls), stop: None }], ..Answer::default() }
}

/// The request of a client that got the turn and gives it back.
fn given_back(client: Dialect, answer: &Answer) -> Request {
    let got = client.encode_answer(answer, &Context::default());
    let body = match client {
        Dialect::Chat => {
            let result = json!({"role": "tool", "tool_call_id": "c1", "content": "1"});
            json!({"model": "claude-opus-4-6", "messages": [got["choices"][0]["message"], result]})
        }
        Dialect::Anthropic => {
            let result = json!({"type": "tool_result", "tool_use_id": "c1", "content": "1"});
            json!({"model": "claude-opus-4-6", "max_tokens": 9000, "messages": [
                {"role": "assistant", "content": got["content"]}, {"role": "user", "content": [result]}]})
        }
        _ => {
            let mut input = got["output"].as_array().cloned().unwrap();
            input.push(json!({"type": "function_call_output", "call_id": "c1", "output": "1"}));
            json!({"model": "claude-opus-4-6", "input": input})
        }
    };
    client.decode_request(&body).unwrap()
}

#[test]
fn a_proof_reaches_its_maker_through_every_client_and_nobody_else() {
    let quirks = Quirks { thinking: Thinking::Effort, ..Quirks::default() };
    for (maker, text) in known().into_iter().chain([(Dialect::Bedrock, "a nova's".to_owned())]) {
        let proof = Proof::made_by(maker, text.clone());
        for client in Dialect::INBOUND {
            for is_sealed in [false, true] {
                let mut request = given_back(client, &turn(&proof, is_sealed));
                for (target, model) in [
                    (Dialect::Anthropic, "claude-opus-4-6"),
                    (Dialect::Gemini, "gemini-2.5-flash"),
                    (Dialect::Bedrock, "us.anthropic.claude-opus-4-6-v1"),
                    (Dialect::Bedrock, "us.amazon.nova-2-lite-v1:0"),
                    (Dialect::Responses, "gpt-5.4"),
                    (Dialect::Chat, "gpt-5.4"),
                    (Dialect::Ollama, "qwen3"),
                    (Dialect::Cohere, "command-a"),
                ] {
                    request.model = model.to_owned();
                    let encoded = target.encode_request(&request, &quirks);
                    let body = encoded.body.to_string();
                    let is_nova = model.contains("nova");
                    let is_own = match target {
                        Dialect::Anthropic => maker == Dialect::Anthropic,
                        Dialect::Bedrock if is_nova => maker == Dialect::Bedrock,
                        Dialect::Bedrock => maker == Dialect::Anthropic,
                        // What Google signs it does not seal, and what OpenAI seals it does not sign.
                        Dialect::Gemini => maker == Dialect::Gemini && !is_sealed,
                        Dialect::Responses => maker == Dialect::Responses && is_sealed,
                        _ => false,
                    };
                    let label = format!("{maker:?} via {client:?} to {target:?} {model}, sealed: {is_sealed}: {body}");
                    // Wrapped and unwrapped the same is another text.
                    let is_there = body.contains(&text) || is_own && body.len() > 500;
                    assert_eq!(is_there, is_own, "{label}");
                    assert!(!body.contains("septet:"), "{label}");
                    assert!(body.contains("So.") && body.contains("c1") | (target == Dialect::Gemini), "{label}");
                    let is_picky = !matches!(target, Dialect::Chat | Dialect::Ollama | Dialect::Cohere);
                    let told = encoded.dropped.iter().any(|name| is_of_history(name));
                    let is_lone = target == Dialect::Gemini && maker == Dialect::Gemini;
                    let is_lone = is_lone || target == Dialect::Responses && maker == Dialect::Responses;
                    assert!(told == (is_picky && !is_own) || is_lone, "{:?} {label}", encoded.dropped);
                }
            }
        }
    }
}

#[test]
fn openrouter_gets_all_of_them_back_with_their_makers() {
    let quirks = Quirks { thinking: Thinking::Object, ..Quirks::default() };
    for (maker, format) in [
        (Dialect::Anthropic, json!("anthropic-claude-v1")),
        (Dialect::Gemini, json!("google-gemini-v1")),
        (Dialect::Responses, json!("openai-responses-v1")),
    ] {
        let (_, text) = known().into_iter().find(|(by, _)| *by == maker).unwrap();
        for client in Dialect::INBOUND {
            let request = given_back(client, &turn(&Proof::made_by(maker, text.clone()), true));
            let body = Dialect::Chat.encode_request(&request, &quirks).body;
            let details = &body["messages"][0]["reasoning_details"];
            let detail = details.as_array().and_then(|list| list.iter().find(|detail| detail.get("data").is_some()));
            let detail = detail.cloned().unwrap_or_default();
            assert_eq!((&detail["format"], &detail["data"]), (&format, &json!(text)), "{client:?}: {details}");
        }
    }
}

#[test]
fn a_picture_keeps_googles_signature_through_every_client_that_gives_it_back() {
    let block = Block::Media { mime: "image/png".to_owned(), data: "iVBORw0K".to_owned() };
    let picture = Whole { signature: Some(Proof::made_by(Dialect::Gemini, "proof")), ..Whole::from(block) };
    let choice = Choice { blocks: vec![picture], finish: Some(Finish::Stop), stop: None };
    let answer = Answer { choices: vec![choice], ..Answer::default() };
    for client in [Dialect::Chat, Dialect::Anthropic] {
        let got = client.encode_answer(&answer, &Context::default());
        let message = match client {
            Dialect::Chat => got["choices"][0]["message"].clone(),
            _ => json!({"role": "assistant", "content": got["content"]}),
        };
        let request = client.decode_request(&json!({"model": "m", "max_tokens": 9, "messages": [message]})).unwrap();
        assert_eq!(request.messages[0].role, Role::Assistant);
        assert!(request.messages[0].parts.iter().any(|part| matches!(part.kind, PartKind::Image(_))), "{client:?}");
        let encoded = Dialect::Gemini.encode_request(&request, &Quirks::default());
        let part = &encoded.body["contents"][0]["parts"][0];
        assert_eq!((&part["inlineData"]["data"], &part["thoughtSignature"]), (&json!("iVBORw0K"), &json!("proof")));
        // Others have no pictures of the model's own.
        for target in [Dialect::Anthropic, Dialect::Bedrock, Dialect::Responses, Dialect::Chat] {
            let encoded = target.encode_request(&request, &Quirks::default());
            assert!(!encoded.dropped.is_empty() && !encoded.body.to_string().contains("iVBORw0K"), "{target:?}");
        }
    }
}

#[test]
fn requests_that_are_passed_on_are_freed_of_what_others_made() {
    let (_, own) = known().remove(0);
    let clean = json!({"messages": [{"role": "user", "content": "the word \"signature\" and septet: too"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": own}]}]});
    assert!(!has_foreign(Dialect::Anthropic, clean.to_string().as_bytes()));

    let mut body = json!({"messages": [
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": own},
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "thinking", "thinking": "hm", "signature": "septet:gemini:x"},
            {"type": "redacted_thinking", "data": "gAAAAABp"},
            {"type": "foreign", "dialect": "responses", "value": {}},
            {"type": "tool_use", "id": "a", "name": "f", "input": {}, "signature": "septet:gemini:y"},
        ]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "2f9a-uuid"}]},
    ]});
    assert!(has_foreign(Dialect::Anthropic, body.to_string().as_bytes()));
    let dropped = strip_foreign(Dialect::Anthropic, &mut body);
    let left = json!({"messages": [{"role": "assistant", "content": [
        {"type": "thinking", "thinking": "hm", "signature": own},
        {"type": "tool_use", "id": "a", "name": "f", "input": {}},
    ]}]});
    assert_eq!(body, left);
    assert_eq!(dropped.len(), 6, "{dropped:?}");
    assert!(!has_foreign(Dialect::Anthropic, body.to_string().as_bytes()));

    let mut body = json!({"input": [{"type": "reasoning", "encrypted_content": "gAAAAABp"},
        {"type": "reasoning", "encrypted_content": "signature:septet:anthropic:x"},
        {"type": "reasoning", "encrypted_content": "septet:anthropic:x"}, {"role": "user", "content": "hi"}]});
    assert!(has_foreign(Dialect::Responses, body.to_string().as_bytes()));
    assert_eq!(strip_foreign(Dialect::Responses, &mut body), ["messages[1].signature", "messages[2].signature"]);
    assert_eq!(body["input"].as_array().map(Vec::len), Some(2));

    let mut body = json!({"messages": [{"role": "assistant", "content": "hi", "provider_items": [{}]}]});
    assert!(has_foreign(Dialect::Chat, body.to_string().as_bytes()));
    assert_eq!(strip_foreign(Dialect::Chat, &mut body), ["messages[0].provider_items"]);
    for (dialect, mut odd) in
        [(Dialect::Anthropic, json!([1])), (Dialect::Responses, json!({"input": "hi"})), (Dialect::Chat, Value::Null)]
    {
        assert_eq!(strip_foreign(dialect, &mut odd), Vec::<String>::new());
    }
}
