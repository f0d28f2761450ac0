//! Puts an address, as people write it, into its usual form.
//!
//! `api.openai.com`, `https://api.openai.com/v1/` and a pasted `https://api.openai.com/v1/chat/completions` are the same
//! address. A path that is not known stays as it is: it may be a proxy's.

use std::net::{Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use crate::error::Error;
use crate::kind::ProviderKind;

/// An address in two parts: what all interfaces of a provider share, and where its own begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Without a slash at the end, as `https://dashscope.aliyuncs.com`.
    pub root: String,
    /// What comes before the names of operations, as `/compatible-mode/v1`; may be empty.
    pub tail: String,
    /// The API's version, where the address names one (Azure).
    pub version: Option<String>,
}

impl Address {
    /// Both parts.
    pub(crate) fn base(&self) -> String {
        format!("{}{}", self.root, self.tail)
    }
}

/// The paths of a kind.
struct Paths {
    /// Put behind a bare host, before the tail.
    home: &'static str,
    /// The usual tail.
    tail: &'static str,
    /// Other tails that people write on purpose.
    others: &'static [&'static str],
    /// Tails of the provider's other interfaces, which are left out.
    siblings: &'static [&'static str],
    /// Whether the tail comes behind an unknown path as well: Google's SDKs take addresses without it.
    always: bool,
}

const OPENAI: Paths = Paths { home: "", tail: "/v1", others: &[], siblings: &[], always: false };

fn paths(kind: ProviderKind) -> Paths {
    match kind {
        ProviderKind::Groq => Paths { home: "/openai", ..OPENAI },
        ProviderKind::OpenRouter => Paths { home: "/api", ..OPENAI },
        ProviderKind::DeepSeek => {
            Paths { tail: "", others: &["/v1", "/beta"], siblings: &["/anthropic/v1", "/anthropic"], ..OPENAI }
        }
        ProviderKind::Moonshot => Paths { siblings: &["/anthropic/v1", "/anthropic"], ..OPENAI },
        ProviderKind::Zhipu => {
            Paths { home: "/api", tail: "/paas/v4", siblings: &["/anthropic/v1", "/anthropic"], ..OPENAI }
        }
        ProviderKind::DashScope => {
            Paths { tail: "/compatible-mode/v1", siblings: &["/api/v1", "/apps/anthropic"], ..OPENAI }
        }
        ProviderKind::Anthropic => Paths { tail: "", siblings: &["/v1"], ..OPENAI },
        ProviderKind::Gemini => Paths {
            tail: "/v1beta",
            others: &["/v1", "/v1alpha"],
            siblings: &["/v1beta/openai", "/v1/openai"],
            always: true,
            ..OPENAI
        },
        ProviderKind::Ollama => Paths { tail: "", siblings: &["/v1", "/api"], ..OPENAI },
        ProviderKind::Cohere => Paths { tail: "", siblings: &["/compatibility/v1", "/v1", "/v2"], ..OPENAI },
        ProviderKind::Perplexity | ProviderKind::Azure | ProviderKind::Bedrock => Paths { tail: "", ..OPENAI },
        _ => OPENAI,
    }
}

/// What people paste along with the address.
const OPERATIONS: [&str; 4] = ["/chat/completions", "/responses", "/embeddings", "/messages"];

/// Reads an address.
///
/// # Errors
/// [`Error::Address`] when it is none, or holds what does not belong into one, such as a password.
pub(crate) fn read(kind: ProviderKind, text: &str) -> Result<Address, Error> {
    let wrong = |what| Error::Address { what };
    let mut url = Url::parse(&with_scheme(kind, text.trim())).map_err(|_| wrong("is no address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user name or password; write the key into api_key"));
    }
    let version = version(&url);
    if url.query().is_some() && !(kind == ProviderKind::Azure && version.is_some()) {
        return Err(wrong("must not hold a query"));
    }
    url.set_query(None);
    url.set_fragment(None);
    if kind.facts().is_own {
        call_what_listens(&mut url);
    }
    let mut path = url.path().trim_end_matches('/');
    for operation in OPERATIONS {
        path = path.strip_suffix(operation).unwrap_or(path);
    }
    let path = path.trim_end_matches('/').to_owned();
    url.set_path("");
    let origin = url.as_str().trim_end_matches('/');
    if kind == ProviderKind::Azure {
        return Ok(azure(origin, &path, version));
    }
    let paths = paths(kind);
    let (root, tail) = split(&paths, &path);
    Ok(Address { root: format!("{origin}{root}"), tail, version: None })
}

fn split(paths: &Paths, path: &str) -> (String, String) {
    if path.is_empty() {
        return (paths.home.to_owned(), paths.tail.to_owned());
    }
    if let Some(root) = paths.siblings.iter().find_map(|tail| path.strip_suffix(tail)) {
        return (root.to_owned(), paths.tail.to_owned());
    }
    let known = paths.others.iter().chain([&paths.tail]).filter(|tail| !tail.is_empty());
    let found = known.into_iter().find_map(|tail| Some((path.strip_suffix(tail)?, *tail)));
    match found {
        Some((root, tail)) => (root.to_owned(), tail.to_owned()),
        None if paths.always => (path.to_owned(), paths.tail.to_owned()),
        None => (path.to_owned(), String::new()),
    }
}

/// Azure has three forms: `/openai/deployments/<model>/..?api-version=..`; `/openai/v1`, which is OpenAI's own; and
/// `/models?api-version=..` for models of all makers.
fn azure(origin: &str, path: &str, version: Option<String>) -> Address {
    if let Some(root) = path.strip_suffix("/models") {
        return Address { root: format!("{origin}{root}"), tail: "/models".to_owned(), version };
    }
    let (before, after) = match path.find("/openai") {
        Some(at) => (&path[..at], &path[at + "/openai".len()..]),
        None => (path, ""),
    };
    let tail = if after == "/v1" || after.starts_with("/v1/") { "/openai/v1" } else { "" };
    Address { root: format!("{origin}{before}"), tail: tail.to_owned(), version }
}

fn version(url: &Url) -> Option<String> {
    url.query_pairs()
        .find(|(name, value)| name == "api-version" && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

fn with_scheme(kind: ProviderKind, text: &str) -> String {
    if text.contains("://") {
        return text.to_owned();
    }
    let scheme = if kind.facts().is_own { "http" } else { "https" };
    // `OLLAMA_HOST` may be `:11434` or a bare host, as Ollama itself reads it.
    let host = if text.starts_with(':') { format!("127.0.0.1{text}") } else { text.to_owned() };
    let has_port = Url::parse(&format!("{scheme}://{host}")).is_ok_and(|url| url.port().is_some());
    match host.split_once('/') {
        _ if kind != ProviderKind::Ollama || has_port => format!("{scheme}://{host}"),
        Some((host, path)) => format!("{scheme}://{host}:11434/{path}"),
        None => format!("{scheme}://{host}:11434"),
    }
}

/// `0.0.0.0` is what a server listens on; no client can call it.
fn call_what_listens(url: &mut Url) {
    let loopback = match url.host_str() {
        Some("0.0.0.0") => Ipv4Addr::LOCALHOST.into(),
        Some("[::]") => Ipv6Addr::LOCALHOST.into(),
        _ => return,
    };
    // An address with a scheme and a host takes another host.
    let _unchanged = url.set_ip_host(loopback);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(kind: ProviderKind, text: &str) -> String {
        read(kind, text).unwrap().base()
    }

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        for text in [
            "api.openai.com",
            "https://api.openai.com",
            "https://api.openai.com/",
            " https://api.openai.com/v1 ",
            "https://api.openai.com/v1///",
            "HTTPS://API.OpenAI.com:443/v1/chat/completions",
            "https://api.openai.com/v1/responses/",
        ] {
            assert_eq!(base(ProviderKind::OpenAi, text), "https://api.openai.com/v1", "{text}");
        }
        for kind in ProviderKind::ALL {
            let Some(usual) = kind.facts().base_url else { continue };
            assert_eq!(base(kind, usual), usual, "{kind}");
            assert_eq!(base(kind, &format!("{usual}/")), usual, "{kind}");
            let mut bare = Url::parse(usual).unwrap();
            bare.set_path("");
            assert_eq!(base(kind, bare.as_str()), usual, "{kind}");
        }
    }

    #[test]
    fn a_path_that_is_not_known_stays() {
        assert_eq!(
            base(ProviderKind::Compatible, "https://proxy.example/team-a/openai"),
            "https://proxy.example/team-a/openai"
        );
        assert_eq!(base(ProviderKind::Compatible, "http://10.0.0.7:9000/x/v3/"), "http://10.0.0.7:9000/x/v3");
        assert_eq!(base(ProviderKind::Gemini, "https://proxy.example/google"), "https://proxy.example/google/v1beta");
        assert_eq!(base(ProviderKind::DeepSeek, "https://api.deepseek.com/beta"), "https://api.deepseek.com/beta");
        assert_eq!(base(ProviderKind::DeepSeek, "https://api.deepseek.com/v1/"), "https://api.deepseek.com/v1");
        assert_eq!(
            base(ProviderKind::Zhipu, "https://api.z.ai/api/coding/paas/v4"),
            "https://api.z.ai/api/coding/paas/v4"
        );
    }

    #[test]
    fn the_address_of_another_interface_leads_to_the_same_provider() {
        for (kind, text, expected) in [
            (ProviderKind::DeepSeek, "https://api.deepseek.com/anthropic", "https://api.deepseek.com"),
            (ProviderKind::Zhipu, "https://api.z.ai/api/anthropic", "https://api.z.ai/api/paas/v4"),
            (ProviderKind::Ollama, "http://gpu:11434/v1/", "http://gpu:11434"),
            (ProviderKind::Ollama, "http://gpu:11434/api", "http://gpu:11434"),
            (ProviderKind::Anthropic, "https://api.anthropic.com/v1/messages", "https://api.anthropic.com"),
            (
                ProviderKind::Gemini,
                "https://generativelanguage.googleapis.com/v1beta/openai/",
                "https://generativelanguage.googleapis.com/v1beta",
            ),
            (ProviderKind::Cohere, "https://api.cohere.ai/compatibility/v1", "https://api.cohere.ai"),
            (
                ProviderKind::DashScope,
                "https://dashscope-intl.aliyuncs.com/api/v1",
                "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            ),
        ] {
            assert_eq!(base(kind, text), expected, "{text}");
        }
    }

    #[test]
    fn ones_own_servers_need_no_scheme() {
        for (kind, text, expected) in [
            (ProviderKind::Ollama, "0.0.0.0:11434", "http://127.0.0.1:11434"),
            (ProviderKind::Ollama, "gpu", "http://gpu:11434"),
            (ProviderKind::Ollama, ":8000", "http://127.0.0.1:8000"),
            (ProviderKind::Ollama, "https://ollama.com", "https://ollama.com"),
            (ProviderKind::Ollama, "http://[::]:11434", "http://[::1]:11434"),
            (ProviderKind::Vllm, "http://gpu:8000", "http://gpu:8000/v1"),
            (ProviderKind::LlamaCpp, "localhost:8080/v1/", "http://localhost:8080/v1"),
        ] {
            assert_eq!(base(kind, text), expected, "{text}");
        }
    }

    #[test]
    fn azure_is_recognised_in_both_forms() {
        let root = "https://x.openai.azure.com";
        for (text, tail, version) in [
            ("https://x.openai.azure.com/", "", None),
            ("https://x.openai.azure.com/openai", "", None),
            ("https://x.openai.azure.com/openai/v1/", "/openai/v1", None),
            ("https://x.openai.azure.com/openai/v1/chat/completions", "/openai/v1", None),
            (
                "https://x.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
                "",
                Some("2024-10-21"),
            ),
        ] {
            let read = read(ProviderKind::Azure, text).unwrap();
            assert_eq!(
                (read.root.as_str(), read.tail.as_str(), read.version.as_deref()),
                (root, tail, version),
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn an_address_in_its_usual_form_stays_as_it_is(host in "[a-z]{1,9}(:[1-9][0-9]{1,3})?", path in "(/[a-z0-9/.]{0,9}){0,3}") {
            for kind in ProviderKind::ALL.into_iter().filter(|kind| *kind != ProviderKind::Azure) {
                let Ok(first) = read(kind, &format!("http://{host}{path}")) else { continue };
                proptest::prop_assert_eq!(read(kind, &first.base()), Ok(first.clone()), "{}", kind);
            }
        }

        #[test]
        fn no_text_breaks_the_reading(text: String) {
            for kind in ProviderKind::ALL {
                let _read = read(kind, &text);
            }
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in [
            "",
            "https://",
            "ftp://api.openai.com",
            "file:///etc/passwd",
            "https://me:hunter2@api.openai.com/v1",
            "https://hunter2@api.openai.com/v1",
            "https://api.openai.com/v1?key=hunter2",
            "http://[hunter2]/",
        ] {
            let refused = read(ProviderKind::OpenAi, text).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{text}");
        }
    }
}
