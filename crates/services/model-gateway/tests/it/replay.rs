//! Every recorded answer of a provider, over HTTP and through the whole gateway, to clients of every dialect; and the
//! record that is written of it.

mod mock;

use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt;
use septet_contracts::models::{UsageRecord, UsageStatus};
use septet_model_gateway::{Config, ModelConfig, ModelKind, ProviderConfig, ProviderKind, Secret};
use septet_protocols::{Dialect, embeddings, rerank};
use septet_recordings::classify::{RecordingKind, classify};
use septet_recordings::expected::message;
use septet_recordings::recordings::all;
use septet_recordings::table::Table;
use septet_recordings::{Expected, Recording, events, vectors};
use serde_json::{Value, json};

use self::mock::Answer;
use crate::gateway::Gateway;

/// One recording for one kind of client.
struct Case<'a> {
    recording: &'a Recording,
    client: Dialect,
    what: What,
    provider: ProviderKind,
    /// The model's name at the provider; where it decides nothing, any.
    upstream: &'static str,
    answer: Arc<Answer>,
}

#[derive(Clone)]
enum What {
    Whole(Arc<Expected>),
    Stream(Arc<Expected>),
    Error,
    Embeddings,
    Rerank,
}

impl What {
    fn column(&self) -> usize {
        match self {
            Self::Whole(_) => 0,
            Self::Stream(_) => 1,
            Self::Error => 2,
            Self::Embeddings => 3,
            Self::Rerank => 4,
        }
    }
}

/// Whom the folder of a recording names, where a provider of that kind is asked in the dialect whoever the client is;
/// else one of another kind that is.
fn provider(folder: &str, dialect: Dialect, client: Dialect) -> Option<ProviderKind> {
    let named = match folder {
        "google" => Some(ProviderKind::Gemini),
        "qwen-dashscope" => Some(ProviderKind::DashScope),
        "vllm-gpustack" => Some(ProviderKind::Vllm),
        other => other.parse().ok(),
    };
    let is_asked_so = |kind: &ProviderKind| {
        let facts = kind.facts();
        // Away from its home a provider is only sure to have its first dialect.
        let known = if facts.homes.is_empty() { facts.dialects } else { facts.dialects.get(..1).unwrap_or_default() };
        let asked = if known.contains(&client) { Some(&client) } else { known.first() };
        asked == Some(&dialect)
    };
    named.into_iter().chain([ProviderKind::Compatible]).chain(ProviderKind::ALL).find(is_asked_so)
}

fn embedder(folder: &str, api: embeddings::Api) -> Option<(ProviderKind, &'static str)> {
    let named = folder.parse::<ProviderKind>().ok();
    // Bare files of Voyage look like OpenAI's, but for the figures.
    let api = if named == Some(ProviderKind::Voyage) { embeddings::Api::Voyage } else { api };
    let kinds = || named.into_iter().chain([ProviderKind::Compatible]).chain(ProviderKind::ALL);
    let models = ["text-embedding", "amazon.titan-embed-text-v2:0", "cohere.embed-multilingual-v3"];
    kinds().flat_map(|kind| models.map(|model| (kind, model))).find(|(kind, model)| kind.embeddings(model) == Some(api))
}

fn ranker(api: rerank::Api) -> Option<ProviderKind> {
    ProviderKind::ALL.into_iter().find(|kind| kind.rerank() == Some(api))
}

/// The cases of a recording, or why there are none.
fn cases(recording: &Recording) -> Result<Vec<Case<'_>>, &'static str> {
    let bytes = |expected: &Expected| expected.bytes.clone();
    let json_type = "application/json";
    let (what, dialect, bytes, content_type) = match classify(recording) {
        RecordingKind::Whole(dialect) => {
            let expected = Expected::whole(recording, dialect);
            let bytes = bytes(&expected);
            (What::Whole(Arc::new(expected)), Some(dialect), bytes, json_type)
        }
        RecordingKind::Stream(dialect, framing) => {
            let expected = Expected::stream(recording, dialect, framing);
            let bytes = bytes(&expected);
            (What::Stream(Arc::new(expected)), Some(dialect), bytes, mock::content_type(framing))
        }
        RecordingKind::Error(dialect) => {
            (What::Error, Some(dialect), recording.json().to_string().into_bytes(), json_type)
        }
        RecordingKind::Embeddings(_) => (What::Embeddings, None, recording.json().to_string().into_bytes(), json_type),
        RecordingKind::Rerank(_) => (What::Rerank, None, recording.json().to_string().into_bytes(), json_type),
        RecordingKind::Other(reason) => return Err(reason),
    };
    let content_type =
        if recording.content_type.is_empty() { content_type.to_owned() } else { recording.content_type.clone() };
    // A file that holds nothing but an error does not say with which status it came.
    let is_bare_error = matches!(what, What::Error) && recording.status < 400;
    let status = if is_bare_error { 400 } else { recording.status };
    let answer = Arc::new(Answer { status, content_type, bytes, dialect });
    let case = |client, provider, upstream| Case {
        recording,
        client,
        what: what.clone(),
        provider,
        upstream,
        answer: Arc::clone(&answer),
    };
    let cases: Vec<Case<'_>> = match classify(recording) {
        RecordingKind::Embeddings(api) => {
            let found = embedder(&recording.provider, api);
            found.into_iter().map(|(kind, model)| case(Dialect::Chat, kind, model)).collect()
        }
        RecordingKind::Rerank(api) => ranker(api).into_iter().map(|kind| case(Dialect::Chat, kind, "rerank")).collect(),
        RecordingKind::Whole(dialect) | RecordingKind::Stream(dialect, _) | RecordingKind::Error(dialect) => {
            let kinds = Dialect::INBOUND.into_iter();
            let kinds = kinds.filter_map(|client| Some((client, provider(&recording.provider, dialect, client)?)));
            kinds.map(|(client, kind)| case(client, kind, "m")).collect()
        }
        RecordingKind::Other(_) => Vec::new(),
    };
    if cases.is_empty() { Err("no provider of ours is asked so") } else { Ok(cases) }
}

/// The settings in which every case has a provider of its own: a breaker that one opens says nothing about another.
fn settings(cases: &[Case<'_>], url: &str) -> Config {
    let mut config = Config { retries: 0, ..Config::default() };
    for (at, case) in cases.iter().enumerate() {
        let kind = match case.what {
            What::Whole(_) | What::Stream(_) | What::Error => ModelKind::Chat,
            What::Embeddings => ModelKind::Embedding,
            What::Rerank => ModelKind::Rerank,
        };
        let model = ModelConfig { upstream: case.upstream.to_owned(), kind, ..ModelConfig::named(&format!("r{at}")) };
        let provider = ProviderConfig {
            kind: Some(case.provider),
            base_url: format!("{url}/{at}"),
            api_key: Some(Secret::new("sk-of-the-replay")),
            region: (case.provider == ProviderKind::Bedrock).then(|| "eu-central-1".to_owned()),
            models: vec![model],
            ..ProviderConfig::default()
        };
        config.providers.insert(format!("p{at}"), provider);
    }
    config
}

/// What a client of the case asks, and where.
fn request(at: usize, case: &Case<'_>) -> (&'static str, Value) {
    let model = format!("r{at}");
    let stream = matches!(case.what, What::Stream(_));
    let body = case.recording.json();
    match (&case.what, case.client) {
        (What::Embeddings, _) => {
            let texts: Vec<String> = (0..vectors::vectors(&body).len()).map(|n| format!("text {n}")).collect();
            ("/v1/embeddings", json!({"model": model, "input": texts}))
        }
        (What::Rerank, _) => {
            let documents: Vec<String> = (0..50).map(|n| format!("document {n}")).collect();
            ("/v1/rerank", json!({"model": model, "query": "q", "documents": documents}))
        }
        (_, Dialect::Responses) => ("/v1/responses", json!({"model": model, "input": "hi", "stream": stream})),
        (_, Dialect::Anthropic) => (
            "/v1/messages",
            json!({"model": model, "max_tokens": 1_000, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}),
        ),
        _ => {
            let mut body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
            if stream {
                body["stream_options"] = json!({"include_usage": true});
            }
            ("/v1/chat/completions", body)
        }
    }
}

/// What is wrong with the answer that a client got.
fn wrong_answer(case: &Case<'_>, status: u16, got: &str) -> Vec<String> {
    let json: Value = serde_json::from_str(got).unwrap_or_default();
    // The provider's own bytes for a client that speaks its dialect.
    let is_own = case.answer.dialect == Some(case.client);
    let refusal = |words: &str| {
        let is_told = says(&json, words) || is_for_the_operator(got);
        if status >= 400 && is_told { Vec::new() } else { vec![format!("{words:?} became {status} {got}")] }
    };
    match &case.what {
        What::Error => refusal(&message(&case.recording.json())),
        What::Stream(expected) if status != 200 => match &expected.error {
            Some(words) => refusal(words),
            None => vec![format!("refused with {status}: {got}")],
        },
        _ if status != 200 => vec![format!("refused with {status}: {got}")],
        What::Whole(expected) if is_own => expected.is_lost_in_whole(case.client, &json),
        What::Whole(expected) => expected.differs_from_whole(case.client, &json),
        What::Stream(expected) if is_own && expected.is_cut => {
            // What is damaged goes on as it came, up to where it breaks off.
            let (sent, came) = (events::of_text(&expected.bytes), events::of_text(got.as_bytes()));
            let is_whole = came.starts_with(&sent);
            (!is_whole).then(|| format!("{} events became {}", sent.len(), came.len())).into_iter().collect()
        }
        What::Stream(expected) => {
            let words = expected.error.as_deref().map(|words| if is_for_the_operator(got) { "" } else { words });
            let failed = if expected.is_cut { Some(String::new()) } else { words.map(squeezed) };
            if is_own {
                return expected.is_lost_in_stream(case.client, failed.as_deref(), got.as_bytes());
            }
            expected.differs_from_stream(case.client, failed.as_deref(), got.as_bytes())
        }
        What::Embeddings => vectors::embedded(&case.recording.json(), &json),
        What::Rerank => vectors::ranked(&case.recording.json(), &json),
    }
}

/// What a provider says about our key or account is not passed on to clients.
fn is_for_the_operator(got: &str) -> bool {
    ["provider_unpaid", "provider_key_refused"].iter().any(|code| got.contains(code))
}

/// A provider's message as the gateway passes it on: one line, of limited length.
fn squeezed(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(300).collect()
}

fn says(refusal: &Value, words: &str) -> bool {
    message(refusal).contains(&squeezed(words))
}

/// What is wrong with the record of a call.
fn wrong_record(case: &Case<'_>, record: Option<&UsageRecord>) -> Vec<String> {
    let expected = match &case.what {
        What::Whole(expected) | What::Stream(expected) => expected,
        What::Error => return record.map(|record| format!("an error has a record: {record:?}")).into_iter().collect(),
        What::Embeddings => {
            let read = vectors::read(&case.recording.json());
            let is_right = record.is_some_and(|record| read == 0 || (record.input_tokens == read && !record.estimated));
            return (!is_right).then(|| format!("record: {read} read became {record:?}")).into_iter().collect();
        }
        What::Rerank => {
            let total = case.recording.json()["usage"]["total_tokens"].as_u64();
            let is_right = record.is_some_and(|record| total.is_none_or(|total| record.input_tokens == total));
            return (!is_right).then(|| format!("record: {total:?} read became {record:?}")).into_iter().collect();
        }
    };
    if expected.is_cut && case.answer.dialect == Some(case.client) {
        return Vec::new();
    }
    if expected.error.is_some() || expected.is_cut {
        let is_right = record.is_none_or(|record| record.status == UsageStatus::Failed);
        return (!is_right).then(|| format!("record of a failure: {record:?}")).into_iter().collect();
    }
    let Some(record) = record else { return vec!["no record".to_owned()] };
    let mut found = Vec::new();
    if record.status != UsageStatus::Completed {
        found.push(format!("record: {:?}", record.status));
    }
    match expected.said.figures.filter(|figures| figures.input + figures.output > 0) {
        Some(wanted) => {
            let is = |wanted: Option<u64>, got: u64| wanted.is_none_or(|wanted| wanted == got);
            let is_right = !record.estimated
                && (record.input_tokens, record.output_tokens) == (wanted.input, wanted.output)
                && is(wanted.cached, record.cached_tokens)
                && is(wanted.cache_write, record.cache_write_tokens)
                && is(wanted.reasoning, record.reasoning_tokens);
            if !is_right {
                found.push(format!("record: {wanted:?} became {record:?}"));
            }
        }
        None if expected.said.figures.is_none() && !record.estimated => {
            found.push(format!("record: no figures became {record:?}"));
        }
        None => {}
    }
    if let Some(cost) = expected.cost
        && (record.cost_nano as f64 - cost * 1e9).abs() > 1.0
    {
        found.push(format!("record: a cost of {cost} became {} nano", record.cost_nano));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the table is for people")]
async fn every_recording_comes_through_the_gateway_whole_and_is_recorded_as_the_provider_says() {
    let Some(recordings) = all() else { return };
    let mut table = Table::new(&["whole", "streams", "errors", "embeddings", "rerank", "costs said"]);
    let mut all_cases = Vec::new();
    for recording in &recordings {
        match cases(recording) {
            Ok(found) => all_cases.extend(found),
            Err(reason) => table.leave_out(reason),
        }
    }
    let url = mock::start(all_cases.iter().map(|case| Arc::clone(&case.answer)).collect()).await;
    let gateway = Gateway::open(settings(&all_cases, &url)).await;

    let calls = all_cases.iter().enumerate().map(|(at, case)| {
        let gateway = &gateway;
        async move {
            let (path, body) = request(at, case);
            let run = at.to_string();
            let (status, _, got) = gateway.raw(path, &body.to_string(), &[("x-septet-run", &run)]).await;
            wrong_answer(case, status, &got)
        }
    });
    let answers: Vec<Vec<String>> = futures::stream::iter(calls).buffered(16).collect().await;
    let records = records(&gateway).await;

    let mut wrongs = Vec::new();
    for (at, (case, mut found)) in all_cases.iter().zip(answers).enumerate() {
        let mine = records.get(&at.to_string()).map(Vec::as_slice).unwrap_or_default();
        if mine.len() > 1 {
            found.push(format!("{} records", mine.len()));
        }
        found.extend(wrong_record(case, mine.first()));
        let folder = &case.recording.provider;
        table.count(folder, case.what.column(), found.is_empty());
        if let What::Whole(expected) | What::Stream(expected) = &case.what
            && expected.cost.is_some()
        {
            table.count(folder, 5, !found.iter().any(|what| what.contains("a cost of")));
        }
        let label = |what: String| format!("{} to {:?}: {what}", case.recording.name, case.client);
        wrongs.extend(found.into_iter().map(label));
    }
    let n_for = |client| all_cases.iter().filter(|case| case.client == client).count();
    let counts = Dialect::INBOUND.map(|client| format!("{} to {}", n_for(client), client.name()));
    println!("{} recordings, {} answers: {}\n{table}", recordings.len(), all_cases.len(), counts.join(", "));
    assert!(wrongs.is_empty(), "{} differences:\n{}", wrongs.len(), wrongs.join("\n"));
}

/// The records of every run, once all calls are over.
async fn records(gateway: &Gateway) -> HashMap<String, Vec<UsageRecord>> {
    gateway.platform.lifecycle.finish(std::time::Duration::from_secs(30)).await;
    let mut found: HashMap<String, Vec<UsageRecord>> = HashMap::new();
    let mut after = 0;
    loop {
        let page = gateway.models.usage_after(&gateway.caller, after, 1_000).await.unwrap();
        for record in page.data {
            found.entry(record.run.clone().unwrap_or_default()).or_default().push(record);
        }
        if !page.has_more {
            return found;
        }
        after = page.next;
    }
}
