//! How much a model is told to think, in the one form that every dialect's words are read into and written from.

/// How much to think.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasoning {
    /// In words.
    pub effort: Option<Effort>,
    /// In tokens.
    pub budget: Option<u64>,
    /// Told to think, but not how much: the model decides.
    pub is_on: bool,
    /// Whether to show a summary (`auto`, `concise`, `detailed`) of the thinking.
    pub summary: Option<String>,
    /// Not to show the thinking at all.
    pub is_hidden: bool,
    /// The client's name of the field that says it, for what is dropped; empty for the usual one of its dialect.
    pub field: &'static str,
}

impl Reasoning {
    /// Whether the model is told not to think.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.effort == Some(Effort::None) || (self.effort.is_none() && self.budget == Some(0))
    }

    /// Whether the model is told to think. A setting that only says how to show the thinking counts as neither on nor
    /// off.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        !self.is_off() && (self.is_on || self.effort.is_some() || self.budget.is_some())
    }

    /// The nearest word for how much; `None` when nothing is said about it.
    #[must_use]
    pub fn word(&self) -> Option<Effort> {
        self.effort.or_else(|| {
            Some(match self.budget? {
                0 => Effort::None,
                1..=2_048 => Effort::Low,
                2_049..=10_240 => Effort::Medium,
                _ => Effort::High,
            })
        })
    }
}

/// How hard to think, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as can be.
    Minimal,
    /// A little.
    Low,
    /// The usual.
    Medium,
    /// Much.
    High,
    /// As much as can be.
    Extreme,
}

impl Effort {
    /// OpenAI's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Extreme => "xhigh",
        }
    }

    /// Reads OpenAI's word, or Anthropic's `max`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "none" => Self::None,
            "minimal" => Self::Minimal,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "xhigh" | "max" => Self::Extreme,
            _ => return None,
        })
    }

    /// A budget of thinking tokens for providers that count them, as the shares that OpenRouter documents of
    /// `max_output` (default 16,384), never below 1,024, which is the least that Anthropic takes; 0 for none.
    #[must_use]
    pub fn budget(self, max_output: Option<u64>) -> u64 {
        let percent = match self {
            Self::None => return 0,
            Self::Minimal => 10,
            Self::Low => 20,
            Self::Medium => 50,
            Self::High => 80,
            Self::Extreme => 95,
        };
        (max_output.unwrap_or(16_384).saturating_mul(percent) / 100).max(1_024)
    }
}
