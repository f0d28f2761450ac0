//! One model of one provider: what it costs, holds and can do.

use std::borrow::Cow;

use crate::{Currency, Price};

/// One row of the table, or of an operator's or tenant's own.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceRow {
    /// The provider, by the table's name: `openai`, `bedrock`, `dashscope`.
    pub provider: Cow<'static, str>,
    /// The model, by the provider's name.
    pub model: Cow<'static, str>,
    /// What it does.
    pub mode: Mode,
    /// What the prices are in.
    pub currency: Currency,
    /// How much goes in and out.
    pub limits: Limits,
    /// What it can do.
    pub abilities: Abilities,
    /// The prices, in any order; for equal part, service and `above` the last counts.
    pub rates: Vec<Rate>,
}

/// One price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What is billed.
    pub part: Part,
    /// How the call is made.
    pub service: Service,
    /// Holds for calls with more input tokens than this; 0 for all.
    pub above: u32,
    /// Per token, or per query, call, image or second.
    pub price: Price,
}

/// What is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Fresh input tokens.
    Input,
    /// Output tokens.
    Output,
    /// Input tokens from the cache.
    Cached,
    /// Input tokens written to the cache.
    CacheWrite,
    /// Input tokens written to the cache for an hour.
    CacheWrite1h,
    /// Output tokens that are thinking.
    Reasoning,
    /// Input tokens that are sound.
    AudioInput,
    /// Output tokens that are sound.
    AudioOutput,
    /// A search of a reranker.
    Query,
    /// A call, whatever its size.
    Request,
    /// An image in the input.
    Image,
    /// A search in the web that the provider makes, of medium size.
    WebSearch,
    /// A second of computing.
    Second,
}

/// How a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Service {
    /// As ever.
    #[default]
    Standard,
    /// Within a day.
    Batch,
    /// When there is room.
    Flex,
    /// Before the others.
    Priority,
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Chat, under whichever protocol.
    Chat,
    /// Chat that only OpenAI's Responses protocol reaches.
    Responses,
    /// Plain completion.
    Completion,
    /// Embeddings.
    Embedding,
    /// Reranking.
    Rerank,
}

/// How many tokens fit; `None` if nobody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// In.
    pub input: Option<u32>,
    /// Out.
    pub output: Option<u32>,
}

/// Something that a model can do, which a router may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ability {
    /// Images in.
    Vision,
    /// Tools.
    Tools,
    /// Several tool calls at once.
    ParallelTools,
    /// Thinking.
    Reasoning,
    /// Output by a JSON schema.
    JsonSchema,
    /// Prompt caching.
    PromptCaching,
    /// PDF in.
    Pdf,
    /// Searching the web by itself.
    WebSearch,
    /// Sound in.
    Audio,
}

/// A set of [`Ability`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities(u16);

impl Abilities {
    /// Whether `ability` is in it.
    #[must_use]
    pub fn has(self, ability: Ability) -> bool {
        self.0 & (1 << ability as u16) != 0
    }

    /// With `ability` too.
    #[must_use]
    pub fn with(self, ability: Ability) -> Self {
        Self(self.0 | (1 << ability as u16))
    }
}

impl FromIterator<Ability> for Abilities {
    fn from_iter<I: IntoIterator<Item = Ability>>(abilities: I) -> Self {
        abilities.into_iter().fold(Self::default(), Self::with)
    }
}

impl PriceRow {
    /// A row without prices, limits and abilities: the beginning of an own one.
    #[must_use]
    pub fn named(provider: impl Into<Cow<'static, str>>, model: impl Into<Cow<'static, str>>) -> Self {
        Self {
            provider: provider.into(),
            model: model.into(),
            mode: Mode::Chat,
            currency: Currency::Usd,
            limits: Limits::default(),
            abilities: Abilities::default(),
            rates: Vec::new(),
        }
    }

    /// With one more price, for calls of any size.
    #[must_use]
    pub fn with(mut self, part: Part, service: Service, price: Price) -> Self {
        self.rates.push(Rate { part, service, above: 0, price });
        self
    }

    /// This row with what `own` says in place: the same parts of the same services get the own prices, all tiers of them;
    /// the others stay. Limits that `own` does not know and its abilities are this row's, if it names none.
    ///
    /// An own price without a service (standard) drops this row's discounts of that part: half of a foreign price is no
    /// price. An own row in another currency drops all prices of this one.
    #[must_use]
    pub fn overlaid(&self, own: &Self) -> Self {
        let is_replaced = |rate: &Rate| {
            own.rates
                .iter()
                .any(|new| new.part == rate.part && (new.service == rate.service || new.service == Service::Standard))
        };
        let is_kept = |rate: &&Rate| own.currency == self.currency && !is_replaced(rate);
        let rates = self.rates.iter().filter(is_kept).chain(&own.rates).copied().collect();
        Self {
            provider: own.provider.clone(),
            model: own.model.clone(),
            mode: own.mode,
            currency: own.currency,
            limits: Limits {
                input: own.limits.input.or(self.limits.input),
                output: own.limits.output.or(self.limits.output),
            },
            abilities: if own.abilities == Abilities::default() { self.abilities } else { own.abilities },
            rates,
        }
    }

    /// Whether the provider has an own price for calls of this kind.
    #[must_use]
    pub fn has(&self, service: Service) -> bool {
        self.rates.iter().any(|rate| rate.service == service)
    }
}
