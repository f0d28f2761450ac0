//! Providers in China. The default address is the one on the mainland; abroad they have another host with the same
//! paths, and other keys.

use septet_protocols::{Dialect, Forcing, Quirks, Thinking, embeddings, rerank};

use super::{EXACT, Facts, HOSTED, OLDER};
use crate::kind::ProviderKind;

/// Its address has no version; one that people write is taken.
pub(super) const DEEPSEEK: Facts = Facts {
    kind: ProviderKind::DeepSeek,
    base_url: Some("https://api.deepseek.com"),
    dialects: &[Dialect::Chat, Dialect::Responses, Dialect::Anthropic],
    homes: &["deepseek.com"],
    quirks: Quirks {
        no_json_schema: true,
        thinking: Thinking::Switch,
        forcing: Forcing::Unthinking,
        wants_reasoning_back: true,
        ..OLDER
    },
    key_variables: &["DEEPSEEK_API_KEY"],
    url_variables: &["DEEPSEEK_BASE_URL", "DEEPSEEK_API_BASE"],
    model_variable: Some("DEEPSEEK_MODEL"),
    price_names: &["deepseek"],
    // Its models changed their names more than once; its list knows the present ones.
    models: &[],
    ..HOSTED
};

pub(super) const DASHSCOPE: Facts = Facts {
    kind: ProviderKind::DashScope,
    base_url: Some("https://dashscope.aliyuncs.com/compatible-mode/v1"),
    quirks: Quirks { thinking: Thinking::Enable, forcing: Forcing::Named, ..OLDER },
    embeddings: Some(embeddings::Api::OpenAi),
    rerank: Some(rerank::Api::DashScope),
    key_variables: &["DASHSCOPE_API_KEY"],
    url_variables: &["DASHSCOPE_BASE_URL", "DASHSCOPE_API_BASE"],
    model_variable: Some("DASHSCOPE_MODEL"),
    price_names: &["dashscope", "qwen_ai_platform", "qwencloud"],
    models: &["qwen-plus", "qwen-max", "qwen-turbo", "text-embedding-v4"],
    ..HOSTED
};

pub(super) const ZHIPU: Facts = Facts {
    kind: ProviderKind::Zhipu,
    base_url: Some("https://open.bigmodel.cn/api/paas/v4"),
    dialects: &[Dialect::Chat, Dialect::Anthropic],
    homes: &["bigmodel.cn", "z.ai"],
    quirks: Quirks {
        no_json_schema: true,
        thinking: Thinking::Switch,
        forcing: Forcing::AutoOnly,
        wants_reasoning_back: true,
        ..OLDER
    },
    embeddings: Some(embeddings::Api::OpenAi),
    rerank: Some(rerank::Api::Jina),
    key_variables: &["ZHIPU_API_KEY", "ZHIPUAI_API_KEY", "ZAI_API_KEY"],
    url_variables: &["ZHIPU_BASE_URL", "ZAI_BASE_URL"],
    model_variable: Some("ZHIPU_MODEL"),
    price_names: &["zai"],
    models: &["glm-4.6", "glm-4.5-air", "embedding-3"],
    ..HOSTED
};

pub(super) const MOONSHOT: Facts = Facts {
    kind: ProviderKind::Moonshot,
    base_url: Some("https://api.moonshot.cn/v1"),
    dialects: &[Dialect::Chat, Dialect::Anthropic],
    homes: &["moonshot.cn", "moonshot.ai"],
    quirks: Quirks {
        no_developer: true,
        thinking: Thinking::Switch,
        forcing: Forcing::Never,
        wants_reasoning_back: true,
        ..EXACT
    },
    key_variables: &["MOONSHOT_API_KEY"],
    url_variables: &["MOONSHOT_BASE_URL", "MOONSHOT_API_BASE"],
    model_variable: Some("MOONSHOT_MODEL"),
    price_names: &["moonshot"],
    models: &[],
    ..HOSTED
};

pub(super) const SILICONFLOW: Facts = Facts {
    kind: ProviderKind::SiliconFlow,
    base_url: Some("https://api.siliconflow.cn/v1"),
    quirks: Quirks { no_json_schema: true, thinking: Thinking::Enable, ..OLDER },
    embeddings: Some(embeddings::Api::OpenAi),
    rerank: Some(rerank::Api::Jina),
    key_variables: &["SILICONFLOW_API_KEY"],
    url_variables: &["SILICONFLOW_BASE_URL"],
    model_variable: Some("SILICONFLOW_MODEL"),
    ..HOSTED
};
