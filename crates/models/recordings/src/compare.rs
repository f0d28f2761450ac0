//! Whether a client got what the provider said.

use std::collections::BTreeSet;

use septet_protocols::Dialect;
use serde_json::Value;

use crate::said::{Ending, Said};

/// What is missing or different in `got`, which a client reads in its `dialect` out of `whole`.
pub fn differences(wanted: &Said, got: &Said, dialect: Dialect, whole: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, wanted: &str, got: &str| {
        if wanted != got {
            found.push(format!("{what}: {:?} became {:?}", cut(wanted), cut(got)));
        }
    };
    // A dialect without refusals has them as text.
    let has_refusal = dialect != Dialect::Anthropic || wanted.refusal == got.refusal;
    let text = if has_refusal { wanted.text.clone() } else { format!("{}{}", wanted.text, wanted.refusal) };
    differ("text", &text, &got.text);
    // Pieces of thinking are set apart by blank lines in one dialect and by blocks in another.
    differ("thinking", &packed(&wanted.thinking), &packed(&got.thinking));
    if has_refusal {
        differ("refusal", &wanted.refusal, &got.refusal);
    }
    let mut calls = got.calls.clone();
    calls.retain(|call| !wanted.custom.contains(&call.0) || wanted.calls.contains(call));
    differ("calls", &show(&wanted.calls), &show(&calls));
    if dialect == Dialect::Chat {
        differ("other answers", &format!("{:?}", wanted.others), &format!("{:?}", got.others));
    }
    if !wanted.tokens.is_empty() && dialect != Dialect::Anthropic {
        differ("logprobs", &format!("{:?}", wanted.tokens), &format!("{:?}", got.tokens));
    }
    ending(wanted, got, &mut found);
    figures(wanted, got, dialect, &mut found);
    let mut leaves = BTreeSet::new();
    gather(whole, &mut leaves);
    let mut missing = BTreeSet::new();
    for treasure in &wanted.treasures {
        let mut parts = BTreeSet::new();
        gather(treasure, &mut parts);
        // Short words such as the type of a thing say nothing on their own.
        let parts = parts.into_iter().filter(|part| part.len() > 3);
        missing.extend(parts.filter(|part| !leaves.iter().any(|leaf| leaf.contains(part.as_str()))));
    }
    found.extend(missing.iter().take(4).map(|part| format!("nowhere: {:?}", cut(part))));
    found
}

fn ending(wanted: &Said, got: &Said, found: &mut Vec<String>) {
    let fits = match (wanted.ending, got.ending) {
        (wanted, got) if wanted == got => true,
        // Nothing to hold it to, or a word that the client's dialect may or may not have.
        (Ending::Unsaid | Ending::Other, _) => true,
        // Anthropic pauses; others have no word for it.
        (Ending::Paused, Ending::Stop) => true,
        // Some say that it stopped where calls are to be made.
        (Ending::Stop, Ending::Calls) => !wanted.calls.is_empty() || !wanted.custom.is_empty(),
        // Responses has no word of its own for calls, and a limit that was reached in the middle of one stays a limit.
        (Ending::Calls, Ending::Stop) => wanted.calls.is_empty(),
        (Ending::Stop, Ending::Filtered) => !wanted.refusal.is_empty(),
        (Ending::Filtered, Ending::Stop) => !got.refusal.is_empty(),
        _ => false,
    };
    if !fits {
        found.push(format!("ending: {:?} became {:?}", wanted.ending, got.ending));
    }
}

fn figures(wanted: &Said, got: &Said, dialect: Dialect, found: &mut Vec<String>) {
    let Some(wanted) = wanted.figures.filter(|figures| figures.input + figures.output > 0) else { return };
    let Some(got) = got.figures else {
        found.push("no usage".to_owned());
        return;
    };
    let (cached, write) = (wanted.cached.unwrap_or(0), wanted.cache_write.unwrap_or(0));
    // Some count more cached tokens than tokens; where the rest is written apart, it cannot be less than nothing.
    let is_odd = cached + write > wanted.input && dialect == Dialect::Anthropic && got.input == cached + write;
    let optional = |wanted: Option<u64>, got: Option<u64>| wanted.is_none() || got.is_none() || wanted == got;
    let same = (is_odd || wanted.input == got.input)
        && wanted.output == got.output
        && optional(wanted.cached, got.cached)
        && optional(wanted.cache_write, got.cache_write)
        && optional(wanted.reasoning, got.reasoning);
    if !same {
        found.push(format!("usage: {wanted:?} became {got:?}"));
    }
}

/// Every text in a value, also those inside of JSON that stands in a text.
pub fn gather(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            if text.starts_with(['{', '['])
                && let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
            {
                gather(&inner, into);
            }
            into.insert(text.clone());
        }
        Value::Array(list) => list.iter().for_each(|value| gather(value, into)),
        // The names of kinds are words of one dialect.
        Value::Object(fields) => {
            fields.iter().filter(|(name, _)| *name != "type").for_each(|(_, value)| gather(value, into));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn packed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn show(calls: &[(String, Value)]) -> String {
    let calls: Vec<String> = calls.iter().map(|(name, arguments)| format!("{name}({arguments})")).collect();
    calls.join(" ")
}

/// The beginning and the end of a long text.
fn cut(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 160 {
        return text.to_owned();
    }
    let (head, tail): (String, String) = (chars[..80].iter().collect(), chars[chars.len() - 60..].iter().collect());
    format!("{head} .. {tail} ({} chars)", chars.len())
}
