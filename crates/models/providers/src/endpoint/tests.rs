use http::HeaderValue;

use super::*;

mod keys;

const KEY: &str = "sk-hunter2-0123456789";

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn whole(dialect: Dialect) -> Operation {
    Operation::Chat { dialect, stream: false }
}

fn stream(dialect: Dialect) -> Operation {
    Operation::Chat { dialect, stream: true }
}

fn prepare(endpoint: &Endpoint, operation: Operation, model: &str) -> Result<Prepared, Error> {
    let call = ProviderRequest { operation, model, body: b"{}", client: None };
    endpoint.prepare(&call, &Credentials::bearer(KEY), now())
}

fn at(kind: ProviderKind, base_url: &str) -> Endpoint {
    Endpoint::new(kind, Some(base_url), &Options::default()).unwrap()
}

/// `POST url | header: value | ..`, the key as `KEY`.
fn line(prepared: &Prepared) -> String {
    let mut line = format!("{} {}", prepared.method, prepared.url);
    for (name, value) in &prepared.headers {
        if !matches!(name.as_str(), "content-type" | "accept") {
            line += &format!(" | {name}: {}", value.to_str().unwrap().replace(KEY, "KEY"));
        }
    }
    line
}

#[test]
fn each_kind_is_asked_where_and_how_it_wants() {
    let bearer = "authorization: Bearer KEY";
    let chat = |kind: ProviderKind, url: &str| (kind, whole(Dialect::Chat), "m", format!("POST {url} | {bearer}"));
    let to = |kind, operation, model, line: &str| (kind, operation, model, line.replace("BEARER", bearer));
    let anthropic = "anthropic-version: 2023-06-01 | x-api-key: KEY";
    let google = "https://generativelanguage.googleapis.com/v1beta";
    for (kind, operation, model, expected) in [
        chat(ProviderKind::OpenAi, "https://api.openai.com/v1/chat/completions"),
        to(ProviderKind::OpenAi, stream(Dialect::Responses), "m", "POST https://api.openai.com/v1/responses | BEARER"),
        to(ProviderKind::OpenAi, Operation::Embeddings, "m", "POST https://api.openai.com/v1/embeddings | BEARER"),
        to(ProviderKind::OpenAi, Operation::Models, "", "GET https://api.openai.com/v1/models | BEARER"),
        to(
            ProviderKind::Anthropic,
            stream(Dialect::Anthropic),
            "m",
            &format!("POST https://api.anthropic.com/v1/messages | {anthropic}"),
        ),
        to(
            ProviderKind::Anthropic,
            Operation::Models,
            "",
            &format!("GET https://api.anthropic.com/v1/models?limit=1000 | {anthropic}"),
        ),
        to(
            ProviderKind::Gemini,
            whole(Dialect::Gemini),
            "gemini-2.5-pro",
            &format!("POST {google}/models/gemini-2.5-pro:generateContent | x-goog-api-key: KEY"),
        ),
        to(
            ProviderKind::Gemini,
            stream(Dialect::Gemini),
            "models/gemini-2.5-pro",
            &format!("POST {google}/models/gemini-2.5-pro:streamGenerateContent?alt=sse | x-goog-api-key: KEY"),
        ),
        to(
            ProviderKind::Gemini,
            whole(Dialect::Gemini),
            "tunedModels/mine",
            &format!("POST {google}/tunedModels/mine:generateContent | x-goog-api-key: KEY"),
        ),
        to(
            ProviderKind::Gemini,
            whole(Dialect::Chat),
            "gemini-2.5-pro",
            &format!("POST {google}/openai/chat/completions | BEARER"),
        ),
        to(
            ProviderKind::Gemini,
            Operation::Embeddings,
            "gemini-embedding-001",
            &format!("POST {google}/models/gemini-embedding-001:batchEmbedContents | x-goog-api-key: KEY"),
        ),
        to(
            ProviderKind::Gemini,
            Operation::Models,
            "",
            &format!("GET {google}/models?pageSize=1000 | x-goog-api-key: KEY"),
        ),
        to(ProviderKind::Ollama, stream(Dialect::Ollama), "qwen3:8b", "POST http://127.0.0.1:11434/api/chat | BEARER"),
        to(
            ProviderKind::Ollama,
            whole(Dialect::Chat),
            "qwen3:8b",
            "POST http://127.0.0.1:11434/v1/chat/completions | BEARER",
        ),
        to(ProviderKind::Ollama, Operation::Embeddings, "bge-m3", "POST http://127.0.0.1:11434/api/embed | BEARER"),
        to(ProviderKind::Ollama, Operation::Models, "", "GET http://127.0.0.1:11434/api/tags | BEARER"),
        to(
            ProviderKind::Cohere,
            whole(Dialect::Cohere),
            "command-a-03-2025",
            "POST https://api.cohere.com/v2/chat | BEARER",
        ),
        to(ProviderKind::Cohere, Operation::Embeddings, "embed-v4.0", "POST https://api.cohere.com/v2/embed | BEARER"),
        to(ProviderKind::Cohere, Operation::Rerank, "rerank-v3.5", "POST https://api.cohere.com/v2/rerank | BEARER"),
        to(ProviderKind::Cohere, Operation::Models, "", "GET https://api.cohere.com/v1/models?page_size=1000 | BEARER"),
        chat(ProviderKind::Mistral, "https://api.mistral.ai/v1/chat/completions"),
        to(
            ProviderKind::Mistral,
            Operation::Embeddings,
            "mistral-embed",
            "POST https://api.mistral.ai/v1/embeddings | BEARER",
        ),
        chat(ProviderKind::DeepSeek, "https://api.deepseek.com/chat/completions"),
        to(ProviderKind::DeepSeek, whole(Dialect::Responses), "m", "POST https://api.deepseek.com/responses | BEARER"),
        to(
            ProviderKind::DeepSeek,
            whole(Dialect::Anthropic),
            "m",
            &format!("POST https://api.deepseek.com/anthropic/v1/messages | {anthropic}"),
        ),
        chat(ProviderKind::DashScope, "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"),
        to(
            ProviderKind::DashScope,
            Operation::Rerank,
            "gte-rerank-v2",
            "POST https://dashscope.aliyuncs.com/api/v1/services/rerank/text-rerank/text-rerank | BEARER",
        ),
        chat(ProviderKind::Zhipu, "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
        to(
            ProviderKind::Zhipu,
            whole(Dialect::Anthropic),
            "m",
            "POST https://open.bigmodel.cn/api/anthropic/v1/messages | anthropic-version: 2023-06-01 | BEARER",
        ),
        to(
            ProviderKind::Zhipu,
            Operation::Embeddings,
            "embedding-3",
            "POST https://open.bigmodel.cn/api/paas/v4/embeddings | BEARER",
        ),
        chat(ProviderKind::Moonshot, "https://api.moonshot.cn/v1/chat/completions"),
        to(
            ProviderKind::Moonshot,
            whole(Dialect::Anthropic),
            "m",
            "POST https://api.moonshot.cn/anthropic/v1/messages | anthropic-version: 2023-06-01 | BEARER",
        ),
        chat(ProviderKind::Xai, "https://api.x.ai/v1/chat/completions"),
        to(ProviderKind::Xai, whole(Dialect::Responses), "m", "POST https://api.x.ai/v1/responses | BEARER"),
        chat(ProviderKind::Groq, "https://api.groq.com/openai/v1/chat/completions"),
        chat(ProviderKind::OpenRouter, "https://openrouter.ai/api/v1/chat/completions"),
        to(
            ProviderKind::OpenRouter,
            whole(Dialect::Anthropic),
            "m",
            "POST https://openrouter.ai/api/v1/messages | anthropic-version: 2023-06-01 | BEARER",
        ),
        chat(ProviderKind::Together, "https://api.together.ai/v1/chat/completions"),
        chat(ProviderKind::Cerebras, "https://api.cerebras.ai/v1/chat/completions"),
        chat(ProviderKind::Vllm, "http://127.0.0.1:8000/v1/chat/completions"),
        to(
            ProviderKind::Vllm,
            Operation::Rerank,
            "bge-reranker-v2-m3",
            "POST http://127.0.0.1:8000/v1/rerank | BEARER",
        ),
        chat(ProviderKind::LmStudio, "http://127.0.0.1:1234/v1/chat/completions"),
        chat(ProviderKind::LlamaCpp, "http://127.0.0.1:8080/v1/chat/completions"),
        to(
            ProviderKind::Jina,
            Operation::Embeddings,
            "jina-embeddings-v3",
            "POST https://api.jina.ai/v1/embeddings | BEARER",
        ),
        to(ProviderKind::Jina, Operation::Rerank, "jina-reranker-v2", "POST https://api.jina.ai/v1/rerank | BEARER"),
        to(
            ProviderKind::Voyage,
            Operation::Embeddings,
            "voyage-3",
            "POST https://api.voyageai.com/v1/embeddings | BEARER",
        ),
        to(ProviderKind::Voyage, Operation::Rerank, "rerank-2", "POST https://api.voyageai.com/v1/rerank | BEARER"),
        chat(ProviderKind::SiliconFlow, "https://api.siliconflow.cn/v1/chat/completions"),
        chat(ProviderKind::Perplexity, "https://api.perplexity.ai/chat/completions"),
    ] {
        let endpoint = Endpoint::new(kind, None, &Options::default()).unwrap();
        let prepared =
            prepare(&endpoint, operation, model).unwrap_or_else(|error| panic!("{kind} {operation:?}: {error}"));
        assert_eq!(line(&prepared), expected, "{kind}");
    }
}

#[test]
fn every_dialect_and_operation_that_a_kind_lists_has_an_address() {
    for kind in ProviderKind::ALL.into_iter().filter(|kind| *kind != ProviderKind::Local) {
        let endpoint = at(kind, kind.facts().base_url.unwrap_or("https://provider.example"));
        let facts = kind.facts();
        for dialect in facts.dialects {
            for operation in [whole(*dialect), stream(*dialect)] {
                assert!(prepare(&endpoint, operation, "m").is_ok(), "{kind} {operation:?}");
            }
        }
        assert_eq!(prepare(&endpoint, Operation::Embeddings, "m").is_ok(), facts.embeddings.is_some(), "{kind}");
        assert_eq!(prepare(&endpoint, Operation::Rerank, "m").is_ok(), facts.rerank.is_some(), "{kind}");
        assert_eq!(prepare(&endpoint, Operation::Models, "").is_ok(), facts.lists, "{kind}");
    }
    let local = Endpoint::new(ProviderKind::Local, Some("http://127.0.0.1"), &Options::default());
    assert_eq!(local.unwrap_err().to_string(), "a provider of kind local offers no endpoint");
}

#[test]
fn a_relay_is_only_asked_in_the_dialect_that_all_have() {
    for (kind, base_url, n) in [
        (ProviderKind::DeepSeek, "https://api.deepseek.com", 3),
        (ProviderKind::DeepSeek, "https://relay.example/v1", 1),
        (ProviderKind::DeepSeek, "https://notdeepseek.com/v1", 1),
        (ProviderKind::Zhipu, "https://api.z.ai/api/paas/v4", 2),
        (ProviderKind::Moonshot, "https://api.moonshot.ai/v1", 2),
        (ProviderKind::OpenAi, "https://eu.api.openai.com/v1", 2),
        (ProviderKind::OpenAi, "http://127.0.0.1:9000/v1", 1),
        (ProviderKind::Azure, "https://x.openai.azure.com", 2),
        (ProviderKind::Ollama, "http://gpu:11434", 2),
        (ProviderKind::Anthropic, "https://relay.example", 1),
        (ProviderKind::Jina, "https://relay.example", 0),
    ] {
        assert_eq!(at(kind, base_url).dialects().len(), n, "{base_url}");
    }
}

#[test]
fn azure_is_asked_in_the_form_that_its_address_or_version_shows() {
    let (root, chat, responses) = ("https://x.openai.azure.com", whole(Dialect::Chat), whole(Dialect::Responses));
    let dated = "https://x.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
    for (base_url, version, operation, expected) in [
        (root, Some("2024-10-21"), chat, dated),
        (dated, None, chat, dated),
        (
            root,
            Some("2024-10-21"),
            Operation::Embeddings,
            "https://x.openai.azure.com/openai/deployments/gpt-4o/embeddings?api-version=2024-10-21",
        ),
        (root, None, chat, "https://x.openai.azure.com/openai/v1/chat/completions"),
        ("https://x.openai.azure.com/openai/v1/", None, chat, "https://x.openai.azure.com/openai/v1/chat/completions"),
        (
            "https://x.openai.azure.com/openai/v1",
            Some("2024-10-21"),
            chat,
            "https://x.openai.azure.com/openai/v1/chat/completions",
        ),
        (root, Some("preview"), responses, "https://x.openai.azure.com/openai/v1/responses?api-version=preview"),
        (root, Some("2024-10-21"), responses, "https://x.openai.azure.com/openai/v1/responses"),
        (
            "https://x.services.ai.azure.com/models",
            None,
            chat,
            "https://x.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
        ),
        (
            "https://x.services.ai.azure.com/models/chat/completions?api-version=2025-04-01",
            None,
            chat,
            "https://x.services.ai.azure.com/models/chat/completions?api-version=2025-04-01",
        ),
        (
            "https://x.services.ai.azure.com/models",
            None,
            responses,
            "https://x.services.ai.azure.com/openai/v1/responses",
        ),
    ] {
        let options = Options { api_version: version.map(str::to_owned), ..Options::default() };
        let endpoint = Endpoint::new(ProviderKind::Azure, Some(base_url), &options).unwrap();
        let prepared = prepare(&endpoint, operation, "gpt-4o").unwrap();
        assert_eq!(line(&prepared), format!("POST {expected} | api-key: KEY"));
    }
}

#[test]
fn a_name_of_a_model_cannot_lead_to_another_address() {
    let bedrock = at(ProviderKind::Bedrock, "https://bedrock-runtime.us-east-1.amazonaws.com");
    let url = |model: &str| prepare(&bedrock, whole(Dialect::Bedrock), model).map(|prepared| prepared.url.to_string());
    assert_eq!(
        url("anthropic.claude-sonnet-4-20250514-v1:0").unwrap(),
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-sonnet-4-20250514-v1%3A0/converse"
    );
    assert_eq!(
        url("../x?y#z/ä").unwrap(),
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/..%2Fx%3Fy%23z%2F%C3%A4/converse"
    );
    for model in ["", ".", "..", "a\nb"] {
        assert_eq!(url(model), Err(Error::Model(model.to_owned())));
        assert!(prepare(&at(ProviderKind::Gemini, "https://x.example"), whole(Dialect::Gemini), model).is_err());
    }
    assert!(prepare(&at(ProviderKind::Gemini, "https://x.example"), whole(Dialect::Gemini), "models/..").is_err());
}

#[test]
fn bedrock_takes_its_address_from_the_region_and_the_region_from_its_address() {
    let options = Options { region: Some("eu-west-3".into()), ..Options::default() };
    let endpoint = Endpoint::new(ProviderKind::Bedrock, None, &options).unwrap();
    assert_eq!(
        line(&prepare(&endpoint, stream(Dialect::Bedrock), "m").unwrap()),
        "POST https://bedrock-runtime.eu-west-3.amazonaws.com/model/m/converse-stream | authorization: Bearer KEY"
    );
    assert_eq!(
        line(&prepare(&endpoint, Operation::Embeddings, "amazon.titan-embed-text-v2:0").unwrap()),
        "POST https://bedrock-runtime.eu-west-3.amazonaws.com/model/amazon.titan-embed-text-v2%3A0/invoke | authorization: \
         Bearer KEY"
    );
    assert_eq!(region_in("https://bedrock-runtime.us-east-1.amazonaws.com").as_deref(), Some("us-east-1"));
    assert_eq!(region_in("https://vpce-1.bedrock-runtime.us-west-2.vpce.amazonaws.com").as_deref(), Some("us-west-2"));
    assert_eq!(region_in("http://127.0.0.1:9"), None);

    assert_eq!(
        Endpoint::new(ProviderKind::Bedrock, None, &Options::default()).unwrap_err(),
        Error::NoAddress(ProviderKind::Bedrock)
    );
    let wrong = Options { region: Some("evil.example/".into()), ..Options::default() };
    assert!(matches!(Endpoint::new(ProviderKind::Bedrock, None, &wrong), Err(Error::Option { option: "region", .. })));
}

#[test]
fn what_the_client_sends_along_is_passed_on_where_it_is_understood() {
    let mut client = HeaderMap::new();
    client.append("anthropic-beta", HeaderValue::from_static("context-1m-2025-08-07"));
    client.append("anthropic-beta", HeaderValue::from_static("interleaved-thinking-2025-05-14"));
    client.append("openai-beta", HeaderValue::from_static("assistants=v2"));
    client.append("authorization", HeaderValue::from_static("Bearer client"));
    client.append("cookie", HeaderValue::from_static("a=b"));
    let mut lines = Vec::new();
    for (kind, dialect) in [
        (ProviderKind::Anthropic, Dialect::Anthropic),
        (ProviderKind::OpenAi, Dialect::Chat),
        (ProviderKind::Gemini, Dialect::Gemini),
    ] {
        let endpoint = Endpoint::new(kind, None, &Options::default()).unwrap();
        let call = ProviderRequest { operation: whole(dialect), model: "m", body: b"{}", client: Some(&client) };
        lines.push(line(&endpoint.prepare(&call, &Credentials::None, now()).unwrap()));
    }
    assert_eq!(
        lines,
        [
            "POST https://api.anthropic.com/v1/messages | anthropic-version: 2023-06-01 | anthropic-beta: \
             context-1m-2025-08-07 | anthropic-beta: interleaved-thinking-2025-05-14",
            "POST https://api.openai.com/v1/chat/completions | openai-beta: assistants=v2",
            "POST https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
        ]
    );
}

#[test]
fn headers_of_the_settings_win_and_those_of_the_connection_are_refused() {
    let mut options =
        Options { organization: Some("org-1".into()), project: Some("proj_1".into()), ..Options::default() };
    options.headers.insert("x-team", HeaderValue::from_static("search"));
    options.headers.insert("authorization", HeaderValue::from_static("Basic abc"));
    let endpoint = Endpoint::new(ProviderKind::OpenAi, None, &options).unwrap();
    let mut headers: Vec<String> =
        line(&prepare(&endpoint, whole(Dialect::Chat), "m").unwrap()).split(" | ").skip(1).map(str::to_owned).collect();
    headers.sort();
    assert_eq!(
        headers,
        ["authorization: Basic abc", "openai-organization: org-1", "openai-project: proj_1", "x-team: search"]
    );

    options.headers.insert("host", HeaderValue::from_static("evil.example"));
    assert!(matches!(
        Endpoint::new(ProviderKind::OpenAi, None, &options),
        Err(Error::Option { option: "headers", .. })
    ));
}

#[test]
fn an_answer_is_asked_for_in_the_form_that_it_will_have() {
    for (dialect, accept) in [
        (Dialect::Chat, "text/event-stream"),
        (Dialect::Ollama, "application/x-ndjson"),
        (Dialect::Bedrock, "application/vnd.amazon.eventstream"),
    ] {
        let call = ProviderRequest { operation: stream(dialect), model: "m", body: b"{}", client: None };
        assert_eq!(headers::plain(&call)["accept"], accept);
    }
    let list = headers::plain(&ProviderRequest { operation: Operation::Models, model: "", body: b"", client: None });
    assert!(list["accept"] == "application/json" && !list.contains_key("content-type"));
}
