//! Providers that the environment names: the variables that people have set already for other tools.
//!
//! A pure function over pairs; the binary reads the environment.

use crate::config::{ModelConfig, ProviderConfig, Secret};

/// Where a provider's variables and defaults are.
struct Known {
    name: &'static str,
    key: &'static [&'static str],
    base_url: &'static [&'static str],
    model: &'static str,
    default_url: &'static str,
    default_models: &'static [&'static str],
}

const KNOWN: [Known; 5] = [
    Known {
        name: "openai",
        key: &["OPENAI_API_KEY"],
        base_url: &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
        model: "OPENAI_MODEL",
        default_url: "https://api.openai.com/v1",
        default_models: &["gpt-4.1-mini", "gpt-4.1", "gpt-4o-mini", "text-embedding-3-small"],
    },
    Known {
        name: "deepseek",
        key: &["DEEPSEEK_API_KEY"],
        base_url: &["DEEPSEEK_BASE_URL"],
        model: "DEEPSEEK_MODEL",
        default_url: "https://api.deepseek.com/v1",
        default_models: &["deepseek-chat", "deepseek-reasoner"],
    },
    Known {
        name: "dashscope",
        key: &["DASHSCOPE_API_KEY"],
        base_url: &["DASHSCOPE_BASE_URL"],
        model: "DASHSCOPE_MODEL",
        default_url: "https://dashscope.aliyuncs.com/compatible-mode/v1",
        default_models: &["qwen-plus", "qwen-max", "qwen-turbo", "text-embedding-v4"],
    },
    Known {
        name: "moonshot",
        key: &["MOONSHOT_API_KEY"],
        base_url: &["MOONSHOT_BASE_URL"],
        model: "MOONSHOT_MODEL",
        default_url: "https://api.moonshot.cn/v1",
        default_models: &["kimi-k2-0905-preview", "moonshot-v1-32k"],
    },
    Known {
        name: "zhipu",
        key: &["ZHIPU_API_KEY", "ZHIPUAI_API_KEY"],
        base_url: &["ZHIPU_BASE_URL"],
        model: "ZHIPU_MODEL",
        default_url: "https://open.bigmodel.cn/api/paas/v4",
        default_models: &["glm-4.6", "glm-4.5-air", "embedding-3"],
    },
];

/// Servers on one's own machine: the variable with their address, and what to add to it.
const LOCAL: [(&str, &str); 3] =
    [("OLLAMA_HOST", "ollama"), ("VLLM_BASE_URL", "vllm"), ("LLAMA_CPP_BASE_URL", "llamacpp")];

/// The providers that variables name, with the names to configure them under. Empty values count as unset.
///
/// A key alone takes the provider's own address and a few of its models; `<PROVIDER>_MODEL` puts one model first. An
/// address of one's own (`OPENAI_BASE_URL`) is asked for its models instead, and needs no key.
#[must_use]
pub fn providers_from_env(variables: impl IntoIterator<Item = (String, String)>) -> Vec<(String, ProviderConfig)> {
    let variables: Vec<(String, String)> =
        variables.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect();
    let get = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim().to_owned());
    let mut providers = Vec::new();
    for known in KNOWN {
        let key = known.key.iter().find_map(|name| get(name));
        let url = known.base_url.iter().find_map(|name| get(name));
        if key.is_none() && url.is_none() {
            continue;
        }
        let wished = get(known.model);
        let mut models: Vec<ModelConfig> = wished.iter().map(|id| ModelConfig::named(id)).collect();
        if url.is_none() {
            let others = known.default_models.iter().filter(|id| wished.as_deref() != Some(**id));
            models.extend(others.map(|id| ModelConfig::named(id)));
        }
        let base_url = url.unwrap_or_else(|| known.default_url.to_owned());
        let provider =
            ProviderConfig { base_url, api_key: key.as_deref().map(Secret::new), models, ..ProviderConfig::default() };
        providers.push((known.name.to_owned(), provider));
    }
    for (variable, name) in LOCAL {
        if let Some(address) = get(variable) {
            providers
                .push((name.to_owned(), ProviderConfig { base_url: local_url(&address), ..ProviderConfig::default() }));
        }
    }
    providers
}

/// "127.0.0.1:11434" or "http://host:8000" with the `/v1` that these servers serve OpenAI's API under.
fn local_url(address: &str) -> String {
    let address = address.trim_end_matches('/');
    // What a server listens on is no address to call.
    let address = address.replace("0.0.0.0", "127.0.0.1");
    let with_scheme = if address.contains("://") { address } else { format!("http://{address}") };
    if with_scheme.ends_with("/v1") { with_scheme } else { format!("{with_scheme}/v1") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pairs: &[(&str, &str)]) -> Vec<(String, ProviderConfig)> {
        providers_from_env(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_key_is_enough_and_an_empty_one_is_none() {
        let providers = found(&[("DEEPSEEK_API_KEY", "sk-1"), ("OPENAI_API_KEY", " "), ("PATH", "/bin")]);

        assert_eq!(providers.len(), 1);
        assert_eq!((providers[0].0.as_str(), providers[0].1.models[0].id.as_str()), ("deepseek", "deepseek-chat"));
    }

    #[test]
    fn an_address_of_ones_own_is_asked_for_its_models() {
        let providers = found(&[("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")]);
        assert!(providers[0].1.models.is_empty() && providers[0].1.api_key.is_none());

        let providers = found(&[("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1"), ("OPENAI_MODEL", "mine")]);
        assert_eq!(providers[0].1.models[0].id, "mine");
    }

    #[test]
    fn local_servers_are_reached_under_v1() {
        let providers = found(&[("OLLAMA_HOST", "0.0.0.0:11434"), ("VLLM_BASE_URL", "http://gpu:8000/v1/")]);

        let urls: Vec<&str> = providers.iter().map(|(_, provider)| provider.base_url.as_str()).collect();
        assert_eq!(urls, ["http://127.0.0.1:11434/v1", "http://gpu:8000/v1"]);
    }
}
