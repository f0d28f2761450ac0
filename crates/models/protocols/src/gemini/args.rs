//! Arguments in pieces, as Vertex AI sends them with `streamFunctionCallArguments`: each piece says where in the
//! arguments it belongs (`$.recipe.steps[2]`), and texts grow.

use serde_json::{Map, Value};

use crate::json::Look;

/// Adds a piece. What cannot be placed is left out of the arguments and reported by `false`.
pub(super) fn add(arguments: &mut Value, piece: &Value) -> bool {
    let Some(path) = piece.text("jsonPath").and_then(|path| path.strip_prefix('$')) else { return false };
    let Some(steps) = steps(path) else { return false };
    let mut place = arguments;
    for step in steps {
        let next = match step {
            Step::Field(name) => field(place, name),
            Step::Item(at) => item(place, at),
        };
        let Some(next) = next else { return false };
        place = next;
    }
    match (piece.text("stringValue"), &mut *place) {
        (Some(more), Value::String(text)) => text.push_str(more),
        (Some(text), _) => *place = Value::from(text),
        (None, _) => {
            let value = ["numberValue", "boolValue"].iter().find_map(|name| piece.get(*name));
            *place = value.cloned().unwrap_or(Value::Null);
        }
    }
    true
}

enum Step {
    Field(String),
    Item(usize),
}

// Arguments that go deeper than JSON is read, or a list that skips more places than this, are an attempt to exhaust
// memory.
const MAX_STEPS: usize = 100;
const MAX_SKIPPED: usize = 64;

/// `.name`, `['name']`, `["name"]` and `[0]`, in a row.
fn steps(path: &str) -> Option<Vec<Step>> {
    let (mut rest, mut steps) = (path, Vec::new());
    while !rest.is_empty() {
        if steps.len() == MAX_STEPS {
            return None;
        }
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            steps.push(Step::Field(after.get(..end)?.to_owned()));
            rest = after.get(end..)?;
            continue;
        }
        let after = rest.strip_prefix('[')?;
        if let Some(quote) = after.chars().next().filter(|quote| matches!(quote, '\'' | '"')) {
            let inner = after.get(1..)?;
            let end = inner.find(&format!("{quote}]"))?;
            steps.push(Step::Field(inner.get(..end)?.to_owned()));
            rest = inner.get(end + 2..)?;
        } else {
            let (number, after) = after.split_once(']')?;
            steps.push(Step::Item(number.parse().ok()?));
            rest = after;
        }
    }
    Some(steps)
}

fn field(place: &mut Value, name: String) -> Option<&mut Value> {
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    Some(place.as_object_mut()?.entry(name).or_insert(Value::Null))
}

fn item(place: &mut Value, at: usize) -> Option<&mut Value> {
    if place.is_null() {
        *place = Value::Array(Vec::new());
    }
    let list = place.as_array_mut()?;
    if at > list.len().saturating_add(MAX_SKIPPED) {
        return None;
    }
    while list.len() <= at {
        list.push(Value::Null);
    }
    list.get_mut(at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_cannot_eat_the_memory_or_the_stack() {
        let mut arguments = Value::Null;
        for path in [".a".repeat(100_000), "[0]".repeat(100_000), "[4000000000]".to_owned(), "[65][65]".to_owned()] {
            assert!(!add(&mut arguments, &json!({"jsonPath": format!("${path}"), "stringValue": "x"})), "{path:.20}");
        }
        assert!(arguments.to_string().len() < 100);
        for at in 0..300 {
            assert!(add(&mut arguments, &json!({"jsonPath": format!("$[{at}]"), "numberValue": at})));
        }
        assert_eq!(arguments.as_array().map(Vec::len), Some(300));
    }
}
