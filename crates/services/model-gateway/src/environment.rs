//! Providers that the environment names: the variables that people have set already for other tools.
//!
//! A pure function over pairs; the binary reads the environment.

use septet_providers::{Credentials, ProviderKind};

use crate::config::{ModelConfig, ProviderConfig, Secret};

/// The providers that variables name, with the names to configure them under. Empty values count as unset.
///
/// A key alone takes the provider's own address and a few of its models, or its list; `<PROVIDER>_MODEL` puts one model
/// first. An address of one's own (`OPENAI_BASE_URL`) is asked for its models instead, and needs no key.
#[must_use]
pub fn providers_from_env(variables: impl IntoIterator<Item = (String, String)>) -> Vec<(String, ProviderConfig)> {
    let variables: Vec<(String, String)> =
        variables.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect();
    let get = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim().to_owned());
    let found =
        ProviderKind::ALL.into_iter().filter_map(|kind| Some((kind.as_str().to_owned(), provider(kind, &get)?)));
    found.collect()
}

fn provider(kind: ProviderKind, get: &impl Fn(&str) -> Option<String>) -> Option<ProviderConfig> {
    let facts = kind.facts();
    let key = facts.key_variables.iter().find_map(|name| get(name));
    let url = facts.url_variables.iter().find_map(|name| get(name));
    let signs = matches!(kind.credentials_from(get), Credentials::Aws { .. });
    // The key of a server of one's own says nothing about where it is.
    if url.is_none() && (facts.is_own || (key.is_none() && !signs)) {
        return None;
    }
    let wished = facts.model_variable.and_then(get);
    let mut models: Vec<ModelConfig> = wished.iter().map(|id| ModelConfig::named(id)).collect();
    if url.is_none() {
        let others = facts.models.iter().filter(|id| wished.as_deref() != Some(**id));
        models.extend(others.map(|id| ModelConfig::named(id)));
    }
    let secret = |name: &str| get(name).filter(|_| signs && key.is_none()).map(|value| Secret::new(&value));
    Some(ProviderConfig {
        base_url: url.map(|url| callable(&url)).unwrap_or_default(),
        access_key: secret("AWS_ACCESS_KEY_ID"),
        secret_key: secret("AWS_SECRET_ACCESS_KEY"),
        session_token: secret("AWS_SESSION_TOKEN"),
        region: (kind == ProviderKind::Bedrock)
            .then(|| get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")))
            .flatten(),
        api_version: (kind == ProviderKind::Azure).then(|| get("AZURE_OPENAI_API_VERSION")).flatten(),
        api_key: key.as_deref().map(Secret::new),
        models,
        ..ProviderConfig::default()
    })
}

/// "127.0.0.1:11434" or "http://host:8000" as an address. What a server listens on is no address to call.
fn callable(address: &str) -> String {
    let address = address.replace("0.0.0.0", "127.0.0.1");
    if address.contains("://") { address } else { format!("http://{address}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pairs: &[(&str, &str)]) -> Vec<(String, ProviderConfig)> {
        providers_from_env(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_key_is_enough_and_an_empty_one_is_none() {
        let providers = found(&[("OPENAI_API_KEY", "sk-1"), ("ANTHROPIC_API_KEY", " "), ("PATH", "/bin")]);

        assert_eq!(providers.len(), 1);
        assert_eq!((providers[0].0.as_str(), providers[0].1.models[0].id.as_str()), ("openai", "gpt-4.1-mini"));
        assert_eq!(providers[0].1.kind(&providers[0].0), ProviderKind::OpenAi);
    }

    #[test]
    fn an_address_of_ones_own_is_asked_for_its_models() {
        let providers = found(&[("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")]);
        assert!(providers[0].1.models.is_empty() && providers[0].1.api_key.is_none());
        assert_eq!(providers[0].1.kind("openai"), ProviderKind::Compatible);

        let providers = found(&[("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1"), ("OPENAI_MODEL", "mine")]);
        assert_eq!(providers[0].1.models[0].id, "mine");
    }

    #[test]
    fn servers_of_ones_own_are_called_where_they_listen() {
        let providers = found(&[
            ("OLLAMA_HOST", "0.0.0.0:11434"),
            ("VLLM_BASE_URL", "http://gpu:8000/v1/"),
            ("LLAMA_CPP_API_KEY", "k"),
        ]);

        let urls: Vec<&str> = providers.iter().map(|(_, provider)| provider.base_url.as_str()).collect();
        assert_eq!(urls, ["http://127.0.0.1:11434", "http://gpu:8000/v1/"]);
    }

    #[test]
    fn amazons_keys_are_taken_for_bedrock() {
        let keys = [("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "s3cret"), ("AWS_REGION", "eu-central-1")];
        let providers = found(&keys);

        assert_eq!((providers[0].0.as_str(), providers[0].1.region.as_deref()), ("bedrock", Some("eu-central-1")));
        assert!(providers[0].1.endpoint("bedrock").is_ok());
    }
}
