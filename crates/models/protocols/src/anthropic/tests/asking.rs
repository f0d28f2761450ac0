use super::*;
use crate::dialect::Quirks;
use crate::request::{
    Cache, Effort, Format, Media, Message, Part, PartKind, Reasoning, Request, Role, Source, Tool, ToolChoice,
};

fn encoded(request: &Request) -> (Value, Vec<String>) {
    let encoded = encode_request(request, &Quirks::default());
    (encoded.body, encoded.dropped)
}

fn foreign(model: &str) -> Request {
    let mut request = Request::new(Dialect::Chat, model);
    request.messages.push(Message::of(Role::User, PartKind::Text("hi".into())));
    request
}

fn thinking(effort: Effort) -> Option<Reasoning> {
    Some(Reasoning { effort: Some(effort), ..Reasoning::default() })
}

#[test]
fn a_request_reads_and_writes_as_it_is() {
    let body = json!({
        "model": "claude-sonnet-4-5", "max_tokens": 100, "stream": true, "temperature": 0.5, "top_k": 5,
        "stop_sequences": ["END"], "metadata": {"user_id": "u"}, "service_tier": "auto",
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tools": [
            {"name": "f", "description": "F", "input_schema": {"type": "object", "properties": {}}, "strict": true},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        ],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true},
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}, "task_budget": {"total": 1}},
        "messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0K"}},
                {"type": "image", "source": {"type": "url", "url": "https://a.example/a.png"}},
                {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "title": "T"},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain"}},
                {"type": "text", "text": "Look.", "cache_control": {"type": "ephemeral"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "EgQKAhgC"},
                {"type": "redacted_thinking", "data": "EgQKAhgD"},
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "b", "name": "f", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "1"}], "is_error": true},
                {"type": "tool_result", "tool_use_id": "b"},
                {"type": "text", "text": "Go on."},
            ]},
            {"role": "system", "content": [{"type": "text", "text": "Now in French."}]},
        ],
    });
    let request = decode_request(&body).unwrap();
    assert_eq!(encoded(&request), (body, vec![]));
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool, Role::User, Role::System]);
    assert_eq!((request.parallel_calls, request.user.as_deref()), (Some(false), Some("u")));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".into())));
    assert_eq!(request.extra.keys().collect::<Vec<_>>(), ["output_config", "service_tier"]);
}

#[test]
fn thinking_is_read_and_written_in_each_of_its_forms() {
    let forms = [
        ("claude-haiku-4-5", json!({"type": "enabled", "budget_tokens": 2000}), json!(null)),
        ("claude-opus-4-8", json!({"type": "adaptive"}), json!({"effort": "max"})),
        ("claude-opus-4-8", json!({"type": "adaptive", "display": "summarized"}), json!(null)),
        ("claude-opus-4-8", json!({"type": "disabled"}), json!(null)),
        ("claude-opus-4-5", json!({"type": "enabled", "budget_tokens": 2000}), json!({"effort": "low"})),
        ("claude-opus-4-8", json!(null), json!({"effort": "low"})),
    ];
    for (model, thinking, config) in forms {
        let mut body = json!({"model": model, "max_tokens": 4000,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]});
        if thinking.is_object() {
            body["thinking"] = thinking;
        }
        if config.is_object() {
            body["output_config"] = config;
        }
        assert_eq!(encoded(&decode_request(&body).unwrap()), (body, vec![]));
    }
    assert!(decode_request(&json!({"messages": [], "thinking": {"type": "odd"}})).is_err());
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    let wrong = |body: Value| decode_request(&body).unwrap_err().to_string();
    assert_eq!(wrong(json!([])), "body must be an object");
    assert_eq!(wrong(json!({"model": "m"})), "messages is missing");
    assert_eq!(wrong(json!({"messages": [{"role": "tool"}]})), "messages[0].role must be user, assistant or system");
    let block = json!({"type": "tool_result", "content": "x"});
    let body = json!({"messages": [{"role": "user", "content": [block]}]});
    assert_eq!(wrong(body), "messages[0].content[0].tool_use_id is missing");
    assert_eq!(
        wrong(json!({"messages": [], "max_tokens": "many"})),
        "max_tokens must be a whole number that is not negative"
    );
}

#[test]
fn a_foreign_conversation_takes_turns_and_has_its_results_first() {
    let mut request = foreign("claude-sonnet-4-5");
    let call =
        |id: &str| PartKind::Call { id: id.into(), name: "f".into(), arguments: "{\"x\":1}".into(), signature: None };
    let result = |id: &str| {
        let parts = vec![Part::from(PartKind::Text("ok".into()))];
        Message::of(Role::Tool, PartKind::Result { call_id: id.into(), name: None, parts, is_error: false })
    };
    let parts = vec![Part::from(PartKind::Text(String::new())), Part::from(call("a:1")), Part::from(call("b"))];
    request.messages.insert(0, Message::of(Role::System, PartKind::Text("first".into())));
    request.messages.push(Message::of(Role::Developer, PartKind::Text("later".into())));
    request.messages.push(Message { role: Role::Assistant, name: None, parts });
    request.messages.extend([result("a:1"), result("b")]);
    request.messages.push(Message::of(Role::User, PartKind::Text("and?".into())));
    request.messages.push(Message::of(Role::Assistant, PartKind::Text("So ".into())));

    let (body, dropped) = encoded(&request);

    let text = |text: &str| json!({"type": "text", "text": text});
    let made = |id: &str| json!({"type": "tool_use", "id": id, "name": "f", "input": {"x": 1}});
    let given = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": [text("ok")]});
    assert_eq!(body["system"], json!([text("first"), text("later")]));
    let messages = json!([
        {"role": "user", "content": [text("hi")]},
        {"role": "assistant", "content": [made("a_1"), made("b")]},
        {"role": "user", "content": [given("a_1"), given("b"), text("and?")]},
        {"role": "assistant", "content": [text("So")]},
    ]);
    assert_eq!(body["messages"], messages);
    // The history has calls, so the tools that it calls are shown and forbidden.
    assert_eq!(body["tools"], json!([{"name": "f", "input_schema": {"type": "object", "properties": {}}}]));
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
    assert_eq!((&body["max_tokens"], dropped), (&json!(8192), vec![]));
}

#[test]
fn foreign_thinking_becomes_a_budget_or_an_effort() {
    let mut request = foreign("claude-haiku-4-5");
    request.reasoning = thinking(Effort::Medium);
    request.temperature = Some(0.2);
    let (body, dropped) = encoded(&request);
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 8192}));
    assert_eq!((&body["max_tokens"], dropped), (&json!(16384), vec!["temperature".to_owned()]));

    request.max_output = Some(2_000);
    request.reasoning = Some(Reasoning { budget: Some(5_000), ..Reasoning::default() });
    assert_eq!(encoded(&request).0["thinking"]["budget_tokens"], 1_999);
    request.max_output = Some(500);
    let (body, dropped) = encoded(&request);
    assert_eq!((body.get("thinking"), dropped), (None, vec!["reasoning_effort".to_owned()]));

    let mut request = foreign("claude-opus-4-8");
    request.reasoning = thinking(Effort::Extreme);
    let (body, _) = encoded(&request);
    assert_eq!((&body["thinking"], &body["output_config"]), (&json!({"type": "adaptive"}), &json!({"effort": "max"})));
    request.reasoning = thinking(Effort::None);
    assert_eq!(encoded(&request).0["thinking"], json!({"type": "disabled"}));
}

#[test]
fn anthropics_own_words_for_thinking_are_understood_from_other_clients() {
    let mut request = foreign("claude-haiku-4-5");
    let said = json!({"type": "enabled", "budget_tokens": 2000});
    request.extra.insert("thinking".into(), said.clone());
    let (body, dropped) = encoded(&request);
    assert_eq!((&body["thinking"], &body["max_tokens"], dropped), (&said, &json!(10192), vec![]));
    request.model = "anthropic.claude-haiku-4-5-20251001-v1:0".into();
    let encoded = crate::bedrock::encode_request(&request, &Quirks::default());
    assert_eq!((&encoded.body["additionalModelRequestFields"]["thinking"], encoded.dropped), (&said, vec![]));
    request.extra.insert("thinking".into(), json!({"type": "odd"}));
    assert_eq!(encode_request(&request, &Quirks::default()).dropped, ["thinking"]);
}

#[test]
fn thinking_gives_way_where_anthropic_would_refuse_the_request() {
    let mut request = foreign("claude-haiku-4-5");
    request.reasoning = thinking(Effort::High);
    request.tools.push(Tool::Function {
        name: "f".into(),
        description: None,
        parameters: None,
        strict: None,
        cache: None,
    });
    request.tool_choice = Some(ToolChoice::Required);
    let (body, dropped) = encoded(&request);
    assert_eq!((body.get("thinking"), &body["tool_choice"]), (None, &json!({"type": "any"})));
    assert_eq!(dropped, ["reasoning_effort"]);

    request.tool_choice = None;
    let (id, name) = ("a".to_owned(), "f".to_owned());
    let call = PartKind::Call { id: id.clone(), name, arguments: String::new(), signature: None };
    request.messages.push(Message::of(Role::Assistant, call));
    let result = PartKind::Result { call_id: id, name: None, parts: vec![], is_error: false };
    request.messages.push(Message::of(Role::Tool, result));
    assert_eq!(encoded(&request).1, ["reasoning_effort"]);
    request.messages[1].parts.insert(
        0,
        Part::from(PartKind::Reasoning {
            text: "hm".into(),
            signature: Some(Proof::made_by(Dialect::Anthropic, "Ep")),
            encrypted: None,
            id: None,
        }),
    );
    assert_eq!(encoded(&request).1, Vec::<String>::new());
}

#[test]
fn a_schema_is_narrowed_and_what_has_no_word_is_named() {
    let mut request = foreign("claude-sonnet-4-5");
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}});
    request.format = Some(Format::Schema { name: "a".into(), description: None, schema, strict: Some(true) });
    request.seed = Some(1);
    request.n = Some(2);
    request.logprobs = Some(0);
    request.frequency_penalty = Some(0.5);
    request.presence_penalty = Some(0.0);
    request.temperature = Some(1.5);
    request.stop = vec!["\n".into(), "END".into()];
    request.extra.insert("logit_bias".into(), json!({"1": 2}));
    request.extra.insert("store".into(), json!(false));
    let (body, dropped) = encoded(&request);
    let narrowed = json!({"type": "object", "additionalProperties": false,
        "properties": {"n": {"type": "integer", "description": "(minimum: 1)"}}});
    assert_eq!(body["output_config"], json!({"format": {"type": "json_schema", "schema": narrowed}}));
    assert_eq!(body["stop_sequences"], json!(["END"]));
    assert_eq!(dropped, ["logit_bias", "temperature", "stop", "seed", "frequency_penalty", "n", "logprobs"]);
    request.format = Some(Format::Json);
    assert!(encoded(&request).1.contains(&"response_format".to_owned()));
}

#[test]
fn foreign_media_and_markers_find_their_place() {
    let mut request = foreign("claude-sonnet-4-5");
    let pdf = Media { name: Some("a.pdf".into()), ..Media::base64("JVBERi0".into()) };
    let kinds = [
        PartKind::Image(Media::base64("/9j/4AAQ".into())),
        PartKind::File(pdf),
        PartKind::Image(Media::of(Source::FileId("file-openai".into()))),
        PartKind::Audio(Media::base64("AAAA".into())),
    ];
    let mut parts: Vec<Part> = kinds.into_iter().map(Part::from).collect();
    parts[1].cache = Some(Cache { ttl: Some("1h".into()) });
    request.messages[0].parts = parts;
    let (body, dropped) = encoded(&request);
    let expected = json!([
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0"},
            "title": "a.pdf", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]);
    assert_eq!(body["messages"][0]["content"], expected);
    assert_eq!(dropped, ["messages[0].content[2].file_id", "messages[0].content[3].audio"]);
}

#[test]
fn what_we_gave_out_of_another_providers_answer_comes_back_as_it_was() {
    let thing = json!({"type": "web_search_call", "id": "ws"});
    let mut thought = Whole { encrypted: Some(Proof::made_by(Dialect::Responses, "gAAAAA")), ..Whole::reasoning("hm") };
    let signed = Whole { signature: Some(Proof::made_by(Dialect::Gemini, "sig")), ..Whole::call("a", "f", "{}") };
    let opaque = Whole::from(Block::Opaque { dialect: Dialect::Responses, value: thing.clone() });
    let blocks = vec![thought.clone(), opaque, signed];
    let choice = crate::answer::Choice { blocks, finish: Some(Finish::Calls), stop: None };
    let answer = Answer { choices: vec![choice], ..Answer::default() };
    let content = encode_answer(&answer, &Context::default())["content"].clone();
    let body = json!({"model": "m", "messages": [{"role": "assistant", "content": content}]});
    let parts = decode_request(&body).unwrap().messages.remove(0).parts;
    let kinds: Vec<PartKind> = parts.into_iter().map(|part| part.kind).collect();
    let reasoning =
        PartKind::Reasoning { text: "hm".into(), signature: None, encrypted: thought.encrypted.take(), id: None };
    let call = PartKind::Call {
        id: "a".into(),
        name: "f".into(),
        arguments: "{}".into(),
        signature: Some(Proof::made_by(Dialect::Gemini, "sig")),
    };
    assert_eq!(kinds, [reasoning, PartKind::Opaque { dialect: Dialect::Responses, value: thing }, call]);
}
