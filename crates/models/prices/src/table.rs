//! The shipped table, and finding a model in it under the names that clients use.
//!
//! A line of `data/prices.tsv` has seven columns, parted by tabs: provider, model, mode, most input tokens, most output
//! tokens, abilities parted by commas, and prices parted by spaces. A price is `part[/service][>tokens]=number`, the
//! number in dollars per million (tokens, queries, ..), so `in/batch>200000=1.25`. An empty column says nothing. Lines
//! that begin with `#` tell where the data is from. Lines are sorted, and names are in lower case.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use crate::row::{Abilities, Ability, Limits, Mode, Part, PriceRow, Rate, Service};
use crate::{Currency, NotAPrice, Price};

static SHIPPED: LazyLock<Table> = LazyLock::new(|| {
    Table::parse(include_str!("../data/prices.tsv")).expect("the table in the repository is checked by a test")
});

/// Rows by provider and model.
#[derive(Debug, Clone)]
pub struct Table {
    rows: HashMap<&'static str, HashMap<&'static str, PriceRow>>,
    head: Vec<&'static str>,
}

/// A line of the table says what cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Not seven columns, or an unknown word in one of them.
    #[error("line {line} of the price table has an odd {what}")]
    Odd {
        /// From 1.
        line: usize,
        /// The column.
        what: &'static str,
    },
    /// A price that is no number.
    #[error("line {line} of the price table has an odd price")]
    Price {
        /// From 1.
        line: usize,
        /// Why.
        #[source]
        source: NotAPrice,
    },
}

impl Table {
    /// The table of this crate: read at the first call (milliseconds), then free.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`Malformed`] names the first line that is none.
    pub fn parse(text: &'static str) -> Result<Self, Malformed> {
        let mut table = Self { rows: HashMap::new(), head: Vec::new() };
        for (idx, line) in text.lines().enumerate() {
            if let Some(remark) = line.strip_prefix('#') {
                table.head.push(remark.trim());
            } else if !line.is_empty() {
                let (provider, model, row) = row(line, idx + 1)?;
                table.rows.entry(provider).or_default().insert(model, row);
            }
        }
        Ok(table)
    }

    /// Where the data is from: source, version, date, licence, one fact each.
    #[must_use]
    pub fn head(&self) -> &[&'static str] {
        &self.head
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.values().map(HashMap::len).sum()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows, in no order.
    pub fn rows(&self) -> impl Iterator<Item = &PriceRow> {
        self.rows.values().flat_map(HashMap::values)
    }

    /// The row of `model` at `provider`, both as configured: case does not matter, and the provider has the names that are
    /// used for it (`qwen` is `dashscope`, `zhipu` is `zai`).
    ///
    /// What is asked for comes first as it stands. Then, in this order, without: the path before the last slash and `@`
    /// and `:` versions, Bedrock's region (`us.`), and the date or `-latest` at the end. A row for a region, a version
    /// or a date thus wins over the general one. A shorter name never finds a longer one: an undated model is not
    /// billed as one of its dated versions.
    #[must_use]
    pub fn find(&self, provider: &str, model: &str) -> Option<&PriceRow> {
        let rows = self.rows.get(provider).or_else(|| {
            let lower = provider.to_ascii_lowercase();
            self.rows.get(canonical(&lower))
        })?;
        if let Some(row) = rows.get(model) {
            return Some(row);
        }
        let lower = model.to_ascii_lowercase();
        names(&lower).into_iter().find_map(|name| rows.get(name))
    }
}

/// The table's name of a provider.
fn canonical(provider: &str) -> &str {
    match provider {
        "azure-openai" | "azure_openai" => "azure",
        "google" | "google-ai-studio" | "google_ai_studio" => "gemini",
        "vertex" | "vertexai" => "vertex_ai",
        "qwen" | "aliyun" | "bailian" => "dashscope",
        "zhipu" | "zhipuai" | "bigmodel" | "z.ai" => "zai",
        "kimi" | "moonshotai" => "moonshot",
        "together" | "togetherai" => "together_ai",
        "fireworks" => "fireworks_ai",
        "grok" => "xai",
        "doubao" => "volcengine",
        "jina" => "jina_ai",
        "nvidia" => "nvidia_nim",
        "aws" | "amazon" | "aws-bedrock" => "bedrock",
        "hunyuan" => "tencent",
        "bedrock_converse" => "bedrock",
        "cohere_chat" => "cohere",
        other => other,
    }
}

/// What a model may be called in the table, most exact first.
fn names(model: &str) -> Vec<&str> {
    let mut names = vec![model];
    // "openai/gpt-4o", "models/gemini-2.5-pro", "arn:aws:bedrock:..:inference-profile/us.anthropic.claude..".
    let mut rest = model;
    while let Some((_, after)) = rest.split_once('/') {
        names.push(after);
        rest = after;
    }
    let without_path = names.clone();
    // Vertex writes versions after an @, Bedrock and Ollama after a colon.
    for name in &without_path {
        names.extend(name.split_once('@').map(|(before, _)| before));
        names.extend(name.rsplit_once(':').map(|(before, _)| before));
    }
    for region in ["us-gov.", "global.", "apac.", "us.", "eu.", "jp.", "au.", "ca.", "sa.", "me.", "af.", "il."] {
        names.extend(rest.strip_prefix(region));
    }
    for idx in 0..names.len() {
        names.extend(undated(names[idx]));
    }
    names
}

/// Without `-2024-08-06`, `-20241022`, `@20241022`, `-0613`, `-latest` at the end.
fn undated(name: &str) -> Option<&str> {
    if let Some(before) = name.strip_suffix("-latest") {
        return Some(before);
    }
    let at = name.trim_end_matches(|character: char| character.is_ascii_digit() || character == '-').len();
    let tail = &name[at..];
    // The digits of "gpt-4-0613" and "gpt-4o-2024-08-06": the date is what begins at the last fitting hyphen.
    for (length, shape) in [(11, "-dddd-dd-dd"), (9, "-dddddddd"), (6, "-dd-dd"), (5, "-dddd")] {
        let Some(cut) = tail.len().checked_sub(length) else { continue };
        let fits =
            tail.as_bytes()[cut..].iter().zip(shape.bytes()).all(|(byte, wanted)| (wanted == b'-') == (*byte == b'-'));
        if fits && at + cut > 0 {
            return Some(&name[..at + cut]);
        }
    }
    None
}

fn row(line: &'static str, number: usize) -> Result<(&'static str, &'static str, PriceRow), Malformed> {
    let odd = |what| Malformed::Odd { line: number, what };
    let columns: Vec<&'static str> = line.split('\t').collect();
    let [provider, model, mode, input, output, abilities, prices] = columns[..] else {
        return Err(odd("number of columns"));
    };
    let limit =
        |text: &str, what| if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| odd(what)) };
    let words = abilities.split(',').filter(|word| !word.is_empty());
    let abilities: Option<Abilities> = words.map(ability).collect();
    let mut rates = Vec::new();
    for text in prices.split_ascii_whitespace() {
        let (key, price) = text.split_once('=').ok_or_else(|| odd("price"))?;
        let (part, service, above) = rate_key(key).ok_or_else(|| odd("name of a price"))?;
        let price = Price::per_million(price).map_err(|source| Malformed::Price { line: number, source })?;
        rates.push(Rate { part, service, above, price });
    }
    rates.shrink_to_fit();
    let row = PriceRow {
        provider: Cow::Borrowed(provider),
        model: Cow::Borrowed(model),
        mode: self::mode(mode).ok_or_else(|| odd("mode"))?,
        currency: Currency::Usd,
        limits: Limits { input: limit(input, "input limit")?, output: limit(output, "output limit")? },
        abilities: abilities.ok_or_else(|| odd("ability"))?,
        rates,
    };
    Ok((provider, model, row))
}

fn rate_key(key: &str) -> Option<(Part, Service, u32)> {
    let (key, above) = match key.split_once('>') {
        Some((key, above)) => (key, above.parse().ok()?),
        None => (key, 0),
    };
    let (part, service) = match key.split_once('/') {
        Some((part, "batch")) => (part, Service::Batch),
        Some((part, "flex")) => (part, Service::Flex),
        Some((part, "priority")) => (part, Service::Priority),
        Some(_) => return None,
        None => (key, Service::Standard),
    };
    let part = match part {
        "in" => Part::Input,
        "out" => Part::Output,
        "read" => Part::Cached,
        "write" => Part::CacheWrite,
        "write1h" => Part::CacheWrite1h,
        "think" => Part::Reasoning,
        "audio_in" => Part::AudioInput,
        "audio_out" => Part::AudioOutput,
        "query" => Part::Query,
        "request" => Part::Request,
        "image" => Part::Image,
        "search" => Part::WebSearch,
        "second" => Part::Second,
        _ => return None,
    };
    Some((part, service, above))
}

fn mode(word: &str) -> Option<Mode> {
    Some(match word {
        "chat" => Mode::Chat,
        "responses" => Mode::Responses,
        "completion" => Mode::Completion,
        "embedding" => Mode::Embedding,
        "rerank" => Mode::Rerank,
        _ => return None,
    })
}

fn ability(word: &str) -> Option<Ability> {
    Some(match word {
        "vision" => Ability::Vision,
        "tools" => Ability::Tools,
        "parallel" => Ability::ParallelTools,
        "reasoning" => Ability::Reasoning,
        "schema" => Ability::JsonSchema,
        "caching" => Ability::PromptCaching,
        "pdf" => Ability::Pdf,
        "search" => Ability::WebSearch,
        "audio" => Ability::Audio,
        _ => return None,
    })
}
