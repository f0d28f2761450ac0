//! The recordings: cassettes of three tools, and files with events or whole answers.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::Value;
use serde_yaml_ng::Value as Yaml;

/// One answer of a provider.
pub struct Recording {
    /// The folder that it lies in.
    pub provider: String,
    /// The file, with the number of the exchange.
    pub name: String,
    /// Empty when nobody wrote it down.
    pub url: String,
    /// In capitals; empty when nobody wrote it down.
    pub method: String,
    /// What was asked; null when nobody wrote it down.
    pub request: Value,
    /// 200 when nobody wrote it down.
    pub status: u16,
    /// Empty when nobody wrote it down.
    pub content_type: String,
    /// What came.
    pub body: Body,
}

/// What came.
pub enum Body {
    /// As it went over the wire.
    Bytes(Vec<u8>),
    /// The events of a stream, without the frames that they came in.
    Events(Vec<Value>),
}

impl Recording {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        match &self.body {
            Body::Bytes(bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
            Body::Events(_) => Value::Null,
        }
    }
}

/// Every recording, or `None` when there are none on this machine.
pub fn all() -> Option<Vec<Recording>> {
    let root = septet_fixtures::shared("fixtures/providers")?;
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let provider = file.strip_prefix(&root).ok().and_then(|path| path.components().next());
        let provider = provider.map_or(String::new(), |part| part.as_os_str().to_string_lossy().into_owned());
        let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        read(&file, &provider, &name, &mut found);
    }
    Some(found)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn read(file: &Path, provider: &str, name: &str, found: &mut Vec<Recording>) {
    let bare = |body| Recording {
        provider: provider.to_owned(),
        name: name.to_owned(),
        url: String::new(),
        method: String::new(),
        request: Value::Null,
        status: 200,
        content_type: String::new(),
        body,
    };
    match file.extension().and_then(|end| end.to_str()) {
        Some("json") => found.push(bare(Body::Bytes(std::fs::read(file).unwrap()))),
        Some("txt") => {
            let text = std::fs::read_to_string(file).unwrap();
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let events: Result<Vec<Value>, _> = lines.map(serde_json::from_str).collect();
            let events = match events {
                Ok(events) => events,
                Err(error) => return septet_fixtures::skipped(format_args!("{name}: {error}")),
            };
            // Several answers in a row, where one led to the next.
            let is_first = |event: &Value| event["type"] == "response.created";
            let mut answers: Vec<Vec<Value>> = Vec::new();
            for event in events {
                match answers.last_mut() {
                    Some(answer) if !is_first(&event) => answer.push(event),
                    _ => answers.push(vec![event]),
                }
            }
            found.extend(answers.into_iter().map(|events| bare(Body::Events(events))));
        }
        Some("yaml" | "yml") => cassette(file, provider, name, found),
        _ => {}
    }
}

fn cassette(file: &Path, provider: &str, name: &str, found: &mut Vec<Recording>) {
    // Python's and Ruby's words for the same; only the second survives as a tag.
    let text = std::fs::read_to_string(file).unwrap().replace(" !!binary ", " !binary ");
    let yaml: Yaml = match serde_yaml_ng::from_str(&text) {
        Ok(yaml) => yaml,
        Err(error) => return septet_fixtures::skipped(format_args!("{name}: {error}")),
    };
    let exchanges = yaml.get("http_interactions").or_else(|| yaml.get("interactions"));
    for (at, exchange) in exchanges.and_then(Yaml::as_sequence).into_iter().flatten().enumerate() {
        let (request, response) = (&exchange["request"], &exchange["response"]);
        let text = |value: &Yaml| value.as_str().unwrap_or_default().to_owned();
        let code = &response["status"]["code"];
        let code = code.as_u64().or_else(|| code.as_str()?.parse().ok());
        let mut body = body(response);
        if header(response, "content-encoding").contains("gzip") || body.starts_with(&[0x1f, 0x8b]) {
            let mut plain = Vec::new();
            if flate2::read::MultiGzDecoder::new(&*body).read_to_end(&mut plain).is_ok() {
                body = plain;
            }
        }
        found.push(Recording {
            provider: provider.to_owned(),
            name: format!("{name}#{at}"),
            url: text(&request["uri"]),
            method: text(&request["method"]).to_uppercase(),
            request: asked(request),
            status: code.and_then(|code| u16::try_from(code).ok()).unwrap_or(200),
            content_type: header(response, "content-type"),
            body: Body::Bytes(body),
        });
    }
}

fn header(response: &Yaml, name: &str) -> String {
    let headers = response["headers"].as_mapping().into_iter().flatten();
    let mut named = headers.filter(|(key, _)| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)));
    let Some((_, value)) = named.next() else { return String::new() };
    let first = value.as_sequence().and_then(|list| list.first()).unwrap_or(value);
    first.as_str().unwrap_or_default().to_owned()
}

/// `parsed_body`, or `body` as text or as an object with `string` or `base64_string`.
fn body(response: &Yaml) -> Vec<u8> {
    if let Some(parsed) = response.get("parsed_body") {
        return match parsed {
            Yaml::String(text) => text.clone().into_bytes(),
            _ => serde_json::to_vec(&json(parsed)).unwrap(),
        };
    }
    let body = response.get("body").unwrap_or(&Yaml::Null);
    if let Some(text) = body.get("base64_string").and_then(Yaml::as_str) {
        return base64(text);
    }
    match body.get("string").unwrap_or(body) {
        Yaml::String(text) => text.clone().into_bytes(),
        Yaml::Tagged(tagged) => match tagged.value.as_str() {
            Some(text) if tagged.tag == "binary" => base64(text),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn asked(request: &Yaml) -> Value {
    if let Some(parsed) = request.get("parsed_body") {
        return json(parsed);
    }
    let body = request.get("body").unwrap_or(&Yaml::Null);
    let body = body.get("string").unwrap_or(body);
    let text = match body {
        Yaml::String(text) => text.clone().into_bytes(),
        Yaml::Tagged(tagged) => tagged.value.as_str().map(base64).unwrap_or_default(),
        _ => Vec::new(),
    };
    serde_json::from_slice(&text).unwrap_or_default()
}

fn base64(text: &str) -> Vec<u8> {
    let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(packed).unwrap()
}

fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(is) => (*is).into(),
        Yaml::Number(number) => {
            let whole = number.as_u64().map(Value::from).or_else(|| number.as_i64().map(Value::from));
            whole.or_else(|| number.as_f64().map(Value::from)).unwrap_or_default()
        }
        Yaml::String(text) => text.clone().into(),
        Yaml::Sequence(list) => list.iter().map(json).collect(),
        Yaml::Mapping(fields) => {
            let key = |key: &Yaml| match key {
                Yaml::String(text) => text.clone(),
                other => json(other).to_string(),
            };
            Value::Object(fields.iter().map(|(name, value)| (key(name), json(value))).collect())
        }
        Yaml::Tagged(tagged) => json(&tagged.value),
    }
}
