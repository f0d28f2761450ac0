//! What is asked of a model, in the one form that every dialect is read into and written from.

use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::proof::Proof;
pub use crate::reasoning::{Effort, Reasoning};

/// A request for an answer.
///
/// Fields hold what the client said and nothing more: a default belongs to the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The dialect it came in.
    pub origin: Dialect,
    /// The model, as the client names it.
    pub model: String,
    /// The conversation, oldest first. System messages stand where the client put them.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it must, may or must not call.
    pub tool_choice: Option<ToolChoice>,
    /// Whether several calls may come at once.
    pub parallel_calls: Option<bool>,
    /// The most tokens in the answer, thinking included.
    pub max_output: Option<u64>,
    /// 0 to 2, as the provider takes it.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// How many candidates a token is drawn from.
    pub top_k: Option<u64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// For answers that repeat.
    pub seed: Option<i64>,
    /// -2 to 2.
    pub presence_penalty: Option<f64>,
    /// -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// How many answers.
    pub n: Option<u64>,
    /// How many alternatives each token's log probability should come with; `Some(0)` for its own alone.
    pub logprobs: Option<u64>,
    /// The form of the answer.
    pub format: Option<Format>,
    /// How much to think.
    pub reasoning: Option<Reasoning>,
    /// Who asks, for the provider's abuse checks.
    pub user: Option<String>,
    /// Whether the answer comes in pieces.
    pub stream: bool,
    /// Whether the client asked for usage in a stream; only Chat Completions lets it choose.
    pub wants_usage: bool,
    /// Fields that are not understood, with their names in the dialect of origin.
    pub extra: Map<String, Value>,
}

impl Request {
    /// A request without messages.
    #[must_use]
    pub fn new(origin: Dialect, model: impl Into<String>) -> Self {
        Self {
            origin,
            model: model.into(),
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            parallel_calls: None,
            max_output: None,
            temperature: None,
            top_p: None,
            top_k: None,
            stop: Vec::new(),
            seed: None,
            presence_penalty: None,
            frequency_penalty: None,
            n: None,
            logprobs: None,
            format: None,
            reasoning: None,
            user: None,
            stream: false,
            wants_usage: false,
            extra: Map::new(),
        }
    }

    /// The field that says how much to think, by the client's name of it.
    #[must_use]
    pub fn reasoning_field(&self) -> &'static str {
        match (&self.reasoning, self.origin) {
            (Some(Reasoning { field, .. }), _) if !field.is_empty() => field,
            (_, Dialect::Chat) => "reasoning_effort",
            (_, Dialect::Anthropic) => "thinking",
            _ => "reasoning",
        }
    }

    /// The instructions: system and developer messages before the first other one, their texts joined by blank lines.
    /// With it come the messages that are left. For dialects with one place for instructions.
    #[must_use]
    pub fn split_instructions(&self) -> (Vec<&Part>, &[Message]) {
        let n = self.messages.iter().take_while(|message| message.role.is_instruction()).count();
        let (first, rest) = self.messages.split_at(n);
        (first.iter().flat_map(|message| &message.parts).collect(), rest)
    }
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The operator.
    System,
    /// The operator, in the word of OpenAI's newer models.
    Developer,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool. Its parts are [`PartKind::Result`]s.
    Tool,
}

impl Role {
    /// Whether it instructs the model.
    #[must_use]
    pub fn is_instruction(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

/// One message. Results of tools are always messages of [`Role::Tool`] of their own, also where a dialect puts them
/// into the user's message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who.
    pub role: Role,
    /// The speaker's name among several.
    pub name: Option<String>,
    /// What, in order.
    pub parts: Vec<Part>,
}

impl Message {
    /// A message of one part.
    #[must_use]
    pub fn of(role: Role, kind: PartKind) -> Self {
        Self { role, name: None, parts: vec![Part::from(kind)] }
    }

    /// All its texts, joined by newlines.
    #[must_use]
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.parts.iter().filter_map(|part| part.kind.text()).collect();
        texts.join("\n")
    }
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// A wish that the provider keeps the prompt up to here.
    pub cache: Option<Cache>,
}

impl From<PartKind> for Part {
    fn from(kind: PartKind) -> Self {
        Self { kind, cache: None }
    }
}

/// What a piece of a message is.
#[derive(Debug, Clone, PartialEq)]
pub enum PartKind {
    /// Text.
    Text(String),
    /// A picture.
    Image(Media),
    /// A document.
    File(Media),
    /// Sound.
    Audio(Media),
    /// What the model thought before; providers want it back unchanged.
    Reasoning {
        /// In words, if it is shown.
        text: String,
        /// Proof that the text is the model's own (Anthropic, Bedrock, Gemini).
        signature: Option<Proof>,
        /// The thinking in a form that only the provider reads (Anthropic's redacted, OpenAI's encrypted).
        encrypted: Option<Proof>,
        /// The provider's id of it.
        id: Option<String>,
    },
    /// What the model wants to have called.
    Call {
        /// What the result refers to.
        id: String,
        /// The function.
        name: String,
        /// JSON, as text; a model may have got it wrong.
        arguments: String,
        /// Gemini's thought signature.
        signature: Option<Proof>,
    },
    /// What a call gave back.
    Result {
        /// Which call.
        call_id: String,
        /// The function, where the dialect says it.
        name: Option<String>,
        /// Texts and pictures.
        parts: Vec<Part>,
        /// Whether the call failed.
        is_error: bool,
    },
    /// The model's refusal.
    Refusal(String),
    /// Something of one dialect that no other has, as it stands there.
    Opaque {
        /// Which dialect.
        dialect: Dialect,
        /// The thing.
        value: Value,
    },
}

impl PartKind {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A picture, document or sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Where it is.
    pub source: Source,
    /// Such as `image/png`; absent when nobody said.
    pub mime: Option<String>,
    /// A file's name.
    pub name: Option<String>,
    /// OpenAI's `low`, `high` or `auto`.
    pub detail: Option<String>,
    /// Gemini's thought signature of a picture that it made.
    pub signature: Option<Proof>,
}

/// Where a thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// At an address; never a `data:` one.
    Url(String),
    /// Here, in base64 without a prefix.
    Base64(String),
    /// Uploaded to the provider before.
    FileId(String),
}

/// A wish to cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// `5m` or `1h`; the provider's own default when absent.
    pub ttl: Option<String>,
}

/// A tool on offer.
#[derive(Debug, Clone, PartialEq)]
pub enum Tool {
    /// A function that the client runs.
    Function {
        /// Its name.
        name: String,
        /// What it does.
        description: Option<String>,
        /// The JSON schema of its arguments; absent when it takes none.
        parameters: Option<Value>,
        /// Whether the arguments must keep to the schema.
        strict: Option<bool>,
        /// A wish to cache up to here.
        cache: Option<Cache>,
    },
    /// A tool that the provider runs, as it stands in its dialect.
    Opaque {
        /// Which dialect.
        dialect: Dialect,
        /// The definition.
        value: Value,
    },
}

/// Whether the model calls tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Not at all.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// Text, said explicitly.
    Text,
    /// Any JSON object.
    Json,
    /// JSON that keeps to a schema.
    Schema {
        /// A name for it.
        name: String,
        /// What it is.
        description: Option<String>,
        /// The JSON schema.
        schema: Value,
        /// Whether the provider must enforce it.
        strict: Option<bool>,
    },
}

impl Media {
    /// A thing of which only the place is known.
    #[must_use]
    pub fn of(source: Source) -> Self {
        Self { source, mime: None, name: None, detail: None, signature: None }
    }

    /// A thing given here.
    #[must_use]
    pub fn base64(data: String) -> Self {
        Self::of(Source::Base64(data))
    }

    /// A thing at an address; a `data:` address is taken apart.
    #[must_use]
    pub fn at(url: &str) -> Self {
        let Some((head, data)) = url.strip_prefix("data:").and_then(|rest| rest.split_once(',')) else {
            return Self::of(Source::Url(url.to_owned()));
        };
        let mime = head.split(';').next().filter(|mime| !mime.is_empty()).map(str::to_owned);
        Self { mime, ..Self::base64(data.to_owned()) }
    }

    /// The address, a `data:` one for what is given here; `None` for an uploaded file.
    #[must_use]
    pub fn url(&self, default_mime: &str) -> Option<String> {
        match &self.source {
            Source::Url(url) => Some(url.clone()),
            Source::Base64(data) => {
                Some(format!("data:{};base64,{data}", self.mime.as_deref().unwrap_or(default_mime)))
            }
            Source::FileId(_) => None,
        }
    }
}
