//! The request as a deployment reads it.

use std::sync::atomic::Ordering;

use http::HeaderMap;
use septet_chassis::cpu::CpuPool;
use septet_protocols::{Dialect, Quirks, Wrong, chat, proof};
use serde_json::Value;

use super::makers;
use crate::asked::{Asked, fields, with_fields};
use crate::call::ModelCall;
use crate::config::Unsupported;
use crate::deployment::Deployment;
use crate::error::Error;
use crate::provider::Provider;
use crate::registry::Plan;

/// The request in the provider's dialect, and what it has no words for. A long one is written on the pool for CPU work.
/// With a `cap` the answer may be no longer than so many tokens: that is what is paid for.
pub(super) async fn encoded(
    cpu: &CpuPool,
    asked: &Asked,
    plan: &Plan,
    deployment: &Deployment,
    provider: &Provider,
    cap: Option<u64>,
) -> Result<(Dialect, Vec<u8>, Vec<String>), Error> {
    let Some(dialect) = provider.dialect(asked.dialect) else {
        return Err(Error::NotOffered { provider: provider.name.to_string(), what: "chat" });
    };
    let refuses_options = deployment.refuses_options.load(Ordering::Relaxed);
    let quirks = provider.kind().facts().quirks;
    let quirks = Quirks { no_stream_options: quirks.no_stream_options || refuses_options, ..quirks };
    let model = deployment.model.upstream().to_owned();
    let (request, name) = (asked.clone(), provider.name.clone());
    let write = move || written(&*makers::sorted(&request, &name, dialect)?, dialect, model, &quirks, cap);
    let written = cpu.run_over(asked.body.len(), write).await.map_err(|_panicked| Error::Unwritten)?;
    let (body, dropped) = written.map_err(Error::Wrong)?;
    // What an earlier provider sealed into the history nobody asked for now.
    let mut unsupported = dropped.iter().filter(|name| !proof::is_of_history(name));
    if let Some(first) = unsupported.next()
        && plan.route.unsupported == Unsupported::Refuse
    {
        let names: Vec<&str> = std::iter::once(first).chain(unsupported).map(String::as_str).collect();
        let (param, names) = (first.clone(), names.join(", "));
        return Err(Error::Unsupported { deployment: deployment.id.clone(), names, param });
    }
    Ok((dialect, body, dropped))
}

fn written(
    asked: &Asked,
    dialect: Dialect,
    model: String,
    quirks: &Quirks,
    cap: Option<u64>,
) -> Result<(Vec<u8>, Vec<String>), Wrong> {
    if dialect == asked.dialect {
        return passed(asked, &model, quirks, cap);
    }
    let mut request = asked.whole()?;
    request.model = model;
    request.max_output = cap.or(request.max_output);
    let encoded = dialect.encode_request(&request, quirks);
    drop(request);
    Ok((encoded.body.to_string().into_bytes(), encoded.dropped))
}

/// The client's own bytes, but for the fields that are ours to change, and what was left out of them.
fn passed(asked: &Asked, model: &str, quirks: &Quirks, cap: Option<u64>) -> Result<(Vec<u8>, Vec<String>), Wrong> {
    let mut dropped = Vec::new();
    let mut body = asked.body.clone();
    if proof::has_foreign(asked.dialect, &body) {
        let mut value: Value = serde_json::from_slice(&body)?;
        dropped = proof::strip_foreign(asked.dialect, &mut value);
        if !dropped.is_empty() {
            body = value.to_string().into();
        }
    }
    let mut changes = vec![("model", Some(Value::from(model).to_string()))];
    if let Some(cap) = cap {
        let name = match asked.dialect {
            Dialect::Responses => "max_output_tokens",
            Dialect::Chat if !quirks.old_max_tokens => "max_completion_tokens",
            _ => "max_tokens",
        };
        // The client may have said it in the other way.
        changes.extend(
            ["max_tokens", "max_completion_tokens"].into_iter().filter(|other| *other != name).map(|name| (name, None)),
        );
        changes.push((name, Some(cap.to_string())));
    }
    if asked.dialect == Dialect::Chat {
        if asked.stream {
            let options = (!quirks.no_stream_options).then(|| "{\"include_usage\":true}".to_owned());
            changes.push(("stream_options", options));
        }
        let adapted = chat::adapt(&fields(&body, &chat::STEERING)?, model, quirks);
        changes.extend(adapted.changes.into_iter().map(|(name, value)| (name, value.map(|value| value.to_string()))));
        dropped.extend(adapted.dropped);
    }
    Ok((with_fields(&body, &changes)?, dropped))
}

/// The request as the analyst reads it.
pub(super) fn chat_request(asked: &Asked) -> Result<septet_contracts::models::ChatRequest, Error> {
    let body = if asked.dialect == Dialect::Chat {
        serde_json::from_slice(&asked.body)
    } else {
        let request = asked.whole().map_err(Error::Wrong)?;
        let encoded = Dialect::Chat.encode_request(&request, &septet_protocols::Quirks::default());
        serde_json::from_value(encoded.body)
    };
    body.map_err(|bad| Error::Wrong(bad.into()))
}

pub(super) fn client_headers(call: &ModelCall) -> Option<HeaderMap> {
    let beta = call.beta.clone()?;
    Some(HeaderMap::from_iter([(http::HeaderName::from_static("anthropic-beta"), beta)]))
}
