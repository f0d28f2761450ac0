//! What a scenario saw, with everything taken out that may differ between two runs of it.

use std::collections::HashMap;

use serde_json::Value;

/// Lines to be compared. Ids become `<resp 1>`, `<file 2>` in the order of their first appearance; times, tokens and
/// durations become `<number>`; groups of words become one text.
#[derive(Default)]
pub struct Transcript {
    lines: Vec<String>,
    names: HashMap<String, String>,
    n_of_kind: HashMap<String, usize>,
}

/// Fields whose values tell when or where, not what.
const VOLATILE: [&str; 13] = [
    "created_at",
    "started_at_ms",
    "duration_ms",
    "last_active_at",
    "score",
    "usage_bytes",
    "updated_at",
    "expires_in",
    "access_token",
    "request_id",
    "logprobs",
    "cost_nano",
    "started_at",
];

/// Id prefixes that are renamed.
const PREFIXES: [&str; 16] = [
    "resp_", "file-", "vs_", "cntr_", "cfile_", "conv_", "item_", "msg_", "call_", "usr_", "ten_", "key_", "job_",
    "req_", "psg_", "exec_",
];

impl Transcript {
    /// Adds a line.
    pub fn line(&mut self, text: impl Into<String>) {
        self.lines.push(text.into());
    }

    /// Adds a value under a label.
    pub fn value(&mut self, label: &str, value: &Value) {
        let normal = self.normal(value);
        self.lines.push(format!("{label} {normal}"));
    }

    /// Adds a status and a body.
    pub fn reply(&mut self, label: &str, reply: &crate::Reply) {
        self.line(format!("{label} {}", reply.status));
        self.value(label, &reply.body);
    }

    /// Adds the events of a run. Words come in groups whose borders depend on timing, so they are put together; what a
    /// program printed meanwhile as well.
    pub fn events(&mut self, events: &[(String, Value)]) {
        let mut text = String::new();
        for (name, data) in events {
            if name == "response.output_text.delta" {
                text.push_str(data["delta"].as_str().unwrap_or_default());
                continue;
            }
            if !text.is_empty() {
                let said = std::mem::take(&mut text);
                self.line(format!("said {said:?}"));
            }
            if data["septet"]["stdout"].is_string() {
                continue;
            }
            let mut data = data.clone();
            if let Some(fields) = data.as_object_mut() {
                fields.remove("sequence_number");
            }
            self.value(name, &data);
        }
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    fn normal(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| {
                    let value = if VOLATILE.contains(&key.as_str()) && !value.is_null() {
                        Value::from("<number>")
                    } else {
                        self.normal(value)
                    };
                    (key.clone(), value)
                })
                .collect(),
            Value::Array(values) => values.iter().map(|value| self.normal(value)).collect(),
            Value::String(text) => Value::from(self.renamed(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// The text with every id in it renamed.
    fn renamed(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((start, prefix)) = first_id(rest) {
            let end = rest[start + prefix.len()..]
                .find(|character: char| !character.is_ascii_hexdigit())
                .map_or(rest.len(), |length| start + prefix.len() + length);
            out.push_str(&rest[..start]);
            let name = self.name(prefix, &rest[start..end]);
            out.push_str(&name);
            rest = &rest[end..];
        }
        out.push_str(rest);
        out
    }

    fn name(&mut self, prefix: &str, id: &str) -> String {
        if let Some(name) = self.names.get(id) {
            return name.clone();
        }
        let kind = prefix.trim_end_matches(['_', '-']).to_owned();
        let number = self.n_of_kind.entry(kind.clone()).or_insert(0);
        *number += 1;
        let name = format!("<{kind} {number}>");
        self.names.insert(id.to_owned(), name.clone());
        name
    }
}

fn first_id(text: &str) -> Option<(usize, &'static str)> {
    PREFIXES
        .into_iter()
        .filter_map(|prefix| {
            let start = text.find(prefix)?;
            let is_id = text[start + prefix.len()..].bytes().take_while(u8::is_ascii_hexdigit).count() >= 32;
            is_id.then_some((start, prefix))
        })
        .min()
}
