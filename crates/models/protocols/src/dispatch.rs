//! What a dialect can do, by its name: one match for each verb.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::codec::{Context, Decoder, Encoded, Encoder};
use crate::dialect::{Dialect, Quirks};
use crate::error::{Failure, Unreadable, Wrong};
use crate::event::Event;
use crate::framing::{Frame, Framing};
use crate::request::Request;
use crate::usage::Usage;
use crate::{anthropic, bedrock, chat, cohere, ending, gemini, ollama, responses};

impl Dialect {
    /// Its name in settings, records and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
            Self::Ollama => "ollama",
            Self::Cohere => "cohere",
        }
    }

    /// How the frames of its streams are told apart.
    #[must_use]
    pub fn framing(self) -> Framing {
        match self {
            Self::Chat | Self::Responses | Self::Anthropic | Self::Gemini | Self::Cohere => Framing::Sse,
            Self::Ollama => Framing::Lines,
            Self::Bedrock => Framing::EventStream,
        }
    }

    /// Reads a client's request.
    ///
    /// # Errors
    /// [`Wrong`] with the field that has the wrong form, or when clients do not speak this dialect to us.
    pub fn decode_request(self, body: &Value) -> Result<Request, Wrong> {
        match self {
            Self::Chat => chat::decode_request(body),
            Self::Responses => responses::decode_request(body),
            Self::Anthropic => anthropic::decode_request(body),
            Self::Gemini | Self::Bedrock | Self::Ollama | Self::Cohere => {
                Err(Wrong::field("body", "is in a dialect that only providers are asked in"))
            }
        }
    }

    /// Writes a request to a provider.
    #[must_use]
    pub fn encode_request(self, request: &Request, quirks: &Quirks) -> Encoded {
        match self {
            Self::Chat => chat::encode_request(request, quirks),
            Self::Responses => responses::encode_request(request, quirks),
            Self::Anthropic => anthropic::encode_request(request, quirks),
            Self::Gemini => gemini::encode_request(request, quirks),
            Self::Bedrock => bedrock::encode_request(request, quirks),
            Self::Ollama => ollama::encode_request(request, quirks),
            Self::Cohere => cohere::encode_request(request, quirks),
        }
    }

    /// Reads a provider's whole answer. Finish reasons are made consistent with the content: calls that end with `stop`
    /// end with calls, and an answer that announces calls and has none has failed.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not in this dialect.
    pub fn decode_answer(self, body: &Value) -> Result<Answer, Unreadable> {
        let answer = match self {
            Self::Chat => chat::decode_answer(body),
            Self::Responses => responses::decode_answer(body),
            Self::Anthropic => anthropic::decode_answer(body),
            Self::Gemini => gemini::decode_answer(body),
            Self::Bedrock => bedrock::decode_answer(body),
            Self::Ollama => ollama::decode_answer(body),
            Self::Cohere => cohere::decode_answer(body),
        };
        answer.map(ending::fitted)
    }

    /// Writes a whole answer for a client. In a dialect that clients do not speak to us, it is Chat Completions.
    #[must_use]
    pub fn encode_answer(self, answer: &Answer, context: &Context) -> Value {
        match self {
            Self::Responses => responses::encode_answer(answer, context),
            Self::Anthropic => anthropic::encode_answer(answer, context),
            Self::Chat | Self::Gemini | Self::Bedrock | Self::Ollama | Self::Cohere => {
                chat::encode_answer(answer, context)
            }
        }
    }

    /// A reader of one stream, whose finish reasons are made consistent as by [`Self::decode_answer`].
    #[must_use]
    pub fn decoder(self) -> Box<dyn Decoder> {
        let decoder: Box<dyn Decoder> = match self {
            Self::Chat => Box::new(chat::ChatDecoder::default()),
            Self::Responses => Box::new(responses::ResponsesDecoder::default()),
            Self::Anthropic => Box::new(anthropic::AnthropicDecoder::default()),
            Self::Gemini => Box::new(gemini::GeminiDecoder::default()),
            Self::Bedrock => Box::new(bedrock::BedrockDecoder::default()),
            Self::Ollama => Box::new(ollama::OllamaDecoder::default()),
            Self::Cohere => Box::new(cohere::CohereDecoder::default()),
        };
        Box::new(ending::Fitting::new(decoder))
    }

    /// A writer of one stream. In a dialect that clients do not speak to us, it is Chat Completions.
    #[must_use]
    pub fn encoder(self, context: Context) -> Box<dyn Encoder> {
        match self {
            Self::Responses => Box::new(responses::ResponsesEncoder::new(context)),
            Self::Anthropic => Box::new(anthropic::AnthropicEncoder::new(context)),
            Self::Chat | Self::Gemini | Self::Bedrock | Self::Ollama | Self::Cohere => {
                Box::new(chat::ChatEncoder::new(context))
            }
        }
    }

    /// Reads an error body.
    #[must_use]
    pub fn decode_failure(self, status: u16, body: &Value) -> Failure {
        match self {
            Self::Chat => chat::decode_failure(status, body),
            Self::Responses => responses::decode_failure(status, body),
            Self::Anthropic => anthropic::decode_failure(status, body),
            Self::Gemini => gemini::decode_failure(status, body),
            Self::Bedrock => bedrock::decode_failure(status, body),
            Self::Ollama => ollama::decode_failure(status, body),
            Self::Cohere => cohere::decode_failure(status, body),
        }
    }

    /// Writes an error body for a client.
    #[must_use]
    pub fn encode_failure(self, failure: &Failure) -> Value {
        match self {
            Self::Anthropic => anthropic::encode_failure(failure),
            _ => chat::encode_failure(failure),
        }
    }

    /// Writes the events that end a stream of which the client has seen the provider's own beginning.
    pub fn terminal(self, failure: &Failure, context: &Context, out: &mut Vec<Frame>) {
        match self {
            Self::Anthropic => out.push(Frame::named("error", self.encode_failure(failure).to_string())),
            Self::Responses => {
                let code = if failure.code.is_empty() { "server_error" } else { &failure.code };
                let body = json!({"type": "error", "code": code, "message": failure.message, "param": null,
                    "sequence_number": i32::MAX});
                out.push(Frame::named("error", body.to_string()));
            }
            _ => {
                let mut encoder = self.encoder(context.clone());
                encoder.event(&Event::Failed(failure.clone()), out);
            }
        }
    }

    /// The failure that an event of a stream holds. For dialects that clients speak.
    #[must_use]
    pub fn failure_in(self, name: &str, event: &Value) -> Option<Failure> {
        let error = event.get("error").filter(|error| !error.is_null());
        match self {
            Self::Chat => {
                let inner = event.pointer("/choices/0/error").filter(|error| !error.is_null());
                error.or(inner).map(|error| chat::decode_failure(0, error))
            }
            Self::Anthropic => {
                let is_error = name == "error" || event.get("type").and_then(Value::as_str) == Some("error");
                is_error.then(|| anthropic::decode_failure(0, event))
            }
            _ => {
                let kind = event.get("type").and_then(Value::as_str).unwrap_or(name);
                match kind {
                    "error" => Some(responses::decode_failure(0, event)),
                    "response.failed" => {
                        Some(responses::decode_failure(0, event.get("response").unwrap_or(&Value::Null)))
                    }
                    _ => None,
                }
            }
        }
    }

    /// Reads a usage object of this dialect.
    #[must_use]
    pub fn decode_usage(self, usage: &Value) -> Option<Usage> {
        match self {
            Self::Responses => responses::decode_usage(usage),
            Self::Anthropic => anthropic::decode_usage(usage),
            _ => chat::decode_usage(usage),
        }
    }

    /// The usage of a whole body or of an event, wherever this dialect has it. For dialects that clients speak.
    #[must_use]
    pub fn usage_in(self, body: &Value) -> Option<Usage> {
        match self {
            Self::Chat => chat::find_usage(body),
            _ => self.decode_usage(body.get("usage")?),
        }
    }
}
