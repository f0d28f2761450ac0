use serde_json::{Value, json};

use super::*;
use crate::codec::Decoder;
use crate::dialect::{Dialect, Quirks};
use crate::event::{Block, Event, Finish};
use crate::framing::Frame;
use crate::request::{
    Effort, Format, Media, Message, Part, PartKind, Reasoning, Request, Role, Source, Tool, ToolChoice,
};

fn request() -> Request {
    let mut request = Request::new(Dialect::Chat, "qwen3");
    request.messages.push(Message::of(Role::User, PartKind::Text("hi".to_owned())));
    request
}

fn tool() -> Tool {
    Tool::Function { name: "now".to_owned(), description: None, parameters: None, strict: None, cache: None }
}

#[test]
fn a_request_says_what_ollama_can_hear() {
    let mut request = request();
    request.messages.insert(0, Message::of(Role::Developer, PartKind::Text("be brief".to_owned())));
    request.max_output = Some(9);
    request.stop = vec!["END".to_owned()];
    request.seed = Some(4);
    request.format = Some(Format::Json);
    request.reasoning = Some(Reasoning { effort: Some(Effort::High), ..Reasoning::default() });
    request.tools = vec![tool()];
    request.extra.insert("min_p".to_owned(), json!(0.1));
    let encoded = encode_request(&request, &Quirks::default());
    let expected = json!({
        "model": "qwen3", "stream": false, "format": "json", "think": true,
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}],
        "options": {"num_predict": 9, "stop": ["END"], "seed": 4, "min_p": 0.1},
    });
    assert_eq!((encoded.body, encoded.dropped), (expected, vec![]));
}

#[test]
fn calls_go_out_as_objects_and_results_with_the_name_of_their_function() {
    let mut request = request();
    let call = PartKind::Call {
        id: "call_0".to_owned(),
        name: "now".to_owned(),
        arguments: "{\"zone\": \"UTC\"}".to_owned(),
        signature: None,
    };
    let image = Part::from(PartKind::Image(Media::base64("AA==".to_owned())));
    let result = PartKind::Result {
        call_id: "call_0".to_owned(),
        name: None,
        parts: vec![Part::from(PartKind::Text("12:00".to_owned())), image],
        is_error: false,
    };
    request.messages.push(Message::of(Role::Assistant, call));
    request.messages.push(Message::of(Role::Tool, result));
    let body = encode_request(&request, &Quirks::default()).body;
    let expected = json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "",
            "tool_calls": [{"id": "call_0", "function": {"name": "now", "arguments": {"zone": "UTC"}}}]},
        {"role": "tool", "content": "12:00", "images": ["AA=="], "tool_name": "now", "tool_call_id": "call_0"},
    ]);
    assert_eq!(body["messages"], expected);
}

#[test]
fn what_ollama_cannot_say_is_named() {
    let mut request = request();
    let media = Media::of(Source::Url("https://example.com/cat.png".to_owned()));
    request.messages.push(Message::of(Role::User, PartKind::Image(media)));
    request.tools = vec![tool()];
    request.tool_choice = Some(ToolChoice::Required);
    request.parallel_calls = Some(false);
    request.n = Some(2);
    request.extra.insert("logit_bias".to_owned(), json!({"1": 2}));
    request.extra.insert("metadata".to_owned(), json!({}));
    let dropped = encode_request(&request, &Quirks::default()).dropped;
    assert_eq!(dropped, ["logit_bias", "messages[1].image_url", "tool_choice", "parallel_tool_calls", "n"]);
}

#[test]
fn no_tools_are_offered_when_none_may_be_called() {
    let mut request = request();
    request.tools = vec![tool()];
    request.tool_choice = Some(ToolChoice::None);
    let encoded = encode_request(&request, &Quirks::default());
    assert!(encoded.body.get("tools").is_none() && encoded.dropped.is_empty());
}

#[test]
fn a_whole_answer_keeps_thinking_text_calls_and_figures() {
    let body = json!({"model": "qwen3", "created_at": "2025-01-01T00:00:00Z", "done": true, "done_reason": "stop",
        "message": {"role": "assistant", "thinking": "hm", "content": "So:", "tool_calls": [
            {"function": {"name": "a", "arguments": {"x": 1}}}, {"id": "z9", "function": {"name": "b", "arguments": null}}]},
        "prompt_eval_count": 7, "eval_count": 5, "total_duration": 11});
    let answer = decode_answer(&body).unwrap();
    let blocks: Vec<(&Block, &str)> =
        answer.choices[0].blocks.iter().map(|whole| (&whole.block, whole.text.as_str())).collect();
    let call = |id: &str, name: &str| Block::Call { id: id.to_owned(), name: name.to_owned() };
    assert_eq!(
        blocks,
        [
            (&Block::Reasoning { id: None }, "hm"),
            (&Block::Text, "So:"),
            (&call("call_0", "a"), "{\"x\":1}"),
            (&call("z9", "b"), "{}"),
        ]
    );
    assert_eq!(answer.choices[0].finish, Some(Finish::Calls));
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.output, &usage.raw["total_duration"]), (7, 5, &json!(11)));
    assert_eq!(answer.start.created, Some(1_735_689_600));
}

fn stream(lines: &[Value]) -> Result<Vec<Event>, crate::Unreadable> {
    let mut decoder = OllamaDecoder::default();
    let mut events = Vec::new();
    for line in lines {
        events.extend(decoder.frame(&Frame::plain(line.to_string()))?);
    }
    events.extend(decoder.end()?);
    Ok(events)
}

#[test]
fn a_cached_prompt_without_a_count_is_no_error() {
    let events = stream(&[
        json!({"model": "m", "message": {"content": "a"}, "done": false}),
        json!({"model": "m", "message": {"content": ""}, "done": true, "done_reason": "length", "eval_count": 1}),
    ]);
    let answer = crate::Answer::of(&events.unwrap());
    assert_eq!(answer.choices[0].finish, Some(Finish::Length));
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.raw), (0, 1, json!({"eval_count": 1})));
}

#[test]
fn a_stream_that_stops_early_is_unreadable_and_an_error_line_ends_it() {
    let first = json!({"model": "m", "message": {"content": "a"}, "done": false});
    assert!(stream(std::slice::from_ref(&first)).is_err());
    let events = stream(&[first, json!({"error": "out of memory"})]).unwrap();
    let Some(Event::Failed(failure)) = events.last() else { panic!("{events:?}") };
    assert_eq!(failure.message, "out of memory");
    assert!(stream(&[json!({"hello": 1})]).is_err());
}

#[test]
fn errors_are_read_as_text_and_as_objects() {
    assert_eq!(decode_failure(404, &json!({"error": "model not found"})).message, "model not found");
    let object = decode_failure(401, &json!({"error": {"message": "Unauthorized", "type": "api_error"}}));
    assert_eq!((object.status, object.code.as_str(), object.message.as_str()), (401, "api_error", "Unauthorized"));
}
