//! The dialects, and what each can do.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::Unreadable;
use crate::event::Event;
use crate::framing::Frame;

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

/// A request in a provider's dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The body.
    pub body: Value,
    /// What the client asked for and this dialect cannot say, by the client's name of the field. Proofs of other makers
    /// in the history are among them: see [`is_of_history`](crate::proof::is_of_history).
    pub dropped: Vec<String>,
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
    /// Nobody knows: a client's own words go on as they are, what came in other dialects is `reasoning_effort`.
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
    /// Never, and neither can it be told not to call any (Zhipu): for that, no tools are offered.
    AutoOnly,
}

/// Reads an answer in pieces. One for each answer.
pub trait Decoder: Send {
    /// Reads a frame.
    ///
    /// # Errors
    /// When it is not in the dialect. What came before stands.
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Event>, Unreadable>;

    /// The bytes are over. Gives what was still held back: closing events of an answer that has all it needs.
    ///
    /// # Errors
    /// When the answer broke off.
    fn end(&mut self) -> Result<Vec<Event>, Unreadable>;
}

/// Writes an answer in pieces. One for each answer.
pub trait Encoder: Send {
    /// Writes an event.
    fn event(&mut self, event: &Event, out: &mut Vec<Frame>);

    /// The answer is over, well or not: writes what ends a stream.
    fn end(&mut self, out: &mut Vec<Frame>);
}

/// What an encoder should know of the request.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The id of the answer where the provider gives none.
    pub id: String,
    /// The model as the client named it; shown where the provider says none.
    pub model: String,
    /// Seconds since 1970, where the provider does not say.
    pub created: i64,
    /// Whether the client wants usage in the stream (Chat Completions only).
    pub wants_usage: bool,
    /// The fields of the request that an answer repeats (Responses only): see
    /// [`ECHOED`](crate::responses::ECHOED).
    pub echo: Arc<Map<String, Value>>,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Chat, Self::Responses, Self::Anthropic, Self::Gemini, Self::Bedrock, Self::Ollama, Self::Cohere];

    /// Those that clients may speak to us.
    pub const INBOUND: [Self; 3] = [Self::Chat, Self::Responses, Self::Anthropic];
}
