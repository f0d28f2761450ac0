mod order;

use serde_json::{Value, json};

use super::*;
use crate::answer::{Answer, Whole};
use crate::codec::Decoder;
use crate::dialect::{Dialect, Quirks};
use crate::event::{Block, Event, Finish};
use crate::framing::Frame;
use crate::proof::Proof;
use crate::request::{
    Effort, Format, Media, Message, Part, PartKind, Reasoning, Request, Role, Source, Tool, ToolChoice,
};

fn stream(chunks: &[Value]) -> (Answer, Vec<Event>) {
    let mut decoder = GeminiDecoder::default();
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend(decoder.frame(&Frame::plain(chunk.to_string())).unwrap());
    }
    out.extend(decoder.end().unwrap());
    (Answer::of(&out), out)
}

fn chunk(parts: Value) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}}], "responseId": "r1", "modelVersion": "g"})
}

fn last() -> Value {
    json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 5,
        "toolUsePromptTokenCount": 2, "candidatesTokenCount": 3, "thoughtsTokenCount": 4, "cachedContentTokenCount": 1}})
}

fn part(kind: PartKind) -> Part {
    Part::from(kind)
}

fn call(id: &str, name: &str) -> Part {
    part(PartKind::Call {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: "{\"a\":1}".to_owned(),
        signature: None,
    })
}

fn result(id: &str, text: &str, is_error: bool) -> Message {
    let parts = vec![part(PartKind::Text(text.to_owned()))];
    Message::of(Role::Tool, PartKind::Result { call_id: id.to_owned(), name: None, parts, is_error })
}

#[test]
fn thoughts_text_and_calls_are_told_apart_and_keep_their_signatures() {
    let (answer, _) = stream(&[
        chunk(json!([{"text": "hm", "thought": true}])),
        chunk(json!([{"text": "m", "thought": true}])),
        chunk(json!([{"text": "Hi"}])),
        chunk(json!([{"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "s1"}])),
        chunk(json!([{"functionCall": {"name": "f", "args": {}}}])),
        chunk(json!([{"text": "", "thoughtSignature": "s2"}])),
        last(),
    ]);
    let blocks = &answer.choices[0].blocks;
    assert_eq!(blocks[0], Whole::reasoning("hmm"));
    assert_eq!(blocks[1], Whole::text("Hi"));
    assert_eq!(
        blocks[2],
        Whole { signature: Some(Proof::made_by(Dialect::Gemini, "s1")), ..Whole::call("call_r1_0", "f", "{\"x\":1}") }
    );
    assert_eq!(blocks[3], Whole::call("call_r1_1", "f", "{}"));
    assert_eq!(blocks[4], Whole { signature: Some(Proof::made_by(Dialect::Gemini, "s2")), ..Whole::reasoning("") });
    assert_eq!(answer.choices[0].finish, Some(Finish::Calls));
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.cached, usage.output, usage.reasoning), (7, 1, 7, 4));
    assert_eq!((answer.start.id.as_str(), answer.start.model.as_str()), ("r1", "g"));
}

#[test]
fn a_signature_of_text_stands_behind_it_and_goes_back() {
    let (answer, _) = stream(&[
        chunk(json!([{"text": "a"}])),
        chunk(json!([{"text": "b", "thoughtSignature": "s1"}])),
        chunk(json!([{"text": "c"}])),
        chunk(json!([{"text": "", "thoughtSignature": "s2"}])),
        last(),
    ]);
    let signed =
        |signature: &str| Whole { signature: Some(Proof::made_by(Dialect::Gemini, signature)), ..Whole::reasoning("") };
    assert_eq!(answer.choices[0].blocks, [Whole::text("abc"), signed("s1"), signed("s2")]);
    let mut request = Request::new(Dialect::Responses, "gemini-3-flash");
    let sealed = PartKind::Reasoning {
        text: String::new(),
        signature: Some(Proof::made_by(Dialect::Gemini, "s")),
        encrypted: None,
        id: None,
    };
    let parts = vec![part(PartKind::Text("abc".to_owned())), part(sealed)];
    request.messages = vec![Message { role: Role::Assistant, name: None, parts }];
    let body = encode_request(&request, &Quirks::default()).body;
    assert_eq!(body["contents"][0]["parts"], json!([{"text": "abc"}, {"text": "", "thoughtSignature": "s"}]));
}

#[test]
fn arguments_in_pieces_are_put_where_they_say() {
    let piece = |value: Value| chunk(json!([{"functionCall": value}]));
    let (answer, _) = stream(&[
        piece(json!({"name": "cook", "willContinue": true})),
        piece(json!({"partialArgs": [{"jsonPath": "$.steps[0].name", "stringValue": "bo", "willContinue": true}],
            "willContinue": true})),
        piece(json!({"partialArgs": [{"jsonPath": "$.steps[0].name", "stringValue": "il"},
            {"jsonPath": "$['n']", "numberValue": 2}], "willContinue": true})),
        last(),
    ]);
    assert_eq!(answer.choices[0].blocks, [Whole::call("call_r1_0", "cook", r#"{"n":2,"steps":[{"name":"boil"}]}"#)]);
}

#[test]
fn a_reason_to_finish_with_every_chunk_ends_only_with_the_bytes() {
    let chunk = |text: &str| json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]});
    let (answer, events) = stream(&[chunk("a"), chunk("b")]);
    assert_eq!(answer.choices[0].blocks, [Whole::text("ab")]);
    assert!(matches!(events.last(), Some(Event::Finish { reason: Finish::Stop, .. })));
}

#[test]
fn a_stream_without_a_reason_to_finish_is_unreadable() {
    let mut decoder = GeminiDecoder::default();
    decoder.frame(&Frame::plain(chunk(json!([{"text": "a"}])).to_string())).unwrap();
    assert!(decoder.end().is_err());
    assert!(GeminiDecoder::default().frame(&Frame::plain("{}")).is_err());
    assert!(decode_answer(&json!({"name": "cachedContents/1"})).is_err());
}

#[test]
fn held_back_answers_and_odd_ends_say_so() {
    let blocked =
        json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}});
    let answer = decode_answer(&blocked).unwrap();
    assert_eq!(answer.choices[0].finish, Some(Finish::Filtered));
    assert_eq!(answer.usage.unwrap().input, 4);
    for (word, finish) in [
        ("SAFETY", Finish::Filtered),
        ("MAX_TOKENS", Finish::Length),
        ("MALFORMED_FUNCTION_CALL", Finish::Other("MALFORMED_FUNCTION_CALL".to_owned())),
    ] {
        let answer = decode_answer(&json!({"candidates": [{"finishReason": word}]})).unwrap();
        assert_eq!(answer.choices[0].finish, Some(finish));
    }
}

#[test]
fn pictures_code_and_sources_are_kept() {
    let (answer, _) = stream(&[
        chunk(json!([{"inlineData": {"mimeType": "image/png", "data": "AA"}}])),
        chunk(json!([{"inlineData": {"mimeType": "image/png", "data": "BB"}, "thought": true}])),
        chunk(json!([{"executableCode": {"language": "PYTHON", "code": "1"}}])),
        chunk(json!([{"text": "It rains."}])),
        json!({"candidates": [{"finishReason": "STOP", "groundingMetadata": {
            "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
            "groundingSupports": [{"groundingChunkIndices": [0], "segment": {"endIndex": 9}}]}}]}),
    ]);
    let blocks = &answer.choices[0].blocks;
    assert_eq!(blocks[0].block, Block::Media { mime: "image/png".to_owned(), data: "AA".to_owned() });
    // A sketch is no picture of the answer.
    assert!(matches!(blocks[1].block, Block::Opaque { dialect: Dialect::Gemini, .. }));
    assert!(matches!(blocks[2].block, Block::Opaque { dialect: Dialect::Gemini, .. }));
    let source = json!({"web": {"uri": "https://a", "title": "A"}, "segments": [{"endIndex": 9}]});
    assert_eq!(blocks[3].citations, [(Dialect::Gemini, source)]);
    assert!(answer.facts.contains_key("groundingMetadata"));
}

#[test]
fn a_refusal_to_serve_says_when_to_come_back() {
    let body = json!([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow", "details": [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.074824224s"}]}}]);
    let failure = decode_failure(0, &body);
    assert_eq!((failure.status, failure.code.as_str()), (429, "RESOURCE_EXHAUSTED"));
    assert_eq!(failure.retry_after_ms, Some(34_075));
    let mut decoder = GeminiDecoder::default();
    let events = decoder.frame(&Frame::plain(body[0].to_string())).unwrap();
    assert!(matches!(events.as_slice(), [Event::Start(_), Event::Failed(_)]));
    assert!(decoder.end().unwrap().is_empty());
}

#[test]
fn a_wrong_key_is_told_from_a_bad_request() {
    let body = json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid.", "details": [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]}});
    let failure = decode_failure(400, &body);
    assert_eq!((failure.status, failure.code.as_str()), (400, "API_KEY_INVALID"));
}

#[test]
fn instructions_alone_are_what_is_asked() {
    let mut request = Request::new(Dialect::Chat, "gemini-2.0-flash");
    request.messages = vec![Message::of(Role::System, PartKind::Text("Say hi.".to_owned()))];
    request.reasoning = Some(Reasoning { effort: Some(Effort::None), ..Reasoning::default() });
    request.tool_choice = Some(ToolChoice::Auto);
    let encoded = encode_request(&request, &Quirks::default());
    assert_eq!(encoded.dropped, Vec::<String>::new());
    let body = encoded.body;
    assert_eq!(body, json!({"contents": [{"role": "user", "parts": [{"text": "Say hi."}]}]}));
}

#[test]
fn a_request_is_written_with_everything_in_its_place() {
    let mut request = Request::new(Dialect::Chat, "gemini-2.5-flash");
    let picture = Media { mime: Some("image/png".to_owned()), ..Media::base64("AA".to_owned()) };
    let pdf = Media::of(Source::Url("https://x/a.pdf".to_owned()));
    request.messages = vec![
        Message::of(Role::System, PartKind::Text("Be short.".to_owned())),
        Message {
            role: Role::User,
            name: None,
            parts: vec![
                part(PartKind::Text("hi".to_owned())),
                part(PartKind::Image(picture)),
                part(PartKind::File(pdf)),
            ],
        },
        Message { role: Role::Assistant, name: None, parts: vec![call("c1", "f"), call("c2", "f")] },
        result("c2", "{\"ok\":2}", false),
        result("c1", "bad", true),
        Message::of(Role::User, PartKind::Text("so?".to_owned())),
    ];
    request.tools = vec![Tool::Function {
        name: "f".to_owned(),
        description: Some("does".to_owned()),
        parameters: Some(json!({"type": "object", "additionalProperties": false})),
        strict: Some(true),
        cache: None,
    }];
    request.tool_choice = Some(ToolChoice::Named("f".to_owned()));
    request.max_output = Some(10);
    request.stop = vec!["END".to_owned()];
    request.logprobs = Some(2);
    request.format = Some(Format::Schema {
        name: "n".to_owned(),
        description: None,
        schema: json!({"type": "object"}),
        strict: None,
    });
    request.reasoning = Some(Reasoning { effort: Some(Effort::Medium), ..Reasoning::default() });
    request.parallel_calls = Some(false);
    let encoded = encode_request(&request, &Quirks::default());
    assert_eq!(encoded.dropped, ["parallel_tool_calls"]);
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "Be short."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AA"}},
                {"fileData": {"fileUri": "https://x/a.pdf", "mimeType": "application/pdf"}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}},
                {"functionCall": {"name": "f", "args": {"a": 1}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"error": "bad"}}},
                {"functionResponse": {"name": "f", "response": {"ok": 2}}}]},
            {"role": "user", "parts": [{"text": "so?"}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "description": "does",
            "parametersJsonSchema": {"type": "object", "additionalProperties": false}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {"maxOutputTokens": 10, "stopSequences": ["END"], "responseLogprobs": true, "logprobs": 2,
            "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
            "thinkingConfig": {"thinkingBudget": 8192, "includeThoughts": true}},
    });
    assert_eq!(encoded.body, expected);
}

#[test]
fn fields_of_googles_own_are_passed_on() {
    let mut request = Request::new(Dialect::Chat, "gemini-2.5-flash-image");
    let settings = json!([{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]);
    request.extra.insert("safety_settings".to_owned(), settings.clone());
    request.extra.insert("modalities".to_owned(), json!(["image", "text"]));
    request.extra.insert("logit_bias".to_owned(), json!({"1": 1}));
    let encoded = encode_request(&request, &Quirks::default());
    assert_eq!(encoded.body["safetySettings"], settings);
    assert_eq!(encoded.body["generationConfig"]["responseModalities"], json!(["IMAGE", "TEXT"]));
    assert_eq!(encoded.dropped, ["logit_bias"]);
}

#[test]
fn gemini_3_gets_levels_and_signatures() {
    let mut request = Request::new(Dialect::Chat, "gemini-3-flash-preview");
    let signed = PartKind::Call {
        id: "c2".to_owned(),
        name: "g".to_owned(),
        arguments: String::new(),
        signature: Some(Proof::made_by(Dialect::Gemini, "sig")),
    };
    request.messages = vec![
        Message { role: Role::Assistant, name: None, parts: vec![call("c1", "f")] },
        result("c1", "x", false),
        Message { role: Role::Assistant, name: None, parts: vec![part(signed)] },
    ];
    request.reasoning = Some(Reasoning { effort: Some(Effort::None), ..Reasoning::default() });
    let body = encode_request(&request, &Quirks::default()).body;
    assert_eq!(body["contents"][0]["parts"][0]["thoughtSignature"], "skip_thought_signature_validator");
    assert_eq!(body["contents"][2]["parts"][0]["thoughtSignature"], "sig");
    assert_eq!(body["generationConfig"]["thinkingConfig"], json!({"thinkingLevel": "minimal"}));
    request.reasoning = Some(Reasoning { budget: Some(2_000), ..Reasoning::default() });
    let body = encode_request(&request, &Quirks::default()).body;
    assert_eq!(body["generationConfig"]["thinkingConfig"], json!({"thinkingBudget": 2000, "includeThoughts": true}));
}
