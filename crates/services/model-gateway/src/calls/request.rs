//! The request as a deployment reads it.

use std::sync::atomic::Ordering;

use http::HeaderMap;
use septet_protocols::{Dialect, Quirks};

use super::Call;
use crate::asked::{Asked, with_fields};
use crate::config::Unsupported;
use crate::deployment::Deployment;
use crate::error::Error;
use crate::provider::Provider;
use crate::registry::Plan;

/// The request in the provider's dialect, and what it has no words for.
pub(super) fn encoded(
    asked: &Asked,
    plan: &Plan,
    deployment: &Deployment,
    provider: &Provider,
) -> Result<(Dialect, Vec<u8>, Vec<String>), Error> {
    let Some(dialect) = provider.dialect(asked.dialect) else {
        return Err(Error::NotOffered { provider: provider.name.to_string(), what: "chat" });
    };
    let refuses_options = deployment.refuses_options.load(Ordering::Relaxed);
    let quirks = provider.kind().facts().quirks;
    let quirks = Quirks { no_stream_options: quirks.no_stream_options || refuses_options, ..quirks };
    let model = deployment.model.upstream();
    if dialect == asked.dialect {
        let mut changes = vec![("model", Some(serde_json::Value::from(model).to_string()))];
        if dialect == Dialect::Chat && asked.stream {
            let options = (!quirks.no_stream_options).then(|| "{\"include_usage\":true}".to_owned());
            changes.push(("stream_options", options));
        }
        return Ok((dialect, with_fields(&asked.body, &changes).map_err(Error::Wrong)?, Vec::new()));
    }
    let mut request = asked.whole().map_err(Error::Wrong)?;
    request.model = model.to_owned();
    let septet_protocols::Encoded { body, dropped } = dialect.encode_request(&request, &quirks);
    if let Some(first) = dropped.first()
        && plan.route.unsupported == Unsupported::Refuse
    {
        let (param, names) = (first.clone(), dropped.join(", "));
        return Err(Error::Unsupported { deployment: deployment.id.clone(), names, param });
    }
    Ok((dialect, body.to_string().into_bytes(), dropped))
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

pub(super) fn client_headers(call: &Call) -> Option<HeaderMap> {
    let beta = call.beta.clone()?;
    Some(HeaderMap::from_iter([(http::HeaderName::from_static("anthropic-beta"), beta)]))
}
