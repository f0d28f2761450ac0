//! The settings of a model, as they lie beside its weights. What would be computed wrongly is refused here.

use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::math::Activation;

/// How the states of a text's tokens become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    Mean,
    /// The state of the first token.
    First,
}

#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) hidden: usize,
    pub(crate) n_layers: usize,
    pub(crate) n_heads: usize,
    pub(crate) intermediate: usize,
    pub(crate) n_words: usize,
    pub(crate) n_positions: usize,
    pub(crate) n_types: usize,
    pub(crate) epsilon: f32,
    pub(crate) activation: Activation,
    pub(crate) positions: Positions,
    pub(crate) pooling: Pooling,
    pub(crate) max_tokens: usize,
    pub(crate) lower_case: bool,
}

/// How the tokens of a text are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Positions {
    FromZero,
    /// RoBERTa: padding has its own number, and what is no padding is counted from the one after it.
    AfterPadding(u32),
}

#[derive(Deserialize)]
struct Transformer {
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "tiny")]
    layer_norm_eps: f32,
    hidden_act: Option<String>,
    position_embedding_type: Option<String>,
    pad_token_id: Option<u32>,
    #[serde(default)]
    is_decoder: bool,
}

fn two() -> usize {
    2
}

fn tiny() -> f32 {
    1e-12
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SentenceBert {
    max_seq_length: Option<usize>,
    do_lower_case: bool,
}

impl Config {
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let file = folder.join("config.json");
        let refuse = |problem: String| Error::File { file: file.clone(), problem };
        let raw: Transformer = json(&file)?;

        let positions = match raw.model_type.as_str() {
            "bert" => Positions::FromZero,
            "roberta" | "xlm-roberta" | "camembert" => Positions::AfterPadding(raw.pad_token_id.unwrap_or(1)),
            other => {
                return Err(refuse(format!("model_type {other:?} is not known; bert, roberta and xlm-roberta are")));
            }
        };
        let kind = raw.position_embedding_type.as_deref().unwrap_or("absolute");
        if kind != "absolute" {
            return Err(refuse(format!("position_embedding_type {kind:?} is not known; absolute is")));
        }
        if raw.is_decoder {
            return Err(refuse("is_decoder is true; only encoders give such vectors".to_owned()));
        }
        if raw.num_attention_heads == 0 || !raw.hidden_size.is_multiple_of(raw.num_attention_heads) {
            return Err(refuse("hidden_size cannot be divided by num_attention_heads".to_owned()));
        }
        let activation = match raw.hidden_act.as_deref().unwrap_or("gelu") {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            other => return Err(refuse(format!("hidden_act {other:?} is not known; gelu, gelu_new and relu are"))),
        };
        let before = match positions {
            Positions::FromZero => 0,
            Positions::AfterPadding(padding) => padding as usize + 1,
        };
        let notes: SentenceBert = optional(&folder.join("sentence_bert_config.json"))?.unwrap_or_default();
        let most = raw.max_position_embeddings.saturating_sub(before);
        let max_tokens = notes.max_seq_length.unwrap_or(most).min(most);
        if max_tokens < 3 {
            return Err(refuse(format!("only {max_tokens} tokens of a text would be read")));
        }
        Ok(Self {
            hidden: raw.hidden_size,
            n_layers: raw.num_hidden_layers,
            n_heads: raw.num_attention_heads,
            intermediate: raw.intermediate_size,
            n_words: raw.vocab_size,
            n_positions: raw.max_position_embeddings,
            n_types: raw.type_vocab_size,
            epsilon: raw.layer_norm_eps,
            activation,
            positions,
            pooling: pooling(folder)?,
            max_tokens,
            lower_case: notes.do_lower_case,
        })
    }
}

/// How sentence-transformers would pool; the mean when the folder says nothing.
fn pooling(folder: &Path) -> Result<Pooling, Error> {
    let list = folder.join("modules.json");
    let modules: Vec<Module> = optional(&list)?.unwrap_or_default();
    let mut place = "1_Pooling".to_owned();
    for module in modules {
        // Names are paths such as sentence_transformers.models.Pooling.
        match module.kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" | "Normalize" => {}
            "Pooling" => place = module.path,
            other => {
                let problem = format!("the module {other:?} is not known; Transformer, Pooling and Normalize are");
                return Err(Error::File { file: list, problem });
            }
        }
    }
    let file = folder.join(place).join("config.json");
    let Some(settings) = optional::<serde_json::Map<String, serde_json::Value>>(&file)? else {
        return Ok(Pooling::Mean);
    };
    // Older versions have a switch for each kind, newer ones a name.
    let named = settings.get("pooling_mode").and_then(|mode| mode.as_str());
    let switched =
        settings.iter().filter(|(key, value)| key.starts_with("pooling_mode_") && value.as_bool() == Some(true));
    let kinds: Vec<&str> = switched.map(|(key, _)| key.as_str()).chain(named).collect();
    match kinds.as_slice() {
        ["pooling_mode_mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["pooling_mode_cls_token" | "cls"] => Ok(Pooling::First),
        other => {
            Err(Error::File { file, problem: format!("pooling by {other:?} is not known; mean or cls alone are") })
        }
    }
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T, Error> {
    let text = std::fs::read(file).map_err(|source| Error::Read { file: file.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|error| Error::File { file: file.to_owned(), problem: error.to_string() })
}

fn optional<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, Error> {
    match json(file) {
        Ok(value) => Ok(Some(value)),
        Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
