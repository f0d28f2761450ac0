//! Whether the messages of a request have the form of their dialect.
//!
//! What goes to a provider of the same dialect is not read by us; but some servers answer a malformed message with a
//! server error, or crash. Then the client would not learn what is wrong, and the breaker would count it as an outage.
//! So the form is looked at here: what is text, what is a list, what is an object, and who speaks. What a message says,
//! and fields that we do not know, are between the client and the model.

use std::borrow::Cow;

use septet_protocols::{Dialect, Wrong};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What is looked at in a message or an item.
#[derive(Deserialize)]
struct MessageShape<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
}

/// Looks at the messages of Chat Completions or Messages.
pub(super) fn messages(dialect: Dialect, list: &[&RawValue]) -> Result<(), Wrong> {
    let roles: &[&str] = match dialect {
        Dialect::Chat => &["system", "developer", "user", "assistant", "tool", "function"],
        _ => &["user", "assistant", "system"],
    };
    for (at, raw) in list.iter().enumerate() {
        let param = || format!("messages[{at}]");
        let entry: MessageShape<'_> = object(&param, raw)?;
        spoken(&param, &entry, roles)?;
        let is_said_by_people = matches!(entry.role.as_deref(), Some("system" | "developer" | "user"));
        if is_said_by_people && entry.content.is_none_or(is_null) {
            return Err(Wrong::field(format!("{}.content", param()), "is missing"));
        }
        if let Some(calls) = entry.tool_calls.filter(|calls| dialect == Dialect::Chat && !is_null(calls)) {
            for (number, call) in self::list(&|| format!("{}.tool_calls", param()), calls)?.iter().enumerate() {
                let param = || format!("messages[{at}].tool_calls[{number}]");
                let call: ToolCall<'_> = object(&param, call)?;
                // A call of another kind than a function has its own form.
                if call.function.is_some_and(|function| function.name.is_none_or(|name| name.is_empty())) {
                    return Err(Wrong::field(format!("{}.function.name", param()), "is missing"));
                }
            }
        }
    }
    Ok(())
}

/// Looks at the input of Responses.
pub(super) fn input(raw: &RawValue) -> Result<(), Wrong> {
    match raw.get().as_bytes().first() {
        Some(b'"') => return Ok(()),
        Some(b'[') => {}
        _ => return Err(Wrong::field("input", "must be text or a list of items")),
    }
    for (at, raw) in list(&|| "input".to_owned(), raw)?.iter().enumerate() {
        let param = || format!("input[{at}]");
        let entry: MessageShape<'_> = object(&param, raw)?;
        if entry.kind.as_deref().is_none_or(|kind| kind == "message") {
            spoken(&param, &entry, &["user", "assistant", "system", "developer"])?;
        }
    }
    Ok(())
}

fn spoken(param: &dyn Fn() -> String, entry: &MessageShape<'_>, roles: &[&str]) -> Result<(), Wrong> {
    match entry.role.as_deref() {
        None => return Err(Wrong::field(format!("{}.role", param()), "is missing")),
        Some(role) if !roles.contains(&role) => {
            let what = format!("must be one of {}", roles.join(", "));
            return Err(Wrong::field(format!("{}.role", param()), what));
        }
        Some(_) => {}
    }
    let Some(content) = entry.content.filter(|content| !is_null(content)) else { return Ok(()) };
    let param = || format!("{}.content", param());
    match content.get().as_bytes().first() {
        Some(b'"') => Ok(()),
        Some(b'[') => {
            for (at, part) in list(&param, content)?.iter().enumerate() {
                // Some clients write a text in place of a part of text.
                if part.get().starts_with('"') {
                    continue;
                }
                let here = || format!("{}[{at}]", param());
                let Part { kind } = object(&here, part)?;
                if kind.is_none() {
                    return Err(Wrong::field(format!("{}.type", here()), "is missing"));
                }
            }
            Ok(())
        }
        _ => Err(Wrong::field(param(), "must be text or a list of parts")),
    }
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

fn list<'a>(param: &dyn Fn() -> String, raw: &'a RawValue) -> Result<Vec<&'a RawValue>, Wrong> {
    serde_json::from_str(raw.get()).map_err(|_other| Wrong::field(param(), "must be a list"))
}

fn object<'a, T: Deserialize<'a>>(param: &dyn Fn() -> String, raw: &'a RawValue) -> Result<T, Wrong> {
    if !raw.get().starts_with('{') {
        return Err(Wrong::field(param(), "must be an object"));
    }
    serde_json::from_str(raw.get()).map_err(|wrong| {
        let text = wrong.to_string();
        let what = text.split(" at line ").next().unwrap_or(&text);
        Wrong::field(param(), format!("has a field of the wrong form: {what}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn chat(messages: &Value) -> Result<(), Wrong> {
        let text = messages.to_string();
        super::messages(Dialect::Chat, &serde_json::from_str::<Vec<&RawValue>>(&text).unwrap())
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_place() {
        for (wrong, param) in [
            (json!([{}]), "messages[0].role"),
            (json!([{"role": "user", "content": "x"}, 5]), "messages[1]"),
            (json!([[]]), "messages[0]"),
            (json!([{"role": "usr", "content": "x"}]), "messages[0].role"),
            (json!([{"role": 7, "content": "x"}]), "messages[0]"),
            (json!([{"role": "user"}]), "messages[0].content"),
            (json!([{"role": "user", "content": null}]), "messages[0].content"),
            (json!([{"role": "user", "content": {"a": 1}}]), "messages[0].content"),
            (json!([{"role": "user", "content": 5}]), "messages[0].content"),
            (json!([{"role": "user", "content": [{"type": "text", "text": "x"}, {}]}]), "messages[0].content[1].type"),
            (json!([{"role": "user", "content": [5]}]), "messages[0].content[0]"),
            (json!([{"role": "assistant", "tool_calls": {}}]), "messages[0].tool_calls"),
            (json!([{"role": "assistant", "tool_calls": ["x"]}]), "messages[0].tool_calls[0]"),
            (
                json!([{"role": "assistant", "tool_calls": [{"function": {}}]}]),
                "messages[0].tool_calls[0].function.name",
            ),
        ] {
            let Err(Wrong::Field { param: found, .. }) = chat(&wrong) else { panic!("{wrong} was taken") };
            assert_eq!(found, param, "{wrong}");
        }
    }

    #[test]
    fn what_clients_send_is_taken() {
        let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let custom = json!({"id": "b", "type": "custom", "custom": {"name": "g", "input": "x"}});
        let messages = json!([
            {"role": "developer", "content": [{"type": "text", "text": "x"}, "y"]},
            {"role": "user", "content": "", "name": "n", "odd": [1]},
            {"role": "assistant", "content": null, "tool_calls": [call, custom], "reasoning_content": "hm"},
            {"role": "tool", "tool_call_id": "a", "content": null},
            {"role": "assistant", "tool_calls": null},
        ]);
        assert_eq!(chat(&messages), Ok(()));
        for (raw, is_right) in [
            ("\"hello\"", true),
            (r#"[{"role":"user","content":"x"},{"type":"function_call_output","call_id":"a","output":"x"}]"#, true),
            ("[{}]", false),
            ("[5]", false),
            ("{}", false),
            ("null", false),
            (r#"[{"type":"message","role":"user","content":5}]"#, false),
        ] {
            assert_eq!(input(serde_json::from_str(raw).unwrap()).is_ok(), is_right, "{raw}");
        }
    }
}
