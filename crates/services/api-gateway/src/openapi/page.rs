//! The description for people: one page, no script.
//!
//! Endpoints stand under the noun they belong to and open to show what they take and give. The page is made from the
//! description itself, so it cannot say anything else.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::{ABOUT, METHODS};

const STYLE: &str = include_str!("page.css");

/// The page for a description. `nonce` lets its own style in past the content policy.
pub(crate) fn page(description: &str, nonce: &str) -> String {
    // The description is our own; if it were none, the page would be empty and a test would say so.
    let api: Value = serde_json::from_str(description).unwrap_or_default();
    let mut nouns: Vec<(&str, String, usize)> = Vec::new();
    for (path, item) in entries(&api["paths"]) {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let noun = operation["tags"][0].as_str().unwrap_or("Others");
            let idx = nouns.iter().position(|(known, ..)| *known == noun).unwrap_or_else(|| {
                nouns.push((noun, String::new(), 0));
                nouns.len() - 1
            });
            nouns[idx].1.push_str(&endpoint(method, path, operation));
            nouns[idx].2 += 1;
        }
    }
    let (mut links, mut sections) = (String::new(), String::new());
    for (noun, rows, n_rows) in &nouns {
        let (id, noun) = (noun.to_lowercase().replace(' ', "-"), escape(noun));
        // Writing to a string does not fail.
        let _written = writeln!(links, "<a href=\"#{id}\">{noun}<small>{n_rows}</small></a>");
        let _written = writeln!(sections, "<section id=\"{id}\"><h2>{noun}</h2>\n{rows}</section>");
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Septet API</title><link rel=\"icon\" href=\"/favicon.svg\">\n<style nonce=\"{nonce}\">{STYLE}</style></head>\n\
         <body><nav aria-label=\"Sections\"><a class=\"brand\" href=\"/\">Septet</a>\n{links}</nav>\n\
         <main><header><h1>Septet API <small>{version}</small></h1>\n<p>{about}</p>\n\
         <p>Send <code>Authorization: Bearer &lt;access token or API key&gt;</code>. The whole description is in \
         <a href=\"/openapi.json\">openapi.json</a>.</p></header>\n{sections}</main></body></html>\n",
        version = env!("CARGO_PKG_VERSION"),
        about = prose(ABOUT),
    )
}

fn endpoint(method: &str, path: &str, operation: &Value) -> String {
    let mut body = String::new();
    if let Some(more) = operation["description"].as_str() {
        let _written = writeln!(body, "<p>{}</p>", prose(more));
    }
    if operation["security"].as_array().is_some_and(Vec::is_empty) {
        body.push_str("<p>Needs no sign-in.</p>\n");
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let rows: String = parameters.map(parameter).collect();
    if !rows.is_empty() {
        let _written = writeln!(body, "<h3>Parameters</h3><dl>\n{rows}</dl>");
    }
    let request = contents(&operation["requestBody"]["content"]);
    if !request.is_empty() {
        let _written = writeln!(body, "<h3>Body</h3><p>{request}</p>");
    }
    let permission = operation["security"][0]["bearer"][0].as_str();
    let needs = permission.map_or("none".to_owned(), |word| format!("<code>{}</code>", escape(word)));
    let _written = writeln!(body, "<h3>Permission</h3><p>{needs}</p>");
    let mut answers = String::new();
    for (status, answer) in entries(&operation["responses"]) {
        let status = if status == "default" { "errors" } else { status };
        let said = contents(&answer["content"]);
        let said = if said.is_empty() { prose(answer["description"].as_str().unwrap_or_default()) } else { said };
        let _written = writeln!(answers, "<dt>{status}</dt><dd>{said}</dd>");
    }
    format!(
        "<details><summary><span class=\"method {method}\">{name}</span><code>{path}</code>\
         <span class=\"sum\">{summary}</span></summary>\n<div class=\"more\">{body}<h3>Answers</h3><dl>\n{answers}</dl></div></details>\n",
        name = method.to_uppercase(),
        path = escape(path),
        summary = prose(operation["summary"].as_str().unwrap_or_default()),
    )
}

fn parameter(parameter: &Value) -> String {
    let place = parameter["in"].as_str().unwrap_or_default();
    let about = prose(parameter["description"].as_str().unwrap_or_default());
    let name = escape(parameter["name"].as_str().unwrap_or_default());
    format!("<dt><code>{name}</code></dt><dd>{about} <small>in the {place}</small></dd>\n")
}

/// Each type of content with the name of its schema, where it has one.
fn contents(content: &Value) -> String {
    let one = |(mime, content): (&String, &Value)| {
        let schema = content["schema"]["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        schema.map_or_else(
            || format!("<code>{}</code>", escape(mime)),
            |name| format!("<code>{}</code> {}", escape(mime), escape(name)),
        )
    };
    entries(content).map(one).collect::<Vec<_>>().join(", ")
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// A sentence, in which what stands between backticks is code.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(n, part)| if n % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) }).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_of_the_description_is_on_the_page_under_its_noun() {
        let description = crate::openapi();
        let api: Value = serde_json::from_str(&description).unwrap();

        let page = page(&description, "n");

        let n_operations: usize = entries(&api["paths"])
            .map(|(_, item)| METHODS.iter().filter(|method| item.get(**method).is_some()).count())
            .sum();
        assert_eq!(page.matches("<details>").count(), n_operations);
        for (path, _) in entries(&api["paths"]) {
            assert!(page.contains(&format!("<code>{}</code>", escape(path))), "{path}");
        }
        assert!(page.contains("<h3>Permission</h3><p><code>knowledge.write</code></p>"));
        assert!(!page.contains("Others"), "an endpoint has no tag");
        assert!(page.contains("<style nonce=\"n\">") && !page.contains("<script"));
        assert!(!page.contains('`'), "a mark of Markdown is shown");
    }
}
