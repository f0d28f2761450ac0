//! What a provider's words mean, where neither its status nor its code says so.
//!
//! Every provider has words of its own for a prompt that is longer than its model can read; some say it with 400, some
//! with 413 or 500, some in the middle of a stream without a status.

use septet_protocols::Failure;

/// Any of these, in small letters, says that the prompt is too long for the model.
const TOO_LONG: [&str; 39] = [
    // OpenAI, Azure, Groq, Cerebras; vLLM, SGLang, Fireworks, DeepSeek, OpenRouter in the words of OpenAI.
    "context_length_exceeded",
    "maximum context length",
    "exceeds the context window",
    "exceed the context window",
    "reduce the length of the messages",
    "tokens_limit_reached",
    "model_max_prompt_tokens_exceeded",
    // Anthropic.
    "prompt is too long",
    "exceed context limit",
    "exceeds context limit",
    // Google.
    "exceeds the maximum number of tokens",
    // Amazon.
    "input is too long",
    "number of input tokens exceeds",
    "input tokens exceeded",
    "too many input tokens",
    // vLLM, SGLang.
    "maximum model length",
    "max_model_len",
    "longer than the model's context length",
    "max_seq_len",
    // llama.cpp, LM Studio, Ollama.
    "exceed_context_size_error",
    "available context size",
    "context length of only",
    "greater than the context length",
    "exceeds the context length",
    "exceeded context length",
    "context the overflows",
    // Text Generation Inference, Together.
    "`inputs` must have less than",
    "`inputs` tokens + `max_new_tokens`",
    // xAI, Moonshot, MiniMax, DashScope, Volcengine, Cohere.
    "maximum prompt length",
    "exceeded model token limit",
    "input token length too long",
    "context window exceeds limit",
    "range of input length should be",
    "exceed max message tokens",
    "number of tokens in the prompt cannot exceed",
    // Zhipu, Baidu.
    "prompt exceeds max length",
    "prompt tokens too long",
    "prompt 超长",
    "输入长度超",
];

/// Whether a failure says that the prompt is longer than the model can read.
///
/// A limit of tokens for each minute is no such thing, though some say it in like words: waiting helps there.
#[must_use]
pub fn is_too_long(failure: &Failure) -> bool {
    if !matches!(failure.status, 0 | 400 | 413 | 422 | 500) {
        return false;
    }
    let said = format!("{} {}", failure.code, failure.message).to_lowercase();
    let is_rate = ["per minute", "per min", "tpm", "rate_limit", "rate limit"].iter().any(|words| said.contains(words));
    !is_rate && TOO_LONG.iter().any(|words| said.contains(words))
}

/// Whether a failure says that the server has begun and its model is still being read from disk (llama.cpp, Hugging Face,
/// SGLang).
#[must_use]
pub fn is_loading(failure: &Failure) -> bool {
    let said = failure.message.to_lowercase();
    let words =
        ["loading model", "model is loading", "is currently loading", "model is still loading", "model not ready"];
    // "error loading model" is not temporary: waiting does not help.
    matches!(failure.status, 500 | 503)
        && !said.contains("error loading")
        && words.iter().any(|known| said.contains(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, code: &str, message: &str) -> Failure {
        Failure { status, code: code.to_owned(), message: message.to_owned(), ..Failure::default() }
    }

    #[test]
    fn every_providers_word_for_too_long_is_understood() {
        for (status, code, message) in [
            (400, "context_length_exceeded", "Please shorten it"),
            (400, "", "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"),
            (400, "context_length_exceeded", "Your input exceeds the context window of this model."),
            (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
            (
                400,
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
            ),
            (
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            ),
            (400, "ValidationException", "Input is too long for requested model."),
            (
                400,
                "BadRequestError",
                "The decoder prompt (length 40000) is longer than the maximum model length of 32768.",
            ),
            (
                400,
                "exceed_context_size_error",
                "request (9000 tokens) exceeds the available context size (4096 tokens)",
            ),
            (500, "", "the request exceeds the available context size. try increasing the context size"),
            (400, "3051", "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"),
            (400, "", "too many tokens: total number of tokens in the prompt cannot exceed 4081"),
            (400, "InvalidParameter", "Range of input length should be [1, 30720]"),
            (400, "invalid_request_error", "Invalid request: Your request exceeded model token limit: 8192"),
            (400, "1261", "Prompt 超长"),
            (400, "", "This model's maximum prompt length is 131072 but the request contains 140000 tokens."),
            (422, "", "Input validation error: `inputs` must have less than 1024 tokens. Given: 2048"),
            (
                400,
                "",
                "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with \
                context length of only 4096 tokens",
            ),
            (0, "context_length_exceeded", "in the middle of a stream"),
            (413, "tokens_limit_reached", "Request body too large for gpt-4o model. Max size: 8000 tokens."),
        ] {
            assert!(is_too_long(&failure(status, code, message)), "{status} {code} {message}");
        }
    }

    #[test]
    fn limits_of_another_kind_are_not_taken_for_it() {
        for (status, code, message) in [
            (429, "rate_limit_exceeded", "maximum context length"),
            (
                413,
                "rate_limit_exceeded",
                "Request too large for model on tokens per minute (TPM): Limit 6000, Requested 9000",
            ),
            (413, "request_too_large", "Request exceeds the maximum size"),
            (400, "string_above_max_length", "Invalid 'messages[0].name': string too long"),
            (400, "", "max_tokens is too large: 100000. This model supports at most 16384 completion tokens"),
            (503, "", "prompt is too long"),
        ] {
            assert!(!is_too_long(&failure(status, code, message)), "{status} {code} {message}");
        }
    }

    #[test]
    fn a_server_that_reads_its_model_says_so() {
        assert!(is_loading(&failure(503, "unavailable_error", "Loading model")));
        assert!(is_loading(&failure(503, "", "Model meta-llama/x is currently loading")));
        assert!(!is_loading(&failure(500, "", "llama runner: error loading model: unable to allocate CUDA buffer")));
        assert!(!is_loading(&failure(503, "", "overloaded")) && !is_loading(&failure(400, "", "Loading model")));
    }
}
