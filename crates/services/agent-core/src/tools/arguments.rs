//! The arguments of a call as a JSON object, whatever the model made of them.
//!
//! Models cut their arguments short, leave them out, fence them as in Markdown, write one object behind the other, or put
//! the object into a text. What can only mean one thing is read as that; anything else is an error for the model to read.
//! Half an object is never completed by guessing: half a program must not be run.

use serde_json::{Map, Value, json};

use super::Tool;
use crate::run::output::ToolOutput;

/// The longest piece of bad arguments that an error repeats, in characters.
const MAX_QUOTE_CHARS: usize = 200;

/// Reads the arguments.
///
/// # Errors
/// What is wrong with them, for the model.
pub(crate) fn read(text: &str) -> Result<Map<String, Value>, String> {
    let bare = unfenced(text);
    if bare.is_empty() || bare == "null" {
        return Ok(Map::new());
    }
    let values = match values(bare) {
        Ok(values) => values,
        // Raw line breaks inside a text are no JSON, and plain enough.
        Err(error) => values(&with_escaped_controls(bare)).map_err(|_same| complaint(text, &error.to_string()))?,
    };
    let mut objects = Vec::new();
    for value in values {
        match value {
            Value::Object(object) => objects.push(object),
            Value::String(inner) => objects.push(inner_object(&inner).ok_or_else(|| no_object(text))?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return Err(no_object(text)),
        }
    }
    // An empty object that only held the place, and the same one twice, mean nothing of their own.
    if objects.iter().any(|object| !object.is_empty()) {
        objects.retain(|object| !object.is_empty());
    }
    objects.dedup();
    let mut objects = objects.into_iter();
    match (objects.next(), objects.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(complaint(text, "there are several objects; make one call for each")),
        (None, _) => Ok(Map::new()),
    }
}

/// The arguments as the text of a JSON object, to be kept; what the model wrote where they are none.
pub(crate) fn kept(text: &str) -> String {
    match read(text) {
        // Its own spelling is kept where it is good.
        Ok(_) if is_object(text) => text.to_owned(),
        Ok(object) => Value::Object(object).to_string(),
        Err(_bad) => text.to_owned(),
    }
}

/// The arguments as they go back to a model: always the text of a JSON object, since strict providers parse the history
/// and refuse the whole conversation else.
pub(crate) fn sent_back(text: &str) -> String {
    if is_object(text) { text.to_owned() } else { "{}".to_owned() }
}

/// The output of a call whose arguments are wrong: what is, and how they are written.
pub(crate) fn refused(tool: &dyn Tool, problem: &str) -> ToolOutput {
    let example = example(&tool.definition().arguments);
    ToolOutput::failed("bad_arguments", format!("{problem}; write {example}"))
}

/// Arguments of the right form: those that must be given, or one of those that may be.
fn example(schema: &Value) -> Value {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_shown = |(number, name): (usize, &String)| {
        if required.is_empty() { number == 0 } else { required.contains(&name.as_str()) }
    };
    let shown = properties.iter().enumerate().filter(|(number, (name, _))| is_shown((*number, name)));
    Value::Object(shown.map(|(_, (name, property))| (name.clone(), placeholder(property))).collect())
}

fn placeholder(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("array") => json!([placeholder(&schema["items"])]),
        Some("object") => example(schema),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ => json!("..."),
    }
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(text).is_ok()
}

fn inner_object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(unfenced(text)).ok()
}

fn no_object(text: &str) -> String {
    complaint(text, "they are no object")
}

fn complaint(text: &str, problem: &str) -> String {
    let quote: String = text.chars().take(MAX_QUOTE_CHARS).collect();
    let dots = if text.chars().nth(MAX_QUOTE_CHARS).is_some() { " ..." } else { "" };
    format!("the arguments are not a JSON object ({problem}): {quote}{dots}")
}

/// The values that stand one behind the other.
fn values(text: &str) -> Result<Vec<Value>, serde_json::Error> {
    serde_json::Deserializer::from_str(text).into_iter().collect()
}

/// The text without what Markdown and chat templates put around it.
fn unfenced(text: &str) -> &str {
    let mut bare = text.trim_start_matches('\u{feff}').trim();
    for tag in ["</tool_call>", "</function>", "<|im_end|>", "<|eot_id|>"] {
        bare = bare.strip_suffix(tag).unwrap_or(bare).trim_end();
    }
    let Some(inner) = bare.strip_prefix("```") else { return bare };
    let inner = inner.strip_suffix("```").unwrap_or(inner);
    let opening = inner.find(['{', '"']).unwrap_or(0);
    let is_label = inner[..opening].trim().chars().all(|letter| letter.is_ascii_alphanumeric());
    if is_label { inner[opening..].trim() } else { inner.trim() }
}

/// The text with control characters inside of JSON texts escaped.
fn with_escaped_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut is_inside, mut is_escaped) = (false, false);
    for letter in text.chars() {
        if is_inside && letter < ' ' {
            let escaped = match letter {
                '\n' => "\\n".to_owned(),
                '\r' => "\\r".to_owned(),
                '\t' => "\\t".to_owned(),
                other => format!("\\u{:04x}", u32::from(other)),
            };
            // A line that was continued with a backslash.
            if is_escaped {
                out.pop();
            }
            out.push_str(&escaped);
            is_escaped = false;
            continue;
        }
        if letter == '"' && !is_escaped {
            is_inside = !is_inside;
        }
        is_escaped = is_inside && letter == '\\' && !is_escaped;
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_only_mean_one_thing_is_read_as_that() {
        for (written, expected) in [
            (r#"{"code": "print(1)"}"#, r#"{"code":"print(1)"}"#),
            ("", "{}"),
            (" null\n", "{}"),
            ("```json\n{\"code\": \"print(1)\"}\n```", r#"{"code":"print(1)"}"#),
            ("```\n{\"code\": \"```\"}```", r#"{"code":"```"}"#),
            ("\u{feff}{\"a\": 1}", r#"{"a":1}"#),
            ("{\"code\": \"a\nb\"}", r#"{"code":"a\nb"}"#),
            (r#"{}{"code": "x"}"#, r#"{"code":"x"}"#),
            (r#"{"code": "x"}{"code": "x"}"#, r#"{"code":"x"}"#),
            (r#""{\"code\": \"x\"}""#, r#"{"code":"x"}"#),
            ("{\"a\": 1}\n</tool_call>", r#"{"a":1}"#),
        ] {
            let read = read(written).unwrap_or_else(|error| panic!("{written:?}: {error}"));
            assert_eq!(Value::Object(read).to_string(), expected, "{written:?}");
            assert!(is_object(&kept(written)), "{written:?}");
        }
        // A model's own spelling is not touched.
        assert_eq!(kept("{ \"a\":1.0 }"), "{ \"a\":1.0 }");
    }

    #[test]
    fn anything_else_is_an_error_for_the_model_and_no_harm_in_the_history() {
        for written in [
            r#"{"code": "print(1"#,
            r#"{"code": "print(1)"}{"code": "print(2)"}"#,
            "{\"code\": \"a\nb\"",
            "[1, 2]",
            "true",
            "print(1)",
            "\"print(1)\"",
            "```python\nprint(1)\n```",
            "{'code': 'x'}",
        ] {
            let error = read(written).expect_err(written);
            assert!(error.contains("JSON object"), "{error}");
            assert_eq!((kept(written).as_str(), sent_back(written).as_str()), (written, "{}"));
        }
    }
}
