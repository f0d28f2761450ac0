//! Counts what a call used: the provider's own figures where it gives any, an estimate where it does not.
//!
//! Providers put usage into the last chunk without choices, into one with choices, into every chunk, under `x_groq`, or
//! nowhere. Figures in a stream are running totals, so the last ones count.

use septet_contracts::models::Usage;
use septet_kernel::Money;
use serde_json::{Value, json};

use crate::config::ModelConfig;

/// What a call has used so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    said: Option<Usage>,
    estimated_input: u64,
    /// Quarters of a token.
    written_quarters: u64,
}

/// The bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bill {
    pub input_tokens: u64,
    pub cached_tokens: u64,
    pub output_tokens: u64,
    pub cost: Money,
    pub estimated: bool,
}

impl Meter {
    /// A meter for a request.
    pub(crate) fn new(request: &Value) -> Self {
        let mut quarters = 0;
        for part in ["messages", "input", "tools"] {
            if let Some(part) = request.get(part) {
                quarters += text_quarters(part);
            }
        }
        Self { estimated_input: quarters.div_ceil(4), ..Self::default() }
    }

    /// Looks at a chunk or a whole answer.
    pub(crate) fn see(&mut self, answer: &Value) {
        let places = [answer.get("usage"), answer.pointer("/choices/0/usage"), answer.pointer("/x_groq/usage")];
        for place in places.into_iter().flatten().filter(|usage| usage.is_object()) {
            if let Ok(usage) = serde_json::from_value::<Usage>(place.clone())
                && usage.prompt_tokens + usage.completion_tokens + usage.total_tokens > 0
            {
                self.said = Some(usage);
            }
        }
        for choice in answer.get("choices").and_then(Value::as_array).into_iter().flatten() {
            for part in ["delta", "message"] {
                let Some(part) = choice.get(part) else { continue };
                for name in ["content", "reasoning_content", "tool_calls"] {
                    self.written_quarters += part.get(name).map_or(0, text_quarters);
                }
            }
        }
    }

    /// The usage in OpenAI's shape, when the provider gave none.
    pub(crate) fn own_usage(&self) -> Option<Value> {
        if self.said.is_some() {
            return None;
        }
        let (input, output) = (self.estimated_input, self.written_quarters.div_ceil(4));
        Some(
            json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output, "estimated": true}),
        )
    }

    /// The bill as it stands.
    pub(crate) fn bill(&self, model: &ModelConfig) -> Bill {
        let (input_tokens, cached_tokens, output_tokens) = match &self.said {
            Some(usage) => {
                // Some embedding endpoints only give the total.
                let input = if usage.prompt_tokens == 0 {
                    usage.total_tokens.saturating_sub(usage.completion_tokens)
                } else {
                    usage.prompt_tokens
                };
                (input, usage.cached_tokens(), usage.completion_tokens)
            }
            None => (self.estimated_input, 0, self.written_quarters.div_ceil(4)),
        };
        let cached_price = model.cached_price.unwrap_or(model.input_price);
        let cost = Money::for_tokens(input_tokens.saturating_sub(cached_tokens), model.input_price)
            + Money::for_tokens(cached_tokens, cached_price)
            + Money::for_tokens(output_tokens, model.output_price);
        Bill { input_tokens, cached_tokens, output_tokens, cost, estimated: self.said.is_none() }
    }
}

/// About how many quarters of a token the texts in a value are: four letters are a token, and a Chinese character is
/// about three quarters of one (measured on o200k; other tokenisers differ by a third either way).
fn text_quarters(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.chars().map(|char| if char.is_ascii() { 1 } else { 3 }).sum(),
        Value::Array(values) => values.iter().map(text_quarters).sum(),
        Value::Object(fields) => fields.values().map(text_quarters).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill(chunks: &[Value]) -> Bill {
        let mut meter = Meter::new(&json!({"messages": [{"role": "user", "content": "12345678"}]}));
        for chunk in chunks {
            meter.see(chunk);
        }
        let model = ModelConfig {
            input_price: Money(1_000_000),
            cached_price: Some(Money(100_000)),
            output_price: Money(2_000_000),
            ..ModelConfig::named("m")
        };
        meter.bill(&model)
    }

    #[test]
    fn the_providers_last_figures_count_wherever_they_stand() {
        let expected =
            Bill { input_tokens: 10, cached_tokens: 4, output_tokens: 5, cost: Money(6 + 1 + 10), estimated: false };
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}});
        let early = json!({"prompt_tokens": 10, "completion_tokens": 1});

        assert_eq!(bill(&[json!({"choices": [], "usage": usage})]), expected);
        assert_eq!(
            bill(&[
                json!({"choices": [{"delta": {"content": "x"}}], "usage": early}),
                json!({"choices": [{"delta": {}}], "usage": usage})
            ]),
            expected
        );
        assert_eq!(bill(&[json!({"choices": [{"delta": {}, "usage": usage}]})]), expected);
        assert_eq!(bill(&[json!({"choices": [], "x_groq": {"usage": usage}})]), expected);
        let deepseek = json!({"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 4});
        assert_eq!(bill(&[json!({"choices": [], "usage": deepseek}), json!({"choices": [], "usage": null})]), expected);
    }

    #[test]
    fn without_figures_the_text_is_counted() {
        let bill = bill(&[
            json!({"choices": [{"delta": {"content": "abcdefgh"}}]}),
            json!({"choices": [{"delta": {"content": "营业收入"}}]}),
        ]);

        assert_eq!((bill.input_tokens, bill.output_tokens, bill.estimated), (3, 5, true));
    }
}
