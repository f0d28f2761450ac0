//! The dialects, and what each can do.

/// A protocol for asking models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's Chat Completions, and all that are compatible with it.
    Chat,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Anthropic,
    /// Google's generateContent.
    Gemini,
    /// Amazon's Bedrock Converse.
    Bedrock,
    /// Ollama's own.
    Ollama,
    /// Cohere's chat, version 2.
    Cohere,
}

/// How a provider departs from the dialect that it speaks. The default is to keep to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks {
    /// It refuses `stream_options`.
    pub no_stream_options: bool,
    /// It knows `max_tokens` and not `max_completion_tokens`.
    pub old_max_tokens: bool,
    /// It knows no `developer` role.
    pub no_developer: bool,
    /// It refuses `tool_choice: "required"`; Mistral says `any`.
    pub required_is_any: bool,
    /// It knows `json_object` and no `json_schema`.
    pub no_json_schema: bool,
    /// How it wants to be told to think.
    pub thinking: Thinking,
    /// Whether it can be told that the model must call a tool.
    pub forcing: Forcing,
    /// It wants its own earlier thinking back in `reasoning_content` (DeepSeek with tools, Moonshot).
    pub wants_reasoning_back: bool,
}

/// How a provider with Chat Completions wants to be told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Thinking {
    /// `reasoning_effort`, in the words that OpenAI's models know (OpenAI, Azure, Cerebras).
    #[default]
    Effort,
    /// Unknown: a client's own fields pass through as they are, what came in other dialects becomes `reasoning_effort`.
    Said,
    /// `reasoning: {effort, max_tokens, enabled, exclude}` (OpenRouter).
    Object,
    /// `reasoning: {enabled}` and `reasoning_effort` (Together).
    Together,
    /// `enable_thinking` and `thinking_budget` (DashScope, SiliconFlow).
    Enable,
    /// `thinking: {type: "enabled" | "disabled"}`, and `reasoning_effort` where the model has it (Zhipu, Moonshot,
    /// DeepSeek).
    Switch,
    /// `chat_template_kwargs: {enable_thinking, thinking}` (vLLM, llama.cpp).
    Template,
    /// `reasoning_effort` in Groq's words, and `reasoning_format`.
    Groq,
    /// `reasoning_effort` in the words that the Grok models know.
    Xai,
    /// `reasoning_effort: "none" | "high"` (Mistral).
    Mistral,
}

/// Whether a provider with Chat Completions can be told that the model must call a tool. What it cannot be told becomes
/// `auto`, and `tool_choice` is named as dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forcing {
    /// Any, or a named one.
    #[default]
    Any,
    /// A named one, and not while it thinks (DashScope).
    Named,
    /// Not while it thinks (DeepSeek).
    Unthinking,
    /// Never (Moonshot).
    Never,
    /// Never. It cannot be told to call none either (Zhipu), so then no tools are offered.
    AutoOnly,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Chat, Self::Responses, Self::Anthropic, Self::Gemini, Self::Bedrock, Self::Ollama, Self::Cohere];

    /// Those that clients may speak to us.
    pub const INBOUND: [Self; 3] = [Self::Chat, Self::Responses, Self::Anthropic];
}
