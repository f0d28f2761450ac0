//! What only one maker's models know, in that maker's words.

use serde_json::{Map, Value, json};

use crate::anthropic::{plan, version, wanted};
use crate::dialect::Dialect;
use crate::request::{Effort, Request, ToolChoice};

/// Who made a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    Anthropic,
    /// Amazon's Nova; the second generation thinks.
    Nova {
        thinks: bool,
    },
    /// OpenAI's open models.
    OpenAi,
    Mistral,
    /// Older models, which support neither schemas nor much else.
    Plain,
    /// Others, and names that do not show the maker, such as those of inference profiles.
    Unknown,
}

impl Maker {
    /// By the name in the address: `us.anthropic.claude-sonnet-4-5-20250929-v1:0`, `amazon.nova-micro-v1:0`.
    pub(super) fn of(model: &str) -> Self {
        let has = |word: &str| model.contains(word);
        if has("claude") {
            Self::Anthropic
        } else if has("nova-2") {
            Self::Nova { thinks: true }
        } else if has("nova") {
            Self::Nova { thinks: false }
        } else if has("openai.") {
            Self::OpenAi
        } else if has("mistral.") {
            Self::Mistral
        } else if has("titan") || has("meta.") || has("cohere.") || has("ai21.") {
            Self::Plain
        } else {
            Self::Unknown
        }
    }

    /// Whether it can be held to a schema.
    pub(super) fn enforces_schemas(self, model: &str) -> bool {
        match self {
            Self::Anthropic => version(model).is_some_and(|version| version >= (4, 5)),
            Self::OpenAi | Self::Mistral | Self::Unknown => true,
            Self::Nova { .. } | Self::Plain => false,
        }
    }

    /// Whether it can be told that a tool must be called: older models cannot, Mistral's not which of several.
    pub(super) fn forces(self, choice: Option<&ToolChoice>, n_tools: usize) -> bool {
        match self {
            Self::Plain => false,
            Self::Mistral => !matches!(choice, Some(ToolChoice::Named(_))) || n_tools == 1,
            Self::Anthropic | Self::Nova { .. } | Self::OpenAi | Self::Unknown => true,
        }
    }

    /// Whose proofs it takes back.
    pub(super) fn proofs(self) -> &'static [Dialect] {
        match self {
            Self::Anthropic => &[Dialect::Anthropic],
            Self::Unknown => &[Dialect::Anthropic, Dialect::Bedrock],
            Self::Nova { .. } | Self::OpenAi | Self::Mistral | Self::Plain => &[Dialect::Bedrock],
        }
    }

    /// Whether it caches prompts at the markers.
    pub(super) fn keeps(self) -> bool {
        matches!(self, Self::Anthropic | Self::Nova { .. })
    }
}

/// What is said to a model in its maker's words, and what that means for the rest.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// `additionalModelRequestFields`.
    pub(super) fields: Map<String, Value>,
    /// A limit that thinking needs, where the client gave none.
    pub(super) max_tokens: Option<u64>,
    /// It draws its tokens as it likes.
    pub(super) is_fixed: bool,
    /// A temperature and `topP` exclude each other.
    pub(super) takes_one: bool,
    /// It takes no limit.
    pub(super) takes_no_limit: bool,
}

/// Thinking and `top_k`.
pub(super) fn words(request: &Request, maker: Maker, dropped: &mut Vec<String>) -> Words {
    let mut words = Words::default();
    if maker == Maker::Anthropic {
        claude(request, &mut words, dropped);
    } else {
        think(request, maker, &mut words, dropped);
    }
    if let Some(top_k) = request.top_k {
        match maker {
            Maker::Anthropic if words.is_fixed => dropped.push("top_k".to_owned()),
            Maker::Anthropic | Maker::Mistral => {
                words.fields.insert("top_k".to_owned(), json!(top_k));
            }
            Maker::Nova { .. } => {
                words.fields.insert("inferenceConfig".to_owned(), json!({"topK": top_k}));
            }
            Maker::OpenAi | Maker::Plain | Maker::Unknown => dropped.push("top_k".to_owned()),
        }
    }
    words
}

fn claude(request: &Request, words: &mut Words, dropped: &mut Vec<String>) {
    let plan = plan(request, dropped);
    (words.is_fixed, words.takes_one) = (plan.is_fixed, plan.is_new);
    if let Some(thinking) = &plan.thinking {
        words.fields.insert("thinking".to_owned(), thinking.clone());
        if thinking["type"] == "enabled" {
            words.max_tokens = Some(plan.max_tokens(request));
        }
    }
    if let Some(effort) = plan.effort {
        words.fields.insert("output_config".to_owned(), json!({"effort": effort}));
    }
}

fn think(request: &Request, maker: Maker, words: &mut Words, dropped: &mut Vec<String>) {
    let Some(reasoning) = &*wanted(request) else { return };
    let is_off = reasoning.is_off();
    let word = match reasoning.word() {
        Some(Effort::None | Effort::Minimal | Effort::Low) => "low",
        Some(Effort::Medium) | None => "medium",
        Some(Effort::High | Effort::Extreme) => "high",
    };
    match maker {
        _ if !is_off && !reasoning.is_asked() => {}
        Maker::Nova { thinks: true } if is_off => {
            words.fields.insert("reasoningConfig".to_owned(), json!({"type": "disabled"}));
        }
        Maker::Nova { thinks: true } => {
            let config = json!({"type": "enabled", "maxReasoningEffort": word});
            words.fields.insert("reasoningConfig".to_owned(), config);
            // Much thinking is refused together with any limit.
            (words.is_fixed, words.takes_no_limit) = (word == "high", word == "high");
        }
        Maker::OpenAi => {
            words.fields.insert("reasoning_effort".to_owned(), json!(word));
        }
        _ if is_off => {}
        Maker::Anthropic | Maker::Nova { .. } | Maker::Mistral | Maker::Plain | Maker::Unknown => {
            dropped.push(request.reasoning_field().to_owned());
        }
    }
}
