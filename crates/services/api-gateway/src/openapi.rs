//! The description of the whole public surface, made from the handlers.

mod caps;
mod page;
mod unions;

use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Type,
};
use utoipa::{PartialSchema, ToSchema};

use septet_chassis::http::Problem;
use septet_contracts::gateway::{OpenAiError, OpenAiErrorBody};
use septet_contracts::responses::ResponseEvent;

use crate::route::operations;

pub(crate) use page::page;

/// The methods that operations may have, in the order they are shown.
const METHODS: [&str; 5] = ["get", "post", "patch", "put", "delete"];

const ABOUT: &str = "Everything under /v1 has the shapes of the OpenAI API, so its SDKs work unchanged; everything \
    under /api is Septet's own. Errors under /v1 are OpenAI's, under /api they are problem+json; both carry the id of \
    the request, which is also in the header x-request-id of every answer.";

/// The description as JSON, OpenAPI 3.1, from what the handlers say of themselves.
pub(crate) fn text(api: OpenApi) -> String {
    // A description that does not serialise is a bug that the comparison with the stored file finds.
    let mut api = serde_json::to_value(complete(api)).unwrap_or_default();
    unions::open(&mut api);
    caps::write(&mut api);
    serde_json::to_string_pretty(&api).unwrap_or_default()
}

fn complete(mut api: OpenApi) -> OpenApi {
    api.info = InfoBuilder::new()
        .title("Septet")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(format!("{ABOUT} {}", caps::sentence())))
        .license(Some(utoipa::openapi::License::new("Apache-2.0")))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token of /api/auth/login, or an API key (sk-septet-...)."))
        .build();
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    for (name, schema) in [
        (Problem::name(), Problem::schema()),
        (OpenAiError::name(), OpenAiError::schema()),
        (OpenAiErrorBody::name(), OpenAiErrorBody::schema()),
        (<septet_kernel::Kind as ToSchema>::name(), septet_kernel::Kind::schema()),
        (septet_kernel::RequestId::name(), septet_kernel::RequestId::schema()),
    ] {
        components.schemas.entry(name.into_owned()).or_insert(schema);
    }
    let mut events = vec![(<ResponseEvent as ToSchema>::name().into_owned(), ResponseEvent::schema())];
    ResponseEvent::schemas(&mut events);
    for (name, schema) in events {
        components.schemas.entry(name).or_insert(schema);
    }
    api.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            let method = method.as_str().to_lowercase();
            operation.operation_id = Some(operation_id(&method, path));
            place_parameters(path, operation);
            stream(&method, path, operation);
            refuse(path, operation);
        }
    }
    api
}

/// `get_v1_files_by_file_id`: handlers of several nouns share a name, operations may not.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_owned();
    for part in path.split(['/', '-', '.']).filter(|part| !part.is_empty()) {
        id.push('_');
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => id.push_str(&format!("by_{name}")),
            None => id.push_str(part),
        }
    }
    id
}

/// Names in the path are path parameters, every other one is in the query.
fn place_parameters(path: &str, operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    let mut named = Vec::new();
    for parameter in parameters.iter_mut() {
        let RefOr::T(parameter) = parameter else { continue };
        named.push(parameter.name.clone());
        if !path.contains(&format!("{{{}}}", parameter.name)) {
            parameter.parameter_in = ParameterIn::Query;
            parameter.required = Required::False;
        }
    }
    let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let missing = in_path.filter(|name| !named.iter().any(|known| known == name));
    let missing: Vec<_> = missing.map(str::to_owned).collect();
    for name in missing {
        let schema = ObjectBuilder::new().schema_type(Type::String);
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
        parameters.push(RefOr::T(parameter.schema(Some(schema)).build()));
    }
    if parameters.is_empty() {
        operation.parameters = None;
    }
}

/// Answers that come in pieces when the request says so.
const STREAMED: [(&str, &str, &[&str]); 5] = [
    ("post", "/v1/responses", &["text/event-stream"]),
    ("get", "/v1/responses/{response_id}", &["text/event-stream"]),
    ("post", "/v1/chat/completions", &["text/event-stream"]),
    ("post", "/v1/messages", &["text/event-stream"]),
    ("post", "/v1/execute", &["application/x-ndjson", "text/event-stream"]),
];

fn stream(method: &str, path: &str, operation: &mut Operation) {
    let found = STREAMED.iter().find(|(known, of, _)| *known == method && *of == path);
    let Some((_, _, types)) = found else { return };
    let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") else { return };
    for content_type in *types {
        // OpenAPI 3.1 describes a stream by what one event of it carries.
        let events = if path.starts_with("/v1/responses") {
            ContentBuilder::new().schema(Some(Ref::from_schema_name(<ResponseEvent as ToSchema>::name()))).build()
        } else {
            ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build()
        };
        response.content.insert((*content_type).to_owned(), events.into());
    }
}

/// The refusals of an operation: those that follow from what it takes, and those that its handler names.
fn refuse(path: &str, operation: &mut Operation) {
    let (content_type, schema) = if path.starts_with("/v1") {
        ("application/json", <OpenAiError as ToSchema>::name())
    } else {
        ("application/problem+json", <Problem as ToSchema>::name())
    };
    let content = || ContentBuilder::new().schema(Some(Ref::from_schema_name(schema.clone()))).build();
    let is_for_anybody =
        operation.security.as_ref().is_none_or(|needed| needed.contains(&SecurityRequirement::default()));
    let has_body = operation.request_body.is_some();
    let responses = &mut operation.responses.responses;
    for (applies, status, description) in [
        (has_body, "400", "The request is not understood; the error says which field and what to write."),
        (!is_for_anybody, "401", "Nobody is signed in, or the token or key is not valid."),
        (!is_for_anybody, "403", "Whoever asks may not do this."),
        (path.contains('{'), "404", "There is none with this id, or it is somebody else's."),
        (has_body, "413", "The body is larger than this endpoint takes."),
        (!is_for_anybody, "429", "Too many requests; the header `retry-after` says for how many seconds to wait."),
        (true, "default", "It failed; the error says why and what to do."),
    ] {
        if applies && !responses.contains_key(status) {
            responses.insert(status.to_owned(), ResponseBuilder::new().description(description).build().into());
        }
    }
    for (status, response) in responses {
        let is_refusal = status == "default" || status.starts_with(['4', '5']);
        if let RefOr::T(response) = response
            && is_refusal
            && response.content.is_empty()
        {
            response.content.insert(content_type.to_owned(), content().into());
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_reference_of_the_description_leads_somewhere() {
        let text = crate::openapi();
        let api: serde_json::Value = serde_json::from_str(&text).unwrap();
        for reference in text.split("\"$ref\": \"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(api["components"]["schemas"].get(name).is_some(), "{name}");
        }
        assert_eq!(api["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    }
}
